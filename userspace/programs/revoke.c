/* SPDX-License-Identifier: MIT */
/*
 * revoke: leases that end, and handles that are closed, while other threads use them on other cores.
 *
 *   rounds=N (300)   threads=N (3)
 *
 * Each round lends this process and a mailbox, each under one lease and under two; the threads use what was lent as fast as they
 * can. Then the outer lease ends, and later the handles are closed. What a thread may see:
 *
 *      phase n % 3     LENT            REVOKED          CLOSED            LENT again, in the same places of the table
 *      answer          OK              ERR_REVOKED      ERR_BAD_HANDLE    OK
 *
 * `now` is n, raised when a step is complete. So a use between two looks at it may be answered by any phase from the first look
 * to the one after the second, which may be under way; but one that begins after lease_revoke() has returned is refused.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/message.h"
#include "kernel/abi/quota.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"
#include "userspace/lib/thread.h"

#define THREADS_MAX 16u
#define WAYS                                                                                       \
    4u /* process and mailbox, each under one lease and under two; look-ups that take no lock */
#define USES 4u /* of each thread, before a round goes on */

enum phase { LENT, REVOKED, CLOSED, PHASES };

static atomic_uint_least64_t now; /* 0: nothing has been lent yet */
static atomic_uint_least64_t lent[WAYS];
static struct {
    _Alignas(64) atomic_uint_least64_t seen; /* `now` at the beginning of its last use */
    atomic_uint_least64_t uses;
} users[THREADS_MAX];
static atomic_bool stop;

static status_t use(unsigned way, uint64_t handle)
{
    struct message message = {.label = 1};
    uint64_t used, limit;

    return way % 2 == 0 ? sys_process_get_quota(handle, QUOTA_HANDLES, &used, &limit)
                        : message_call(handle, &message, DEADLINE_POLL);
}

/* What a phase answers; a mailbox that nobody listens to answers a poll so. */
static status_t answer_in(uint64_t phase, unsigned way)
{
    static const status_t answers[PHASES] = {OK, ERR_REVOKED, ERR_BAD_HANDLE};

    return phase % PHASES == LENT && way % 2 == 1 ? ERR_TIMED_OUT : answers[phase % PHASES];
}

static void use_once(unsigned way, uint64_t before, uint64_t *refused)
{
    uint64_t handle = atomic_load_explicit(&lent[way], memory_order_acquire);
    status_t status = use(way, handle);
    uint64_t after = atomic_load_explicit(&now, memory_order_acquire), phase = before;

    while (phase <= after + 1 && status != answer_in(phase, way)) {
        phase++;
    }
    if (phase > after + 1) {
        die("way %u, from %lu to %lu: %d", way, before, after, status);
    }
    VERIFY(status != answer_in(LENT, way) || *refused != handle); /* once refused, always refused */
    *refused = status == answer_in(LENT, way) ? *refused : handle;
}

static void use_all(void *argument)
{
    unsigned self = (unsigned)(uintptr_t)argument;
    uint64_t refused[WAYS] = {0};

    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        uint64_t before = atomic_load_explicit(&now, memory_order_acquire);
        for (unsigned way = 0; before != 0 && way < WAYS; way++) {
            use_once(way, before, &refused[way]);
        }
        atomic_store_explicit(&users[self].seen, before, memory_order_release);
        atomic_fetch_add_explicit(&users[self].uses, 1, memory_order_relaxed);
    }
}

/* Until every thread has done a few rounds of uses that began in the present phase. */
static void let_them_use(unsigned threads)
{
    uint64_t phase = atomic_load_explicit(&now, memory_order_relaxed);

    for (unsigned i = 0; i < threads; i++) {
        while (atomic_load_explicit(&users[i].seen, memory_order_acquire) != phase) {
            (void)sys_thread_yield();
        }
        uint64_t uses = atomic_load_explicit(&users[i].uses, memory_order_relaxed);
        while (atomic_load_explicit(&users[i].uses, memory_order_relaxed) < uses + USES) {
            (void)sys_thread_yield();
        }
    }
}

static void lend_both(uint64_t handle, uint32_t right, unsigned way, uint64_t *out_lease,
                      uint64_t *out_inner)
{
    uint64_t outer, inner;

    must(sys_handle_lease(handle, right | RIGHT_DUPLICATE, 0, &outer, out_lease));
    must(sys_handle_lease(outer, right, 0, &inner, out_inner));
    atomic_store_explicit(&lent[way], outer, memory_order_release);
    atomic_store_explicit(&lent[way + 2], inner, memory_order_release);
}

static void go_on_to(uint64_t round, enum phase phase, unsigned threads)
{
    atomic_store_explicit(&now, round * PHASES + phase, memory_order_release);
    let_them_use(threads);
}

static void run_round(uint64_t round, uint64_t mailbox, unsigned threads)
{
    uint64_t lease[2], inner[2];

    lend_both(program.self, RIGHT_PROCESS_MANAGE, 0, &lease[0], &inner[0]);
    lend_both(mailbox, RIGHT_MAILBOX_SEND, 1, &lease[1], &inner[1]);
    go_on_to(round, LENT, threads);
    must(sys_lease_revoke(lease[0]));
    must(sys_lease_revoke(lease[1]));
    go_on_to(round, REVOKED, threads);
    for (unsigned way = 0; way < WAYS; way++) {
        must(sys_handle_close(atomic_load_explicit(&lent[way], memory_order_relaxed)));
    }
    for (unsigned i = 0; i < 2; i++) {
        must(sys_handle_close(lease[i]));
        must(sys_handle_close(inner[i]));
    }
    go_on_to(round, CLOSED, threads);
}

int main(int argc, char **argv)
{
    static struct thread threads[THREADS_MAX];
    unsigned count = (unsigned)option_u64("threads", 3);
    uint64_t rounds = option_u64("rounds", 300), mailbox = 0;

    (void)argc;
    (void)argv;
    VERIFY(count <= THREADS_MAX);
    must(sys_mailbox_create("lent", 4, &mailbox));
    for (unsigned i = 0; i < count; i++) {
        must(thread_start(&threads[i], use_all, (void *)(uintptr_t)i, THREAD_ANYWHERE, "user"));
    }
    for (uint64_t round = 1; round <= rounds; round++) {
        run_round(round, mailbox, count);
    }
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        thread_join(&threads[i]);
    }
    report("%lu rounds, %u threads", rounds, count);
    return 0;
}
