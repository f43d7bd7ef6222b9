/* SPDX-License-Identifier: MIT */
/* What of USB needs no machine: rings, contexts, ports, descriptors, reports, repetitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/usb_samples.h"
#include "userspace/drivers/input/keys.h"
#include "userspace/drivers/usb/descriptor.h"
#include "userspace/drivers/usb/hid.h"
#include "userspace/drivers/usb/repeat.h"
#include "userspace/drivers/xhci/context.h"
#include "userspace/drivers/xhci/port.h"
#include "userspace/drivers/xhci/ring.h"

#define TRBS     8u
#define PHYSICAL 0x100000000ull

/* ---- rings ---- */

/* What the controller would find next, and where it goes from there. */
struct reader {
    const struct trb *trbs;
    unsigned next;
    bool cycle;
};

static bool read_trb(struct reader *reader, struct trb *out, uint64_t *out_physical)
{
    const struct trb *trb = &reader->trbs[reader->next];

    if (((trb->control & TRB_CYCLE) != 0) == reader->cycle && TRB_TYPE_OF(trb) == TRB_LINK) {
        assert_int_equal(trb->parameter, PHYSICAL);
        assert_true(trb->control & TRB_TOGGLE);
        reader->next = 0;
        reader->cycle = !reader->cycle;
        trb = reader->trbs;
    }
    if (((trb->control & TRB_CYCLE) != 0) != reader->cycle) {
        return false;
    }
    *out = *trb;
    *out_physical = PHYSICAL + reader->next++ * sizeof(*trb);
    return true;
}

/* Any number of blocks at a time, over many rounds: each is seen once, in order, and none before it was put. */
static void a_ring_goes_round(void **state)
{
    struct trb memory[TRBS] = {0}, seen;
    struct reader reader = {memory, 0, true};
    struct ring ring;
    uint64_t put = 0, got = 0, physical;
    unsigned index, seed = 1;

    (void)state;
    ring_init(&ring, memory, PHYSICAL, TRBS);
    assert_int_equal(ring_room(&ring), TRBS - 2); /* the link, and the one that stays free */
    for (unsigned round = 0; round < 10000; round++) {
        for (unsigned n = (unsigned)rand_r(&seed) % (ring_room(&ring) + 1); n > 0; n--) {
            (void)ring_put(&ring, put++, 0, TRB_TYPE(TRB_NORMAL));
        }
        while (rand_r(&seed) % 4 != 0 && read_trb(&reader, &seen, &physical)) {
            assert_int_equal(seen.parameter, got++);
            assert_true(ring_complete(&ring, physical, &index));
        }
    }
    while (read_trb(&reader, &seen, &physical)) {
        assert_int_equal(seen.parameter, got++);
        assert_true(ring_complete(&ring, physical, &index));
    }
    assert_int_equal(got, put);
    assert_true(put > 5000);
    assert_int_equal(ring_room(&ring), TRBS - 2);
}

static void an_event_for_no_block_changes_nothing(void **state)
{
    struct trb memory[TRBS] = {0};
    struct ring ring;
    unsigned index = 77;

    (void)state;
    ring_init(&ring, memory, PHYSICAL, TRBS);
    for (unsigned i = 0; i < 5; i++) { /* somewhere in the middle */
        assert_true(ring_complete(&ring, ring_put(&ring, 0, 0, 0), &index));
    }
    uint64_t first = ring_put(&ring, 0, 0, 0);
    (void)ring_put(&ring, 0, 0, 0);
    uint64_t third = ring_put(&ring, 0, 0, 0);
    struct ring before = ring;
    const uint64_t bad[] = {0,          PHYSICAL - 16,       first + 1,
                            first - 16, PHYSICAL + 7 * 16,   third + 16,
                            ~0ull,      PHYSICAL + 1000 * 16};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ring_complete(&ring, bad[i], &index));
    }
    assert_memory_equal(&ring, &before, sizeof(ring));
    assert_true(ring_complete(&ring, third, &index)); /* those before are done with it */
    assert_false(ring_complete(&ring, first, &index));
    assert_int_equal(ring_room(&ring), TRBS - 2);
}

