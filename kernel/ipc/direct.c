/* SPDX-License-Identifier: MIT */
/*
 * The direct path: a call to a server that waits on this core, and the reply that waits for the next call.
 *
 * A message normally costs two switches of kernel stacks, each with a saved context, and a way back up through the
 * functions that waited. But a thread that has just entered the kernel for a message has nothing on its kernel stack
 * worth keeping except its frame, and neither has a partner that left the same way. So:
 *
 *      sender:    SYSCALL, frame built ─┐
 *                                       ├ checks · claim · own ticket · page tables ┐
 *      receiver:  (parked, frame built) ┘            frame of the receiver ─ SYSRET ┘
 *
 * entry.asm calls one of the two functions here first. It returns the frame to leave through, or says that this message has
 * to go the general way (call.c, receive.c), which does everything and gives all errors. To go on here:
 *
 * D1  Nothing is changed but a counter before the claim, the last of the checks: giving up is free. Only a buffer can
 *     fail after it; then the partner is put back (M3 in mailbox.c) and the general way begins from the start.
 * D2  The partner lives on this core and has left it (T2 in sched/thread.h). If it left through here it is parked: no deadline to
 *     disarm, no wait to clean up. If it waits deep in call.c or receive.c it is switched to as usual, and only the sender parks:
 *     a pair that has met once goes directly from then on.
 * D3  The sender may wait without limit: no deadline, and nobody has asked anything of it (kill, suspend, move). That is
 *     looked at after the last place where this core polls, and before the ticket is out: see may_park().
 * D4  A buffer goes along if it is at most SPACE_SEND_MAX bytes, is present at both ends, and the sender's own landing place is known to
 *     be present. All of that was so the last time, or the general path makes it so.
 * D5  Between the two, ticket out and stack left, the sender is listed and may be claimed by another core. Its words are in its
 *     frame until entry.asm has taken them into registers, so nobody writes there before the store that clears on_cpu
 *     (M6), and as it still counts as on this core, nobody runs it before either (T2). From listing to leaving it takes
 *     no lock and polls nowhere.
 * D6  What the partner is owed beyond the switch is what every switch owes: thread_switch_begin() does page tables, FPU, segment
 *     bases, trace lane, time, and notes if somebody asked something of the partner while it waited; entry.asm looks at
 *     cpu->work before it leaves.
 *
 * A parked thread can also be woken by everybody else: context_switch() finds a context below its frame, which goes on
 * in mailbox_call_resumed() or mailbox_receive_resumed().
 *
 * The entry has saved all registers and the exit loads all, so nothing called from there need preserve any: this file is
 * compiled with -fcall-used-rbx and so on, which saves ten pushes and pops per message. README.md has the count of every step.
 *
 * Rejected: the whole path in assembly (about 30 instructions less, and nobody would change it again); one path with options for
 * buffers and deadlines (each costs every message a test; the two paths with buffers are the same source, compiled a second time).
 */
#include "trace/ring/write_inline.h"

/* Records are written in place: for a call this file would have to save every value it needs afterwards. */
#define trace_write_0(lane, header)          trace_write_inline(lane, header, 0, 0, 0, 0)
#define trace_write_1(lane, header, a)       trace_write_inline(lane, header, 1, a, 0, 0)
#define trace_write_2(lane, header, a, b)    trace_write_inline(lane, header, 2, a, b, 0)
#define trace_write_3(lane, header, a, b, c) trace_write_inline(lane, header, 3, a, b, c)

#include "base/hooks.h"
#include "gen/syscall_numbers.h"
#include "gen/trace_emit.h"
#include "ipc/mailbox_impl.h"
#include "object/handle.h"
#include "sched/process.h"
#include "sched/switch.h"

static_assert(TRACE_DETOUR_PAGES < MAILBOX_DETOURS, "one counter for each reason");
static_assert(SYSCALL_MAILBOX_CALL == 1 && SYSCALL_MAILBOX_REPLY_RECEIVE == 4,
              "percpu.inc: the direct path");

uint64_t mailbox_detours[CPU_MAX][MAILBOX_DETOURS];

/* The general way, then. */
static COLD NOINLINE struct departure detour(const struct cpu *cpu, enum trace_detour why)
{
    mailbox_detours[cpu->id][why]++;
    trace_ipc_detour(why);
    return (struct departure){NULL, NULL};
}

static COLD NOINLINE struct departure detour_locked(const struct cpu *cpu, struct mailbox *mailbox,
                                                    enum trace_detour why)
{
    spinlock_release(&mailbox->lock);
    return detour(cpu, why);
}

/*
 * D3. Asked with the lock held: waiting for it, this core may have arrived at the rendezvous of who kills this thread, who
 * then finds no ticket to claim yet. From here to the ticket nothing polls.
 */
static ALWAYS_INLINE bool may_park(const struct thread *self)
{
    return atomic_load_explicit(&self->pending, memory_order_relaxed) == 0;
}

