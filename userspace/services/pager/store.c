/* SPDX-License-Identifier: MIT */
/*
 * Pages that have been made small, of any length up to 4096 bytes.
 *
 * A piece lies in a slot of the next multiple of 256 bytes; a chunk of 64 KiB has slots of one length, and those that are
 * free are chained through their first word. Which chunk a piece is in follows from its address. A chunk that
 * becomes empty goes back, so that a pager whose pages are forgotten is as small as before.
 *
 *      buckets[hash] -> entry -> entry          entry: area, page, where, how long
 *
 *   S1  An entry is in the bucket of its name, or in the chain of free ones.
 *   S2  A chunk is in the list of its class exactly while it has both free and used slots.
 */
#include "userspace/services/pager/store.h"

#include <stddef.h>
#include <string.h>

#include "userspace/lib/random.h"

struct store_entry {
    uint64_t page;
    uint32_t area;
    uint32_t next;   /* plus 1; 0: the last */
    uint32_t serial; /* of the store_put() that made it */
    uint32_t place;  /* elsewhere; 0: in `bytes` */
    void *bytes;
    uint32_t count;
};

/* At the beginning of its chunk. */
struct store_chunk {
    struct store_chunk *next, *previous;
    void **free;
    uint32_t used, slot_bytes;
};

#define CHUNK_HEAD_BYTES 64u

uint64_t store_table_bytes(uint32_t pages)
{
    return (uint64_t)pages * (sizeof(struct store_entry) + sizeof(uint32_t));
}

void store_init(struct store *store, uint32_t pages, void *table, const struct store_memory *memory)
{
    *store = (struct store){.memory = memory, .entries = table, .entries_max = pages};
    store->buckets = (uint32_t *)(store->entries + pages);
    for (uint32_t i = 0; i < pages; i++) {
        store->entries[i].next = i + 1 < pages ? i + 2 : 0;
    }
    store->free_first = pages > 0 ? 1 : 0;
}

/* ---- slots ---- */

static struct store_chunk *chunk_of(const void *bytes)
{
    return (struct store_chunk *)((uintptr_t)bytes & ~((uintptr_t)STORE_CHUNK_BYTES - 1));
}

static unsigned class_of(uint32_t count)
{
    return count == 0 ? 0 : (count - 1) / STORE_GRAIN;
}

static void push_chunk(struct store_chunk **list, struct store_chunk *chunk)
{
    chunk->previous = NULL;
    chunk->next = *list;
    if (*list != NULL) {
        (*list)->previous = chunk;
    }
    *list = chunk;
}

static void remove_chunk(struct store_chunk **list, struct store_chunk *chunk)
{
    if (chunk->next != NULL) {
        chunk->next->previous = chunk->previous;
    }
    *(chunk->previous != NULL ? &chunk->previous->next : list) = chunk->next;
}

static struct store_chunk *add_chunk(struct store *store, unsigned class)
{
    struct store_chunk *chunk = store->memory->alloc_chunk();

    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct store_chunk){.slot_bytes = (class + 1) * STORE_GRAIN};
    char *end = (char *)chunk + STORE_CHUNK_BYTES - chunk->slot_bytes;
    for (char *at = (char *)chunk + CHUNK_HEAD_BYTES; at <= end; at += chunk->slot_bytes) {
        *(void **)at = chunk->free;
        chunk->free = (void **)at;
    }
    push_chunk(&store->partial[class], chunk);
    store->chunks++;
    return chunk;
}

static void *alloc_slot(struct store *store, uint32_t count)
{
    unsigned class = class_of(count);
    struct store_chunk *chunk = store->partial[class];

    if (chunk == NULL) {
        chunk = add_chunk(store, class);
    }
    void **slot = chunk != NULL ? chunk->free : NULL;
    if (slot == NULL) {
        return NULL;
    }
    chunk->free = *slot;
    chunk->used++;
    if (chunk->free == NULL) {
        remove_chunk(&store->partial[class], chunk);
    }
    return slot;
}

