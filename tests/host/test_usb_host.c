/* SPDX-License-Identifier: MIT */
/* The USB driver as a whole against a model of the controller: devices come, report, fail in every way, and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/usb_samples.h"
#include "tests/host/xhci_model.h"
#include "userspace/drivers/usb/host.h"
#include "userspace/drivers/usb/sink.h"
#include "userspace/drivers/xhci/port.h"

#define STEPS_MAX 100000u
#define SOURCES   (XHCI_SLOTS_MAX + 1)

static struct hardware hardware;
static struct xhci xhci;
static struct usb_host host;

/* What the sink was told. */
static uint32_t attached[SOURCES];
static unsigned attaches, detaches, feeds;
static struct input_change last[64];
static unsigned last_count;
static char notes[4096];

void usb_sink_attach(unsigned device, uint32_t now)
{
    assert_true(device < SOURCES && attached[device] == 0 && now != 0);
    attached[device] = now;
    attaches++;
}

void usb_sink_detach(unsigned device)
{
    assert_true(device < SOURCES && attached[device] != 0);
    attached[device] = 0;
    detaches++;
}

void usb_sink_feed(unsigned device, const struct input_change *changes, unsigned count)
{
    assert_true(device < SOURCES && attached[device] != 0 && count > 0);
    feeds++;
    for (unsigned i = 0; i < count && last_count < 64; i++) {
        last[last_count++] = changes[i];
    }
}

void usb_sink_note(const char *format, ...)
{
    va_list list;
    size_t length = strlen(notes);

    va_start(list, format);
    (void)vsnprintf(notes + length, sizeof(notes) - length, format, list);
    va_end(list);
    strncat(notes, "\n", sizeof(notes) - strlen(notes) - 1);
}

static void forget(void)
{
    attaches = detaches = feeds = last_count = 0;
    notes[0] = '\0';
}

static void begin(const struct model_options *options)
{
    memset(attached, 0, sizeof(attached));
    forget();
    model_init(options);
    assert_int_equal(xhci_start(&xhci, &hardware), OK);
    usb_host_init(&host, &xhci);
}

static status_t run(void)
{
    model_is_idle = false;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        status_t status = usb_host_step(&host);
        if (status != OK || model_is_idle) {
            return status;
        }
    }
    fail_msg("it never comes to rest");
    return OK;
}

static unsigned attached_count(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SOURCES; i++) {
        count += attached[i] != 0;
    }
    return count;
}

static const struct model_options plain = {.slots = 8};

static struct model_device make(const uint8_t *configuration, unsigned bytes)
{
    return (struct model_device){.device = keyboard_device,
                                 .device_bytes = sizeof(keyboard_device),
                                 .configuration = configuration,
                                 .configuration_bytes = bytes,
                                 .speed = USB_FULL};
}

#define MAKE(name) make(name##_configuration, sizeof(name##_configuration))

static const uint8_t key_a[8] = {0, 0, 4};
static const uint8_t nothing[8] = {0};

static void assert_types(unsigned port)
{
    forget();
    assert_true(model_report(port, 0, key_a, 8));
    assert_true(model_report(port, 0, nothing, 8));
    assert_int_equal(run(), OK);
    assert_int_equal(last_count, 2);
    assert_true(last[0].kind == INPUT_KEY && last[0].code == 4 && last[0].is_down);
    assert_true(last[1].kind == INPUT_KEY && last[1].code == 4 && !last[1].is_down);
}

/* ---- as it should be ---- */

static void what_is_plugged_in_reports(void **state)
{
    struct model_device keyboard = MAKE(keyboard), mouse = MAKE(mouse);

    (void)state;
    model_init(&plain);
    model_plug(2, &keyboard); /* before the driver starts */
    memset(attached, 0, sizeof(attached));
    forget();
    assert_int_equal(xhci_start(&xhci, &hardware), OK);
    usb_host_init(&host, &xhci);
    assert_int_equal(run(), OK);
    assert_int_equal(attached[1], INPUT_HAS_KEYBOARD);
    assert_string_equal(notes, "port 2: full speed keyboard 0627:0001\n");
    assert_int_equal(keyboard.configured, 1);
    model_plug(5, &mouse); /* while it runs */
    assert_int_equal(run(), OK);
    assert_int_equal(attached[2], INPUT_HAS_MOUSE | INPUT_HAS_WHEEL);
    assert_types(2);
    forget();
    assert_true(model_report(5, 0, (const uint8_t[]){1, 2, 3, 4}, 4));
    assert_true(model_report(5, 0, (const uint8_t[]){1, 1, 0}, 3)); /* shorter */
    assert_int_equal(run(), OK);
    assert_int_equal(last_count, 4);
    assert_int_equal(last[3].x, 1);
    assert_int_equal(xhci.strays, 0);
}

