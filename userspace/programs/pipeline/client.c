/* SPDX-License-Identifier: MIT */
/* A client: it alone uses its keys, so it knows each answer. */
#include <stdio.h>

#include "gen/interface/pipeline_client.h"
#include "userspace/lib/random.h"
#include "userspace/lib/user_trace.h"
#include "userspace/programs/pipeline/pipeline.h"

#define KEYS     32u
#define TEXT_MAX 64u
#define WRONG    50u /* every so many commands one that is not understood */

enum { COMMAND = 1, DONE };

static uint64_t values[KEYS];

static void give_command(uint64_t number, uint64_t random)
{
    const uint64_t which = random % KEYS, key = number * KEYS + which;
    const uint64_t value = (random >> 16) | 1;
    const bool is_put = random >> 8 & 1;
    char text[TEXT_MAX];
    uint64_t found;

    if (is_put) {
        snprintf(text, sizeof(text), "put %lu %lu", key, value);
    } else {
        snprintf(text, sizeof(text), "get %lu", key);
    }
    must(pipeline_command(program_handle("next"), text, LONG, &found));
    if (found != values[which]) {
        die("%s: %lu, not %lu", text, found, values[which]);
    }
    values[which] = is_put ? value : values[which];
}

int be_client(uint64_t number, uint64_t commands)
{
    uint32_t track = user_trace_open();
    uint64_t state = number, found;

    user_trace_name(COMMAND, "command");
    user_trace_name(DONE, "commands done");
    for (uint64_t i = 1; i <= commands; i++) {
        USER_SPAN_BEGIN(track, COMMAND);
        give_command(number, random_next(&state));
        if (i % WRONG == 0) {
            VERIFY(pipeline_command(program_handle("next"), "put 1 two", LONG, &found) ==
                   ERR_BAD_ARGUMENT);
        }
        USER_SPAN_END(track);
        USER_COUNTER(DONE, i);
    }
    user_trace_hand_over();
    return 0;
}
