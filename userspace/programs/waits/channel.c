/* SPDX-License-Identifier: MIT */
/* Channels: bytes and records of any size through a small ring, in order and complete. */
#include "userspace/lib/channel.h"

#include <stdio.h>
#include <string.h>

#include "kernel/abi/message.h"
#include "userspace/lib/random.h"
#include "userspace/programs/waits/waits.h"

#define MEMORY_BYTES 0x1000u
#define PIECE_MAX    1500u

static uint8_t memory[MEMORY_BYTES] __attribute__((aligned(64)));
static struct channel ends;
static const struct channel *channel = &ends;
static uint64_t total;

static uint8_t byte_at(uint64_t position)
{
    return (uint8_t)(position * 31 + (position >> 8));
}

static size_t piece_at(uint64_t number)
{
    return random_mix(number) % PIECE_MAX + 1;
}

static void fill(uint8_t *piece, uint64_t position, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        piece[i] = byte_at(position + i);
    }
}

static void verify(const uint8_t *piece, uint64_t position, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        VERIFY(piece[i] == byte_at(position + i));
    }
}

static void write_bytes(void *argument)
{
    static uint8_t piece[PIECE_MAX];
    uint64_t position = 0;

    (void)argument;
    for (uint64_t i = 0; position < total; i++) {
        size_t bytes = piece_at(i), written;
        fill(piece, position, bytes);
        must(channel_write(channel, piece, bytes, DEADLINE_FOREVER, &written));
        VERIFY(written == bytes);
        position += bytes;
    }
    channel_close(channel);
}

static uint64_t read_bytes(void)
{
    static uint8_t piece[PIECE_MAX];
    uint64_t position = 0;

    for (uint64_t i = 7;; i++) {
        size_t got;
        status_t status = channel_read(channel, piece, piece_at(i), DEADLINE_FOREVER, &got);
        if (status == ERR_PEER_CLOSED) {
            return position;
        }
        must(status);
        verify(piece, position, got);
        position += got;
    }
}

static void write_records(void *argument)
{
    static uint8_t piece[PIECE_MAX];
    uint64_t position = 0;

    (void)argument;
    for (uint64_t i = 0; position < total; i++) {
        size_t bytes = piece_at(i) % 1000;
        fill(piece, position, bytes);
        must(channel_write_record(channel, piece, bytes, DEADLINE_FOREVER));
        position += bytes;
    }
    channel_close(channel);
}

static uint64_t read_records(void)
{
    static uint8_t piece[PIECE_MAX];
    uint64_t position = 0;

    for (uint64_t i = 0;; i++) {
        size_t got;
        status_t status =
            channel_read_record(channel, piece, sizeof(piece), DEADLINE_FOREVER, &got);
        if (status == ERR_PEER_CLOSED) {
            return position;
        }
        must(status);
        VERIFY(got == piece_at(i) % 1000);
        verify(piece, position, got);
        position += got;
    }
}

static void run(void (*write)(void *), uint64_t (*read)(void))
{
    struct thread writer;

    channel_init(&ends, memory, sizeof(memory));
    must(thread_start(&writer, write, NULL, THREAD_ANYWHERE, "writer"));
    VERIFY(read() >= total);
    thread_join(&writer);
}

static void check_promises(void)
{
    uint8_t bytes[64] = {0};
    size_t got;

    channel_init(&ends, memory, sizeof(memory));
    VERIFY(channel->bytes == 2048);
    EXPECT(ERR_TIMED_OUT, channel_read(channel, bytes, sizeof(bytes), soon(NS_PER_MS), &got));
    EXPECT(ERR_TOO_BIG, channel_write_record(channel, memory, 1024, DEADLINE_POLL));
    must(channel_write_record(channel, bytes, 0, DEADLINE_POLL));
    must(channel_write_record(channel, bytes, 50, DEADLINE_POLL));
    must(channel_read_record(channel, bytes, sizeof(bytes), DEADLINE_POLL, &got));
    VERIFY(got == 0);
    EXPECT(ERR_TOO_BIG, channel_read_record(channel, bytes, 49, DEADLINE_POLL, &got));
    must(channel_read_record(channel, bytes, 50, DEADLINE_POLL, &got));
    VERIFY(got == 50);
    for (unsigned i = 0; i < 2048 / sizeof(bytes); i++) {
        must(channel_write(channel, bytes, sizeof(bytes), DEADLINE_POLL, &got));
    }
    EXPECT(ERR_TIMED_OUT, channel_write(channel, bytes, 1, soon(NS_PER_MS), &got));
    channel_close(channel);
    EXPECT(ERR_PEER_CLOSED, channel_write(channel, bytes, 1, DEADLINE_FOREVER, &got));
    must(channel_read(channel, bytes, sizeof(bytes), DEADLINE_FOREVER, &got));
}

void check_channels(uint64_t kib)
{
    total = kib * 1024;
    check_promises();
    run(write_bytes, read_bytes);
    run(write_records, read_records);
    report("channels: %lu KiB of bytes and of records", kib);
}
