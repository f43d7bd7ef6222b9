/* SPDX-License-Identifier: MIT */
/*
 * Handle tables: what a process may use, and how.
 *
 * A handle is generation << 12 | index. The generation grows each time an entry is used again, so an old handle is refused
 * and not taken for the next one in its place. Index 0 is never used, so no handle is 0.
 *
 * H1  A look-up takes no lock: objects live in type-stable memory (mm/heap.h), so it either takes a reference and looks
 *     at the entry again (handle_get), or the caller locks the object and looks again (handle_peek, handle_is_current).
 * H2  rights of an entry never grow.
 */
#pragma once

#include "object/object.h"
#include "sync/spinlock.h"

#define HANDLE_INDEX_BITS 12u
#define HANDLE_CHUNK      128u

struct handle_entry {
    struct object *object;   /* (l) NULL: free */
    uint64_t badge;          /* (l) index of the next free entry while free */
    _Atomic uint64_t handle; /* (l, read without) the handle that names it now, 0 while free */
    uint32_t generation;     /* (l) of the handle given out last */
    uint32_t rights;         /* (l) RIGHT_* */
    uint16_t type;           /* (l) enum object_type */
    uint16_t index;          /* (c) */
};

/* (l) the table's lock */
struct handle_table {
    struct spinlock lock;
    struct handle_entry
        *chunk[HANDLE_MAX / HANDLE_CHUNK]; /* (l) added, never removed before the end */
    uint32_t used;                         /* (l) open handles */
    uint32_t free_first;                   /* (l) HANDLE_MAX: none */
    uint32_t limit;                        /* (l) entries that exist */
    bool closed;                           /* (l) the process ends: nothing may be added */
};

void handle_table_init(struct handle_table *table);
/* handle_table_close() - close every handle; later additions fail with ERR_PEER_CLOSED. Process end, thread context. */
void handle_table_close(struct handle_table *table);
/* handle_table_free() - give the memory back once nobody can look. */
void handle_table_free(struct handle_table *table);

/* handle_add() - open a handle; takes its own reference on the object. ERR_TABLE_FULL, ERR_NO_MEMORY, ERR_PEER_CLOSED. */
status_t handle_add(struct handle_table *table, struct object *object, uint32_t rights,
                    uint64_t badge, uint64_t *out_handle) MUST_CHECK;
status_t handle_close(struct handle_table *table, uint64_t handle) MUST_CHECK;

/* handle_copy() - copy an entry out, with a reference on the object: for duplicate and grant. */
status_t handle_copy(struct handle_table *table, uint64_t handle,
                     struct handle_entry *out) MUST_CHECK;

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
