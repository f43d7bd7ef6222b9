/* SPDX-License-Identifier: MIT */
/*
 * Ending services. After a few kills one is stopped in order and started again: the supervisor gives up who fails too often in a row,
 * and that a service starts anew then is part of what it promises.
 */
#include <stdatomic.h>

#include "gen/interface/supervisor_client.h"
#include "kernel/abi/services.h"
#include "userspace/lib/random.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/soak/soak.h"

#define KILLS_IN_A_ROW 4u
#define PAUSE          (10 * NS_PER_MS)

/* Not ramfs and bootfs: the mix has its files there. Nor does it have programs that end services themselves. Not bus: how many handles
 * it has after its end depends on who claims what, and when. */
static const char *const names[] = {"serial", "input", "screen", "disk", "log", "names"};
#define SERVICES (sizeof(names) / sizeof(names[0]))
#define NAMES                                                                                      \
    (SERVICES -                                                                                    \
     1) /* when it has been stopped there is none, for whoever looks for a service: it is only killed, */
#define CALM (61 * NS_PER_S) /* and again when its failures are forgotten */

static struct thread thread;
static atomic_bool is_over;
static uint64_t kills;
static unsigned in_a_row[SERVICES];
static uint64_t names_killed_ns;

static bool may_be_ended(unsigned which)
{
    if (which != NAMES) {
        return true;
    }
    if (clock_now() > names_killed_ns + CALM) {
        in_a_row[NAMES] = 0;
    }
    return in_a_row[NAMES] < KILLS_IN_A_ROW;
}

static void await_state(unsigned which, enum service_state state, uint32_t starts)
{
    uint32_t reached;

    must(supervisor_await(program_handle("supervisor"), state, starts, names[which], LONG, &reached,
                          &starts));
    VERIFY(reached == (uint32_t)state);
}

static void stop_and_start(unsigned which, uint32_t starts)
{
    must(supervisor_stop(program_handle("supervisor"), names[which], LONG));
    await_state(which, SERVICE_STOPPED, starts);
    must(supervisor_start(program_handle("supervisor"), names[which], LONG));
    in_a_row[which] = 0;
}

static void end_one(unsigned which)
{
    const uint64_t supervisor = program_handle("supervisor");
    uint32_t state, starts;

    must(supervisor_status(supervisor, names[which], LONG, &state, &starts));
    if (in_a_row[which] == KILLS_IN_A_ROW) {
        stop_and_start(which, starts);
    } else {
        must(supervisor_kill(supervisor, names[which], LONG));
        in_a_row[which]++;
        names_killed_ns = which == NAMES ? clock_now() : names_killed_ns;
    }
    kills++;
    await_state(which, SERVICE_RUNNING, starts + 1);
}

static void kill_all_the_time(void *argument)
{
    uint64_t random = (uint64_t)argument;

    while (!atomic_load(&is_over)) {
        unsigned which = (unsigned)(random_next(&random) % SERVICES);

        if (may_be_ended(which)) {
            end_one(which);
        }
        clock_sleep(PAUSE);
    }
}

void killer_start(uint64_t seed)
{
    kills = 0;
    atomic_store(&is_over, false);
    must(thread_start(&thread, kill_all_the_time, (void *)seed, THREAD_ANYWHERE, "killer"));
}

uint64_t killer_stop(void)
{
    atomic_store(&is_over, true);
    thread_join(&thread);
    return kills;
}
