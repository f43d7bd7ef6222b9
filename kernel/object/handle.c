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

void handle_table_init(struct handle_table *table, struct quota *quota)
{
    spinlock_init(&table->lock, "handles", LOCK_RANK_HANDLES);
    table->used = 0;
    table->fresh = 0;
    table->free_first = HANDLE_MAX;
    table->limit = 0;
    table->closed = false;
    table->quota = quota;
}

status_t handle_table_pay_by(struct handle_table *table, struct quota *quota)
{
    spinlock_acquire(&table->lock);
    bool is_empty = table->used == 0 && !table->closed;
    if (is_empty) {
        table->quota = quota;
    }
    spinlock_release(&table->lock);
    return is_empty ? OK : ERR_BUSY;
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
    /* Entry 0 stays out: its handle would match a user's 0. */
    if (table->limit == 0) {
        atomic_store_explicit(&chunk[0].handle, ~0ull, memory_order_relaxed);
        table->fresh = 1;
    }
    /* A reader without the lock sees either no chunk or a filled one. */
    __atomic_store_n(&table->chunk[table->limit / HANDLE_CHUNK], chunk, __ATOMIC_RELEASE);
    table->limit += HANDLE_CHUNK;
    return OK;
}

/* An entry that is free, off the list or not used before. */
static status_t take_entry_locked(struct handle_table *table, struct handle_entry **out)
{
    unsigned index = table->free_first;
    if (index != HANDLE_MAX) {
        *out = handle_entry_at(table, index);
        table->free_first = (uint32_t)(*out)->badge;
        return OK;
    }
    if (table->fresh == table->limit) {
        status_t status = add_chunk(table);
        if (status != OK) {
            return status;
        }
    }
    index = table->fresh++;
    *out = handle_entry_at(table, index);
    (*out)->index = (uint16_t)index;
    return OK;
}

/* Objects that mean something else once nobody holds a handle. */
static bool wants_to_know(const struct object *object)
{
    return object->type == OBJECT_MAILBOX || object->type == OBJECT_EVENT;
}

static status_t add_handle(struct handle_table *table, struct object *object, struct lease *lease,
                           uint32_t rights, uint64_t badge, uint64_t *out_handle)
{
    struct handle_entry *entry;
    spinlock_acquire(&table->lock);
    status_t status = table->closed ? ERR_PEER_CLOSED : OK;
    if (status == OK) {
        status = quota_charge(table->quota, QUOTA_HANDLES, 1);
    }
    if (status == OK) {
        status = take_entry_locked(table, &entry);
        if (status != OK) {
            quota_return(table->quota, QUOTA_HANDLES, 1);
        }
    }
    if (status == OK) {
        table->used++;
        object_get(object);
        lease_get(lease);
        atomic_fetch_add_explicit(&object->handles, 1, memory_order_relaxed);
        entry->object = object;
        entry->badge = badge;
        entry->rights = rights;
        entry->lease = lease;
        entry->type = (uint16_t)(object->type | (lease == NULL ? 0 : HANDLE_LEASED));
        *out_handle = (uint64_t)++entry->generation << HANDLE_INDEX_BITS | entry->index;
        atomic_store_explicit(&entry->handle, *out_handle, memory_order_release);
    }
    spinlock_release(&table->lock);
    if (status == OK && wants_to_know(object)) {
        hook_handle_change(object, rights, 1);
    }
    return status;
}

status_t handle_add(struct handle_table *table, struct object *object, uint32_t rights,
                    uint64_t badge, uint64_t *out_handle)
{
    return add_handle(table, object, NULL, rights, badge, out_handle);
}

/* Servers know clients by their badges, so who may only send cannot choose one. */
static bool may_have_badge(const struct handle_entry *source, uint64_t badge)
{
    return badge == 0 || badge == source->badge || source->object->type != OBJECT_MAILBOX ||
           (source->rights & RIGHT_MAILBOX_BADGE) != 0;
}

status_t handle_derive(struct handle_table *table, const struct handle_entry *source,
                       uint32_t rights, uint64_t badge, uint64_t *out_handle)
{
    if ((rights & ~source->rights) || !may_have_badge(source, badge)) {
        return ERR_NO_RIGHTS;
    }
    return add_handle(table, source->object, source->lease, rights,
                      badge == 0 ? source->badge : badge, out_handle);
}

/* Take an entry out; what it held is in *out_held, which the caller drops without the lock. The lease stays readable (L2). */
static void remove_entry_locked(struct handle_table *table, struct handle_entry *entry,
                                struct handle_entry *out_held)
{
    *out_held = *entry;
    atomic_store_explicit(&entry->handle, 0, memory_order_release);
    entry->object = NULL;
    entry->badge = table->free_first;
    table->free_first = entry->index;
    table->used--;
    quota_return(table->quota, QUOTA_HANDLES, 1);
}

