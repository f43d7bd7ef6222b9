/* SPDX-License-Identifier: MIT */
/* Calling: find a server that waits and give it the message, or queue. The model and its invariants are in mailbox.c. */
#include "ipc/mailbox_impl.h"

#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "ipc/pins.h"
#include "object/handle.h"

/* The first receiver that can be claimed, off its list; NULL: none. Its ticket in *out_ticket. */
static inline struct thread *claim_receiver_locked(struct mailbox *mailbox, uint64_t *out_ticket)
{
    while (!list_is_empty(&mailbox->receivers)) {
        struct thread *server = LIST_FIRST(&mailbox->receivers, struct thread, wait_link);
        uint64_t ticket = atomic_load_explicit(&server->ticket, memory_order_relaxed);
        list_remove(&server->wait_link);
        if (LIKELY(claim_still(server, ticket))) {
            *out_ticket = ticket;
            return server;
        }
    }
    return NULL;
}

/*
 * What a call carries, to a claimed server. The lock is held on entry, and again when it went well. Else the server waits again or
 * has been told of its own fault, and the status is the caller's, or 1: look for another server.
 */
#define TRY_ANOTHER 1
static COLD status_t send_load(struct mailbox *mailbox, struct thread *self, struct thread *server,
                               uint64_t ticket)
{
    uint64_t label = self->frame->rsi;
    uint32_t id = mailbox->object.id;
    bool bad_to;
    spinlock_release(&mailbox->lock);
    status_t status = message_carry(mailbox, self, server, landing_of(server, server->frame->rsi),
                                    label, self->call, false, &bad_to);
    if (status == ERR_BAD_ADDRESS && bad_to) {
        thread_ready(server, ERR_BAD_ADDRESS, TRACE_WAKE_REASON_MESSAGE);
        return TRY_ANOTHER;
    }
    spinlock_acquire(&mailbox->lock);
    bool has_gone = mailbox_has_gone(mailbox, id);
    if (LIKELY(status == OK && !has_gone)) {
        return OK;
    }
    if (!has_gone) {
        mailbox_put_back_receiver_locked(mailbox, server, ticket);
    }
    spinlock_release(&mailbox->lock);
    if (!has_gone) {
        return status;
    }
    message_take_back(self, server, label, status);
    thread_ready(server, ERR_PEER_CLOSED, TRACE_WAKE_REASON_CLOSED);
    return ERR_PEER_CLOSED;
}

/* The mailbox in which a thread waits for its reply, or for its call to be received; NULL: it does neither. */
static const struct mailbox *find_called(const struct thread *thread)
{
    uint64_t ticket = atomic_load_explicit(&thread->ticket, memory_order_acquire);
    bool calls =
        thread->wait == TRACE_THREAD_STATE_CALL || thread->wait == TRACE_THREAD_STATE_REPLY;
    const struct mailbox *mailbox = *(void *const volatile *)&thread->wait_object;
    atomic_thread_fence(memory_order_acquire);
    /* One wait from first to last look, so the kind and the object belong together. */
    bool is_one =
        ticket != 0 && atomic_load_explicit(&thread->ticket, memory_order_relaxed) == ticket;
    return is_one && calls ? mailbox : NULL;
}

/*
 * A caller queues: who serves the mailbox, and whom that one waits for in its turn, goes on with the caller's priority. All that
 * is followed is type-stable memory (M5): a stale pointer lends to the wrong thread for the length of a wait, no more.
 */
#define LEND_CHAIN_MAX 4u
static COLD void lend_priority(const struct mailbox *mailbox, const struct thread *self,
                               uint64_t ticket)
{
    for (unsigned chain = 0; mailbox != NULL && chain < LEND_CHAIN_MAX; chain++) {
        struct thread *server = *(struct thread *const volatile *)&mailbox->server;
        if (server == NULL || server == self) {
            return;
        }
        thread_lend(server, self, ticket);
        mailbox = find_called(server);
    }
}

/* Behind those who are as urgent, before those who are less. */
static void queue_caller_locked(struct mailbox *mailbox, struct thread *self)
{
    unsigned level = thread_level(self);
    struct list *before = mailbox->callers.prev;
    while (before != &mailbox->callers &&
           thread_level(LIST_ENTRY(before, struct thread, wait_link)) < level) {
        before = before->prev;
    }
    list_push_front(before, &self->wait_link);
}

/* A one-way message for a server that waits: it is received, and both go on. Lock held on entry, not on exit. */
static COLD status_t send_locked(struct mailbox *mailbox, struct thread *self,
                                 struct thread *server, uint64_t label, uint64_t badge)
{
    deliver(self, server, label, badge, thread_next_ticket(self));
    thread_skip_ticket(self);
    spinlock_release(&mailbox->lock);
    thread_ready(server, OK, TRACE_WAKE_REASON_MESSAGE);
    return OK;
}

