/* SPDX-License-Identifier: MIT */
/* The heap of deadlines against a model: arm, disarm, take, in random order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/abi/message.h"
#include "sched/run_queue.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/hook.h"
#include "trace/ring/write.h"

#define THREADS 200

struct run_queue run_queues[CPU_MAX];
static struct thread threads[THREADS];

/* The site in deadline_arm() is never patched on the host. */
struct trace_lane trace_hook_lanes[2];

void trace_write_2(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2)
{
    (void)lane;
    (void)header;
    (void)word1;
    (void)word2;
}

static int begin(void **state)
{
    (void)state;
    support_begin(1);
    run_queues[1].deadlines = NULL;
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.tid = i + 1};
    }
    return 0;
}

static ns_t model_first(void)
{
    ns_t first = DEADLINE_FOREVER;
    for (unsigned i = 0; i < THREADS; i++) {
        if (threads[i].deadline.armed && threads[i].deadline.when < first) {
            first = threads[i].deadline.when;
        }
    }
    return first;
}

static void random_order_matches_the_model(void **state)
{
    (void)state;
    srand(42);
    for (unsigned step = 0; step < 20000; step++) {
        struct thread *thread = &threads[rand() % THREADS];
        if (thread->deadline.armed) {
            deadline_disarm(thread);
        } else {
            deadline_arm(thread, step + 1, (ns_t)(rand() % 1000));
        }
        assert_int_equal(deadline_first(&run_queues[1]), model_first());
        if (step % 50 == 0) {
            ns_t now = (ns_t)(rand() % 300);
            uint64_t ticket;
            struct thread *due;
            ns_t before = 0;
            while ((due = deadline_take_due(&run_queues[1], now, &ticket)) != NULL) {
                assert_true(due->deadline.when >= before && due->deadline.when <= now);
                assert_int_equal(ticket, due->deadline.ticket);
                assert_false(due->deadline.armed);
                before = due->deadline.when;
            }
            assert_true(model_first() > now);
        }
    }
}

static void equal_times_all_come_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        deadline_arm(&threads[i], i + 1, 5);
    }
    uint64_t ticket, seen = 0;
    assert_null(deadline_take_due(&run_queues[1], 4, &ticket));
    while (deadline_take_due(&run_queues[1], 5, &ticket) != NULL) {
        seen++;
    }
    assert_int_equal(seen, THREADS);
    assert_int_equal(deadline_first(&run_queues[1]), DEADLINE_FOREVER);
}

static void disarming_twice_is_harmless(void **state)
{
    (void)state;
    deadline_arm(&threads[0], 1, 10);
    deadline_disarm(&threads[0]);
    deadline_disarm(&threads[0]);
    assert_int_equal(deadline_first(&run_queues[1]), DEADLINE_FOREVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_order_matches_the_model, begin),
        cmocka_unit_test_setup(equal_times_all_come_out, begin),
        cmocka_unit_test_setup(disarming_twice_is_harmless, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
