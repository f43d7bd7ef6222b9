/* SPDX-License-Identifier: MIT */
/*
 * mailbox ID: everything about one mailbox: who may receive and who may send, who waits in which order, what is being served by
 * whom since when, and whose priority is lent.
 *
 * Since when a call waits is known from its record in the trace, if that is still there: a thread notes no time when it calls.
 */
#include "ipc/mailbox_impl.h"

#include "arch/cpu.h"
#include "kdebug/cmd/handle.h"
#include "kdebug/cmd/trace_print.h"
#include "kdebug/core/access.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

/* ---- which mailbox ---- */

struct search {
    uint64_t id;
    vaddr_t found;
};

static bool match_handle(vaddr_t entry UNUSED, const struct handle_entry *copy, void *context)
{
    struct search *search = context;
    struct object object;
    if (handle_type(copy) != OBJECT_MAILBOX) {
        return true;
    }
    kd_fetch((vaddr_t)copy->object, &object, sizeof(object), "object");
    if (object.id == search->id) {
        search->found = (vaddr_t)copy->object;
    }
    return search->found == 0;
}

static bool match_process(vaddr_t process, void *context)
{
    const struct search *search = context;
    kd_each_handle(process, match_handle, context);
    return search->found == 0;
}

/* The piped value, or the one that a handle leads to. */
static vaddr_t take_mailbox(struct kd_call *call)
{
    struct search search = {0};
    if (call->has_input) {
        if (!kd_value_object(&call->input, "mailbox", &search.found)) {
            kd_fail("'%s' takes mailboxes", call->command->name);
        }
        return search.found;
    }
    if (!kd_arg_number(call, &search.id)) {
        kd_fail_usage(call);
    }
    kd_each_process(match_process, &search);
    if (search.found == 0) {
        kd_fail("no handle leads to a mailbox %llu", (unsigned long long)search.id);
    }
    return search.found;
}

/* ---- handles ---- */

struct holder {
    vaddr_t mailbox, process;
};

static bool show_handle(vaddr_t entry UNUSED, const struct handle_entry *copy, void *context)
{
    const struct holder *holder = context;
    char process[NAME_BYTES];
    if ((vaddr_t)copy->object != holder->mailbox) {
        return true;
    }
    kd_process_text(holder->process, process, sizeof(process));
    kd_print("    %-16s  handle %llx  badge %llx %s%s\n", process,
             (unsigned long long)atomic_load_explicit(&copy->handle, memory_order_relaxed),
             (unsigned long long)copy->badge,
             copy->rights & RIGHT_MAILBOX_RECEIVE ? " receive" : "",
             copy->rights & RIGHT_MAILBOX_SEND ? " send" : "");
    return true;
}

static bool show_handles(vaddr_t process, void *context)
{
    struct holder *holder = context;
    holder->process = process;
    kd_each_handle(process, show_handle, holder);
    return true;
}

/* ---- threads ---- */

static void print_thread(const struct thread *thread)
{
    char process[NAME_BYTES];
    kd_process_text((vaddr_t)thread->process, process, sizeof(process));
    kd_print("    %5u  %s/%s  priority %u level %u", thread->tid, process, thread->name,
             thread->priority, thread->level);
    if (thread->deadline.armed) {
        kd_print("  until %llu ns", (unsigned long long)thread->deadline.when);
    }
}

static struct thread fetch_thread(vaddr_t address)
{
    struct thread thread;
    kd_fetch(address, &thread, sizeof(thread), "thread");
    thread.name[NAME_BYTES - 1] = '\0';
    return thread;
}

/* What a waiting thread's frame says of its buffers: what it sends, if that is still to come, and where it takes something. */
static void print_load(const struct thread *thread, bool is_to_send)
{
    struct trap_frame frame;
    kd_fetch((vaddr_t)thread->frame, &frame, sizeof(frame), "frame");
    if (is_to_send && frame.rsi & MESSAGE_SEND) {
        kd_print("  sends %llu bytes at %llx", (unsigned long long)frame.r9,
                 (unsigned long long)frame.r8);
    }
    if (is_to_send && frame.rsi & MESSAGE_HANDLES_MASK) {
        kd_print("  gives %u handles", message_handle_count(frame.rsi));
    }
    if (frame.rsi & MESSAGE_RECEIVE) {
        kd_print("  takes %llu bytes at %llx", (unsigned long long)frame.r12,
                 (unsigned long long)frame.r10);
    }
}

/* ---- calls ---- */

