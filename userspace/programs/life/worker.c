/* SPDX-License-Identifier: MIT */
/* Workers: threads that do one thing for ever. */
#include "userspace/lib/message.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/life/life.h"

struct worker workers[WORKERS_MAX];

/* Nobody receives from one; from the other somebody takes calls and does not answer. */
static uint64_t deaf, mute;
static struct worker mute_server, lasting;

static void spin_briefly(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        __asm__ volatile("pause");
    }
}

static void do_step(struct worker *worker)
{
    struct message message = {0};
    uint64_t code;

    switch (worker->kind) {
    case WORKER_SPINS:
        spin_briefly();
        break;
    case WORKER_YIELDS:
        must(sys_thread_yield());
        break;
    case WORKER_SLEEPS:
        must(sys_thread_sleep(DEADLINE_FOREVER));
        break;
    case WORKER_SLEEPS_BRIEFLY:
        clock_sleep(100 * NS_PER_US);
        break;
    case WORKER_RECEIVES:
        must(message_receive(deaf, &message, DEADLINE_FOREVER));
        break;
    case WORKER_CALLS:
        must(message_call(worker->number % 2 == 0 ? mute : deaf, &message, DEADLINE_FOREVER));
        break;
    case WORKER_WAITS:
        must(message_call(mute, &message, DEADLINE_FOREVER));
        break;
    case WORKER_JOINS:
        must(sys_thread_wait(lasting.handle, DEADLINE_FOREVER, &code));
        break;
    default:
        sys_thread_exit(worker->number);
    }
}

static _Noreturn void run(struct worker *worker)
{
    for (;;) {
        atomic_fetch_add_explicit(&worker->steps, 1, memory_order_relaxed);
        do_step(worker);
    }
}

static _Noreturn void serve_without_answer(struct worker *worker)
{
    struct message message = {0};

    (void)worker;
    for (;;) {
        must(message_receive(mute, &message, DEADLINE_FOREVER));
    }
}

static void start_at(struct worker *worker, void (*entry)(struct worker *), const char *name)
{
    uint64_t stack = (uint64_t)worker->stack + sizeof(worker->stack) - 8;

    atomic_store_explicit(&worker->steps, 0, memory_order_relaxed);
    must(sys_thread_create(program.self, (uint64_t)entry, stack, (uint64_t)worker, THREAD_ANYWHERE,
                           name, &worker->handle));
}

void worker_start(struct worker *worker, enum worker_kind kind, uint64_t number)
{
    worker->kind = kind;
    worker->number = number;
    start_at(worker, (void (*)(struct worker *))run, "worker");
}

uint64_t worker_end(struct worker *worker)
{
    uint64_t code = 0;

    must(sys_thread_wait(worker->handle, DEADLINE_FOREVER, &code));
    must(sys_handle_close(worker->handle));
    return code;
}

void workers_init(void)
{
    must(sys_mailbox_create("deaf", 4, &deaf));
    must(sys_mailbox_create("mute", 4, &mute));
    start_at(&mute_server, (void (*)(struct worker *))serve_without_answer, "mute");
    worker_start(&lasting, WORKER_SLEEPS, 0);
}
