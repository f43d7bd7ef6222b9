/* SPDX-License-Identifier: MIT */
/* Stopping when asked to: see service.h. */
#include "userspace/lib/service.h"

#include <stddef.h>
#include <stdlib.h>

#include "gen/interface/lifecycle_server.h"

static void (*finish_work)(void);

void service_at_stop(void (*finish)(void))
{
    finish_work = finish;
}

status_t lifecycle_on_stop(const struct interface_request *request)
{
    if (request->in.badge != BADGE_SUPERVISOR) {
        return ERR_NO_RIGHTS;
    }
    if (finish_work != NULL) {
        finish_work();
    }
    exit(0);
}
