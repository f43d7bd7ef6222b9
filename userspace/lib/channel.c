/* SPDX-License-Identifier: MIT */
/*
 * Channels (channel.h).
 *
 * Waiting. A side that finds nothing to do reads the bell's count, says that it waits, looks again, and waits on the count. The other
 * side changes the position first and looks whether anybody waits afterwards, both sequentially consistent: one of the two sees
 * the other, so no wake-up is lost. The count, not the position, is waited on, so that closing can ring, too.
 */
#include "userspace/lib/channel.h"

#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/message.h"

/* The largest power of two that fits. */
static uint32_t data_bytes(size_t memory_bytes)
{
    uint32_t bytes = 64;

    while (sizeof(struct channel_memory) + 2ul * bytes <= memory_bytes && bytes < 1u << 30) {
        bytes *= 2;
    }
    return bytes;
}

void channel_init(struct channel *channel, void *memory, size_t memory_bytes)
{
    *channel = (struct channel){memory, data_bytes(memory_bytes)};
    memset(channel->memory, 0, sizeof(*channel->memory));
    channel->memory->magic = CHANNEL_MAGIC;
}

status_t channel_open(struct channel *channel, void *memory, size_t memory_bytes)
{
    *channel = (struct channel){memory, data_bytes(memory_bytes)};
    return memory_bytes >= CHANNEL_BYTES_MIN && channel->memory->magic == CHANNEL_MAGIC
               ? OK
               : ERR_CORRUPT;
}

static void ring(struct channel_bell *bell)
{
    uint64_t woken;

    atomic_fetch_add(&bell->rings, 1);
    (void)sys_futex_wake((uint64_t)&bell->rings, 1, &woken);
}

static void ring_if_awaited(struct channel_bell *bell)
{
    if (atomic_load(&bell->is_awaited) != 0) {
        ring(bell);
    }
}

static uint32_t used_bytes(const struct channel *channel)
{
    uint64_t used = atomic_load(&channel->memory->written) - atomic_load(&channel->memory->read);

    return used > channel->bytes ? channel->bytes : (uint32_t)used;
}

static uint32_t free_bytes(const struct channel *channel)
{
    return channel->bytes - used_bytes(channel);
}

/* Wait until there are this many bytes to read, or as much room to write. */
static status_t wait_for(const struct channel *channel, struct channel_bell *bell,
                         uint32_t (*count)(const struct channel *), uint32_t needed,
                         uint64_t deadline)
{
    status_t status = OK;

    while (count(channel) < needed) {
        uint32_t rings = atomic_load(&bell->rings);
        atomic_store(&bell->is_awaited, 1);
        if (count(channel) >= needed) {
            break;
        }
        if (atomic_load(&channel->memory->is_closed) != 0) {
            status = ERR_PEER_CLOSED;
            break;
        }
        status = sys_futex_wait((uint64_t)&bell->rings, rings, deadline);
        if (status != OK && status != ERR_CHANGED) {
            break;
        }
        status = OK;
    }
    atomic_store(&bell->is_awaited, 0);
    return status;
}

/* Bytes from or to the ring at a position, which may wrap. */
static void put_bytes(const struct channel *channel, uint64_t at, const uint8_t *from,
                      uint32_t bytes)
{
    uint32_t place = (uint32_t)at & (channel->bytes - 1);
    uint32_t first = channel->bytes - place < bytes ? channel->bytes - place : bytes;

    memcpy(channel->memory->data + place, from, first);
    memcpy(channel->memory->data, from + first, bytes - first);
}

static void get_bytes(const struct channel *channel, uint64_t at, uint8_t *to, uint32_t bytes)
{
    uint32_t place = (uint32_t)at & (channel->bytes - 1);
    uint32_t first = channel->bytes - place < bytes ? channel->bytes - place : bytes;

    memcpy(to, channel->memory->data + place, first);
    memcpy(to + first, channel->memory->data, bytes - first);
}

static void advance_written(const struct channel *channel, uint32_t bytes)
{
    atomic_fetch_add(&channel->memory->written, bytes);
    ring_if_awaited(&channel->memory->not_empty);
}

static void advance_read(const struct channel *channel, uint32_t bytes)
{
    atomic_fetch_add(&channel->memory->read, bytes);
    ring_if_awaited(&channel->memory->not_full);
}

status_t channel_write(const struct channel *channel, const void *data, size_t bytes,
                       uint64_t deadline, size_t *out_bytes)
{
    const uint8_t *from = data;

    *out_bytes = 0;
    while (bytes > 0) {
        if (atomic_load(&channel->memory->is_closed) != 0) {
            return ERR_PEER_CLOSED;
        }
        status_t status = wait_for(channel, &channel->memory->not_full, free_bytes, 1, deadline);
        if (status != OK) {
            return status;
        }
        uint32_t room = free_bytes(channel);
        uint32_t now = bytes < room ? (uint32_t)bytes : room;
        put_bytes(channel, atomic_load(&channel->memory->written), from, now);
        advance_written(channel, now);
        from += now;
        bytes -= now;
        *out_bytes += now;
    }
    return OK;
}

status_t channel_read(const struct channel *channel, void *data, size_t capacity, uint64_t deadline,
                      size_t *out_bytes)
{
    status_t status = wait_for(channel, &channel->memory->not_empty, used_bytes, 1, deadline);

    if (status != OK) {
        return status;
    }
    uint32_t used = used_bytes(channel);
    uint32_t now = capacity < used ? (uint32_t)capacity : used;
    get_bytes(channel, atomic_load(&channel->memory->read), data, now);
    advance_read(channel, now);
    *out_bytes = now;
    return OK;
}

status_t channel_write_record(const struct channel *channel, const void *data, size_t bytes,
                              uint64_t deadline)
{
    uint32_t length = (uint32_t)bytes;
    uint32_t whole = length + (uint32_t)sizeof(length);

    if (bytes > channel->bytes / 2 - sizeof(length)) {
        return ERR_TOO_BIG;
    }
    if (atomic_load(&channel->memory->is_closed) != 0) {
        return ERR_PEER_CLOSED;
    }
    status_t status = wait_for(channel, &channel->memory->not_full, free_bytes, whole, deadline);
    if (status != OK) {
        return status;
    }
    uint64_t at = atomic_load(&channel->memory->written);
    put_bytes(channel, at, (const uint8_t *)&length, sizeof(length));
    put_bytes(channel, at + sizeof(length), data, length);
    advance_written(channel, whole);
    return OK;
}

status_t channel_read_record(const struct channel *channel, void *data, size_t capacity,
                             uint64_t deadline, size_t *out_bytes)
{
    uint32_t length;
    status_t status =
        wait_for(channel, &channel->memory->not_empty, used_bytes, sizeof(length), deadline);

    if (status != OK) {
        return status;
    }
    uint64_t at = atomic_load(&channel->memory->read);
    get_bytes(channel, at, (uint8_t *)&length, sizeof(length));
    if (length > capacity || length > channel->bytes) {
        return ERR_TOO_BIG;
    }
    get_bytes(channel, at + sizeof(length), data, length);
    advance_read(channel, length + (uint32_t)sizeof(length));
    *out_bytes = length;
    return OK;
}

void channel_close(const struct channel *channel)
{
    atomic_store(&channel->memory->is_closed, 1);
    ring(&channel->memory->not_empty);
    ring(&channel->memory->not_full);
}
