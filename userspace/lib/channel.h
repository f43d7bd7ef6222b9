/* SPDX-License-Identifier: MIT */
/*
 * Channels: a stream of bytes or records through shared memory, one writer and one reader.
 *
 * The kernel is asked only when one side has to wait, because the channel is full or empty, and to wake it. Both ends map the same
 * memory, at any address and in any two processes: futexes meet by physical address.
 *
 *   writer: channel_init() once; channel_write() ...; channel_close()
 *   reader: channel_open(); channel_read() ... until ERR_PEER_CLOSED
 *
 * A reader and a writer may not trust each other: positions are masked wherever they are used, so a bad partner can spoil the
 * data and the waiting, and nothing else. Whoever gives them the memory keeps the right to resize it: cut off, it would end both.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/errors.h"

#define CHANNEL_MAGIC 0x6c6e6e6168436e61ull

/* One direction of waiting: a count that grows with each wake-up, and whether anybody waits for it. */
struct channel_bell {
    _Atomic uint32_t rings;
    _Atomic uint32_t is_awaited;
};

/* What both ends share. */
struct channel_memory {
    uint64_t magic;
    _Atomic uint32_t is_closed;
    _Atomic uint64_t written; /* bytes since the beginning; only the writer changes it */
    struct channel_bell not_empty;
    _Atomic uint64_t read; /* only the reader changes it */
    struct channel_bell not_full;
    uint8_t data[];
};

/* One's own end: how large it is nobody else can change. */
struct channel {
    struct channel_memory *memory;
    uint32_t bytes; /* of data, a power of two */
};

#define CHANNEL_BYTES_MIN (sizeof(struct channel_memory) + 64u)

/* channel_init() - an empty one in shared memory of memory_bytes, at least CHANNEL_BYTES_MIN; data takes the largest power of two that
 * fits. channel_open() - the same for the other end, which must say the same size. ERR_CORRUPT: there is none. */
void channel_init(struct channel *channel, void *memory, size_t memory_bytes);
status_t channel_open(struct channel *channel, void *memory, size_t memory_bytes)
    __attribute__((warn_unused_result));

/*
 * channel_write() / channel_read() - all bytes are written; at least one is read, *out_bytes tells how many.
 * OK; ERR_TIMED_OUT (of a write some may be through: *out_bytes); ERR_PEER_CLOSED: closed, and for a reader also empty; and what the
 * wait gives. Cost: no system call unless it has to wait or the other side does.
 */
status_t channel_write(const struct channel *channel, const void *data, size_t bytes,
                       uint64_t deadline, size_t *out_bytes);
status_t channel_read(const struct channel *channel, void *data, size_t capacity, uint64_t deadline,
                      size_t *out_bytes);

/*
 * channel_write_record() / channel_read_record() - whole records of up to half of the channel; a channel carries either these or bytes.
 * ERR_TOO_BIG: longer than that; longer than the capacity, then it stays in the channel.
 */
status_t channel_write_record(const struct channel *channel, const void *data, size_t bytes,
                              uint64_t deadline);
status_t channel_read_record(const struct channel *channel, void *data, size_t capacity,
                             uint64_t deadline, size_t *out_bytes);

/* channel_close() - by either side: nothing more will be written. Wakes the other. */
void channel_close(const struct channel *channel);
