/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes: synchronous call, receive, reply.
 *
 * Model. A caller is on one of two lists of the mailbox: `callers` until somebody has received its message, `served` until it
 * has its reply. A receiver that finds no caller is on `receivers`. A message is eight words in the registers that
 * SYSCALL saved (thread->frame), moved from frame to frame; the ticket of the caller's wait (sched/thread.h) is the reply token
 * and the call id of the trace.
 *
 *      call:     a receiver waits   claim it, move words, hand the core over to it
 *                nobody waits       join `callers`, wait
 *      receive:  a caller waits     move it to `served`, take its words, go on
 *                nobody waits       join `receivers`, wait
 *      reply:    claim the caller by its token, move words; with receive: hand the core over to it
 *      send:     a call that is answered, with nothing, by being received: its token is not given out
 *
 * M1  A thread on one of the lists has its ticket published or is being claimed; the lists change under the lock only.
 * M2  A caller whose wait ends early (time-out, cancellation) takes itself off its list under the lock before it returns
 *     to user mode. So under the lock the frame of a listed caller is stable, even if its ticket is claimed already.
 * M3  Buffers are copied and handles put into the receiver's table with no lock held, by whoever completes the pair, while the other side's ticket is claimed: it stands still,
 *     and cannot be woken by others. Each side has made its own pages present before, and none of what a call announces in its registers is paged out (vm/page_out.c). If the copy fails for the
 *     fault of one side, that side gets the error and the other is put back to wait (mailbox_unclaim()).
 * M4  When the last handle with the right to receive is closed, every listed thread gets ERR_PEER_CLOSED.
 * M5  The memory of a mailbox stays a mailbox (mm/heap.h): a caller that comes back late may lock it and take itself off a list it
 *     is not on, whatever the mailbox is by then. Who drops the lock for a copy tells by the object's id that it still is the same.
 * M6  A listed thread may still be on its way out of its core, and the words that it sent last on their way out of its frame (D5 in
 *     direct.c). Who claims it waits for that before it writes there. This is short: a thread takes no mailbox lock between
 *     its listing and its leaving.
 * M7  Nobody waits on `callers` while somebody waits on `receivers`. Both look at the other list before they join their own; a
 *     receiver that is put back has been on none meanwhile, so whoever puts it back gives it the first caller's message instead.
 *
 * This file does everything in every situation; the common one has a shorter path in direct.c.
 *
 * Rejected: reply objects of their own (an allocation or a table per call); queueing messages (nothing to copy from then);
 * a lock held over the copy of a buffer (a long one would stop the mailbox for everybody).
 */
#include "ipc/mailbox_impl.h"

#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "ipc/pins.h"
#include "mm/heap.h"
#include "object/handle.h"
#include "sched/process.h"
#include "sched/switch.h"
#include "vm/space.h"

static struct cache *mailbox_cache;

void mailbox_init(void)
{
    mailbox_cache = cache_create("mailbox", sizeof(struct mailbox));
}

status_t mailbox_create(const char *name, uint32_t process_id, struct mailbox **out)
{
    struct mailbox *mailbox = cache_alloc(mailbox_cache);
    if (mailbox == NULL) {
        return ERR_NO_MEMORY;
    }
    /* A late caller of an earlier life may hold the lock right now (M5): it is initialised once, when the memory is new. */
    if (mailbox->lock.name == NULL) {
        spinlock_init(&mailbox->lock, "mailbox", LOCK_RANK_MAILBOX);
        list_init(&mailbox->callers);
        list_init(&mailbox->served);
        list_init(&mailbox->receivers);
    }
    spinlock_acquire(&mailbox->lock);
    mailbox->receive_handles = 0;
    mailbox->closed = false;
    mailbox->server = NULL;
    mailbox->calls = 0;
    mailbox->bytes = 0;
    string_copy(mailbox->name, name, sizeof(mailbox->name));
    object_init(&mailbox->object, OBJECT_MAILBOX);
    spinlock_release(&mailbox->lock);
    trace_life_object_name(OBJECT_MAILBOX, mailbox->object.id, process_id, mailbox->name,
                           strlen(mailbox->name));
    *out = mailbox;
    return OK;
}

