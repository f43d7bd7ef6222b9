/* SPDX-License-Identifier: MIT */
/*
 * life: how threads and processes begin, stand still and end.
 *
 *   only=NAME    one case: join suspend kill processes faults
 *   rounds=N     of creating and killing (40)
 *   measure      three times: a pass over all cases, then into kdebug, where a test may count
 *                frames and objects: the last two times there must be equally many
 */
#include <stdio.h>
#include <string.h>

#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/programs/life/life.h"

#define MEASURES 3u

static bool is_wanted(const char *name)
{
    const char *only = option_text("only", NULL);

    return only == NULL || strcmp(only, name) == 0;
}

static void run_cases(uint64_t rounds)
{
    if (is_wanted("join")) {
        check_join();
    }
    if (is_wanted("suspend")) {
        check_suspend();
    }
    if (is_wanted("kill")) {
        check_kill(rounds);
    }
    if (is_wanted("processes")) {
        check_processes(rounds);
    }
    if (is_wanted("faults")) {
        check_faults();
    }
}

int main(int argc, char **argv)
{
    uint64_t rounds = option_u64("rounds", 40);
    bool measure = option_flag("measure");

    (void)argc;
    (void)argv;
    must(program_open("life", &life_file));
    if (life_role(option_text("role", "start"))) {
        return EXIT_FAILED;
    }
    workers_init();
    for (unsigned i = 0; i < (measure ? MEASURES : 1); i++) {
        run_cases(rounds);
        mark(MARK_CHECKED, i);
        if (measure) {
            clock_sleep(100 *
                        NS_PER_MS); /* what has ended is given back by whoever runs after it */
            printf("life: pass %u done\n", i);
            must(sys_debug_enter(program_handle("debug")));
        }
    }
    report("%lu rounds", rounds);
    return 0;
}
