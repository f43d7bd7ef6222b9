/* SPDX-License-Identifier: MIT */
/*
 * Handle tables. Entries come in chunks of HANDLE_CHUNK that stay until the process ends, so a look-up may walk the
 * table without its lock; entry->handle tells whether what it found is still what was meant (H1 in handle.h).
 *
 * Memory order: an entry is filled first, its handle stored last with release; a close clears the handle first. A reader
 * loads the handle with acquire, uses the fields, and looks again once it holds the object.
 */
#include "object/handle.h"

#include "base/assert.h"
#include "base/hooks.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "sched/thread.h"

void handle_table_init(struct handle_table *table)
{
    spinlock_init(&table->lock, "handles", LOCK_RANK_HANDLES);
    for (unsigned i = 0; i < ARRAY_COUNT(table->chunk); i++) {
        table->chunk[i] = NULL;
    }
    table->used = 0;
    table->free_first = HANDLE_MAX;
    table->limit = 0;
    table->closed = false;
}

static status_t add_chunk(struct handle_table *table)
{
    if (table->limit == HANDLE_MAX) {
        return ERR_TABLE_FULL;
    }
    struct handle_entry *chunk = heap_alloc(HANDLE_CHUNK * sizeof(*chunk));
    if (chunk == NULL) {
        return ERR_NO_MEMORY;
    }
    for (unsigned i = 0; i < HANDLE_CHUNK; i++) {
        unsigned index = table->limit + i;
        chunk[i].index = (uint16_t)index;
        chunk[i].badge = i + 1 < HANDLE_CHUNK ? index + 1 : HANDLE_MAX;
    }
    /* Entry 0 stays out: its handle would match a user's 0. */
    table->free_first = table->limit == 0 ? 1 : table->limit;
    if (table->limit == 0) {
        atomic_store_explicit(&chunk[0].handle, ~0ull, memory_order_relaxed);
    }
    /* A reader without the lock sees either no chunk or a filled one. */
    __atomic_store_n(&table->chunk[table->limit / HANDLE_CHUNK], chunk, __ATOMIC_RELEASE);
    table->limit += HANDLE_CHUNK;
    return OK;
}

status_t handle_add(struct handle_table *table, struct object *object, uint32_t rights,
                    uint64_t badge, uint64_t *out_handle)
{
    status_t status = OK;
    spinlock_acquire(&table->lock);
    if (table->closed) {
        status = ERR_PEER_CLOSED;
    } else if (table->free_first == HANDLE_MAX) {
        status = add_chunk(table);
    }
    if (status == OK) {
        struct handle_entry *entry = handle_entry_at(table, table->free_first);
        table->free_first = (uint32_t)entry->badge;
        table->used++;
        object_get(object);
        atomic_fetch_add_explicit(&object->handles, 1, memory_order_relaxed);
        entry->object = object;
        entry->badge = badge;
        entry->rights = rights;
        entry->type = object->type;
        *out_handle = (uint64_t)++entry->generation << HANDLE_INDEX_BITS | entry->index;
        atomic_store_explicit(&entry->handle, *out_handle, memory_order_release);
    }
    spinlock_release(&table->lock);
    if (status == OK && object->type == OBJECT_MAILBOX) {
        hook_mailbox_handle(object, rights, 1);
    }
    return status;
}

/* Take an entry out; returns its object, whose handle count and reference the caller drops without the lock. */
static struct object *remove_entry_locked(struct handle_table *table, struct handle_entry *entry)
{
    struct object *object = entry->object;
    atomic_store_explicit(&entry->handle, 0, memory_order_release);
    entry->object = NULL;
    entry->badge = table->free_first;
    table->free_first = entry->index;
    table->used--;
    return object;
}

static void drop_object(struct object *object, uint32_t rights)
{
    if (object->type == OBJECT_MAILBOX) {
        hook_mailbox_handle(object, rights, -1);
    }
    atomic_fetch_sub_explicit(&object->handles, 1, memory_order_relaxed);
    object_put(object);
}

status_t handle_close(struct handle_table *table, uint64_t handle)
{
    spinlock_acquire(&table->lock);
    struct handle_entry *entry = handle_find(table, handle);
    if (entry == NULL) {
        spinlock_release(&table->lock);
        return ERR_BAD_HANDLE;
    }
    uint32_t rights = entry->rights;
    struct object *object = remove_entry_locked(table, entry);
    spinlock_release(&table->lock);
    drop_object(object, rights);
    return OK;
}

status_t handle_copy(struct handle_table *table, uint64_t handle, struct handle_entry *out)
{
    spinlock_acquire(&table->lock);
    struct handle_entry *entry = handle_find(table, handle);
    if (entry != NULL) {
        *out = *entry;
        object_get(out->object);
    }
    spinlock_release(&table->lock);
    return entry == NULL ? ERR_BAD_HANDLE : OK;
}

void handle_table_close(struct handle_table *table)
{
    spinlock_acquire(&table->lock);
    table->closed = true;
    spinlock_release(&table->lock);
    for (unsigned index = 0; index < table->limit; index++) {
        spinlock_acquire(&table->lock);
        struct handle_entry *entry = handle_entry_at(table, index);
        struct object *object = NULL;
        uint32_t rights = 0;
        if (entry->object != NULL) {
            rights = entry->rights;
            object = remove_entry_locked(table, entry);
        }
        spinlock_release(&table->lock);
        if (object != NULL) {
            drop_object(object, rights);
            preempt_point();
        }
    }
}

void handle_table_free(struct handle_table *table)
{
    for (unsigned i = 0; i < ARRAY_COUNT(table->chunk); i++) {
        heap_free(table->chunk[i]);
        table->chunk[i] = NULL;
    }
}

status_t handle_get(uint64_t handle, enum object_type type, uint32_t rights, struct object **out)
{
    status_t status = OK;
    struct handle_entry *entry = handle_peek(handle, type, rights, &status);
    if (entry == NULL) {
        return status;
    }
    struct object *object = entry->object;
    if (object == NULL || !object_try_get(object)) {
        return ERR_BAD_HANDLE;
    }
    if (!handle_is_current(entry, handle)) {
        object_put(object);
        return ERR_BAD_HANDLE;
    }
    *out = object;
    return OK;
}