/* What was given up is never seen again, wherever in the ring that happens. */
static void a_ring_restarts_behind_all_it_had(void **state)
{
    (void)state;
    for (unsigned start = 0; start < 3 * TRBS; start++) {
        struct trb memory[TRBS] = {0}, seen;
        struct ring ring;
        uint64_t physical;
        unsigned index;

        ring_init(&ring, memory, PHYSICAL, TRBS);
        for (unsigned i = 0; i < start; i++) {
            assert_true(ring_complete(&ring, ring_put(&ring, 0, 0, 0), &index));
        }
        for (unsigned i = 0; i < 4; i++) {
            (void)ring_put(&ring, 13, 0, TRB_TYPE(TRB_NORMAL));
        }
        uint64_t place = ring_restart(&ring);
        struct reader reader = {memory, (unsigned)((place & ~0xfull) - PHYSICAL) / 16, place & 1};
        assert_int_equal(ring_room(&ring), TRBS - 2);
        for (unsigned i = 0; i < 20; i++) {
            assert_false(read_trb(&reader, &seen, &physical));
            assert_int_equal(ring_put(&ring, i, 0, TRB_TYPE(TRB_NORMAL)) & 15, 0);
            assert_true(read_trb(&reader, &seen, &physical));
            assert_int_equal(seen.parameter, i);
            assert_true(ring_complete(&ring, physical, &index));
        }
    }
}

static void events_are_taken_once(void **state)
{
    struct trb memory[TRBS] = {0}, event;
    struct event_ring ring;
    uint64_t number = 0;

    (void)state;
    event_ring_init(&ring, memory, PHYSICAL, TRBS);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < TRBS; i++) {
            assert_false(event_ring_take(&ring, &event));
            memory[i] = (struct trb){number, 1, TRB_TYPE(33) | (round % 2 == 0 ? TRB_CYCLE : 0)};
            assert_int_equal(event_ring_dequeue(&ring), PHYSICAL + i * 16);
            assert_true(event_ring_take(&ring, &event));
            assert_int_equal(event.parameter, number++);
        }
    }
}

/* ---- contexts and ports ---- */

static void contexts_are_as_the_specification_has_them(void **state)
{
    (void)state;
    for (unsigned stride = 32; stride <= 64; stride += 32) {
        uint32_t memory[33 * 16];
        const struct input_context input = {memory, stride};
        unsigned words = stride / 4;

        memset(memory, 0xff, sizeof(memory));
        context_begin(&input, CONTEXT_SLOT_BIT | CONTEXT_ENDPOINT(3));
        context_set_slot(&input,
                         &(struct slot_facts){.place = {.port = 5, .speed = 3}, .last_dci = 3});
        context_set_endpoint(&input, 3,
                             &(struct endpoint_facts){.type = ENDPOINT_INTERRUPT_IN,
                                                      .max_packet = 8,
                                                      .interval = 6,
                                                      .dequeue = 0x123456781ull});
        assert_int_equal(memory[0], 0);
        assert_int_equal(memory[1], 0x9);
        assert_int_equal(memory[words], 0x18300000);
        assert_int_equal(memory[words + 1], 0x00050000);
        const uint32_t *endpoint = memory + 4 * words;
        assert_int_equal(endpoint[0], 0x00060000);
        assert_int_equal(endpoint[1], 0x0008003e);
        assert_int_equal(endpoint[2], 0x23456781);
        assert_int_equal(endpoint[3], 1);
        assert_int_equal(endpoint[4], 0x00080008);
        assert_int_equal(endpoint[words], 0);
    }
}

