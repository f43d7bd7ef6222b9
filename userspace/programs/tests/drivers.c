/* SPDX-License-Identifier: MIT */
/* Drivers, as their clients see them; and that one which ends comes back. */
#include <string.h>

#include "gen/interface/input_client.h"
#include "gen/interface/serial_client.h"
#include "gen/interface/supervisor_client.h"
#include "kernel/abi/services.h"
#include "userspace/lib/find.h"
#include "userspace/lib/input.h"
#include "userspace/programs/tests/tests.h"

static uint64_t serial;

static status_t count_sent(uint64_t *sent)
{
    uint64_t received, overruns, dropped;

    return serial_count(serial, LONG, &received, sent, &overruns, &dropped);
}

static void the_serial_port_sends_what_it_is_given(void)
{
    static const char text[] = "a line of the tests\r\n";
    uint64_t before, after = 0;
    status_t status = count_sent(&before);

    if (status == ERR_NOT_FOUND) {
        test_skipped("this machine has no such port");
        return;
    }
    CHECK_GIVES(OK, status);
    CHECK_GIVES(OK, serial_write(serial, text, strlen(text), LONG));
    for (uint64_t end = LONG; after < before + strlen(text) && clock_now() < end;) {
        CHECK_GIVES(OK, count_sent(&after));
    }
    CHECK(after == before + strlen(text));
}

static void a_driver_that_is_killed_comes_back(void)
{
    const uint64_t supervisor = program_handle("supervisor");
    uint32_t state, starts, again;
    uint64_t sent = 0;

    must(supervisor_status(supervisor, "serial", LONG, &state, &starts));
    must(supervisor_kill(supervisor, "serial", LONG));
    CHECK_GIVES(OK, supervisor_await(supervisor, SERVICE_RUNNING, starts + 1, "serial", LONG,
                                     &state, &again));
    CHECK(state == SERVICE_RUNNING && again > starts);
    CHECK_GIVES(ERR_PEER_CLOSED, count_sent(&sent));
    CHECK_GIVES(OK, service_find_again("serial", LONG, &serial));
    status_t status = count_sent(&sent);
    CHECK(status == OK || status == ERR_NOT_FOUND);
    CHECK(sent < 100 || status != OK); /* it begins anew */
}

static void keyboard_and_mouse_are_there(void)
{
    static char events[INPUT_READ_EVENTS_MAX];
    uint64_t input, bytes, next, missed;
    uint32_t devices;

    CHECK_GIVES(OK, service_find("input", LONG, &input));
    CHECK_GIVES(OK, input_devices(input, LONG, &devices));
    if ((devices & INPUT_HAS_KEYBOARD) == 0) {
        test_skipped("this machine has none");
    } else {
        CHECK_GIVES(ERR_TIMED_OUT, input_read(input, INPUT_LATEST, clock_now() + NS_PER_MS, events,
                                              sizeof(events), &bytes, &next, &missed));
    }
    must(sys_handle_close(input));
}

static void who_is_not_allowed_finds_no_driver(void)
{
    uint64_t out;

    CHECK_GIVES(ERR_NO_RIGHTS, service_find("sample", LONG, &out));
}

int test_drivers(void)
{
    static const struct test tests[] = {
        TEST(the_serial_port_sends_what_it_is_given),
        TEST(a_driver_that_is_killed_comes_back),
        TEST(keyboard_and_mouse_are_there),
        TEST(who_is_not_allowed_finds_no_driver),
    };

    must(service_find("serial", LONG, &serial));
    return TESTS_RUN("drivers", tests);
}
