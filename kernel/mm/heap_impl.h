/* SPDX-License-Identifier: MIT */
/* Inside of the kernel heap, for mm/ and kdebug's `heap`. Theory and invariants: heap.c. */
#pragma once

#include "base/list.h"
#include "gen/layout.h"
#include "mm/frame_impl.h"
#include "mm/heap.h"
#include "sync/spinlock.h"

#define HEAP_CLASSES         14u
#define HEAP_CLASS_BYTES_MAX 2048u /* longer ones are runs of frames */
#define CACHE_BYTES_MAX      8192u
#define CACHE_MAGAZINE_MAX   14u
#define CACHE_MAGAZINE_BATCH 7u

/* Own core only, interrupts off. Two cache lines. */
struct cache_magazine {
    uint32_t count;
    uint32_t reserved;
    int64_t
        in_use; /* allocated minus freed on this core, may be negative; the sum over cores counts */
    void *slots[CACHE_MAGAZINE_MAX];
} __attribute__((aligned(64)));

/* (c) constant after create  (l) lock */
struct cache {
    struct spinlock lock;
    const char *name;        /* (c) */
    uint32_t object_bytes;   /* (c) as asked for */
    uint32_t slot_bytes;     /* (c) distance of two objects, with the guard of debug builds */
    uint32_t slots_per_slab; /* (c) */
    uint32_t slab_order;     /* (c) frames of a slab, log2 */
    bool is_typed;           /* (c) objects keep their type: slabs never go back */
    struct list partial;     /* (l) slabs with free slots, slab.link */
    uint64_t slabs;          /* (l) */
    uint64_t empty;          /* (l) of these: without an object, at most 1 unless typed */
    struct list all_link;    /* heap_caches */
    struct cache_magazine magazines[CPU_MAX];
};

/* Every cache, sizes first; grows at boot only. */
extern struct list heap_caches;
extern struct cache heap_size_caches[HEAP_CLASSES];

/* At the very end of a slab. */
struct slab {
    struct list link;    /* (l) cache->partial, if a slot is free */
    uint16_t free_count; /* (l) */
    uint16_t first_free; /* (l) slot number */
    uint32_t reserved;
};

/*
 * struct frame.data of heap frames: the cache, in *every* frame of a slab, so that any address
 * leads to it. Of a run: bytes asked for << 1 | 1 in the first frame, whose link.next is who asked.
 */
#define HEAP_DATA_RUN 1ull

/* The guard at the end of every slot in debug builds. */
#define HEAP_CALLERS 5u
struct heap_guard {
    uint64_t allocated_by[HEAP_CALLERS]; /* who had it last, innermost first; 0: no more */
    uint64_t freed_by[HEAP_CALLERS];     /* who freed it last */
    uint32_t asked;                      /* bytes, when it was allocated last */
    uint32_t bytes; /* from there to the guard HEAP_GUARD_BYTE: asked; all while free */
    uint32_t magic;
    bool is_free;
};
#define HEAP_GUARD_MAGIC 0x64726147u /* "Gard" */
#define HEAP_GUARD_BYTE  0xbdu
#define HEAP_POISON_BYTE 0xdfu

/* heap_guard.c, called in debug builds only, by the allocator's public functions: whose callers are noted. */
void heap_guard_first(const struct cache *cache, void *slot);
void heap_guard_alloc(const struct cache *cache, void *slot, size_t bytes);
void heap_guard_free(const struct cache *cache, void *slot);

/* cache_setup() - fill in a cache and enter it in heap_caches. cache_take() / cache_give() - a
 * slot by way of the magazine. */
void cache_setup(struct cache *cache, const char *name, size_t object_bytes, bool is_typed);
void *cache_take(struct cache *cache);
void cache_give(struct cache *cache, void *slot);

/* cache_trim() - give this core's magazine, and slabs that are empty, back. Typed caches: not at
 * all. */
void cache_trim(struct cache *cache);

/* slab_chain() - the next free slot of each slot; SLAB_IN_USE, SLAB_END. slab_base() - where its
 * slots begin. */
#define SLAB_IN_USE 0xfffeu
#define SLAB_END    0xffffu
static inline uint16_t *slab_chain(const struct cache *cache, struct slab *slab)
{
    return (uint16_t *)slab - cache->slots_per_slab;
}

static inline uint8_t *slab_base(const struct cache *cache, const struct slab *slab)
{
    return (uint8_t *)ALIGN_DOWN((vaddr_t)slab, FRAME_BYTES << cache->slab_order);
}

/* cache_in_use() - objects allocated and not freed; exact when quiet. */
uint64_t cache_in_use(const struct cache *cache);

/* heap_check() - verify H1 to H4 of heap.c; as frame_check(). */
bool heap_check(char *why, size_t bytes);

/* heap_trim() - cache_trim() of all caches. For tests, and for whoever finds memory short. */
void heap_trim(void);

/* kernel stacks: how many slots were ever used, how many stacks are free now. For kdebug. */
uint64_t kernel_stack_count(void);
uint64_t kernel_stack_count_free(void);
void kernel_stack_init(void);
