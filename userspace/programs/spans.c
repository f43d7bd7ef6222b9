/* SPDX-License-Identifier: MIT */
/*
 * spans: events of its own in the timeline (userspace/lib/user_trace.h).
 *
 *   rounds=N (50)   two threads; each round a span in one, a span within it, and a flow from it to a span of the other
 *   fuzz=N (0)      afterwards N times: rubbish all over the lane, and the kernel is told to read it
 */
#include <stdint.h>
#include <stdio.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/lib/user_trace.h"

enum { ROUND = 1, PART, ANSWER, HAND, STEP, PROGRESS };

static uint64_t rounds;
static uint32_t answered; /* rounds */
static uint32_t asked;

static void name_ids(void)
{
    static const char *const names[] = {
        [ROUND] = "round",    [PART] = "part", [ANSWER] = "answer",
        [HAND] = "hand over", [STEP] = "step", [PROGRESS] = "progress"};

    for (uint32_t id = ROUND; id <= PROGRESS; id++) {
        user_trace_name(id, names[id]);
    }
}

static void wait_for(uint32_t *count, uint32_t wanted)
{
    while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < wanted) {
        (void)sys_thread_yield();
    }
}

static void answer(void *argument)
{
    uint32_t track = user_trace_open();

    (void)argument;
    for (uint32_t round = 1; round <= rounds; round++) {
        wait_for(&asked, round);
        USER_SPAN_BEGIN(track, ANSWER);
        USER_FLOW_IN(track, HAND, round);
        USER_SPAN_END(track);
        __atomic_store_n(&answered, round, __ATOMIC_RELEASE);
    }
}

static void ask(void *argument)
{
    uint32_t track = user_trace_open();

    (void)argument;
    for (uint32_t round = 1; round <= rounds; round++) {
        USER_SPAN_BEGIN(track, ROUND);
        USER_SPAN_BEGIN(track, PART);
        USER_INSTANT(track, STEP, round);
        USER_SPAN_END(track);
        USER_FLOW_OUT(track, HAND, round);
        __atomic_store_n(&asked, round, __ATOMIC_RELEASE);
        wait_for(&answered, round);
        USER_SPAN_END(track);
        USER_COUNTER(PROGRESS, round);
    }
}

/* Nothing of this may harm anybody, whatever the numbers are. */
static void write_rubbish(uint64_t seed)
{
    uint64_t *words = (uint64_t *)user_trace_lane;
    uint64_t kinds = random_mix(seed);

    for (uint64_t i = 0; i < USER_TRACE_BYTES / 8; i++) {
        words[i] = random_mix(seed ^ i) >> (kinds >> i % 32 & 31);
    }
    switch (seed % 4) {
    case 0:
        user_trace_lane->next = random_mix(kinds);
        break;
    case 1: /* marks that fit, contents that do not */
        user_trace_lane->next = seed * USER_TRACE_SLOTS;
        for (uint64_t i = 0; i < USER_TRACE_SLOTS; i++) {
            user_trace_lane->slot[i].mark = user_trace_lane->next - USER_TRACE_SLOTS + i + 1;
        }
        break;
    case 2:
        user_trace_lane->next -= user_trace_lane->next % USER_TRACE_SLOTS;
        break;
    default:
        break;
    }
    user_trace_hand_over();
}

int main(int argc, char **argv)
{
    struct thread asker, answerer;
    uint64_t fuzz = option_u64("fuzz", 0);
    uint32_t track = user_trace_open();

    (void)argc;
    (void)argv;
    rounds = option_u64("rounds", 50);
    VERIFY(track != 0 && user_trace_open() == track);
    name_ids();
    report("the lane is open");
    /* On one core they take turns. */
    must(thread_start(&asker, ask, NULL, THREAD_CORE(0), "asker"));
    must(thread_start(&answerer, answer, NULL, THREAD_CORE(0), "answerer"));
    thread_join(&asker);
    thread_join(&answerer);
    user_trace_hand_over();
    for (uint64_t i = 1; i <= fuzz; i++) {
        write_rubbish(i);
    }
    report("%lu rounds, %lu times rubbish", rounds, fuzz);
    return 0;
}
