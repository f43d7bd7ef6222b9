/* SPDX-License-Identifier: MIT */
/* A server of the interface sample. */
#include <stdio.h>
#include <stdlib.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/names_client.h"
#include "gen/interface/sample_server.h"
#include "userspace/lib/check.h"
#include "userspace/lib/service.h"
#include "userspace/lib/start.h"
#include "userspace/programs/typed/typed.h"

static uint64_t kept; /* the area that came last */

status_t sample_on_add(const struct interface_request *request, uint64_t a, uint32_t b,
                       uint64_t *out_sum, uint32_t *out_low)
{
    (void)request;
    *out_sum = a + b;
    *out_low = (uint32_t)(a + b);
    return OK;
}

status_t sample_on_reverse(const struct interface_request *request, const void *data,
                           uint64_t data_bytes, uint32_t from, void *reversed,
                           uint64_t *out_reversed_bytes, uint64_t *out_sum)
{
    const uint8_t *bytes = data;
    uint8_t *to = reversed;

    (void)request;
    if (from > data_bytes) {
        return ERR_RANGE;
    }
    *out_sum = 0;
    *out_reversed_bytes = data_bytes - from;
    for (uint64_t i = 0; i < *out_reversed_bytes; i++) {
        to[i] = bytes[data_bytes - 1 - i];
        *out_sum += to[i];
    }
    return OK;
}

status_t sample_on_swap(const struct interface_request *request, uint64_t given,
                        uint64_t *out_taken)
{
    uint64_t bytes, physical;

    (void)request;
    if (sys_area_query(given, &bytes, &physical) != OK) {
        return ERR_NO_RIGHTS;
    }
    if (kept == HANDLE_NONE) {
        must(sys_area_create(2 * bytes, 0, &kept));
    }
    *out_taken = kept;
    kept = given;
    return OK;
}

status_t sample_on_whoami(const struct interface_request *request, uint64_t *out_badge,
                          uint64_t *out_process)
{
    *out_badge = request->in.badge;
    *out_process = program.self;
    return OK;
}

status_t sample_on_die(const struct interface_request *request, uint32_t code)
{
    (void)request;
    if (code == TYPED_CRASH) {
        __builtin_trap();
    }
    exit((int)code);
}

static void say_goodbye(void)
{
    report("asked to stop");
}

int server_main(void)
{
    static char buffer[SAMPLE_RECEIVES], answer[SAMPLE_REVERSE_REVERSED_MAX];
    static const struct interface *const interfaces[] = {&sample_interface, &lifecycle_interface};
    uint64_t mailbox = program_handle("requests");
    const struct interface_server server = {mailbox, 2, interfaces, buffer, sizeof(buffer), answer};

    service_at_stop(say_goodbye);
    if (program_handle("names") != HANDLE_NONE) { /* else its supervisor makes it known */
        must(names_register(program_handle("names"), TYPED_NAME, mailbox, DEADLINE_FOREVER));
    }
    interface_serve(&server);
}
