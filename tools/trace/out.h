/* SPDX-License-Identifier: MIT */
/* Buffered output to a file or pipe, through gzip if wanted. */
#pragma once

#include <sys/types.h>

#include "util.h"

struct out {
    uint8_t *buffer;
    size_t used;
    int fd; /* -1: bytes are thrown away, for tests and fuzzers */
    bool failed;
    int error;  /* errno of the first failure */
    pid_t gzip; /* 0: none */
    const char *name;
    uint64_t bytes; /* written before compression */
};

#define OUT_PACKET_MAX 0x40000u /* most bytes of one out_room() */

/*
 * out_open() - create or truncate a file; "-" is standard output.
 *
 * @compress  run the bytes through "gzip -1", in a process of its own and so on a core of its own
 *
 * Returns OK; ERR_NOT_FOUND after a complaint.
 */
MUST_CHECK status_t out_open(struct out *out, const char *path, bool compress);

/* out_discard() - an output that keeps nothing. Cannot fail. */
void out_discard(struct out *out);

/* out_room() - a place for up to count bytes (at most OUT_PACKET_MAX); out_take() says where they end. */
uint8_t *out_room_slow(struct out *out);
static inline uint8_t *out_room(struct out *out, size_t count)
{
    extern const size_t out_buffer_bytes;
    return LIKELY(out->used + count <= out_buffer_bytes) ? out->buffer + out->used
                                                         : out_room_slow(out);
}
static inline void out_take(struct out *out, const uint8_t *end)
{
    out->used = (size_t)(end - out->buffer);
}

/* out_close() - write what is left. Returns OK; ERR_NO_MEMORY after a complaint if not everything could be written. */
MUST_CHECK status_t out_close(struct out *out);
