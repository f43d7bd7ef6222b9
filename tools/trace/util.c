/* SPDX-License-Identifier: MIT */
/* Complaints and memory. */
#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_CHUNK_BYTES 65536u
#define ARENA_ALIGN       16u

bool complain_silently;

void complain(const char *format, ...)
{
    if (complain_silently) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("spoor-trace: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static void *check_memory(void *memory)
{
    if (memory == NULL) {
        fputs("spoor-trace: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

void *xmalloc(size_t bytes)
{
    return check_memory(malloc(bytes != 0 ? bytes : 1));
}

void *xcalloc(size_t count, size_t bytes)
{
    return check_memory(calloc(count != 0 ? count : 1, bytes != 0 ? bytes : 1));
}

void *xrealloc(void *old, size_t bytes)
{
    return check_memory(realloc(old, bytes != 0 ? bytes : 1));
}

void *array_grow(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity != 0 ? 2 * *capacity : 16;
    return xrealloc(array, *capacity * element_bytes);
}

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; /* of data */
    _Alignas(ARENA_ALIGN) unsigned char data[];
};

void *arena_alloc(struct arena *arena, size_t bytes)
{
    bytes = ROUND_UP(bytes, ARENA_ALIGN);
    if (arena->chunks == NULL || arena->chunks->bytes - arena->used < bytes) {
        size_t room = MAX(bytes, (size_t)ARENA_CHUNK_BYTES);
        struct arena_chunk *chunk = xcalloc(1, sizeof(*chunk) + room);
        chunk->bytes = room;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        arena->used = 0;
    }
    void *memory = arena->chunks->data + arena->used;
    arena->used += bytes;
    return memory;
}

char *arena_text(struct arena *arena, const char *text, size_t bytes)
{
    char *copy = arena_alloc(arena, bytes + 1);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        copy[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    arena->used = 0;
}
