/* SPDX-License-Identifier: MIT */
/* What every file of spoor-trace needs: complaints, memory that cannot run out quietly, little-endian reads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/types.h"

/*
 * complain() - one line to standard error, "spoor-trace: " before it. Tests and fuzzers switch it off with
 * complain_silently.
 */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);
extern bool complain_silently;

/* Never NULL: the program ends with exit code 2 and a message when the machine has no memory left. */
void *xmalloc(size_t bytes);
void *xcalloc(size_t count, size_t bytes);
void *xrealloc(void *old, size_t bytes);

/*
 * array_grow() - make room for one more element in an array that doubles.
 *
 * @array     the array, or NULL
 * @count     elements in use
 * @capacity  in and out
 *
 * Returns the array, perhaps moved.
 */
void *array_grow(void *array, size_t count, size_t *capacity, size_t element_bytes);

/* Memory that is given back all at once. Small pieces never move. */
struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    size_t used; /* of the first chunk */
};
/* arena_alloc() - zeroed, aligned to 16. Cannot fail (see xmalloc()). */
void *arena_alloc(struct arena *arena, size_t bytes);
/* arena_text() - a copy of a text of known length, with a NUL; bytes that cannot be printed become '?'. */
char *arena_text(struct arena *arena, const char *text, size_t bytes);
void arena_free(struct arena *arena);

static inline uint64_t load64(const void *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof(value));
    return value;
}
