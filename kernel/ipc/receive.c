/* SPDX-License-Identifier: MIT */
/* Receiving and replying, or both: take the next caller's message, or wait for one. The model and its invariants are in mailbox.c. */
#include "ipc/mailbox_impl.h"

#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "object/handle.h"

/*
 * Take the message of a caller that carries a buffer or handles. Lock held on entry and exit, dropped for the copy.
 * True: the message is taken; a caller who wants no reply stays claimed. False: that caller has been told why not, or its wait is over; *out_status != OK is the receiver's.
 */
static COLD NOT_TRACED bool take_load(struct mailbox *mailbox, struct thread *self,
                                      struct thread *caller, uint64_t ticket,
                                      struct landing landing, status_t *out_status)
{
    uint32_t id = mailbox->object.id;
    if (!claim_still(caller, ticket)) {
        return false;
    }
    spinlock_release(&mailbox->lock);
    bool bad_to;
    uint64_t label = caller->frame->rsi;
    status_t status = message_carry(mailbox, caller, self, landing, label, ticket, false, &bad_to);
    spinlock_acquire(&mailbox->lock);
    bool has_gone = mailbox_has_gone(mailbox, id);
    if (status == OK && !has_gone) {
        if (!(label & MESSAGE_ONE_WAY)) {
            served_join_locked(mailbox, caller);
            mailbox_unclaim(caller, ticket);
        }
        return true;
    }
    if (has_gone) {
        spinlock_release(&mailbox->lock);
        message_take_back(caller, self, label, status);
        thread_ready(caller, ERR_PEER_CLOSED, TRACE_WAKE_REASON_CLOSED);
        spinlock_acquire(&mailbox->lock);
        *out_status = ERR_PEER_CLOSED;
    } else if (bad_to) {
        list_push_front(&mailbox->callers, &caller->wait_link);
        caller->wait = TRACE_THREAD_STATE_CALL;
        mailbox_unclaim(caller, ticket);
        *out_status = status;
    } else {
        thread_ready(caller, status, TRACE_WAKE_REASON_REPLY);
    }
    return false;
}

/*
 * Take the next caller's message, lock held. True: self->frame holds it. False: nobody calls, or *out_status != OK.
 */
static NOT_TRACED bool take_message_locked(struct mailbox *mailbox, struct thread *self,
                                           struct landing landing, status_t *out_status)
{
    while (!list_is_empty(&mailbox->callers) && *out_status == OK) {
        struct thread *caller = LIST_FIRST(&mailbox->callers, struct thread, wait_link);
        uint64_t ticket = atomic_load_explicit(&caller->ticket, memory_order_relaxed);
        uint64_t label = caller->frame->rsi;
        list_remove(&caller->wait_link);
        if (ticket == 0) {
            continue; /* its wait is over; it will not find itself on a list */
        }
        caller->wait = TRACE_THREAD_STATE_REPLY;
        if (UNLIKELY(label & MESSAGE_LOAD_MASK)) {
            if (!take_load(mailbox, self, caller, ticket, landing, out_status)) {
                continue;
            }
        } else if (LIKELY(!(label & MESSAGE_ONE_WAY))) {
            served_join_locked(mailbox, caller);
        } else if (!claim_still(caller, ticket)) {
            continue;
        }
        deliver(caller, self, label, caller->frame->rdi, ticket);
        if (UNLIKELY(label & MESSAGE_ONE_WAY)) {
            thread_ready(caller, OK, TRACE_WAKE_REASON_REPLY);
        }
        return true;
    }
    return false;
}

/* M7: a caller may have queued while the receiver was claimed. */
void mailbox_put_back_receiver_locked(struct mailbox *mailbox, struct thread *server,
                                      uint64_t ticket)
{
    status_t status = OK;
    struct landing landing = landing_of(server, server->frame->rsi);
    if (take_message_locked(mailbox, server, landing, &status) || status != OK) {
        thread_ready(server, status, TRACE_WAKE_REASON_MESSAGE);
    } else {
        list_push_front(&mailbox->receivers, &server->wait_link);
        mailbox_unclaim(server, ticket);
    }
}

/*
 * Receive without waiting, lock held on entry and not on exit: a caller is there, or there is a reason not to wait. `answered` is made
 * ready.
 */
