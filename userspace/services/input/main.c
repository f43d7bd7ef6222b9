/* SPDX-License-Identifier: MIT */
/*
 * input: keyboard and mouse as one stream of numbered events (userspace/interfaces/input.toml).
 *
 *   handles    system (ports, interrupts), debug (enter), requests
 *   arguments  feeder=BADGE: of the one client that may feed events of devices which it drives (services/usb)
 *              layout=us|de: what is printed on the keys
 *
 * Two threads wait for the devices' interrupts, the first one serves requests. A byte is read by whoever comes first, whichever
 * interrupt told of it: the controller says which device it is from. What has been read is in the queue before the interrupt is
 * acknowledged; killed, the service takes with it what readers had not read, and its successor resets the devices.
 *
 * Break (Control + Pause) calls kdebug. The kernel has no driver for it: this service asks, with a handle that allows that and no more.
 * Kdebug reads the keyboard itself meanwhile, so afterwards no key is known to be down.
 */
#include <stdbool.h>
#include <stdio.h>

#include "gen/interface/input_server.h"
#include "gen/interface/lifecycle_server.h"
#include "gen/syscall_user.h"
#include "kernel/abi/interrupt.h"
#include "userspace/drivers/ps2/controller.h"
#include "userspace/drivers/ps2/mouse.h"
#include "userspace/drivers/ps2/scancode.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/option.h"
#include "userspace/lib/readers.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/services/input/queue.h"
#include "userspace/services/input/sources.h"

#define BYTES_MAX  256u /* at a time: a controller that always has one is broken */
#define EVENTS_MAX (INPUT_READ_EVENTS_MAX / sizeof(struct input_event))

static struct ps2 ps2; /* what there is does not change */

/* All under the lock. */
static struct mutex lock;
static struct readers readers;
static struct scancode_decoder scancodes;
static struct mouse_decoder mouse;
static bool sends_leds; /* the next acknowledgement is for PS2_SET_LEDS */
static bool is_called;  /* somebody wants kdebug: nothing is read until it has come back */

static uint64_t requests;

/* ---- readers ---- */

/* False: there is nothing for it yet. */
static bool answer_reader(const struct reader *reader)
{
    static struct input_event events[EVENTS_MAX];
    uint64_t next, missed;
    unsigned count = queue_read(reader->from, events, EVENTS_MAX, &next, &missed);

    if (count > 0) {
        (void)input_read_answer(requests, reader->token, OK, events, count * sizeof(events[0]),
                                next, missed);
    }
    return count > 0;
}

status_t input_on_read(const struct interface_request *request, uint64_t from)
{
    mutex_lock(&lock);
    uint64_t start = from < queue_end() ? from : queue_end();
    uint64_t over = readers_add(&readers, request->in.token, start);
    if (over != 0) {
        (void)input_read_answer(requests, over, ERR_BUSY, NULL, 0, 0, 0);
    }
    readers_answer(&readers, answer_reader);
    mutex_unlock(&lock);
    return OK;
}

status_t input_on_devices(const struct interface_request *request, uint32_t *out_devices)
{
    (void)request;
    mutex_lock(&lock);
    *out_devices = sources_has();
    mutex_unlock(&lock);
    return OK;
}

/* ---- lamps of the PS/2 keyboard ---- */

/* The lamps: the command, and when that is acknowledged which of them. A keyboard that does not listen keeps the old ones. */
static uint8_t leds(void)
{
    return (sources_locks() & LOCK_SCROLL ? PS2_LED_SCROLL : 0) |
           (sources_locks() & LOCK_NUM ? PS2_LED_NUM : 0) |
           (sources_locks() & LOCK_CAPS ? PS2_LED_CAPS : 0);
}

/* They follow when a lock has changed, whichever keyboard did it. */
static void show_locks(uint8_t before)
{
    if (ps2.has_keyboard && sources_locks() != before && ps2_send(&ps2, PS2_SET_LEDS) == OK) {
        sends_leds = true;
    }
}