static void variants_of_controllers_and_devices(void **state)
{
    static const struct model_options options[] = {
        {.slots = 8, .big_contexts = true},
        {.slots = 255 & 32, .scratch = 5},
        {.slots = 1, .firmware_holds = true},
    };
    static const struct {
        unsigned speed;
        const uint8_t *device;
    } speeds[] = {{USB_LOW, keyboard_device}, {USB_FULL, fast_device}, {USB_HIGH, fast_device}};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++) {
            struct model_device keyboard = MAKE(keyboard);
            begin(&options[i]);
            keyboard.speed = speeds[j].speed;
            keyboard.device = speeds[j].device;
            model_plug(1, &keyboard);
            assert_int_equal(run(), OK);
            assert_types(1);
        }
    }
}

/* The model's memory lies above 4 GiB. */
static void memory_out_of_reach_is_not_used(void **state)
{
    static const struct model_options narrow = {.slots = 8, .is_32_bit = true};

    (void)state;
    model_init(&narrow);
    assert_int_equal(xhci_start(&xhci, &hardware), ERR_NOT_SUPPORTED);
    assert_false(model_is_running());
}

static void one_device_may_be_both(void **state)
{
    struct model_device both = MAKE(both);

    (void)state;
    begin(&plain);
    model_plug(3, &both);
    assert_int_equal(run(), OK);
    assert_int_equal(attached[1], INPUT_HAS_KEYBOARD | INPUT_HAS_MOUSE | INPUT_HAS_WHEEL);
    assert_types(3);
    forget();
    assert_true(model_report(3, 1, (const uint8_t[]){2, 0, 0, 0}, 4));
    assert_int_equal(run(), OK);
    assert_true(last_count == 1 && last[0].kind == INPUT_BUTTON && last[0].code == 1);
}

/* All rings go round many times, also in bursts that no buffer is free for. */
static void ten_thousand_reports_come_in_order(void **state)
{
    struct model_device mouse = MAKE(mouse);
    unsigned sent = 0, got = 0;

    (void)state;
    begin(&plain);
    model_plug(1, &mouse);
    assert_int_equal(run(), OK);
    while (sent < 10000) {
        forget();
        for (unsigned burst = 0; burst <= sent % 37; burst++, sent++) {
            assert_true(
                model_report(1, 0, (const uint8_t[]){0, (uint8_t)(1 + sent % 100), 1, 0}, 4));
        }
        assert_int_equal(run(), OK);
        for (unsigned i = 0; i < last_count; i++, got++) {
            assert_int_equal(last[i].x, 1 + got % 100);
        }
    }
    assert_int_equal(got, sent);
    assert_int_equal(xhci.strays, 0);
}

static void plugged_in_and_out_for_ever(void **state)
{
    (void)state;
    begin(&plain);
    for (unsigned round = 0; round < 300; round++) {
        struct model_device keyboard = MAKE(keyboard);
        unsigned port = 1 + round % MODEL_PORTS;

        model_plug(port, &keyboard);
        assert_int_equal(run(), OK);
        assert_int_equal(attached_count(), 1);
        assert_types(port);
        model_unplug(port);
        assert_int_equal(run(), OK);
        assert_int_equal(attached_count(), 0);
        assert_int_equal(model_slots_in_use(), 0);
    }
}