static void print_age(uint64_t call)
{
    tsc_t since;
    if (kd_target->trace_region() == 0 || !kd_events_find("call", call & CALL_ID_MASK, &since)) {
        return;
    }
    uint64_t khz = kd_events_khz();
    tsc_t now = kd_target->now();
    if (now > since && khz != 0) {
        kd_print("  since %llu us", (unsigned long long)((now - since) * 1000 / khz));
    } else {
        kd_print("  since tick %llu", (unsigned long long)since);
    }
}

static bool print_if_serves(vaddr_t address UNUSED, const struct thread *thread, void *context)
{
    const uint64_t *token = context;
    if (thread->serving == *token && thread->run != THREAD_DEAD) {
        kd_print("  received by %u", thread->tid);
    }
    return true;
}

static void show_caller(const struct thread *thread)
{
    print_load(thread, true);
    print_age(thread->call);
}

static void show_served(const struct thread *thread)
{
    uint64_t token = atomic_load_explicit(&thread->ticket, memory_order_relaxed);
    kd_print("  token %llx", (unsigned long long)token);
    print_load(thread, false);
    print_age(thread->call);
    kd_each_thread(print_if_serves, &token);
}

static void show_receiver(const struct thread *thread)
{
    print_load(thread, false);
}

static void show_list(vaddr_t head, const char *title, void (*show)(const struct thread *thread))
{
    struct kd_list_walk walk;
    vaddr_t node;
    bool is_empty = true;
    kd_list_begin(&walk, head);
    while (kd_list_next(&walk, &node)) {
        struct thread thread = fetch_thread(node - offsetof(struct thread, wait_link));
        if (is_empty) {
            kd_print("  %s:\n", title);
        }
        is_empty = false;
        print_thread(&thread);
        show(&thread);
        kd_print("\n");
    }
    if (is_empty) {
        kd_print("  %s: none\n", title);
    }
}

struct lender {
    uint64_t ticket;
    uint32_t tid;
    unsigned level;
};

static bool match_ticket(vaddr_t address UNUSED, const struct thread *thread, void *context)
{
    struct lender *lender = context;
    if (atomic_load_explicit(&thread->ticket, memory_order_relaxed) == lender->ticket) {
        lender->tid = thread->tid;
        lender->level = thread->level;
    }
    return lender->tid == 0;
}

/* Whom queued callers wait for, and whether one of them has lent it its priority. */
static void show_server(const struct mailbox *mailbox)
{
    if (mailbox->server == NULL) {
        return;
    }
    struct thread server = fetch_thread((vaddr_t)mailbox->server);
    kd_print("  received last:\n");
    print_thread(&server);
    struct lender lender = {.ticket = server.lent_by};
    if (lender.ticket != 0) {
        kd_each_thread(match_ticket, &lender);
    }
    if (lender.tid != 0) {
        kd_print("  lent level %u by %u", lender.level, lender.tid);
    }
    kd_print("\n");
}

static void run_mailbox(struct kd_call *call)
{
    static const struct kd_event_filter calls = {.prefix = "ipc.call", .cpu = -1};
    vaddr_t address = take_mailbox(call);
    struct mailbox mailbox;
    struct holder holder = {.mailbox = address};
    kd_arg_done(call);
    kd_fetch(address, &mailbox, sizeof(mailbox), "mailbox");
    mailbox.name[NAME_BYTES - 1] = '\0';
    if (kd_target->trace_region() != 0) {
        kd_events_collect(&calls, KD_EVENTS_MAX);
    }
    kd_print("mailbox %u '%s' at 0x%llx, %s: %llu calls, %llu bytes copied\n", mailbox.object.id,
             mailbox.name, (unsigned long long)address, mailbox.closed ? "closed" : "open",
             (unsigned long long)mailbox.calls, (unsigned long long)mailbox.bytes);
    kd_print("  %u handles, %u of them to receive:\n",
             atomic_load_explicit(&mailbox.object.handles, memory_order_relaxed),
             mailbox.receive_handles);
    kd_each_process(show_handles, &holder);
    show_list(address + offsetof(struct mailbox, callers), "callers, in their order", show_caller);
    show_list(address + offsetof(struct mailbox, served), "being served", show_served);
    show_list(address + offsetof(struct mailbox, receivers), "receivers", show_receiver);
    show_server(&mailbox);
}
KD_COMMAND(mailbox, .usage = "ID",
           .help = "everything about one mailbox: who may receive, callers in their order, calls "
                   "being served, receivers, lent priority",
           .flags = KD_READS | KD_TAKES, .run = run_mailbox);
