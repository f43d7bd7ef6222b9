/* SPDX-License-Identifier: MIT */
/* The head of everything a handle can name. */
#pragma once

#include "base/types.h"
#include "gen/objects.h"

struct object {
    uint16_t type; /* (c) enum object_type, OBJECT_PROCESS ... */
    uint16_t reserved;
    uint32_t id; /* (c) unique since boot, over all types but threads, which count for themselves */
    atomic_uint refs;    /* (a) see object_get() */
    atomic_uint handles; /* (a) open handles; when the last is closed object_closed() runs */
};

/* Objects that exist, by type, for `kdebug> objects`: what a loop makes and drops must be the same before and after. */
extern atomic_uint object_counts[OBJECT_TYPE_COUNT];

/* object_init() - type, a new id, one reference, no handles. */
void object_init(struct object *object, enum object_type type);

/* object_discard() - undo object_init() of an object that nobody else can have found; its memory is the caller's again. */
void object_discard(struct object *object);

/* object_get() / object_put() - references keep the memory; the last put destroys by type. object_try_get() - false if
 * the count has reached zero: for look-ups without a lock in type-stable memory. */
void object_get(struct object *object);
bool object_try_get(struct object *object) MUST_CHECK;
void object_put(struct object *object);