static void intervals_by_speed(void **state)
{
    static const struct {
        unsigned speed, said, interval;
    } rows[] = {{USB_FULL, 1, 3},  {USB_FULL, 10, 6}, {USB_LOW, 8, 6},  {USB_LOW, 255, 10},
                {USB_FULL, 0, 3},  {USB_HIGH, 1, 0},  {USB_HIGH, 7, 6}, {USB_HIGH, 255, 15},
                {USB_SUPER, 4, 3}, {USB_HIGH, 0, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(context_interval(rows[i].speed, rows[i].said), rows[i].interval);
    }
    assert_int_equal(context_dci(0x81), 3);
    assert_int_equal(context_dci(0x02), 4);
    assert_int_equal(context_dci(0x8f), 31);
}

/* What is written clears what was read as changed, and disables nothing. */
static void ports_keep_what_they_are(void **state)
{
    const uint32_t all = 0xffffffff;

    (void)state;
    assert_int_equal(port_keep(all), 0x0e00c200);
    assert_int_equal(port_clear(all), 0x0e00c200 | 0x00fe0000);
    assert_int_equal(port_clear(0x00020603), 0x00020200);
    assert_int_equal(port_start_reset(0x00020603), 0x210);
    assert_int_equal(port_disable(0x603), 0x202);
    assert_int_equal(port_power(0), 0x200);
    assert_string_equal(port_speed_name(1), "full");
    assert_string_equal(port_speed_name(15), "super");
}

/* ---- descriptors ---- */

static void a_device_says_what_it_is(void **state)
{
    struct usb_device_facts facts;

    (void)state;
    assert_true(usb_device_parse(keyboard_device, sizeof(keyboard_device), &facts));
    assert_int_equal(facts.vendor, 0x0627);
    assert_int_equal(facts.product, 1);
    assert_int_equal(facts.packet, 8);
    assert_int_equal(facts.configurations, 1);
    assert_true(usb_device_parse(keyboard_device, 8, &facts));
    assert_int_equal(facts.vendor, 0);
    assert_false(usb_device_parse(keyboard_device, 7, &facts));
    assert_false(usb_device_parse(keyboard_configuration, 18, &facts));
}

static void a_configuration_has_interfaces(void **state)
{
    struct usb_configuration found;

    (void)state;
    assert_int_equal(both_configuration[2], sizeof(both_configuration));
    assert_true(usb_configuration_parse(both_configuration, sizeof(both_configuration), &found));
    assert_int_equal(found.value, 1);
    assert_int_equal(found.count, 3);
    assert_int_equal(found.interface[0].protocol, HID_KEYBOARD);
    assert_int_equal(found.interface[0].address, 0x81);
    assert_int_equal(found.interface[0].max_packet, 8); /* and not that of the alternate setting */
    assert_int_equal(found.interface[1].protocol, HID_MOUSE);
    assert_int_equal(found.interface[1].number, 1);
    assert_int_equal(found.interface[1].address, 0x82);
    assert_int_equal(found.interface[1].interval, 2);
    assert_int_equal(found.interface[2].address, 0); /* out */
}

/* There is room for so much: what is cut is left out. */
static void the_beginning_of_a_configuration(void **state)
{
    struct usb_configuration found;
    uint8_t bytes[sizeof(both_configuration)];

    (void)state;
    memcpy(bytes, both_configuration, sizeof(bytes));
    for (unsigned count = 9 + 9 + 9 + 7; count < sizeof(bytes); count++) {
        assert_true(usb_configuration_parse(bytes, count, &found));
        assert_true(found.count >= 1);
        assert_int_equal(found.interface[0].address, 0x81);
    }
    bytes[2] = 60; /* all that there is, and it does not end there */
    assert_false(usb_configuration_parse(bytes, 60, &found));
}

/* Cut anywhere, with any byte of any value: no byte outside is read, and what is accepted fits. */
static void damaged_configurations(void **state)
{
    struct usb_configuration found;
    unsigned accepted = 0;

    (void)state;
    for (unsigned count = 0; count <= sizeof(both_configuration); count++) {
        uint8_t *bytes = malloc(count + (count == 0));
        memcpy(bytes, both_configuration, count);
        (void)usb_configuration_parse(bytes, count, &found);
        for (unsigned at = 0; at < count; at++) {
            for (unsigned value = 0; value < 256; value += value % 16 == 15 ? 48 : 1) {
                bytes[at] = (uint8_t)value;
                if (usb_configuration_parse(bytes, count, &found)) {
                    accepted++;
                    assert_true(found.count <= USB_INTERFACES_MAX);
                }
            }
            bytes[at] = both_configuration[at];
        }
        free(bytes);
    }
    assert_true(accepted > 0);

    uint8_t many[9 + 20 * 9] = {9, 2, sizeof(many), 0, 20, 1};
    for (unsigned i = 0; i < 20; i++) {
        memcpy(many + 9 + i * 9, (const uint8_t[]){INTERFACE((uint8_t)i, 3, 1, 1)}, 9);
    }
    assert_true(usb_configuration_parse(many, sizeof(many), &found));
    assert_int_equal(found.count, USB_INTERFACES_MAX);
    many[9] = 0; /* a length that gets nowhere */
    assert_false(usb_configuration_parse(many, sizeof(many), &found));
}

static void packets_of_the_control_endpoint(void **state)
{
    (void)state;
    assert_int_equal(usb_packet_bytes(USB_LOW, 8), 8);
    assert_int_equal(usb_packet_bytes(USB_LOW, 64), 0);
    assert_int_equal(usb_packet_bytes(USB_FULL, 32), 32);
    assert_int_equal(usb_packet_bytes(USB_FULL, 9), 0);
    assert_int_equal(usb_packet_bytes(USB_HIGH, 64), 64);
    assert_int_equal(usb_packet_bytes(USB_SUPER, 9), 512);
    assert_int_equal(usb_packet_bytes(USB_SUPER, 255), 0);
}

/* ---- reports ---- */

/* Changes as text: "+04" down, "-04" up. */
static const char *press(struct hid_keyboard *keyboard, const uint8_t report[8])
{
    static char text[128];
    struct input_change changes[HID_CHANGES_MAX];
    unsigned count = hid_keyboard_report(keyboard, report, 8, changes), length = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(changes[i].kind, INPUT_KEY);
        length += (unsigned)snprintf(text + length, sizeof(text) - length, "%c%02x",
                                     changes[i].is_down ? '+' : '-', changes[i].code);
    }
    return text;
}

