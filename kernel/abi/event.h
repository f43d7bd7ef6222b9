/* SPDX-License-Identifier: MIT */
/* Waiting for signals of events. */
#pragma once

#include <stdint.h>

#define EVENT_ALL   1ull /* wait until all signals of the mask are set, not any */
#define EVENT_CLEAR 2ull /* take them: the mask's signals are cleared as the wait ends */
#define EVENT_FLAGS (EVENT_ALL | EVENT_CLEAR)

#define EVENT_WAIT_MAX 16u /* conditions of one event_wait_many */

struct event_condition {
    uint64_t event; /* handle with the right to wait */
    uint64_t mask;
    uint64_t flags; /* EVENT_* */
};