/* D2, and the last of the checks: with it the message is under way. */
static ALWAYS_INLINE bool claim_here(struct thread *partner, uint64_t ticket, const struct cpu *cpu)
{
    return partner->cpu == cpu->id && thread_has_left(partner) && ticket != 0 &&
           thread_claim(partner, ticket);
}

/* D4, as far as the sender knows. */
static ALWAYS_INLINE bool may_carry(const struct thread *self, uint64_t label)
{
    const struct trap_frame *frame = self->frame;
    return (label & ~(MESSAGE_LABEL_MASK | MESSAGE_FLAGS_MASK)) == 0 &&
           (!(label & MESSAGE_SEND) || frame->r9 <= SPACE_SEND_MAX) &&
           (!(label & MESSAGE_RECEIVE) || has_landing(self, frame));
}

/* The partner waits as before; where it was on a list, it is again. */
static COLD void put_back_locked(struct mailbox *mailbox, struct thread *partner, uint64_t ticket,
                                 bool has_gone, bool reply)
{
    if (has_gone) {
        /* It takes itself off its list, if that still exists (M2). */
        thread_ready(partner, ERR_PEER_CLOSED, TRACE_WAKE_REASON_CLOSED);
        return;
    }
    if (reply) {
        mailbox_unclaim(partner, ticket);
    } else {
        mailbox_put_back_receiver_locked(mailbox, partner, ticket);
    }
}

/*
 * The sender's buffer to a claimed partner; the lock is let go meanwhile (M3), so what was checked before is checked again.
 * False: it is not to be had like this, and the partner waits as before.
 */
static ALWAYS_INLINE bool carry(struct mailbox *mailbox, struct thread *self,
                                struct thread *partner, uint64_t ticket, const bool reply)
{
    uint64_t bytes = self->frame->r9;
    uint64_t call = reply ? ticket : thread_next_ticket(self);
    struct landing landing = landing_of(partner, partner->frame->rsi);
    uint32_t id = mailbox->object.id;
    spinlock_release(&mailbox->lock);
    bool sent = bytes <= landing.capacity &&
                space_send(partner->process->space, landing.address, self->frame->r8, bytes);
    if (LIKELY(sent)) {
        trace_ipc_copy(OK, call, reply, self->tid, partner->tid, (uint32_t)bytes);
    }
    spinlock_acquire(&mailbox->lock);
    bool has_gone = mailbox_has_gone(mailbox, id);
    if (UNLIKELY(!sent || has_gone || !may_park(self) ||
                 (reply && !list_is_empty(&mailbox->callers)))) {
        put_back_locked(mailbox, partner, ticket, has_gone, reply);
        return false;
    }
    mailbox->bytes += bytes;
    return true;
}

/* What the partner finds in its registers; with buffers the words, too. */
static ALWAYS_INLINE void set_results(const struct thread *self, struct thread *partner,
                                      uint64_t badge, uint64_t label, uint64_t token,
                                      const bool buffers)
{
    struct trap_frame *frame = partner->frame;
    frame->rax = OK;
    if (buffers) {
        deliver(self, partner, label, badge, token);
        return;
    }
    frame->rdi = badge;
    frame->rsi = label;
    frame->rdx = token;
}

/* The partner waits in call.c or receive.c: it needs the words in its frame, and goes on from its own stack. */
static COLD NORETURN void go_to_blocked(struct cpu *cpu, struct thread *self,
                                        struct thread *partner, bool buffers)
{
    if (!buffers) {
        frame_move_words(self->frame, partner->frame);
    }
    partner->wake_status = OK;
    cpu->previous = self;
    context_resume(&partner->context);
}

/* The core goes over to the partner; the sender, whose ticket is out, parks (D5). */
static ALWAYS_INLINE void go_to(struct cpu *cpu, struct thread *self, struct thread *partner,
                                enum trace_thread_state state, const bool buffers)
{
    bool is_parked = context_is_parked(&partner->context, partner->frame);
    ASSERT(partner->cpu == cpu->id); /* D2 */
    context_park(&self->context, self->frame);
    thread_switch_begin(cpu, self, partner, state, TRACE_SWITCH_REASON_HANDOFF);
    if (UNLIKELY(!is_parked)) {
        go_to_blocked(cpu, self, partner, buffers);
    }
}

/* Who takes the words from the sender's frame: entry.asm, unless set_results() did. */
static ALWAYS_INLINE struct departure leave(struct thread *self, struct thread *partner,
                                            const bool buffers)
{
    trace_syscall_exit(OK);
    if (buffers) {
        context_leave(partner->frame, &self->on_cpu);
    }
    return (struct departure){partner->frame, &self->on_cpu};
}