#define PRESS(...) press(&keyboard, (const uint8_t[8]){__VA_ARGS__})

static void keys_are_differences(void **state)
{
    struct hid_keyboard keyboard = {0};
    struct input_change changes[HID_CHANGES_MAX];

    (void)state;
    assert_string_equal(PRESS(0), "");
    assert_string_equal(PRESS(0, 0, 4), "+04");
    assert_string_equal(PRESS(0, 0, 4), "");
    assert_string_equal(PRESS(0, 0, 5, 4), "+05"); /* their places mean nothing */
    assert_string_equal(PRESS(2, 0, 5), "+e1-04");
    assert_string_equal(PRESS(0, 0, 6, 7), "-e1-05+06+07");
    assert_string_equal(PRESS(0, 0, 7, 7, 7, 0xff, 0xe1, 0xdf),
                        "-06+df"); /* once each; no modifier there */
    assert_string_equal(PRESS(0xff), "+e0+e1+e2+e3+e4+e5+e6+e7-07-df");
    assert_string_equal(PRESS(0), "-e0-e1-e2-e3-e4-e5-e6-e7");
    assert_string_equal(PRESS(0, 0xff, 4, 5, 6, 7, 8, 9), "+04+05+06+07+08+09");
    assert_string_equal(PRESS(0, 0, 10, 11, 12, 13, 14, 15),
                        "-04-05-06-07-08-09+0a+0b+0c+0d+0e+0f");
    assert_int_equal(hid_keyboard_report(&keyboard, (const uint8_t[8]){0}, 7, changes), 0);
}

static void roll_over_leaves_keys_as_they_are(void **state)
{
    struct hid_keyboard keyboard = {0};

    (void)state;
    assert_string_equal(PRESS(0, 0, 4, 5, 6, 7, 8, 9), "+04+05+06+07+08+09");
    assert_string_equal(PRESS(0, 0, 1, 1, 1, 1, 1, 1), "");
    assert_true(keyboard.is_rolled_over);
    assert_string_equal(PRESS(2, 0, 1, 1, 1, 1, 1, 1), "+e1");
    assert_string_equal(PRESS(2, 0, 4, 5, 6, 7, 8, 10), "-09+0a");
    assert_false(keyboard.is_rolled_over);
    assert_string_equal(PRESS(2, 0, 4, 0, 0, 0, 0, 3), ""); /* an error of any kind */
    assert_string_equal(PRESS(0), "-e1-04-05-06-07-08-0a");
}

/* Any reports: each key goes down and up in turns, and in the end is as the last good report says (K1). */
static void any_reports_at_all(void **state)
{
    struct hid_keyboard keyboard = {0};
    struct input_change changes[HID_CHANGES_MAX];
    bool down[256] = {false};
    unsigned seed = 7;

    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t report[8];
        bool is_good = true;
        for (unsigned i = 0; i < 8; i++) {
            report[i] = (uint8_t)(rand_r(&seed) % (round % 2 ? 12 : 256));
            is_good &= i < 2 || report[i] == 0 || report[i] > 3;
        }
        unsigned count = hid_keyboard_report(&keyboard, report, 8, changes);
        assert_true(count <= HID_CHANGES_MAX);
        for (unsigned i = 0; i < count; i++) {
            assert_true(down[changes[i].code] != (changes[i].is_down != 0));
            down[changes[i].code] = changes[i].is_down != 0;
        }
        for (unsigned key = 4; is_good && key < 0xe0; key++) {
            assert_int_equal(down[key], memchr(report + 2, (int)key, 6) != NULL);
        }
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(down[0xe0 + i], report[0] >> i & 1);
        }
    }
}

