/* SPDX-License-Identifier: MIT */
/*
 * Handle tables: what a process may use, and how.
 *
 * A handle is generation << 12 | index. The generation grows each time an entry is used again, so an old handle is refused
 * and not taken for the next one in its place. Index 0 is never used, so no handle is 0.
 *
 * H1  A look-up takes no lock: objects live in type-stable memory (mm/heap.h), so it either takes a reference and looks
 *     at the entry again (handle_get), or the caller locks the object and looks again (handle_peek, handle_is_current).
 * H2  Rights only shrink: a handle derived from another has no right that the other lacks (handle_derive). Nor does it get another
 *     badge without the right to give badges, so a mailbox's handle can be passed on and still says whom it was made for.
 * H3  A derived handle is under the lease of the one it comes from (lease.h). The type of an entry under a lease has
 *     HANDLE_LEASED set, so it never equals the type a fast look-up asks for: only such handles pay for leases.
 */
#pragma once

#include "object/lease.h"
#include "object/quota.h"
#include "sync/spinlock.h"

#define HANDLE_INDEX_BITS 12u
#define HANDLE_CHUNK      32u     /* most processes need no second one; it fits a heap cache */
#define HANDLE_LEASED     0x8000u /* in handle_entry.type, H3 */

struct handle_entry {
    struct object *object;   /* (l) NULL: free */
    uint64_t badge;          /* (l) index of the next free entry while free */
    _Atomic uint64_t handle; /* (l, read without) the handle that names it now, 0 while free */
    uint32_t generation;     /* (l) of the handle given out last */
    uint32_t rights;         /* (l) RIGHT_* */
    uint16_t type;           /* (l) enum object_type, perhaps with HANDLE_LEASED */
    uint16_t index;          /* (c) from its first use on */
    struct lease *lease;     /* (l) with a reference; NULL: none */
};

/* (l) the table's lock */
struct handle_table {
    struct spinlock lock;
    struct handle_entry
        *chunk[HANDLE_MAX / HANDLE_CHUNK]; /* (l) added, never removed before the end */
    uint32_t used;                         /* (l) open handles */
    uint32_t free_first;                   /* (l) HANDLE_MAX: none */
    uint32_t fresh;                        /* (l) entries from here on have never been used */
    uint32_t limit;                        /* (l) entries that exist */
    bool closed;                           /* (l) the process ends: nothing may be added */
    struct quota *quota;                   /* (l) who pays for open handles; NULL: nobody */
};

/* handle_table_init() - of memory that was zeroed, or a table that has been freed: no chunk is known. */
void handle_table_init(struct handle_table *table, struct quota *quota);
/* handle_table_pay_by() - another account, for a table without open handles; else ERR_BUSY. */
status_t handle_table_pay_by(struct handle_table *table, struct quota *quota) MUST_CHECK;
/* handle_table_close() - close every handle; later additions fail with ERR_PEER_CLOSED. Process end, thread context. */
void handle_table_close(struct handle_table *table);
/* handle_table_free() - give the memory back once nobody can look. */
void handle_table_free(struct handle_table *table);

/* handle_add() - open a handle for a new object; takes its own reference on it. ERR_TABLE_FULL, ERR_QUOTA, ERR_NO_MEMORY,
 * ERR_PEER_CLOSED. */
status_t handle_add(struct handle_table *table, struct object *object, uint32_t rights,
                    uint64_t badge, uint64_t *out_handle) MUST_CHECK;
status_t handle_close(struct handle_table *table, uint64_t handle) MUST_CHECK;

/* handle_copy() - copy an entry out if it is open and handle_check() finds it good, with references on its object and lease that
 * handle_entry_put() drops. */
status_t handle_copy(struct handle_table *table, uint64_t handle, enum object_type type,
                     uint32_t rights, struct handle_entry *out) MUST_CHECK;
void handle_entry_put(const struct handle_entry *entry);

/*
 * handle_derive() - open another handle for what an entry (a copy with references) names, under the same lease.
 *
 * @rights  ERR_NO_RIGHTS if the source lacks one of them (H2)
 * @badge   0: the source's; of a mailbox another one than that is ERR_NO_RIGHTS without RIGHT_MAILBOX_BADGE
 *
 * The only way to make a handle from a handle. Also ERR_TABLE_FULL, ERR_NO_MEMORY, ERR_PEER_CLOSED as handle_add().
 */
status_t handle_derive(struct handle_table *table, const struct handle_entry *source,
                       uint32_t rights, uint64_t badge, uint64_t *out_handle) MUST_CHECK;

/* handle_check() - OK; ERR_WRONG_TYPE (never for OBJECT_ANY); ERR_REVOKED; ERR_NO_RIGHTS. */
status_t handle_check(const struct handle_entry *entry, enum object_type type,
                      uint32_t rights) MUST_CHECK;

/* handle_type() - of what an entry names. */
static inline enum object_type handle_type(const struct handle_entry *entry)
{
    return (enum object_type)(entry->type & ~HANDLE_LEASED);
}

/* handle_is_current() - after locking the object of a peeked entry: it still is what the handle names. */
static inline bool handle_is_current(const struct handle_entry *entry, uint64_t handle)
{
    return atomic_load_explicit(&entry->handle, memory_order_acquire) == handle;
}

/* handle_entry_at() - the entry of an index, NULL if there is none yet. */
static inline struct handle_entry *handle_entry_at(const struct handle_table *table, unsigned index)
{
    struct handle_entry *chunk = table->chunk[index / HANDLE_CHUNK];
    return chunk == NULL ? NULL : &chunk[index % HANDLE_CHUNK];
}

/* handle_find() - the open entry that a handle names, or NULL. Takes no lock (H1). */
static inline struct handle_entry *handle_find(const struct handle_table *table, uint64_t handle)
{
    struct handle_entry *entry = handle_entry_at(table, handle & ((1u << HANDLE_INDEX_BITS) - 1));
    if (UNLIKELY(entry == NULL || !handle_is_current(entry, handle))) {
        return NULL;
    }
    return entry;
}