static ALWAYS_INLINE struct departure call(struct trap_frame *frame, const bool buffers)
{
    struct cpu *cpu = this_cpu();
    struct thread *self = cpu->current;
    uint64_t handle = frame->rdi, label = frame->rsi;
    struct handle_entry *entry =
        handle_peek_fast_of(self->process, handle, OBJECT_MAILBOX, RIGHT_MAILBOX_SEND);
    if (UNLIKELY(entry == NULL)) {
        return detour(cpu, TRACE_DETOUR_HANDLE);
    }
    if (UNLIKELY(frame->rdx != DEADLINE_FOREVER)) {
        return detour(cpu, TRACE_DETOUR_DEADLINE);
    }
    if (buffers && !may_carry(self, label)) {
        return detour(cpu, TRACE_DETOUR_LOAD);
    }
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);
    uint64_t badge = entry->badge;

    spinlock_acquire(&mailbox->lock);
    if (UNLIKELY(!handle_is_current(entry, handle))) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_HANDLE);
    }
    if (UNLIKELY(!may_park(self))) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_REQUESTED);
    }
    if (UNLIKELY(list_is_empty(&mailbox->receivers))) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_NOBODY);
    }
    struct thread *server = LIST_FIRST(&mailbox->receivers, struct thread, wait_link);
    uint64_t ticket = atomic_load_explicit(&server->ticket, memory_order_relaxed);
    if (UNLIKELY(!claim_here(server, ticket, cpu))) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_ELSEWHERE);
    }
    list_remove(&server->wait_link);
    if (buffers && (label & MESSAGE_SEND) && !carry(mailbox, self, server, ticket, false)) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_PAGES);
    }
    uint64_t token = thread_ticket(self, TRACE_THREAD_STATE_REPLY, mailbox);
    served_join_locked(mailbox, self);
    mailbox->calls++;
    mailbox->server = server;
    spinlock_release(&mailbox->lock);

    trace_syscall_enter(SYSCALL_MAILBOX_CALL, handle);
    trace_ipc_call((uint8_t)(label >> 32), token, mailbox->object.id, (uint32_t)label);
    self->call = token;
    server->serving = token;
    set_results(self, server, badge, label, token, buffers);
    go_to(cpu, self, server, TRACE_THREAD_STATE_REPLY, buffers);
    trace_ipc_receive(token, (uint16_t)badge, mailbox->object.id, (uint32_t)label);
    return leave(self, server, buffers);
}

static ALWAYS_INLINE struct departure reply_receive(struct trap_frame *frame, const bool buffers)
{
    struct cpu *cpu = this_cpu();
    struct thread *self = cpu->current;
    uint64_t handle = frame->rdi, label = frame->rsi, token = frame->rdx;
    struct handle_entry *entry =
        handle_peek_fast_of(self->process, handle, OBJECT_MAILBOX, RIGHT_MAILBOX_RECEIVE);
    struct thread *caller = thread_of_token(token);
    if (UNLIKELY(entry == NULL || caller == NULL)) {
        return detour(cpu, TRACE_DETOUR_HANDLE);
    }
    if (buffers && !may_carry(self, label)) {
        return detour(cpu, TRACE_DETOUR_LOAD);
    }
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);

    spinlock_acquire(&mailbox->lock);
    if (UNLIKELY(!handle_is_current(entry, handle) || caller->served_by != mailbox)) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_HANDLE);
    }
    if (UNLIKELY(!may_park(self))) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_REQUESTED);
    }
    if (UNLIKELY(!list_is_empty(&mailbox->callers))) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_QUEUED);
    }
    if (UNLIKELY(!claim_here(caller, token, cpu))) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_ELSEWHERE);
    }
    if (buffers && (label & MESSAGE_SEND) && !carry(mailbox, self, caller, token, true)) {
        return detour_locked(cpu, mailbox, TRACE_DETOUR_PAGES);
    }
    lists_leave_locked(caller);
    thread_ticket(self, TRACE_THREAD_STATE_RECEIVE, mailbox);
    list_push_back(&mailbox->receivers, &self->wait_link);
    spinlock_release(&mailbox->lock);

    trace_syscall_enter(SYSCALL_MAILBOX_REPLY_RECEIVE, handle);
    trace_ipc_reply((uint8_t)(label >> 32), token);
    set_results(self, caller, 0, label, 0, buffers);
    go_to(cpu, self, caller, TRACE_THREAD_STATE_RECEIVE, buffers);
    trace_ipc_return(OK, token);
    return leave(self, caller, buffers);
}

static NOINLINE struct departure call_with_buffers(struct trap_frame *frame)
{
    return call(frame, true);
}

static NOINLINE struct departure reply_receive_with_buffers(struct trap_frame *frame)
{
    return reply_receive(frame, true);
}

struct departure mailbox_call_direct(struct trap_frame *frame)
{
    return UNLIKELY(frame->rsi >> 32 != 0) ? call_with_buffers(frame) : call(frame, false);
}

struct departure mailbox_reply_receive_direct(struct trap_frame *frame)
{
    return UNLIKELY(frame->rsi >> 32 != 0) ? reply_receive_with_buffers(frame)
                                           : reply_receive(frame, false);
}