void handle_entry_put(const struct handle_entry *entry)
{
    object_put(entry->object);
    lease_put(entry->lease);
}

static void drop_held(const struct handle_entry *held)
{
    if (wants_to_know(held->object)) {
        hook_handle_change(held->object, held->rights, -1);
    }
    atomic_fetch_sub_explicit(&held->object->handles, 1, memory_order_relaxed);
    handle_entry_put(held);
}

status_t handle_close(struct handle_table *table, uint64_t handle)
{
    spinlock_acquire(&table->lock);
    struct handle_entry *entry = handle_find(table, handle);
    if (entry == NULL) {
        spinlock_release(&table->lock);
        return ERR_BAD_HANDLE;
    }
    struct handle_entry held;
    remove_entry_locked(table, entry, &held);
    spinlock_release(&table->lock);
    drop_held(&held);
    return OK;
}

status_t handle_check(const struct handle_entry *entry, enum object_type type, uint32_t rights)
{
    if (type != OBJECT_ANY && handle_type(entry) != type) {
        return ERR_WRONG_TYPE;
    }
    if ((entry->type & HANDLE_LEASED) && !lease_is_live(entry->lease)) {
        return ERR_REVOKED;
    }
    return (entry->rights & rights) == rights ? OK : ERR_NO_RIGHTS;
}

/* Under the lock nothing changes: for what is refused, or under a lease, which may be gone for good when its entry is. */
static COLD status_t copy_locking(struct handle_table *table, uint64_t handle,
                                  enum object_type type, uint32_t rights, struct handle_entry *out)
{
    spinlock_acquire(&table->lock);
    struct handle_entry *entry = handle_find(table, handle);
    status_t status = entry == NULL ? ERR_BAD_HANDLE : handle_check(entry, type, rights);
    if (status == OK) {
        *out = *entry;
        object_get(out->object);
        lease_get(out->lease);
    }
    spinlock_release(&table->lock);
    return status;
}

/* H1 */
status_t handle_copy(struct handle_table *table, uint64_t handle, enum object_type type,
                     uint32_t rights, struct handle_entry *out)
{
    const struct handle_entry *entry = handle_find(table, handle);
    unsigned asked = type == OBJECT_ANY && entry != NULL ? entry->type & ~HANDLE_LEASED : type;
    if (UNLIKELY(entry == NULL || entry->type != asked || (entry->rights & rights) != rights)) {
        return copy_locking(table, handle, type, rights, out);
    }
    *out = *entry;
    if (UNLIKELY(out->object == NULL || !object_try_get(out->object))) {
        return ERR_BAD_HANDLE;
    }
    if (UNLIKELY(!handle_is_current(entry, handle))) {
        object_put(out->object);
        return ERR_BAD_HANDLE;
    }
    return OK;
}

status_t handle_get_entry(uint64_t handle, enum object_type type, uint32_t rights,
                          struct handle_entry *out)
{
    return handle_copy(&current_thread()->process->handles, handle, type, rights, out);
}

void handle_table_close(struct handle_table *table)
{
    spinlock_acquire(&table->lock);
    table->closed = true;
    spinlock_release(&table->lock);
    /* From here on nothing comes in: what is free stays free, and none used is the end. */
    for (unsigned index = 0; index < table->limit && *(volatile uint32_t *)&table->used != 0;
         index++) {
        struct handle_entry *entry = handle_entry_at(table, index);
        struct handle_entry held = {0};
        if (*(struct object *volatile *)&entry->object == NULL) {
            continue;
        }
        spinlock_acquire(&table->lock);
        if (entry->object != NULL) {
            remove_entry_locked(table, entry, &held);
        }
        spinlock_release(&table->lock);
        if (held.object != NULL) {
            drop_held(&held);
            preempt_point();
        }
    }
}

void handle_table_free(struct handle_table *table)
{
    for (unsigned i = 0; i < table->limit / HANDLE_CHUNK; i++) {
        heap_free(table->chunk[i]);
        table->chunk[i] = NULL;
    }
}

status_t handle_get(uint64_t handle, enum object_type type, uint32_t rights, struct object **out)
{
    struct handle_entry *entry = handle_peek_fast(handle, type, rights);
    if (UNLIKELY(entry == NULL)) {
        status_t status;
        entry = handle_peek(handle, type, rights, &status);
        if (entry == NULL) {
            return status;
        }
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
