/* SPDX-License-Identifier: MIT */
/* Events of services: see service_trace.h. They are rare, so each is handed over when it is written. */
#include "userspace/services/init/service_trace.h"

#include <stdio.h>

#include "userspace/lib/user_trace.h"

#define LIFE_FIRST                                                                                 \
    1000000u /* ids of lives are those of tracks, too: above all thread ids of a short life */
#define NAME_ROOM 32u

static const char *const verbs[SERVICE_ACTIONS] = {"start", "exit", "restart",
                                                   "stop",  "kill", "give up"};
static bool is_open;
static uint32_t named[SERVICE_ACTIONS]; /* a bit for each service */

static uint32_t id_of_life(const struct service *service)
{
    return LIFE_FIRST + service_index(service);
}

static uint32_t id_of_action(const struct service *service, enum service_action action)
{
    return 1 + action * SERVICES_MAX + service_index(service);
}

static void name_ids(const struct service *service, enum service_action action)
{
    uint32_t bit = 1u << service_index(service);
    char name[NAME_ROOM];

    if ((named[action] & bit) != 0) {
        return;
    }
    named[action] |= bit;
    snprintf(name, sizeof(name), "%s %s", verbs[action], service->entry->name);
    user_trace_name(id_of_action(service, action), name);
    if (action == SERVICE_ACTION_START) {
        user_trace_name(id_of_life(service), service->entry->name);
    }
}

void service_trace_action(const struct service *service, enum service_action action)
{
    uint32_t track = id_of_life(service);

    if (!is_open) {
        is_open = true;
        (void)user_trace_open();
    }
    name_ids(service, action);
    USER_INSTANT(track, id_of_action(service, action), service->row->starts);
    if (action == SERVICE_ACTION_START) {
        USER_SPAN_BEGIN(track, id_of_life(service));
    } else if (action == SERVICE_ACTION_EXIT) {
        USER_SPAN_END(track);
    }
    user_trace_hand_over();
}