/*
 * Put a claimed thread back to the wait it was in, unless that has become pointless meanwhile. It has left its core (M6), so it has
 * armed its deadline, if it has one; who was told of that, or killed the thread, found the ticket claimed and went away.
 */
void mailbox_unclaim(struct thread *thread, uint64_t ticket)
{
    ASSERT(thread_has_left(thread));
    atomic_store_explicit(&thread->ticket, ticket, memory_order_seq_cst);
    bool expired =
        thread->deadline.ticket == ticket && !*(const volatile bool *)&thread->deadline.armed;
    bool killed =
        atomic_load_explicit(&thread->pending, memory_order_seq_cst) & THREAD_PENDING_KILL;
    if ((expired || killed) && thread_claim(thread, ticket)) {
        thread_ready(thread, killed ? ERR_CANCELLED : ERR_TIMED_OUT, TRACE_WAKE_REASON_TIMEOUT);
    }
}

static void release_all_locked(struct list *waiters)
{
    list_for_each_safe (node, following, waiters) {
        struct thread *thread = LIST_ENTRY(node, struct thread, wait_link);
        uint64_t ticket = atomic_load_explicit(&thread->ticket, memory_order_relaxed);
        lists_leave_locked(thread);
        if (ticket != 0 && thread_claim(thread, ticket)) {
            thread_ready(thread, ERR_PEER_CLOSED, TRACE_WAKE_REASON_CLOSED);
        }
    }
}

void mailbox_handle_opened(struct object *object, uint32_t rights)
{
    struct mailbox *mailbox = CONTAINER_OF(object, struct mailbox, object);
    if (rights & RIGHT_MAILBOX_RECEIVE) {
        spinlock_acquire(&mailbox->lock);
        mailbox->receive_handles++;
        spinlock_release(&mailbox->lock);
    }
}

void mailbox_handle_closed(struct object *object, uint32_t rights)
{
    struct mailbox *mailbox = CONTAINER_OF(object, struct mailbox, object);
    if (!(rights & RIGHT_MAILBOX_RECEIVE)) {
        return;
    }
    spinlock_acquire(&mailbox->lock);
    ASSERT(mailbox->receive_handles > 0);
    if (--mailbox->receive_handles == 0) {
        mailbox->closed = true;
        release_all_locked(&mailbox->callers);
        release_all_locked(&mailbox->served);
        release_all_locked(&mailbox->receivers);
    }
    spinlock_release(&mailbox->lock);
}

void mailbox_destroy(struct object *object)
{
    cache_free(mailbox_cache, CONTAINER_OF(object, struct mailbox, object));
}

/*
 * Make the thread's own receive buffer present before it waits (M3). What it sends is only looked at for size: whoever copies his own
 * message makes its pages present as he goes, and who has to queue does it then (pin_message()).
 */
static status_t prepare_buffers(const struct trap_frame *frame, uint64_t label, bool sends)
{
    struct thread *self = current_thread();
    if (sends && !message_handles_are_sound(label)) {
        return ERR_BAD_ARGUMENT;
    }
    if (sends && (label & MESSAGE_SEND) && frame->r9 > MESSAGE_BUFFER_MAX) {
        return ERR_TOO_BIG;
    }
    if (!(label & MESSAGE_RECEIVE) || has_landing(self, frame)) {
        return OK;
    }
    if (frame->r12 > MESSAGE_BUFFER_MAX) {
        return ERR_TOO_BIG;
    }
    return pin_landing(self, frame->r10, frame->r12);
}

/* Copy the current thread's message to the space of another, step by step, its own pages being made present where needed. */
static status_t copy_own(struct space *to, vaddr_t to_va, vaddr_t from_va, uint64_t bytes,
                         bool *out_bad_to)
{
    struct space *own = current_thread()->process->space;
    for (;;) {
        uint64_t now = MIN(bytes, SPACE_SEND_MAX);
        if (!space_send(to, to_va, from_va, now)) {
            status_t status = space_prefault(own, from_va, now, false);
            if (status == OK) {
                status = space_copy(to, to_va, own, from_va, now, out_bad_to);
            }
            if (status != OK) {
                return status;
            }
        }
        bytes -= now;
        if (bytes == 0) {
            return OK;
        }
        to_va += now;
        from_va += now;
        preempt_point();
    }
}

