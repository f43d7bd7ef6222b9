/* SPDX-License-Identifier: MIT */
/* Reference counts, and what each type does when its last reference goes. */
#include "object/object.h"

#include "base/assert.h"
#include "base/hooks.h"

atomic_uint object_counts[OBJECT_TYPE_COUNT];
static atomic_uint last_id;

void object_init(struct object *object, enum object_type type)
{
    object->type = (uint16_t)type;
    object->reserved = 0;
    object->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(&object->handles, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&object_counts[type], 1, memory_order_relaxed);
    /* Last: object_try_get() of a stale pointer must not find a half-made object alive. */
    atomic_store_explicit(&object->refs, 1, memory_order_release);
}

void object_discard(struct object *object)
{
    atomic_store_explicit(&object->refs, 0, memory_order_relaxed);
    atomic_fetch_sub_explicit(&object_counts[object->type], 1, memory_order_relaxed);
}

void object_get(struct object *object)
{
    unsigned before = atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    (void)before;
}

bool object_try_get(struct object *object)
{
    unsigned refs = atomic_load_explicit(&object->refs, memory_order_relaxed);
    while (refs != 0) {
        if (atomic_compare_exchange_weak_explicit(&object->refs, &refs, refs + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

void object_put(struct object *object)
{
    unsigned before = atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel);
    VERIFY(before > 0);
    if (before == 1) {
        atomic_fetch_sub_explicit(&object_counts[object->type], 1, memory_order_relaxed);
        hook_object_destroy(object);
    }
}
