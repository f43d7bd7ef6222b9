/* SPDX-License-Identifier: MIT */
/*
 * keys: prints what comes from keyboard and mouse, until Escape has been released. A line per event:
 *
 *     keys: key 04 pressed modifiers 02 locks 0 character 41
 *     keys: button 0 pressed
 *     keys: move 5 -3
 *     keys: wheel 1
 */
#include "gen/interface/input_client.h"
#include "userspace/drivers/input/keyboard.h"
#include "userspace/lib/check.h"
#include "userspace/lib/find.h"
#include "userspace/lib/input.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"

static const char *const actions[] = {"released", "pressed", "repeated"};

static void print_event(const struct input_event *event)
{
    switch (event->kind) {
    case INPUT_KEY:
        report("key %02x %s modifiers %02x locks %x character %x", event->code,
               actions[event->action], event->modifiers, event->locks, event->character);
        break;
    case INPUT_BUTTON:
        report("button %u %s", event->code, actions[event->action]);
        break;
    case INPUT_MOVE:
        report("move %d %d", event->x, event->y);
        break;
    default:
        report("wheel %d", event->y);
        break;
    }
}

/* What is found at first may be a service that has just ended. */
static void say_devices(uint64_t *service)
{
    uint32_t devices = 0;

    while (input_devices(*service, DEADLINE_FOREVER, &devices) == ERR_PEER_CLOSED) {
        must(service_find_again("input", DEADLINE_FOREVER, service));
    }
    report("devices %x", devices);
}

/* Only the drivers that the manifest names make events. */
static void try_to_feed(uint64_t service)
{
    const struct input_change change = {.kind = INPUT_KEY, .code = KEY_A, .is_down = 1};
    uint32_t locks;

    status_t status = input_feed(service, &change, sizeof(change), 1, DEADLINE_FOREVER, &locks);
    VERIFY(status == ERR_NO_RIGHTS || status == ERR_PEER_CLOSED);
    status = input_attach(service, 1, INPUT_HAS_ALL, DEADLINE_FOREVER, &locks);
    VERIFY(status == ERR_NO_RIGHTS || status == ERR_PEER_CLOSED);
}

/* False: the last event was the end. */
static bool print_next(uint64_t *service, uint64_t *from)
{
    struct input_event events[INPUT_READ_EVENTS_MAX / sizeof(struct input_event)];
    uint64_t bytes = 0, missed = 0;
    bool goes_on = true;
    status_t status = input_read(*service, *from, DEADLINE_FOREVER, events, sizeof(events), &bytes,
                                 from, &missed);

    if (status == ERR_PEER_CLOSED) {
        *from = 0;
        must(service_find_again("input", DEADLINE_FOREVER, service));
        say_devices(service);
        return true;
    }
    if (status == ERR_BUSY) {
        return true; /* there are many readers: once more */
    }
    must(status);
    VERIFY(missed == 0 && bytes > 0 && bytes % sizeof(events[0]) == 0);
    for (uint64_t i = 0; i < bytes / sizeof(events[0]); i++) {
        print_event(&events[i]);
        goes_on &= events[i].kind != INPUT_KEY || events[i].code != KEY_ESCAPE ||
                   events[i].action != KEY_RELEASED;
    }
    return goes_on;
}

int main(int argc, char **argv)
{
    uint64_t service, from = 0;

    (void)argc;
    (void)argv;
    must(service_find("input", DEADLINE_FOREVER, &service));
    try_to_feed(service);
    say_devices(&service);
    while (print_next(&service, &from)) {
    }
    return 0;
}