/* Copy the sender's buffer to the receiver. OK, or ERR_BAD_ADDRESS with *out_bad_to telling whose pages were gone. */
static status_t copy_buffer(struct mailbox *mailbox, struct thread *from, struct thread *to,
                            struct landing landing, uint64_t call, bool reply, bool *out_bad_to)
{
    uint64_t bytes = from->frame->r9;
    status_t status;
    if (from == current_thread()) {
        status = copy_own(to->process->space, landing.address, from->frame->r8, bytes, out_bad_to);
    } else {
        status = space_copy(to->process->space, landing.address, from->process->space,
                            from->frame->r8, bytes, out_bad_to);
    }
    trace_ipc_copy((uint8_t)status, call & CALL_ID_MASK, reply, from->tid, to->tid,
                   (uint32_t)bytes);
    if (status == OK) {
        __atomic_fetch_add(&mailbox->bytes, bytes, __ATOMIC_RELAXED);
    }
    return status;
}

/*
 * Bring what a message carries beside its words to the receiver: its buffer, then its handles. Both sides stand still. Returns OK;
 * ERR_TOO_BIG: more than the receiver takes; ERR_BAD_ADDRESS with *out_bad_to telling whose pages were gone; what
 * message_handles_give() says.
 */
static COLD status_t carry_load(struct mailbox *mailbox, struct thread *from, struct thread *to,
                                struct landing landing, uint64_t label, uint64_t call, bool reply,
                                bool *out_bad_to)
{
    status_t status = OK;
    bool gives = (label & MESSAGE_HANDLES_MASK) != 0;
    *out_bad_to = false;
    if (((label & MESSAGE_SEND) && from->frame->r9 > landing.capacity) ||
        (gives && !landing.accepts)) {
        return ERR_TOO_BIG;
    }
    if (label & MESSAGE_SEND) {
        status = copy_buffer(mailbox, from, to, landing, call, reply, out_bad_to);
    }
    if (status == OK && gives) {
        status = message_handles_give(from, to, label);
        trace_ipc_handles((uint8_t)status, call & CALL_ID_MASK, reply,
                          (uint8_t)message_handle_count(label), from->tid, to->tid);
    }
    return status;
}

/* The mailbox has gone after carry_load() gave this status. No lock held: closing a handle may take any. */
static COLD void take_back_load(const struct thread *from, struct thread *to, uint64_t label,
                                status_t status)
{
    if (status == OK && (label & MESSAGE_HANDLES_MASK)) {
        message_handles_take_back(from, to, label);
    }
}

static inline void finish(struct trap_frame *frame, status_t status)
{
    frame->rax = (uint64_t)(int64_t)status;
}

/* Off whatever list the thread may still be on, after a wait that ended early (M2). */
static void leave_lists(struct mailbox *mailbox, struct thread *self)
{
    spinlock_acquire(&mailbox->lock);
    lists_leave_locked(self);
    spinlock_release(&mailbox->lock);
}

/* Win the right to end a wait, and wait until that thread stands still (M6). */
static inline bool claim_still(struct thread *partner, uint64_t ticket)
{
    if (UNLIKELY(ticket == 0 || !thread_claim(partner, ticket))) {
        return false;
    }
    while (UNLIKELY(!thread_has_left(partner))) {
        cpu_relax();
        core_poll();
    }
    return true;
}

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
    status_t status = carry_load(mailbox, self, server, landing_of(server, server->frame->rsi),
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
    take_back_load(self, server, label, status);
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
        leave_lists(mailbox, self);
        frame->rdi = handle;
    } else if (UNLIKELY(label & MESSAGE_ONE_WAY)) {
        frame->rdi = handle; /* no reply has taken its place */
    }
    return status;
}

static inline status_t call(struct trap_frame *frame, struct handle_entry *entry,
                            struct mailbox *mailbox)
{
    struct thread *self = current_thread();
    uint64_t badge = entry->badge, handle = frame->rdi, label = frame->rsi;
    ns_t deadline = frame->rdx;
    uint64_t server_ticket;
    bool is_sendable = false;
    status_t status;