/* ---- the debugger ---- */

/* To readers it looks as if everything at the keyboard that kdebug has read had been let go. */
static void call_debugger(void)
{
    is_called = false;
    status_t status = sys_debug_enter(program_handle("debug"));
    if (status != OK) {
        report("kdebug was called, but: %s", status_name(status));
    }
    source_release_keys(SOURCE_PS2, clock_now());
    scancodes = (struct scancode_decoder){0};
    mouse = (struct mouse_decoder){.has_wheel = mouse.has_wheel};
}

/* ---- a driver of other devices ---- */

/* Who calls is known by the badge that the name service put into the client's handle: init chose it, and nobody can forge it. */
static bool is_feeder(const struct interface_request *request)
{
    uint64_t feeder = option_u64("feeder", 0);

    return feeder != 0 && request->in.badge == feeder;
}

static void take_change(unsigned source, uint64_t time, const struct input_change *change)
{
    switch (change->kind) {
    case INPUT_KEY:
        is_called |= source_key(source, time, change->code, change->is_down != 0);
        break;
    case INPUT_BUTTON:
        source_button(source, time, change->code, change->is_down != 0);
        break;
    case INPUT_MOVE:
        source_move(source, time, change->x, change->y);
        break;
    case INPUT_WHEEL:
        source_wheel(source, time, change->y);
        break;
    default:
        break;
    }
}

status_t input_on_attach(const struct interface_request *request, uint32_t device, uint32_t has,
                         uint32_t *out_locks)
{
    if (!is_feeder(request)) {
        return ERR_NO_RIGHTS;
    }
    if (device >= INPUT_DEVICES && device != INPUT_ALL_DEVICES) {
        return ERR_RANGE;
    }
    mutex_lock(&lock);
    for (uint32_t i = 0; i < INPUT_DEVICES; i++) {
        if (device == i || device == INPUT_ALL_DEVICES) {
            source_attach(SOURCE_FIRST + i, clock_now(), has & INPUT_HAS_ALL);
        }
    }
    *out_locks = sources_locks();
    readers_answer(&readers, answer_reader);
    mutex_unlock(&lock);
    return OK;
}

status_t input_on_feed(const struct interface_request *request, const void *changes,
                       uint64_t changes_bytes, uint32_t device, uint32_t *out_locks)
{
    const struct input_change *change = changes;

    if (!is_feeder(request)) {
        return ERR_NO_RIGHTS;
    }
    if (device >= INPUT_DEVICES || changes_bytes % sizeof(*change) != 0) {
        return ERR_RANGE;
    }
    mutex_lock(&lock);
    uint64_t time = clock_now();
    uint8_t locks = sources_locks();
    for (uint64_t i = 0; i < changes_bytes / sizeof(*change); i++) {
        take_change(SOURCE_FIRST + device, time, &change[i]);
    }
    if (is_called) {
        call_debugger();
    }
    *out_locks = sources_locks();
    show_locks(locks);
    readers_answer(&readers, answer_reader);
    mutex_unlock(&lock);
    return OK;
}

/* ---- the PS/2 controller ---- */

static void add_key(uint64_t time, struct key_change change)
{
    uint8_t locks = sources_locks();

    is_called |= source_key(SOURCE_PS2, time, change.key, change.is_down);
    show_locks(locks);
}

static void add_report(uint64_t time, const struct mouse_report *report)
{
    source_move(SOURCE_PS2, time, report->x, report->y);
    source_wheel(SOURCE_PS2, time, report->wheel);
    for (uint8_t button = 0; button < MOUSE_BUTTONS; button++) {
        source_button(SOURCE_PS2, time, button, (report->buttons >> button & 1) != 0);
    }
}