static NOINLINE status_t receive_now(struct mailbox *mailbox, struct thread *self, bool is_current,
                                     uint64_t label, struct thread *answered)
{
    status_t status = OK;
    if (!is_current || mailbox->closed) {
        status = is_current ? ERR_PEER_CLOSED : ERR_BAD_HANDLE;
    }
    bool taken =
        status == OK && take_message_locked(mailbox, self, landing_of(self, label), &status);
    spinlock_release(&mailbox->lock);
    if (answered != NULL) {
        thread_ready(answered, OK, TRACE_WAKE_REASON_REPLY);
    }
    return taken || status != OK ? status : ERR_TIMED_OUT;
}

/* The end of a receive: the message is in the frame. */
static inline void end_receive(struct trap_frame *frame, struct thread *self,
                               struct mailbox *mailbox, status_t status)
{
    if (LIKELY(status == OK)) {
        mailbox->server = self;
        trace_ipc_receive(frame->rdx & CALL_ID_MASK, (uint16_t)frame->rdi, mailbox->object.id,
                          (uint32_t)frame->rsi);
        if (UNLIKELY(frame->rsi & MESSAGE_ONE_WAY)) {
            trace_ipc_reply(0, frame->rdx & CALL_ID_MASK);
            frame->rsi &= ~MESSAGE_ONE_WAY;
            frame->rdx = 0;
        }
        self->serving = frame->rdx;
    }
    frame_set_status(frame, status);
}

/* The receiver has parked (ipc/direct.c) and somebody else ended its wait. */
void mailbox_receive_resumed(struct trap_frame *frame)
{
    thread_switch_finish();
    struct thread *self = current_thread();
    struct mailbox *mailbox = self->wait_object;
    if (self->wake_status != OK) {
        mailbox_leave_lists(mailbox, self);
    }
    end_receive(frame, self, mailbox, self->wake_status);
    trace_syscall_exit((uint8_t)self->wake_status);
}

/* Receive, after a reply to `answered` (claimed, its message delivered) or with NULL. */
static inline void receive(struct trap_frame *frame, struct handle_entry *entry,
                           struct mailbox *mailbox, uint64_t label, ns_t deadline,
                           struct thread *answered)
{
    struct thread *self = current_thread();
    status_t status;
again:
    spinlock_acquire(&mailbox->lock);
    bool is_current = handle_is_current(entry, frame->rdi);
    if (UNLIKELY(!is_current || mailbox->closed || !list_is_empty(&mailbox->callers) ||
                 deadline == DEADLINE_POLL)) {
        status = receive_now(mailbox, self, is_current, label, answered);
        if (UNLIKELY(status == ERR_TIMED_OUT && deadline != DEADLINE_POLL)) {
            answered = NULL; /* ready already; the callers on the list had given up */
            goto again;
        }
    } else {
        uint64_t ticket = thread_ticket(self, TRACE_THREAD_STATE_RECEIVE, mailbox);
        frame->rsi = label; /* where a sender finds out what we take */
        list_push_back(&mailbox->receivers, &self->wait_link);
        spinlock_release(&mailbox->lock);
        if (LIKELY(answered != NULL && answered->cpu == cpu_id())) {
            status =
                thread_hand_over(self, ticket, deadline, answered, OK, TRACE_WAKE_REASON_REPLY);
        } else {
            if (answered != NULL) {
                /* It lives on another core: it is woken there and not drawn over. */
                thread_ready(answered, OK, TRACE_WAKE_REASON_REPLY);
            }
            status = thread_wait(self, ticket, deadline);
        }
        if (UNLIKELY(status != OK)) {
            mailbox_leave_lists(mailbox, self);
        }
    }
    end_receive(frame, self, mailbox, status);
}

void sys_mailbox_receive(struct trap_frame *frame, struct handle_entry *entry)
{
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);
    uint64_t label = frame->rsi & MESSAGE_LANDING_MASK;
    if (UNLIKELY(label != 0)) {
        status_t status = message_prepare(frame, label, false);
        if (status != OK) {
            frame_set_status(frame, status);
            return;
        }
    }
    receive(frame, entry, mailbox, label, frame->rdx, NULL);
}

