/* SPDX-License-Identifier: MIT */
/*
 * heap_alloc(): sizes up to 2 KiB from caches (cache.c), longer ones as runs of frames.
 *
 * 14 size classes, none wasting more than half and most less than a third. The class of a size is
 * looked up in a table of 16-byte steps. An address leads back to its cache, or to the length of
 * its run, through struct frame.data.
 */
#include "mm/heap.h"

#include "arch/mmu.h"
#include "base/assert.h"
#include "base/string.h"
#include "mm/heap_impl.h"

#define STEP_BYTES 16u

struct cache heap_size_caches[HEAP_CLASSES];

static const struct {
    uint16_t bytes;
    const char *name;
} classes[HEAP_CLASSES] = {
    {16, "heap 16"},     {32, "heap 32"},
    {48, "heap 48"},     {64, "heap 64"},
    {128, "heap 128"},   {192, "heap 192"},
    {256, "heap 256"},   {320, "heap 320"},
    {384, "heap 384"},   {512, "heap 512"},
    {768, "heap 768"},   {1024, "heap 1024"},
    {1536, "heap 1536"}, {HEAP_CLASS_BYTES_MAX, "heap 2048"},
};

static uint8_t class_of_step[HEAP_CLASS_BYTES_MAX / STEP_BYTES + 1];

static struct cache *cache_for(size_t bytes)
{
    return &heap_size_caches[class_of_step[ROUND_UP(bytes, STEP_BYTES) / STEP_BYTES]];
}

static void *alloc_run(size_t bytes, uint64_t pc)
{
    uint64_t frames = ROUND_UP(bytes, FRAME_BYTES) / FRAME_BYTES;
    paddr_t pa = frame_alloc_run(frames, FRAME_LIMIT_NONE, FRAME_HEAP);
    if (pa == 0) {
        return NULL;
    }
    struct frame *frame = frame_of(pa);
    frame->data = (uint64_t)bytes << 1 | HEAP_DATA_RUN;
    frame->link.next = (struct list *)pc;
    uint8_t *p = phys_to_virt(pa);
    memset(p, 0, bytes);
    if (CONFIG_DEBUG) {
        memset(p + bytes, HEAP_GUARD_BYTE, frames * FRAME_BYTES - bytes);
    }
    return p;
}

static void free_run(uint8_t *p, struct frame *frame)
{
    size_t bytes = frame->data >> 1;
    uint64_t frames = ROUND_UP(bytes, FRAME_BYTES) / FRAME_BYTES;
    VERIFY(frame_state_of(frame) == FRAME_STATE_USED && IS_ALIGNED((vaddr_t)p, FRAME_BYTES));
    for (size_t i = bytes; CONFIG_DEBUG && i < frames * FRAME_BYTES; i++) {
        if (p[i] != HEAP_GUARD_BYTE) {
            panic("heap: %p (%zu bytes, allocated by %p) was written past its end", (void *)p,
                  bytes, (void *)frame->link.next);
        }
    }
    frame_free_run(virt_to_phys(p), frames);
}

void *heap_alloc(size_t bytes)
{
    bytes = MAX(bytes, (size_t)1);
    if (UNLIKELY(bytes > HEAP_CLASS_BYTES_MAX)) {
        return bytes <= HEAP_BYTES_MAX ? alloc_run(bytes, (uint64_t)__builtin_return_address(0))
                                       : NULL;
    }
    struct cache *cache = cache_for(bytes);
    void *slot = cache_take(cache);
    if (slot == NULL) {
        return NULL;
    }
    if (CONFIG_DEBUG) {
        heap_guard_alloc(cache, slot, bytes);
    }
    return memset(slot, 0, bytes);
}

void heap_free(void *p)
{
    if (p == NULL) {
        return;
    }
    struct frame *frame = frame_lookup(virt_to_phys(p));
    VERIFY(frame != NULL && frame->owner == FRAME_HEAP);
    if (frame->data & HEAP_DATA_RUN) {
        free_run(p, frame);
        return;
    }
    struct cache *cache = (struct cache *)frame->data;
    VERIFY(cache >= heap_size_caches && cache < heap_size_caches + HEAP_CLASSES);
    if (CONFIG_DEBUG) {
        heap_guard_free(cache, p);
    }
    cache_give(cache, p);
}

void heap_trim(void)
{
    list_for_each (node, &heap_caches) {
        cache_trim(LIST_ENTRY(node, struct cache, all_link));
    }
}

void heap_init(void)
{
    unsigned class = 0;
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        cache_setup(&heap_size_caches[i], classes[i].name, classes[i].bytes, false);
    }
    for (unsigned step = 0; step < ARRAY_COUNT(class_of_step); step++) {
        class += step * STEP_BYTES > classes[class].bytes;
        class_of_step[step] = (uint8_t) class;
    }
    kernel_stack_init();
}