static void mice(void **state)
{
    struct hid_mouse mouse = {0};
    struct input_change changes[HID_CHANGES_MAX];

    (void)state;
    assert_int_equal(hid_mouse_report(&mouse, (const uint8_t[]){1, 5, 0xfd, 0xff}, 4, changes), 3);
    assert_int_equal(changes[0].kind, INPUT_MOVE);
    assert_int_equal(changes[0].x, 5);
    assert_int_equal(changes[0].y, -3);
    assert_int_equal(changes[1].kind, INPUT_WHEEL);
    assert_int_equal(changes[1].y, 1);
    assert_int_equal(changes[2].kind, INPUT_BUTTON);
    assert_int_equal(changes[2].code, 0);
    assert_true(changes[2].is_down);
    assert_int_equal(hid_mouse_report(&mouse, (const uint8_t[]){6, 0x80, 0x7f}, 3, changes), 4);
    assert_int_equal(changes[0].x, -128);
    assert_false(changes[1].is_down);
    assert_true(changes[2].is_down && changes[3].is_down);
    assert_int_equal(hid_mouse_report(&mouse, (const uint8_t[]){0xfe, 0, 0}, 3, changes), 0);
    assert_int_equal(hid_mouse_report(&mouse, (const uint8_t[]){0, 0}, 2, changes), 0);
}

static void the_last_key_repeats(void **state)
{
    struct repeat repeat = {0};

    (void)state;
    assert_int_equal(repeat_due(&repeat), REPEAT_NEVER);
    repeat_note(&repeat, KEY_A, true, 1000);
    assert_int_equal(repeat_due(&repeat), 1000 + REPEAT_DELAY);
    assert_int_equal(repeat_take(&repeat, 999 + REPEAT_DELAY), 0);
    repeat_note(&repeat, KEY_A + 1, true, 2000);
    repeat_note(&repeat, KEY_A, false, 3000); /* the other one is still held */
    assert_int_equal(repeat_take(&repeat, 2000 + REPEAT_DELAY), KEY_A + 1);
    assert_int_equal(repeat_due(&repeat), 2000 + REPEAT_DELAY + REPEAT_PERIOD);
    assert_int_equal(repeat_take(&repeat, 100 * REPEAT_DELAY), KEY_A + 1); /* late: only one */
    assert_int_equal(repeat_take(&repeat, 100 * REPEAT_DELAY + 1), 0);
    repeat_note(&repeat, KEY_CONTROL_LEFT, true, 0);
    repeat_note(&repeat, KEY_CAPS_LOCK, true, 0);
    assert_int_equal(repeat.key, KEY_A + 1);
    repeat_note(&repeat, KEY_A + 1, false, 0);
    assert_int_equal(repeat_due(&repeat), REPEAT_NEVER);
    assert_int_equal(repeat_take(&repeat, ~0ull - 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_goes_round),
        cmocka_unit_test(an_event_for_no_block_changes_nothing),
        cmocka_unit_test(a_ring_restarts_behind_all_it_had),
        cmocka_unit_test(events_are_taken_once),
        cmocka_unit_test(contexts_are_as_the_specification_has_them),
        cmocka_unit_test(intervals_by_speed),
        cmocka_unit_test(ports_keep_what_they_are),
        cmocka_unit_test(a_device_says_what_it_is),
        cmocka_unit_test(a_configuration_has_interfaces),
        cmocka_unit_test(the_beginning_of_a_configuration),
        cmocka_unit_test(damaged_configurations),
        cmocka_unit_test(packets_of_the_control_endpoint),
        cmocka_unit_test(keys_are_differences),
        cmocka_unit_test(roll_over_leaves_keys_as_they_are),
        cmocka_unit_test(any_reports_at_all),
        cmocka_unit_test(mice),
        cmocka_unit_test(the_last_key_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