/* P2: out and in again before anybody looked. */
static void another_device_in_a_moment(void **state)
{
    struct model_device keyboard = MAKE(keyboard), mouse = MAKE(mouse);

    (void)state;
    begin(&plain);
    model_plug(1, &keyboard);
    assert_int_equal(run(), OK);
    model_unplug(1);
    model_plug(1, &mouse);
    assert_int_equal(run(), OK);
    assert_int_equal(detaches, 1);
    assert_int_equal(attached_count(), 1);
    assert_int_equal(attached[1], INPUT_HAS_MOUSE | INPUT_HAS_WHEEL);
    assert_int_equal(model_slots_in_use(), 1);
}

static void lamps_and_repetitions(void **state)
{
    struct model_device keyboard = MAKE(keyboard), mouse = MAKE(mouse);

    (void)state;
    begin(&plain);
    model_plug(1, &keyboard);
    model_plug(2, &mouse);
    assert_int_equal(run(), OK);
    assert_int_equal(keyboard.lamps_told, 0);
    usb_host_set_locks(&host, 3);
    assert_int_equal(run(), OK);
    assert_int_equal(keyboard.lamps, 3);
    assert_int_equal(keyboard.lamps_told, 1);
    assert_int_equal(mouse.lamps_told, 0);

    forget();
    assert_true(model_report(1, 0, key_a, 8));
    for (uint64_t end = model_now + REPEAT_DELAY + 5 * REPEAT_PERIOD; model_now < end;) {
        assert_int_equal(usb_host_step(&host), OK);
    }
    assert_in_range(last_count, 6, 7);
    assert_true(last[5].code == 4 && last[5].is_down);
    model_unplug(1); /* while the key is held */
    assert_int_equal(run(), OK);
    assert_int_equal(detaches, 1);
}

/* A keyboard that does not want to show its lamps goes on all the same, and is asked again with the next change. */
static void lamps_that_fail(void **state)
{
    struct model_device keyboard = MAKE(keyboard);

    (void)state;
    begin(&plain);
    model_plug(1, &keyboard);
    assert_int_equal(run(), OK);
    keyboard.fault_count = 1;
    for (enum model_fault fault = FAULT_STALL; fault <= FAULT_HANG; fault++) {
        keyboard.fault = fault;
        keyboard.fault_at = keyboard.transfers + 1;
        usb_host_set_locks(&host, 1);
        assert_int_equal(run(), OK);
        assert_int_equal(keyboard.lamps, 0);
        usb_host_set_locks(&host, 2);
        assert_int_equal(run(), OK);
        assert_int_equal(keyboard.lamps, 2);
        usb_host_set_locks(&host, 0);
        assert_int_equal(run(), OK);
        assert_types(1);
    }
    assert_int_equal(detaches, 0);
}

static struct model_device make_hub(unsigned speed)
{
    struct model_device hub = MAKE(hub);

    hub.device = hub_device;
    hub.speed = speed;
    return hub;
}

/* Of either speed, one behind the other: what is behind is what it is elsewhere. */
static void devices_work_behind_hubs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct model_device near = make_hub(i % 2 ? USB_HIGH : USB_FULL);
        struct model_device far = make_hub(i / 2 ? near.speed : USB_FULL);
        struct model_device keyboard = MAKE(keyboard), other = MAKE(keyboard);

        begin(&plain);
        model_plug_behind(&near, 3, &keyboard);
        model_plug(2, &near);
        assert_int_equal(run(), OK);
        assert_non_null(strstr(notes, "speed hub 0409:55aa\nport 2.3: full speed keyboard"));
        assert_types(MODEL_BEHIND(2u, 0x3u));
        model_plug_behind(&near, 1, &far);
        assert_int_equal(run(), OK);
        model_plug_behind(&far, 4, &other);
        assert_int_equal(run(), OK);
        assert_non_null(strstr(notes, "port 2.1.4: full speed keyboard"));
        assert_types(MODEL_BEHIND(2u, 0x41u));
        assert_types(MODEL_BEHIND(2u, 0x3u));
        assert_int_equal(attached_count(), 2);
        model_plug_behind(&near, 3, NULL);
        assert_int_equal(run(), OK);
        assert_non_null(strstr(notes, "port 2.3: unplugged\n"));
        assert_int_equal(attached_count(), 1);
        assert_types(MODEL_BEHIND(2u, 0x41u));
        model_unplug(2); /* P3 */
        assert_int_equal(run(), OK);
        assert_int_equal(attached_count(), 0);
        assert_int_equal(model_slots_in_use(), 0);
        model_plug(2, &keyboard);
        assert_int_equal(run(), OK);
        assert_types(2);
    }
}

