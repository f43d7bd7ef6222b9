/* SPDX-License-Identifier: MIT */
/*
 * A node: threads that serve one mailbox, and call other nodes for it. Each has a helper, to which it hands reply tokens
 * so that answers come from another thread than the one that received.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/mesh/mesh.h"

enum { SLOT_EMPTY, SLOT_FULL, SLOT_OVER };

struct worker {
    struct thread server, helper;
    struct message forwarded; /* while the slot is full */
    _Atomic uint32_t slot;    /* futex */
};

static struct worker workers[THREADS_MAX];
static unsigned number, nodes;
static uint64_t mailbox, node_handle[NODES_MAX];
static atomic_ullong served[CALLERS_MAX], made[NODES_MAX];

static void set_slot(struct worker *worker, uint32_t state)
{
    uint64_t woken;

    atomic_store(&worker->slot, state);
    must(sys_futex_wake((uint64_t)&worker->slot, 1, &woken));
}

/* Returns what the slot holds when it is not `state` any more. */
static uint32_t wait_slot(struct worker *worker, uint32_t state)
{
    while (atomic_load(&worker->slot) == state) {
        status_t status = sys_futex_wait((uint64_t)&worker->slot, state, DEADLINE_FOREVER);
        VERIFY(status == OK || status == ERR_CHANGED);
    }
    return atomic_load(&worker->slot);
}

static void help(void *argument)
{
    struct worker *worker = argument;

    while (wait_slot(worker, SLOT_EMPTY) == SLOT_FULL) {
        must(message_reply(mailbox, &worker->forwarded));
        set_slot(worker, SLOT_EMPTY);
    }
}

static uint64_t ask(uint64_t request, unsigned target, bool has_deadline)
{
    struct message message;

    mesh_write(&message, request);
    atomic_fetch_add(&made[target], 1);
    must(message_call(node_handle[target], &message, mesh_deadline(has_deadline)));
    VERIFY(mesh_is_good(&message));
    return message.word[0];
}

/* Make the answer of a request, in its place. True: the helper has it. */
static bool work(struct worker *worker, struct message *message)
{
    uint64_t request = message->word[0], badge = message->badge;
    struct mesh_step step = mesh_step(request, number, nodes);
    uint64_t answer = mesh_begin(request, number);

    VERIFY(mesh_is_good(message) && badge >= 1 && badge <= CALLERS_MAX);
    atomic_fetch_add(&served[badge - 1], 1);
    for (unsigned i = 0; i < step.calls; i++) {
        answer = mesh_fold(answer, ask(mesh_onward(request, i), step.target[i], step.has_deadline));
    }
    mesh_write(message, answer);
    if (step.is_forwarded) {
        wait_slot(worker, SLOT_FULL);
        worker->forwarded = *message;
        set_slot(worker, SLOT_FULL);
    }
    return step.is_forwarded;
}

static void report_to(struct message *message)
{
    unsigned caller = (unsigned)message->word[0];

    VERIFY(caller < CALLERS_MAX);
    message->word[0] = atomic_load(&served[caller]);
    message->word[1] = caller < NODES_MAX ? atomic_load(&made[caller]) : 0;
}

static void serve(void *argument)
{
    struct worker *worker = argument;
    struct message message;
    bool is_answered = true;

    for (;;) {
        if (is_answered) {
            message = (struct message){0};
            must(message_receive(mailbox, &message, DEADLINE_FOREVER));
        } else {
            must(message_reply_receive(mailbox, &message));
        }
        switch (message_label(&message)) {
        case MESH_QUIT:
            must(message_reply(mailbox, &message));
            wait_slot(worker, SLOT_FULL);
            set_slot(worker, SLOT_OVER);
            return;
        case MESH_REPORT:
            report_to(&message);
            is_answered = false;
            break;
        default:
            is_answered = work(worker, &message);
        }
    }
}

int node_main(void)
{
    unsigned threads = (unsigned)option_u64("threads", 1);

    number = (unsigned)option_u64("node", 0);
    nodes = (unsigned)option_u64("nodes", 1);
    mailbox = program_handle("mailbox");
    for (unsigned i = number + 1; i < nodes; i++) {
        char name[START_NAME_BYTES];

        snprintf(name, sizeof(name), "node%u", i);
        node_handle[i] = program_handle(name);
    }
    VERIFY(threads <= THREADS_MAX && nodes <= NODES_MAX);
    for (unsigned i = 0; i < threads; i++) {
        must(thread_start(&workers[i].helper, help, &workers[i], THREAD_ANYWHERE, "helper"));
        must(thread_start(&workers[i].server, serve, &workers[i], THREAD_ANYWHERE, "server"));
    }
    for (unsigned i = 0; i < threads; i++) {
        thread_join(&workers[i].server);
        thread_join(&workers[i].helper);
    }
    return 0;
}
