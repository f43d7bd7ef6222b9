/* SPDX-License-Identifier: MIT */
/*
 * soak: a mixed load on all cores, round after round, while the services and drivers are ended at random; and it costs nothing that
 * stays.
 *
 *   rounds=N (3)     or as many as begin within seconds=N
 *   seed=N (1)       of who is ended when
 *   measure=N (0)    every so many rounds into kdebug, where somebody may count frames and objects
 *
 * The first round is left out of the comparison: what is made once is made then.
 */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/programs/soak/soak.h"

static void run_round(uint64_t number, uint64_t *random)
{
    uint64_t seed = random_next(random);

    mark(MARK_ROUND, number);
    clients_start();
    killer_start(seed);
    load_run(random);
    uint64_t kills = killer_stop();
    uint64_t answers = clients_stop();
    load_run_one();
    account_check();
    VERIFY(kills > 0 && answers > 0);
    report("round %lu: %lu ended, %lu answers", number, kills, answers);
}

int main(int argc, char **argv)
{
    const uint64_t rounds = option_u64("rounds", 3), seconds = option_u64("seconds", 0);
    const uint64_t measure = option_u64("measure", 0), begin = clock_now();
    uint64_t random = option_u64("seed", 1);

    (void)argc;
    (void)argv;
    for (uint64_t i = 1; seconds > 0 ? clock_now() < begin + seconds * NS_PER_S : i <= rounds;
         i++) {
        run_round(i, &random);
        if (measure > 0 && i % measure == 0) {
            printf("soak: measure\n");
            must(sys_debug_enter(program_handle("debug")));
        }
    }
    return 0;
}