static void hubs_have_limits(void **state)
{
    struct model_device hubs[6];
    struct model_device mute = MAKE(keyboard);

    (void)state;
    begin(&plain);
    mute.never_resets = true;
    for (unsigned i = 0; i < 6; i++) {
        hubs[i] = make_hub(USB_HIGH);
    }
    model_plug(1, &hubs[0]);
    assert_int_equal(run(), OK);
    for (unsigned i = 1; i < 6; i++) { /* one more behind each, of which four are room for */
        model_plug_behind(&hubs[i - 1], 1, &hubs[i]);
        assert_int_equal(run(), OK);
    }
    assert_non_null(strstr(notes, "port 1.1.1.1: high speed hub"));
    assert_non_null(strstr(notes, "port 1.1.1.1.1: given up: ERR_TABLE_FULL\n"));
    model_plug_behind(&hubs[0], 2, &mute);
    assert_int_equal(run(), OK);
    assert_non_null(strstr(notes, "port 1.2: given up: ERR_TIMED_OUT\n"));
    model_unplug(1);
    assert_int_equal(run(), OK);
    assert_int_equal(model_slots_in_use(), 0);
}

/* Whatever request fails, once or for good: nothing is left, and a hub that works again does. */
static void hubs_that_fail_do_no_harm(void **state)
{
    static const enum model_fault faults[] = {FAULT_STALL, FAULT_TRANSACTION, FAULT_HANG,
                                              FAULT_BABBLE, FAULT_UNPLUG};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned at = 1; at < 40; at++) {
            struct model_device hub = make_hub(USB_FULL), keyboard = MAKE(keyboard);

            begin(&plain);
            hub.fault = faults[i];
            hub.fault_at = at;
            hub.fault_count = at % 3 == 0 ? 1000 : 1;
            model_plug_behind(&hub, 2, &keyboard);
            model_plug(1, &hub);
            assert_int_equal(run(), OK);
            if (hub.fault_count == 1 && hub.fault != FAULT_UNPLUG) {
                assert_types(MODEL_BEHIND(1u, 0x2u));
            }
            hub.fault = FAULT_NONE;
            model_unplug(1);
            assert_int_equal(run(), OK);
            assert_int_equal(attached_count(), 0);
            assert_int_equal(model_slots_in_use(), 0);
            model_plug(1, &hub);
            assert_int_equal(run(), OK);
            assert_types(MODEL_BEHIND(1u, 0x2u));
            model_unplug(1);
            assert_int_equal(run(), OK);
        }
    }
}

static void others_are_left_alone(void **state)
{
    struct model_device tablet = MAKE(tablet), hub = MAKE(tablet);

    (void)state;
    begin(&plain);
    hub.device = hub_device;
    hub.speed = USB_HIGH; /* but its interfaces are a tablet's */
    model_plug(1, &tablet);
    model_plug(2, &hub);
    assert_int_equal(run(), OK);
    assert_int_equal(attaches, 0);
    assert_int_equal(model_slots_in_use(), 0);
    assert_non_null(
        strstr(notes, "port 1: 0627:0001 of class 3 left alone: it has no boot protocol\n"));
    assert_non_null(strstr(
        notes, "port 2: 0409:55aa of class 9 left alone: hubs like this are not supported\n"));
    assert_int_equal(hub.configured, 0);
}

/* ---- errors ---- */

static void assert_free_afterwards(unsigned port)
{
    struct model_device other = MAKE(keyboard);

    model_unplug(port);
    assert_int_equal(run(), OK);
    assert_int_equal(attached_count(), 0);
    assert_int_equal(model_slots_in_use(), 0);
    model_plug(port, &other);
    assert_int_equal(run(), OK);
    assert_types(port);
    model_unplug(port);
    assert_int_equal(run(), OK);
}