static void free_slot(struct store *store, void *bytes)
{
    struct store_chunk *chunk = chunk_of(bytes);
    unsigned class = class_of(chunk->slot_bytes);
    void **slot = bytes;

    if (chunk->free == NULL) {
        push_chunk(&store->partial[class], chunk);
    }
    *slot = chunk->free;
    chunk->free = slot;
    if (--chunk->used == 0) {
        remove_chunk(&store->partial[class], chunk);
        store->memory->free_chunk(chunk);
        store->chunks--;
    }
}

/* ---- names ---- */

static uint32_t *bucket_of(const struct store *store, uint64_t area, uint64_t page)
{
    return &store->buckets[random_mix(area << 40 ^ page) % store->entries_max];
}

/* What leads to the entry of a name: its bucket, or the entry before; 0 in it: there is none. */
static uint32_t *find(const struct store *store, uint64_t area, uint64_t page)
{
    uint32_t *link = bucket_of(store, area, page);

    while (*link != 0) {
        struct store_entry *entry = &store->entries[*link - 1];
        if (entry->area == area && entry->page == page) {
            break;
        }
        link = &entry->next;
    }
    return link;
}

static void remove_entry(struct store *store, uint32_t *link)
{
    uint32_t number = *link;
    struct store_entry *entry = &store->entries[number - 1];

    *link = entry->next;
    if (entry->place != 0) {
        store->memory->free_place(entry->place);
    } else {
        free_slot(store, entry->bytes);
    }
    entry->next = store->free_first;
    store->free_first = number;
    store->used--;
}

/* A name without an entry, and one that is free. */
static bool make_room(struct store *store, uint64_t area, uint64_t page)
{
    uint32_t *link = find(store, area, page);

    if (*link != 0) {
        remove_entry(store, link);
    }
    return store->free_first != 0;
}

static void add_entry(struct store *store, struct store_entry entry)
{
    uint32_t number = store->free_first, *bucket = bucket_of(store, entry.area, entry.page);

    store->free_first = store->entries[number - 1].next;
    entry.next = *bucket;
    entry.serial = ++store->serial;
    store->entries[number - 1] = entry;
    *bucket = number;
    store->used++;
}

bool store_put(struct store *store, uint64_t area, uint64_t page, const void *bytes, uint32_t count)
{
    void *slot = make_room(store, area, page) ? alloc_slot(store, count) : NULL;

    if (slot == NULL) {
        return false;
    }
    memcpy(slot, bytes, count);
    add_entry(store, (struct store_entry){
                         .page = page, .area = (uint32_t)area, .bytes = slot, .count = count});
    return true;
}

bool store_put_far(struct store *store, uint64_t area, uint64_t page, uint32_t place)
{
    if (!make_room(store, area, page)) {
        return false;
    }
    add_entry(store, (struct store_entry){.page = page, .area = (uint32_t)area, .place = place});
    return true;
}

uint32_t store_place(const struct store *store, uint64_t area, uint64_t page, uint32_t *out_serial)
{
    uint32_t number = *find(store, area, page);

    if (number == 0) {
        return 0;
    }
    *out_serial = store->entries[number - 1].serial;
    return store->entries[number - 1].place;
}

const void *store_get(const struct store *store, uint64_t area, uint64_t page, uint32_t *out_count,
                      uint32_t *out_serial)
{
    uint32_t number = *find(store, area, page);

    if (number == 0 || store->entries[number - 1].place != 0) {
        return NULL;
    }
    *out_count = store->entries[number - 1].count;
    *out_serial = store->entries[number - 1].serial;
    return store->entries[number - 1].bytes;
}

void store_drop(struct store *store, uint64_t area, uint64_t page, uint32_t serial)
{
    uint32_t *link = find(store, area, page);

    if (*link != 0 && store->entries[*link - 1].serial == serial) {
        remove_entry(store, link);
    }
}

void store_forget(struct store *store, uint64_t area, uint64_t page)
{
    for (uint32_t i = 0; i < store->entries_max && store->used > 0; i++) {
        for (uint32_t *link = &store->buckets[i]; *link != 0;) {
            struct store_entry *entry = &store->entries[*link - 1];
            if (entry->area == area && entry->page >= page) {
                remove_entry(store, link);
            } else {
                link = &entry->next;
            }
        }
    }
}
