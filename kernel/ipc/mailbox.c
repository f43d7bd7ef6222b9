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
 * This file is the mailbox itself. Calls are in call.c, receives and replies in receive.c, what a message carries beside its words in
 * message_load.c: everything in every situation. The common one has a shorter path in direct.c.
 *
 * Rejected: reply objects of their own (an allocation or a table per call); queueing messages (nothing to copy from then);
 * a lock held over the copy of a buffer (a long one would stop the mailbox for everybody).
 */
#include "ipc/mailbox_impl.h"

#include "base/assert.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "sched/process.h"

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