/* Each control transfer of an enumeration fails once in each way: it is tried again. */
static void what_fails_once_is_tried_again(void **state)
{
    (void)state;
    begin(&plain);
    for (enum model_fault fault = FAULT_STALL; fault <= FAULT_HANG; fault++) {
        for (unsigned at = 1; at <= 7; at++) {
            struct model_device keyboard = MAKE(keyboard);

            keyboard.fault = fault;
            keyboard.fault_at = at;
            keyboard.fault_count = 1;
            model_plug(4, &keyboard);
            assert_int_equal(run(), OK);
            assert_int_equal(attached_count(), 1);
            assert_types(4);
            model_unplug(4);
            assert_int_equal(run(), OK);
        }
    }
}

/* The same for ever: it is given up, says so, and a sound one in its place works. */
static void what_always_fails_is_given_up(void **state)
{
    (void)state;
    begin(&plain);
    for (enum model_fault fault = FAULT_STALL; fault <= FAULT_HANG; fault++) {
        for (unsigned at = 1; at <= 5; at++) {
            struct model_device keyboard = MAKE(keyboard);

            forget();
            keyboard.fault = fault;
            keyboard.fault_at = at;
            keyboard.fault_count = MODEL_ENDLESS;
            model_plug(4, &keyboard);
            assert_int_equal(run(), OK);
            assert_int_equal(attached_count(), 0);
            assert_non_null(strstr(notes, "port 4: given up: "));
            assert_free_afterwards(4);
        }
    }
    struct model_device deaf = MAKE(keyboard), dead = MAKE(keyboard);
    deaf.refuses_address = true;
    model_plug(4, &deaf);
    assert_int_equal(run(), OK);
    assert_int_equal(attached_count(), 0);
    assert_free_afterwards(4);
    dead.never_resets = true;
    model_plug(4, &dead);
    assert_int_equal(run(), OK);
    assert_int_equal(attached_count(), 0);
    assert_free_afterwards(4);
}

static void pulled_out_at_every_moment(void **state)
{
    (void)state;
    begin(&plain);
    for (unsigned at = 1; at <= 7; at++) {
        struct model_device keyboard = MAKE(keyboard);

        keyboard.fault = FAULT_UNPLUG;
        keyboard.fault_at = at;
        keyboard.fault_count = 1;
        uint64_t before = model_now;
        model_plug(2, &keyboard);
        assert_int_equal(run(), OK);
        assert_true(model_now - before < 500 * 1000000ull); /* nobody waits for it */
        assert_int_equal(attached_count(), 0);
        assert_int_equal(model_slots_in_use(), 0);
        model_plug(2, &keyboard);
        keyboard.fault = FAULT_NONE;
        assert_int_equal(run(), OK);
        assert_types(2);
        model_unplug(2);
        assert_int_equal(run(), OK);
    }
}

/* An endpoint that has had an error goes on; reports that come meanwhile are not lost. Too many in a row: given up. */
static void halted_endpoints_go_on(void **state)
{
    static const enum completion errors[] = {COMPLETION_STALL, COMPLETION_BABBLE,
                                             COMPLETION_TRANSACTION_ERROR, COMPLETION_TRB_ERROR};
    struct model_device keyboard = MAKE(keyboard);

    (void)state;
    begin(&plain);
    model_plug(1, &keyboard);
    assert_int_equal(run(), OK);
    for (unsigned i = 0; i < 40; i++) {
        model_fail_endpoint(1, 0, errors[i % 4]);
        if (i % 3 == 0) {
            assert_int_equal(run(), OK);
        }
        assert_types(1);
        assert_int_equal(keyboard.halts_cleared, i + 1);
    }
    forget();
    for (unsigned i = 0; i < 3; i++) {
        model_fail_endpoint(1, 0, COMPLETION_BABBLE);
        assert_int_equal(run(), OK);
        assert_int_equal(detaches, 0);
    }
    model_fail_endpoint(1, 0, COMPLETION_BABBLE);
    assert_int_equal(run(), OK);
    assert_int_equal(detaches, 1);
    assert_non_null(strstr(notes, "port 1: too many errors"));
    assert_free_afterwards(1);
}

