/* SPDX-License-Identifier: MIT */
/* Where the pager keeps pages: short pieces of bytes, found by the name of the page. Theory: store.c. No system calls. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STORE_CHUNK_BYTES 0x10000u
#define STORE_GRAIN       256u /* lengths of pieces are multiples of this */
#define STORE_CLASSES     16u  /* the longest: 4096 bytes */

struct store_entry;
struct store_chunk;

/* Memory comes and goes in chunks, aligned to their length; NULL: there is none. */
struct store_memory {
    void *(*alloc_chunk)(void);
    void (*free_chunk)(void *chunk);
    void (*free_place)(uint32_t place); /* what store_put_far() was given is no longer needed */
};

struct store {
    const struct store_memory *memory;
    struct store_entry *entries; /* entries_max, given by the caller; the free ones are chained */
    uint32_t *buckets;           /* as many: first entry, plus 1; 0: none */
    uint32_t entries_max, free_first, used;
    uint32_t serial;                            /* of the last store_put() */
    struct store_chunk *partial[STORE_CLASSES]; /* chunks with room */
    uint64_t chunks;
};

/* store_table_bytes() - what store_init() wants as a table for so many pages, zeroed. */
uint64_t store_table_bytes(uint32_t pages);
void store_init(struct store *store, uint32_t pages, void *table,
                const struct store_memory *memory);

/* store_put() - keep these bytes, at most 4096, under this name, in place of what was there. False: no room, and what was
 * there is gone. store_get() - what is there, until the next call that changes something; NULL: nothing. store_drop() - let go of
 * what store_get() has found under that serial number, unless other bytes have come since. */
bool store_put(struct store *store, uint64_t area, uint64_t page, const void *bytes,
               uint32_t count);
const void *store_get(const struct store *store, uint64_t area, uint64_t page, uint32_t *out_count,
                      uint32_t *out_serial);
void store_drop(struct store *store, uint64_t area, uint64_t page, uint32_t serial);

/* store_put_far() - what has this name is kept elsewhere, at a place of the caller's, not 0. False: no room for another name; and
 * what was there is gone. store_place() - where it is; 0: nowhere else. */
bool store_put_far(struct store *store, uint64_t area, uint64_t page, uint32_t place);
uint32_t store_place(const struct store *store, uint64_t area, uint64_t page, uint32_t *out_serial);
/* store_forget() - everything of an area from a page on. */
void store_forget(struct store *store, uint64_t area, uint64_t page);
