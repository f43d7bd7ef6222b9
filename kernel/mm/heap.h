/* SPDX-License-Identifier: MIT */
/* Kernel heap: caches of equal objects, and sizes. */
#pragma once

#include "base/types.h"

/* The longest heap_alloc(). */
#define HEAP_BYTES_MAX 0x100000u

/*
 * heap_alloc() - zeroed memory, 16-byte aligned (64 from 64 bytes on). heap_free(NULL) is fine.
 *
 * @bytes  up to HEAP_BYTES_MAX; 0 counts as 1.
 *
 * Returns NULL: no memory, or too much asked for. Context: any but NMI class; takes HEAP and FRAMES
 * at times. More than 16 KiB are cleared with interrupts off: nothing for a path that must stay
 * short. Debug builds poison freed memory, guard its end, and name who allocated and freed it when
 * either was written to.
 */
void *heap_alloc(size_t bytes) MUST_CHECK;
void heap_free(void *p);

/*
 * A cache of objects that stay of their type for ever: memory of a freed object is only reused for
 * the same type, never given back. So a stale pointer still points to *some* object of that type,
 * and a reader that takes the object's lock and then re-checks identity is safe. Objects come
 * zeroed only the first time: cache_alloc() says nothing of contents, the generation fields inside
 * survive.
 */
struct cache;

/* cache_create() - at boot. @object_bytes at most 8192. Cannot fail: panics. Objects are aligned
 * like heap_alloc()'s. */
struct cache *cache_create(const char *name, size_t object_bytes);
/* cache_create_plain() - the same for objects that need not stay of their type: memory that they do not need is given back. */
struct cache *cache_create_plain(const char *name, size_t object_bytes);
/* cache_alloc() - an object, NULL: no memory. Cost: about 15 instructions from the core's
 * magazine. */
void *cache_alloc(struct cache *cache) MUST_CHECK;
void cache_free(struct cache *cache, void *object);

/* kernel stacks: KERNEL_STACK_BYTES with an unmapped guard below. Returns the top, 0: no memory.
 * Stay mapped when freed. */
vaddr_t kernel_stack_alloc(void) MUST_CHECK;
void kernel_stack_free(vaddr_t top);
/* kernel_stack_guard_boot() - take the pages below the stacks of the kernel image out of its page
 * tables. Boot core, before others run. */
void kernel_stack_guard_boot(void);

/* heap_init() - after frame_init(), before everything else here. Boot core, once. */
void heap_init(void);
