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
#include "userspace/lib/test.h"
#include "userspace/programs/life/life.h"

#define MEASURES 3u

static uint64_t rounds;

static void kill(void)
{
    check_kill(rounds);
}

static void processes(void)
{
    check_processes(rounds);
}

static const struct test cases[] = {{"join", check_join},
                                    {"suspend", check_suspend},
                                    TEST(kill),
                                    TEST(processes),
                                    {"faults", check_faults}};

static void run_cases(void)
{
    const char *only = option_text("only", NULL);

    for (unsigned i = 0; only != NULL && i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(only, cases[i].name) == 0) {
            VERIFY(tests_run("life", &cases[i], 1) == 0);
        }
    }
    if (only == NULL) {
        VERIFY(TESTS_RUN("life", cases) == 0);
    }
}

int main(int argc, char **argv)
{
    bool measure = option_flag("measure");

    (void)argc;
    (void)argv;
    rounds = option_u64("rounds", 40);
    must(program_open("life", &life_file));
    if (life_role(option_text("role", "start"))) {
        return EXIT_FAILED;
    }
    workers_init();
    for (unsigned i = 0; i < (measure ? MEASURES : 1); i++) {
        run_cases();
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
