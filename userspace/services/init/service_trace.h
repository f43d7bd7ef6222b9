/* SPDX-License-Identifier: MIT */
/* Services in the timeline: a span for the life of each process, on a track per service, and what the supervisor does as instants. */
#pragma once

#include "userspace/services/init/service.h"

enum service_action {
    SERVICE_ACTION_START,
    SERVICE_ACTION_EXIT,
    SERVICE_ACTION_RESTART,
    SERVICE_ACTION_STOP,
    SERVICE_ACTION_KILL,
    SERVICE_ACTION_GIVE_UP,
    SERVICE_ACTIONS,
};

/* service_trace_action() - "restart log" in the timeline, at once; START and EXIT begin and end the span. */
void service_trace_action(const struct service *service, enum service_action action);