/* The message is with the server or the caller on the list: what is left is to wait. Lock held on entry, not on exit. */
static inline status_t call_locked(struct mailbox *mailbox, struct thread *self,
                                   struct thread *server, uint64_t label, uint64_t badge,
                                   ns_t deadline)
{
    struct trap_frame *frame = self->frame;
    uint64_t handle = frame->rdi;
    uint64_t ticket;
    status_t status;
    mailbox->calls++;
    if (UNLIKELY(server != NULL && (label & MESSAGE_ONE_WAY))) {
        return send_locked(mailbox, self, server, label, badge);
    }
    if (LIKELY(server != NULL)) {
        ticket = thread_ticket(self, TRACE_THREAD_STATE_REPLY, mailbox);
        served_join_locked(mailbox, self);
        deliver(self, server, label, badge, ticket);
        spinlock_release(&mailbox->lock);
        if (deadline == DEADLINE_POLL) {
            deadline = DEADLINE_FOREVER; /* it was taken at once, which is all that polling asks */
        }
        status = thread_hand_over(self, ticket, deadline, server, OK, TRACE_WAKE_REASON_MESSAGE);
    } else {
        ticket = thread_ticket(self, TRACE_THREAD_STATE_CALL, mailbox);
        /* The receiver needs the badge: it travels in the frame, where the words are. */
        frame->rdi = badge;
        queue_caller_locked(mailbox, self);
        spinlock_release(&mailbox->lock);
        lend_priority(mailbox, self, ticket);
        status = thread_wait(self, ticket, deadline);
    }
    if (UNLIKELY(status != OK)) {
        mailbox_leave_lists(mailbox, self);
        frame->rdi = handle;
    } else if (UNLIKELY(label & MESSAGE_ONE_WAY)) {
        frame->rdi = handle; /* no reply has taken its place */
    }
    return status;
}

static ALWAYS_INLINE status_t call(struct trap_frame *frame, struct handle_entry *entry,
                                   struct mailbox *mailbox)
{
    struct thread *self = current_thread();
    uint64_t badge = entry->badge, handle = frame->rdi, label = frame->rsi;
    ns_t deadline = frame->rdx;
    uint64_t server_ticket;
    bool is_sendable = false;
    status_t status;

    if (UNLIKELY(label & (MESSAGE_FLAGS_MASK | MESSAGE_HANDLES_MASK))) {
        status = message_prepare(frame, label, true);
        if (status != OK) {
            return status;
        }
    }
    for (;;) {
        spinlock_acquire(&mailbox->lock);
        if (UNLIKELY(!handle_is_current(entry, handle) || mailbox->closed)) {
            status = handle_is_current(entry, handle) ? ERR_PEER_CLOSED : ERR_BAD_HANDLE;
            break;
        }
        struct thread *server = claim_receiver_locked(mailbox, &server_ticket);
        if (UNLIKELY(server == NULL && (label & MESSAGE_SEND) && !is_sendable)) {
            /* Whoever receives it will copy it, and must not wait for our pager. */
            spinlock_release(&mailbox->lock);
            status =
                pin_message(self, frame->r8, frame->r9, label & MESSAGE_RECEIVE ? frame->r10 : 0);
            if (status != OK) {
                return status;
            }
            is_sendable = true;
            continue;
        }
        if (UNLIKELY(server == NULL && deadline == DEADLINE_POLL)) {
            status = ERR_TIMED_OUT;
            break;
        }
        if (UNLIKELY(server != NULL && (label & MESSAGE_LOAD_MASK))) {
            status = send_load(mailbox, self, server, server_ticket);
            if (status == TRY_ANOTHER) {
                continue;
            }
            if (status != OK) {
                return status;
            }
        }
        return call_locked(mailbox, self, server, label, badge, deadline);
    }
    spinlock_release(&mailbox->lock);
    return status;
}

/* The caller has parked (ipc/direct.c) and somebody else ended its wait. */
void mailbox_call_resumed(struct trap_frame *frame)
{
    thread_switch_finish();
    struct thread *self = current_thread();
    if (self->wake_status != OK) {
        mailbox_leave_lists(self->wait_object, self);
    }
    trace_ipc_return((uint8_t)self->wake_status, self->call & CALL_ID_MASK);
    frame_set_status(frame, self->wake_status);
    trace_syscall_exit((uint8_t)self->wake_status);
}

/* One function for both: what either does before is a single instruction, and the frame of a call in between would cost 30. */
static NOINLINE void call_or_send(struct trap_frame *frame, struct handle_entry *entry)
{
    struct thread *self = current_thread();
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);
    uint64_t id = thread_next_ticket(self);
    self->call = id;
    trace_ipc_call((uint8_t)(frame->rsi >> 32), id & CALL_ID_MASK, mailbox->object.id,
                   (uint32_t)frame->rsi);
    status_t status = call(frame, entry, mailbox);
    if (UNLIKELY(self->queued_pins != 0)) {
        unpin_message(self);
    }
    trace_ipc_return((uint8_t)status, id & CALL_ID_MASK);
    frame_set_status(frame, status);
}

void sys_mailbox_call(struct trap_frame *frame, struct handle_entry *entry)
{
    frame->rsi &= ~MESSAGE_ONE_WAY;
    call_or_send(frame, entry);
}

void sys_mailbox_send(struct trap_frame *frame, struct handle_entry *entry)
{
    if (frame->rsi & MESSAGE_LANDING_MASK) {
        frame_set_status(frame, ERR_BAD_ARGUMENT); /* nothing comes back */
        return;
    }
    frame->rsi |= MESSAGE_ONE_WAY;
    call_or_send(frame, entry);
}
