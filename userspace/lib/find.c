/* SPDX-License-Identifier: MIT */
/* Finding services: see find.h. */
#include "userspace/lib/find.h"

#include "gen/interface/names_client.h"
#include "gen/interface/supervisor_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define AGAIN (2 * NS_PER_MS)

static status_t try_to_find(const char *name, uint64_t deadline, uint64_t *out_mailbox)
{
    uint64_t names;
    status_t status = supervisor_names(program_handle("supervisor"), deadline, &names);

    if (status == OK) {
        status = names_wait(names, name, deadline, out_mailbox);
        (void)sys_handle_close(names);
    }
    return status;
}

/* It may have ended between two calls, or not be back yet. */
static bool is_passing(status_t status)
{
    return status == ERR_PEER_CLOSED || status == ERR_BUSY;
}

status_t service_find(const char *name, uint64_t deadline, uint64_t *out_mailbox)
{
    if (program_handle("supervisor") == HANDLE_NONE) {
        return ERR_NO_RIGHTS;
    }
    status_t status = try_to_find(name, deadline, out_mailbox);
    while (is_passing(status)) {
        if (clock_now() >= deadline) {
            return ERR_TIMED_OUT;
        }
        clock_sleep(AGAIN);
        status = try_to_find(name, deadline, out_mailbox);
    }
    return status;
}

status_t service_find_again(const char *name, uint64_t deadline, uint64_t *mailbox)
{
    uint64_t found;
    status_t status = service_find(name, deadline, &found);

    if (status == OK) {
        (void)sys_handle_close(*mailbox);
        *mailbox = found;
    }
    return status;
}
