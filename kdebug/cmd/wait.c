/* SPDX-License-Identifier: MIT */
/*
 * waits: who waits for whom, across processes, and whether somebody waits for himself in the end.
 *
 * A caller waits for the thread that serves its call (struct thread.serving holds the ticket of its wait), or as long as
 * nobody has received it for who received from that mailbox last; a join for the thread it names. Other waits are for
 * whoever comes, and end a chain.
 */
#include "kdebug/cmd/wait.h"

#include "base/format.h"
#include "ipc/mailbox.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

#define CHAIN_MAX 32u

struct server_search {
    uint64_t ticket;
    vaddr_t found;
};

static bool match_server(vaddr_t thread, const struct thread *copy, void *context)
{
    struct server_search *search = context;
    if (copy->serving == search->ticket) {
        search->found = thread;
    }
    return search->found == 0;
}

static vaddr_t find_server(const struct thread *caller)
{
    struct server_search search = {.ticket =
                                       atomic_load_explicit(&caller->ticket, memory_order_relaxed)};
    if (caller->wait == TRACE_THREAD_STATE_REPLY) {
        kd_each_thread(match_server, &search);
    }
    if (search.found != 0) {
        return search.found;
    }
    struct mailbox mailbox;
    kd_fetch((vaddr_t)caller->wait_object, &mailbox, sizeof(mailbox), "mailbox");
    return (vaddr_t)mailbox.server;
}

bool kd_wait_is_on(const struct thread *thread)
{
    return thread->run == THREAD_BLOCKED && thread->wait_object != NULL &&
           atomic_load_explicit(&thread->ticket, memory_order_relaxed) != 0;
}

vaddr_t kd_wait_awaited(vaddr_t address)
{
    struct thread thread;
    kd_fetch(address, &thread, sizeof(thread), "thread");
    if (!kd_wait_is_on(&thread)) {
        return 0;
    }
    if (thread.wait == TRACE_THREAD_STATE_CALL || thread.wait == TRACE_THREAD_STATE_REPLY) {
        return find_server(&thread);
    }
    struct object object;
    kd_fetch((vaddr_t)thread.wait_object, &object, sizeof(object), "object");
    bool joins = thread.wait == TRACE_THREAD_STATE_JOIN && object.type == OBJECT_THREAD;
    return joins ? (vaddr_t)thread.wait_object : 0;
}

void kd_wait_print(vaddr_t address)
{
    struct thread thread;
    char process[NAME_BYTES];
    kd_fetch(address, &thread, sizeof(thread), "thread");
    thread.name[NAME_BYTES - 1] = '\0';
    kd_process_text((vaddr_t)thread.process, process, sizeof(process));
    kd_print("%u %s/%s", thread.tid, process, thread.name);
}

vaddr_t kd_wait_print_chain(vaddr_t start, bool *out_cycle)
{
    vaddr_t at = start;
    *out_cycle = false;
    for (unsigned i = 0; i < CHAIN_MAX && !*out_cycle; i++) {
        vaddr_t next = kd_wait_awaited(at);
        if (next == 0) {
            break;
        }
        kd_print(" -> ");
        kd_wait_print(next);
        *out_cycle = next == start;
        at = next;
    }
    return at;
}

static void show_wait(const struct kd_value *value)
{
    struct thread thread;
    char object[80];
    bool cycle;
    kd_fetch(value->bits, &thread, sizeof(thread), "thread");
    kd_object_text((vaddr_t)thread.wait_object, object, sizeof(object));
    kd_print("%-9s  %-28s  ", kd_state_name(&thread), object);
    kd_wait_print(value->bits);
    (void)kd_wait_print_chain(value->bits, &cycle);
    kd_print("%s\n", cycle ? "  CYCLE" : "");
}

static const struct kd_type kd_type_wait = {
    .name = "thread",
    .header = "STATE      WAITS ON                      CHAIN",
    .show = show_wait,
};

struct listing {
    struct kd_call *call;
    vaddr_t process; /* 0: of all */
};

static bool list_wait(vaddr_t thread, const struct thread *copy, void *context)
{
    struct listing *listing = context;
    bool is_shown = listing->process == 0 || (vaddr_t)copy->process == listing->process;
    if (!is_shown || !kd_wait_is_on(copy)) {
        return true;
    }
    return kd_emit(listing->call, kd_value_of(thread, &kd_type_wait));
}

static void run_waits(struct kd_call *call)
{
    struct listing listing = {.call = call, .process = kd_arg_process(call)};
    kd_arg_done(call);
    kd_each_thread(list_wait, &listing);
}
KD_COMMAND(waits, .usage = "[PID]",
           .help = "who waits on what and for whom, chains across processes, cycles marked",
           .flags = KD_READS | KD_GIVES | KD_TAKES, .run = run_waits);