/*
 * What a reply carries, to a claimed caller. On failure the caller waits again, and the status is the server's; or it has been
 * told of its own fault, and *out_gone is true: the reply is done with.
 */
static COLD status_t reply_load(struct mailbox *mailbox, struct thread *self, struct thread *caller,
                                uint64_t label, uint64_t token, bool *out_gone)
{
    uint32_t id = mailbox->object.id;
    bool bad_to;
    status_t status = message_carry(mailbox, self, caller, landing_of(caller, caller->frame->rsi),
                                    label, token, true, &bad_to);
    *out_gone = status == ERR_BAD_ADDRESS && bad_to;
    if (*out_gone) {
        /* It takes itself off its list (M2). */
        thread_ready(caller, ERR_BAD_ADDRESS, TRACE_WAKE_REASON_REPLY);
        return OK;
    }
    if (status != OK) {
        spinlock_acquire(&mailbox->lock);
        if (mailbox_has_gone(mailbox, id)) {
            thread_ready(caller, ERR_PEER_CLOSED, TRACE_WAKE_REASON_CLOSED);
        } else {
            mailbox_unclaim(caller, token);
        }
        spinlock_release(&mailbox->lock);
    }
    return status;
}

/* Claim the caller that a token names, if it waits for a reply of this mailbox. It stays on its list until the reply is delivered. */
static inline struct thread *claim_caller(struct mailbox *mailbox, uint64_t token)
{
    struct thread *caller = thread_of_token(token);
    if (caller == NULL || token == 0) {
        return NULL;
    }
    spinlock_acquire(&mailbox->lock);
    if (caller->served_by != mailbox || !claim_still(caller, token)) {
        caller = NULL;
    }
    spinlock_release(&mailbox->lock);
    return caller;
}

/*
 * Claim the caller that a token names and deliver the reply; the caller of this function makes it run. *out_caller is NULL if
 * it has been woken already. ERR_BAD_TOKEN: it does not wait for a reply of this mailbox.
 */
static status_t answer(struct mailbox *mailbox, uint64_t label, uint64_t token,
                       struct thread **out_caller)
{
    struct thread *self = current_thread();
    struct thread *caller = claim_caller(mailbox, token);
    if (caller == NULL) {
        return ERR_BAD_TOKEN;
    }
    trace_ipc_reply((uint8_t)(label >> 32), token & CALL_ID_MASK);
    if (UNLIKELY(label & MESSAGE_LOAD_MASK)) {
        bool gone;
        status_t status = reply_load(mailbox, self, caller, label, token, &gone);
        if (status != OK || gone) {
            *out_caller = NULL;
            return status;
        }
    }
    deliver(self, caller, label, 0, 0);
    mailbox_leave_lists(mailbox, caller);
    *out_caller = caller;
    return OK;
}

void sys_mailbox_reply(struct trap_frame *frame, struct handle_entry *entry)
{
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);
    uint64_t label = frame->rsi & (MESSAGE_LABEL_MASK | MESSAGE_LOAD_MASK);
    struct thread *caller = NULL;
    status_t status = OK;
    if (UNLIKELY(label & MESSAGE_LOAD_MASK)) {
        status = message_prepare(frame, label, true);
    }
    if (status == OK) {
        status = answer(mailbox, label, frame->rdx, &caller);
    }
    if (caller != NULL) {
        thread_ready(caller, OK, TRACE_WAKE_REASON_REPLY);
    }
    frame_set_status(frame, status);
}

void sys_mailbox_reply_receive(struct trap_frame *frame, struct handle_entry *entry)
{
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);
    uint64_t label = frame->rsi, token = frame->rdx;
    struct thread *caller = NULL;
    status_t status = OK;
    if (UNLIKELY(label & (MESSAGE_FLAGS_MASK | MESSAGE_HANDLES_MASK))) {
        status = message_prepare(frame, label, true);
    }
    if (status == OK && token != 0) {
        status = answer(mailbox, label, token, &caller);
    }
    if (UNLIKELY(status != OK)) {
        frame_set_status(frame, status);
        return;
    }
    receive(frame, entry, mailbox, label & MESSAGE_LANDING_MASK, DEADLINE_FOREVER, caller);
}