    if (UNLIKELY(label & (MESSAGE_FLAGS_MASK | MESSAGE_HANDLES_MASK))) {
        status = prepare_buffers(frame, label, true);
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
        leave_lists(self->wait_object, self);
    }
    trace_ipc_return((uint8_t)self->wake_status, self->call & CALL_ID_MASK);
    finish(frame, self->wake_status);
    trace_syscall_exit((uint8_t)self->wake_status);
}

static inline void call_or_send(struct trap_frame *frame, struct handle_entry *entry)
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
    finish(frame, status);
}

void sys_mailbox_call(struct trap_frame *frame, struct handle_entry *entry)
{
    frame->rsi &= ~MESSAGE_ONE_WAY;
    call_or_send(frame, entry);
}

void sys_mailbox_send(struct trap_frame *frame, struct handle_entry *entry)
{
    if (frame->rsi & MESSAGE_LANDING_MASK) {
        finish(frame, ERR_BAD_ARGUMENT); /* nothing comes back */
        return;
    }
    frame->rsi |= MESSAGE_ONE_WAY;
    call_or_send(frame, entry);
}

/*
 * Take the message of a caller that carries a buffer or handles. Lock held on entry and exit, dropped for the copy.
 * True: the message is taken; a caller who wants no reply stays claimed. False: that caller has been told why not, or its wait is over; *out_status != OK is the receiver's.
 */
static COLD bool take_load(struct mailbox *mailbox, struct thread *self, struct thread *caller,
                           uint64_t ticket, struct landing landing, status_t *out_status)
{
    uint32_t id = mailbox->object.id;
    if (!claim_still(caller, ticket)) {
        return false;
    }
    spinlock_release(&mailbox->lock);
    bool bad_to;
    uint64_t label = caller->frame->rsi;
    status_t status = carry_load(mailbox, caller, self, landing, label, ticket, false, &bad_to);
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
        take_back_load(caller, self, label, status);
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
static bool take_message_locked(struct mailbox *mailbox, struct thread *self,
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
    finish(frame, status);
}

/* The receiver has parked (ipc/direct.c) and somebody else ended its wait. */
void mailbox_receive_resumed(struct trap_frame *frame)
{
    thread_switch_finish();
    struct thread *self = current_thread();
    struct mailbox *mailbox = self->wait_object;
    if (self->wake_status != OK) {
        leave_lists(mailbox, self);
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
            leave_lists(mailbox, self);
        }
    }
    end_receive(frame, self, mailbox, status);
}

void sys_mailbox_receive(struct trap_frame *frame, struct handle_entry *entry)
{
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);
    uint64_t label = frame->rsi & MESSAGE_LANDING_MASK;
    if (UNLIKELY(label != 0)) {
        status_t status = prepare_buffers(frame, label, false);
        if (status != OK) {
            finish(frame, status);
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
    status_t status = carry_load(mailbox, self, caller, landing_of(caller, caller->frame->rsi),
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
    leave_lists(mailbox, caller);
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
        status = prepare_buffers(frame, label, true);
    }
    if (status == OK) {
        status = answer(mailbox, label, frame->rdx, &caller);
    }
    if (caller != NULL) {
        thread_ready(caller, OK, TRACE_WAKE_REASON_REPLY);
    }
    finish(frame, status);
}

void sys_mailbox_reply_receive(struct trap_frame *frame, struct handle_entry *entry)
{
    struct mailbox *mailbox = CONTAINER_OF(entry->object, struct mailbox, object);
    uint64_t label = frame->rsi, token = frame->rdx;
    struct thread *caller = NULL;
    status_t status = OK;
    if (UNLIKELY(label & (MESSAGE_FLAGS_MASK | MESSAGE_HANDLES_MASK))) {
        status = prepare_buffers(frame, label, true);
    }
    if (status == OK && token != 0) {
        status = answer(mailbox, label, token, &caller);
    }
    if (UNLIKELY(status != OK)) {
        finish(frame, status);
        return;
    }
    receive(frame, entry, mailbox, label & MESSAGE_LANDING_MASK, DEADLINE_FOREVER, caller);
}
