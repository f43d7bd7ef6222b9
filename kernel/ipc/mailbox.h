/* SPDX-License-Identifier: MIT */
/* Mailboxes: synchronous messages. The theory is in mailbox.c. */
#pragma once

#include "base/list.h"
#include "gen/layout.h"
#include "object/object.h"
#include "sync/spinlock.h"

/* (m) lock  (c) constant after create */
struct mailbox {
    struct object object; /* (c) */
    struct spinlock lock;
    struct list callers;      /* (m) thread.wait_link: called, not yet received */
    struct list served;       /* (m) thread.wait_link: received, wait for the reply */
    struct list receivers;    /* (m) thread.wait_link: wait for a message */
    struct thread *server;    /* (a) who received last: a hint whom queued callers wait for */
    uint32_t receive_handles; /* (m) open handles with the right to receive */
    bool closed;              /* (m) no such handle any more */
    uint64_t calls;           /* (m) statistics */
    uint64_t bytes;           /* (m) copied through buffers */
    char name[NAME_BYTES];    /* (c) */
};

void mailbox_init(void);
status_t mailbox_create(const char *name, uint32_t process_id, struct mailbox **out) MUST_CHECK;
/* mailbox_handle_opened() / mailbox_handle_closed() - the handle table tells of handles with the right to receive. When the
 * last is gone nobody can answer any more: everybody who waits gets ERR_PEER_CLOSED, and so does every later call. */
void mailbox_handle_opened(struct object *object, uint32_t rights);
void mailbox_handle_closed(struct object *object, uint32_t rights);
void mailbox_destroy(struct object *object);