/* Events that nobody can mean: counted, and nothing else. */
static void rogue_events(void **state)
{
    struct model_device keyboard = MAKE(keyboard);
    unsigned seed = 3;

    (void)state;
    begin(&plain);
    model_plug(1, &keyboard);
    assert_int_equal(run(), OK);
    for (unsigned round = 0; round < 20000; round++) {
        static const uint32_t types[] = {TRB_TRANSFER_EVENT, TRB_COMMAND_EVENT, TRB_PORT_EVENT, 38,
                                         0};
        struct trb event = {.parameter = (uint64_t)rand_r(&seed) << 32 | (uint32_t)rand_r(&seed),
                            .status = (uint32_t)rand_r(&seed),
                            .control = ((uint32_t)rand_r(&seed) & ~(0x3fu << 10)) |
                                       TRB_TYPE(types[rand_r(&seed) % 5])};
        model_event(&event);
        if (round % 50 == 0) {
            assert_int_equal(run(), OK);
        }
    }
    assert_int_equal(run(), OK);
    assert_true(xhci.strays > 1000);
    assert_types(1);
    assert_int_equal(detaches, 0);
}

static void any_descriptors_at_all(void **state)
{
    uint8_t device[18], configuration[200];
    unsigned seed = 11, came = 0;

    (void)state;
    begin(&plain);
    for (unsigned round = 0; round < 3000; round++) {
        struct model_device strange = make(configuration, sizeof(configuration));

        memcpy(device, keyboard_device, sizeof(device));
        memset(configuration, 0, sizeof(configuration));
        memcpy(configuration, both_configuration, sizeof(both_configuration));
        for (unsigned n = 1 + (unsigned)rand_r(&seed) % 4; n > 0; n--) {
            configuration[(unsigned)rand_r(&seed) % sizeof(both_configuration)] =
                (uint8_t)rand_r(&seed);
        }
        if (round % 5 == 0) {
            device[(unsigned)rand_r(&seed) % 18] = (uint8_t)rand_r(&seed);
        }
        strange.device = device;
        strange.configuration_bytes = (unsigned)rand_r(&seed) % 4 ? sizeof(both_configuration)
                                                                  : (unsigned)rand_r(&seed) % 200;
        model_plug(1, &strange);
        assert_int_equal(run(), OK);
        came += attached_count();
        model_unplug(1);
        assert_int_equal(run(), OK);
        assert_int_equal(attached_count(), 0);
        assert_int_equal(model_slots_in_use(), 0);
    }
    assert_in_range(came, 500, 2900);
}

/* Everything at once, in any order: at rest what is attached is what is in use, and nothing is left of the rest (P1). */
static void anything_at_any_time(void **state)
{
    static struct model_device devices[MODEL_PORTS + 1];
    bool is_plugged[MODEL_PORTS + 1] = {false};
    unsigned seed = 5;

    (void)state;
    begin(&plain);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned port = 1 + (unsigned)rand_r(&seed) % MODEL_PORTS,
                 what = (unsigned)rand_r(&seed) % 10;
        struct model_device *device = &devices[port];

        if (!is_plugged[port]) {
            *device = what % 2 ? MAKE(keyboard) : what % 4 ? MAKE(mouse) : MAKE(both);
            device->fault = what < 4 ? FAULT_STALL + (unsigned)rand_r(&seed) % 4 : FAULT_NONE;
            device->fault_at = 1 + (unsigned)rand_r(&seed) % 12;
            device->fault_count = what < 2 ? MODEL_ENDLESS : 1;
            model_plug(port, device);
            is_plugged[port] = true;
        } else if (what < 2) {
            model_unplug(port);
            is_plugged[port] = false;
        } else if (what < 4 && host.port[port - 1].state == USB_PORT_IN_USE) {
            model_fail_endpoint(port, 0, what == 2 ? COMPLETION_STALL : COMPLETION_BABBLE);
        } else if (what < 8) {
            (void)model_report(port, what % 2, key_a, 1 + (unsigned)rand_r(&seed) % 4);
        } else {
            usb_host_set_locks(&host, (uint8_t)(rand_r(&seed) % 8));
        }
        if (rand_r(&seed) % 4 == 0) {
            assert_int_equal(run(), OK);
            unsigned in_use = 0;
            for (unsigned i = 0; i < MODEL_PORTS; i++) {
                in_use += host.port[i].state == USB_PORT_IN_USE;
                assert_true(host.port[i].state == USB_PORT_EMPTY ? !is_plugged[i + 1]
                                                                 : is_plugged[i + 1]);
            }
            assert_int_equal(attached_count(), in_use);
            assert_int_equal(model_slots_in_use(), in_use);
        } else if (rand_r(&seed) % 4 == 0) {
            assert_int_equal(usb_host_step(&host), OK);
        }
    }
    assert_int_equal(xhci.strays, 0);
    assert_true(attaches > 1000 && detaches > 1000 && feeds > 300);
}