static void take_keyboard_byte(uint64_t time, uint8_t byte)
{
    struct key_change change;

    if (byte == PS2_ACKNOWLEDGED || byte == PS2_RESEND) {
        if (sends_leds && byte == PS2_ACKNOWLEDGED) {
            (void)ps2_send(&ps2, leds());
        }
        sends_leds = false;
    } else if (scancode_next(&scancodes, byte, &change)) {
        add_key(time, change);
    }
}

static void take_mouse_byte(uint64_t time, uint8_t byte)
{
    struct mouse_report report;

    if (mouse_next(&mouse, byte, &report)) {
        add_report(time, &report);
    }
}

/* Until there is none, or somebody calls. */
static void read_bytes(void)
{
    uint8_t byte;
    bool from_mouse;

    uint64_t time = clock_now(); /* in the order of the events */
    for (unsigned i = 0; i < BYTES_MAX && !is_called && ps2_read(&ps2, &byte, &from_mouse); i++) {
        if (from_mouse) {
            take_mouse_byte(time, byte);
        } else {
            take_keyboard_byte(time, byte);
        }
    }
    readers_answer(&readers, answer_reader);
}

static void take_bytes(void)
{
    mutex_lock(&lock);
    read_bytes();
    while (is_called) {
        call_debugger();
        read_bytes(); /* what came behind the call raises no edge any more */
    }
    mutex_unlock(&lock);
}

static void serve_interrupt(void *argument)
{
    uint64_t interrupt = *(const uint64_t *)argument, count, cpu;

    take_bytes(); /* what came before raises no edge any more */
    for (;;) {
        must(sys_interrupt_wait(interrupt, DEADLINE_FOREVER, &count, &cpu));
        take_bytes();
        must(sys_interrupt_acknowledge(interrupt));
    }
}

/* One device less is better than none at all. */
static void listen(bool is_there, uint32_t line, const char *name)
{
    static uint64_t interrupts[2];
    static struct thread listeners[2];
    static unsigned count;
    status_t status = is_there ? sys_interrupt_create(program_handle("system"), line, INTERRUPT_ISA,
                                                      0, &interrupts[count])
                               : ERR_NOT_FOUND;

    if (status == OK) {
        status = thread_start(&listeners[count], serve_interrupt, &interrupts[count],
                              THREAD_ANYWHERE, name);
        count++;
    }
    if (status != OK) {
        report("no %s: %s", name, status_name(status));
    }
}

static uint32_t ps2_has(void)
{
    return (ps2.has_keyboard ? INPUT_HAS_KEYBOARD : 0) | (ps2.has_mouse ? INPUT_HAS_MOUSE : 0) |
           (ps2.has_wheel ? INPUT_HAS_WHEEL : 0);
}

static void choose_layout(void)
{
    const char *name = option_text("layout", layout_us.name);
    const struct layout *layout = layout_find(name);

    if (layout == NULL) {
        report("no layout '%s', so %s; there are us and de", name, layout_us.name);
    }
    sources_set_layout(layout != NULL ? layout : &layout_us);
}

int main(int argc, char **argv)
{
    static const struct interface *const interfaces[] = {&input_interface, &lifecycle_interface};
    static _Alignas(8) char buffer[INPUT_RECEIVES + 1];

    (void)argc;
    (void)argv;
    requests = program_handle("requests");
    choose_layout();
    const struct interface_server server = {requests, 2, interfaces, buffer, sizeof(buffer), NULL};
    status_t status = ps2_open(&ps2, program_handle("system"));
    mouse.has_wheel = ps2.has_wheel;
    source_attach(SOURCE_PS2, 0, ps2_has());
    if (status != OK) {
        report("no keyboard and no mouse: %s", status_name(status));
    } else {
        listen(ps2.has_keyboard, PS2_LINE_KEYBOARD, "keyboard");
        listen(ps2.has_mouse, PS2_LINE_MOUSE, "mouse");
    }
    interface_serve(&server);
}