static void more_devices_than_slots(void **state)
{
    static const struct model_options few = {.slots = 2};
    struct model_device keyboards[4];

    (void)state;
    begin(&few);
    for (unsigned i = 0; i < 4; i++) {
        keyboards[i] = MAKE(keyboard);
        model_plug(1 + i, &keyboards[i]);
    }
    assert_int_equal(run(), OK);
    assert_int_equal(attached_count(), 2);
    assert_non_null(strstr(notes, "given up: ERR_NO_MEMORY"));
    model_unplug(1);
    model_unplug(3);
    assert_int_equal(run(), OK);
    model_plug(3, &keyboards[2]);
    assert_int_equal(run(), OK);
    assert_types(3);
}

static void a_broken_controller_is_told(void **state)
{
    static const struct model_options deaf = {.slots = 8, .is_deaf = true};
    struct model_device keyboard = MAKE(keyboard);

    (void)state;
    begin(&plain);
    model_plug(1, &keyboard);
    assert_int_equal(run(), OK);
    model_break();
    assert_int_equal(run(), ERR_PEER_CLOSED);

    keyboard = MAKE(keyboard);
    begin(&deaf);
    model_plug(1, &keyboard);
    assert_int_equal(run(), ERR_PEER_CLOSED);
    assert_int_equal(attached_count(), 0);

    begin(&plain);
    model_event(&(struct trb){.control = TRB_TYPE(TRB_CONTROLLER_EVENT)}); /* events are lost */
    assert_int_equal(run(), ERR_PEER_CLOSED);
}

/* Another driver follows one that was killed, in the same memory: it has stopped the controller before. */
static void the_next_driver_begins_anew(void **state)
{
    struct model_device keyboard = MAKE(keyboard);

    (void)state;
    begin(&plain);
    model_plug(1, &keyboard);
    assert_int_equal(run(), OK);
    assert_true(model_report(1, 0, key_a, 8));
    memset(attached, 0, sizeof(attached)); /* its successor tells the sink so */
    assert_true(model_is_running());
    assert_int_equal(xhci_start(&xhci, &hardware), OK);
    xhci_stop(&xhci);
    assert_false(model_is_running());
    assert_int_equal(xhci_start(&xhci, &hardware), OK);
    usb_host_init(&host, &xhci);
    assert_int_equal(run(), OK);
    assert_int_equal(attached_count(), 1);
    assert_types(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_plugged_in_reports),
        cmocka_unit_test(variants_of_controllers_and_devices),
        cmocka_unit_test(memory_out_of_reach_is_not_used),
        cmocka_unit_test(one_device_may_be_both),
        cmocka_unit_test(ten_thousand_reports_come_in_order),
        cmocka_unit_test(plugged_in_and_out_for_ever),
        cmocka_unit_test(another_device_in_a_moment),
        cmocka_unit_test(lamps_and_repetitions),
        cmocka_unit_test(lamps_that_fail),
        cmocka_unit_test(devices_work_behind_hubs),
        cmocka_unit_test(hubs_have_limits),
        cmocka_unit_test(hubs_that_fail_do_no_harm),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(what_fails_once_is_tried_again),
        cmocka_unit_test(what_always_fails_is_given_up),
        cmocka_unit_test(pulled_out_at_every_moment),
        cmocka_unit_test(halted_endpoints_go_on),
        cmocka_unit_test(rogue_events),
        cmocka_unit_test(any_descriptors_at_all),
        cmocka_unit_test(anything_at_any_time),
        cmocka_unit_test(more_devices_than_slots),
        cmocka_unit_test(a_broken_controller_is_told),
        cmocka_unit_test(the_next_driver_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
