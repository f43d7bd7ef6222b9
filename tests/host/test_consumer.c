/* SPDX-License-Identifier: MIT */
/*
 * The trace consumer (userspace/services/tracer) against a region in memory, a writer that follows
 * trace/ring/layout.h and a transport that keeps what it is given. The numbers C1 to C4 are those
 * of consumer.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/trace_schema.h"
#include "kernel/base/crc32c.h"
#include "userspace/services/tracer/command.h"
#include "userspace/services/tracer/consumer.h"

#define SUBBUF       ((uint64_t)TRACE_SUBBUF_BYTES)
#define LANES        3u
#define RING_BYTES   (8 * SUBBUF)
#define META_BYTES   (4 * SUBBUF)
#define META         0u
#define RINGS_AT     (2 * SUBBUF)
#define REGION_BYTES (RINGS_AT + META_BYTES + 2 * RING_BYTES)
#define RECORD_BYTES 16u

/* ---- a region and its writer ---- */

static struct trace_region *region;

static struct trace_lane *lane_of(unsigned lane)
{
    return (struct trace_lane *)((char *)region + region->lane[lane].control_offset);
}

static char *ring_at(unsigned lane, uint64_t position)
{
    const struct trace_lane_place *place = &region->lane[lane];

    return (char *)region + place->ring_offset + (position & (place->ring_bytes - 1));
}

static void begin_subbuf(unsigned lane)
{
    struct trace_lane *control = lane_of(lane);
    uint64_t start = control->limit;
    const struct trace_subbuf head = {.magic = TRACE_SUBBUF_MAGIC,
                                      .cpu = control->cpu,
                                      .kind = control->kind,
                                      .position = start,
                                      .first_event = control->events};

    memset(ring_at(lane, control->position), 0,
           start - control->position); /* pads: header 0 is one of no words */
    memcpy(ring_at(lane, start), &head, sizeof(head));
    control->limit = start + SUBBUF;
    control->position = start + sizeof(head);
}

/*
 * One record of two words; the second is the number of the event in its lane. False: a keep-oldest
 * lane is full.
 */
static bool emit(unsigned lane)
{
    struct trace_lane *control = lane_of(lane);

    if (control->position + RECORD_BYTES > control->limit) {
        if (control->kind == TRACE_LANE_META && control->limit >= META_BYTES) {
            control->lost[TRACE_LOST_FULL]++;
            return false;
        }
        begin_subbuf(lane);
    }
    const uint64_t record[2] = {1ull << TRACE_WORDS_SHIFT | 60, control->events};
    memcpy(ring_at(lane, control->position), record, sizeof(record));
    control->events++;
    control->position += RECORD_BYTES;
    return true;
}

/* Write until so many sub-buffers are finished and the next has been begun. */
static void emit_subbufs(unsigned lane, unsigned count)
{
    uint64_t goal = (lane_of(lane)->position / SUBBUF + count) * SUBBUF;

    while (lane_of(lane)->position <= goal) {
        assert_true(emit(lane));
    }
}

static void set_lane(unsigned lane, unsigned kind, uint64_t offset, uint64_t bytes)
{
    region->lane[lane] =
        (struct trace_lane_place){.control_offset = 0x1000 + lane * sizeof(struct trace_lane),
                                  .ring_offset = offset,
                                  .ring_bytes = bytes,
                                  .cpu = lane,
                                  .kind = kind};
    *lane_of(lane) = (struct trace_lane){.cpu = (uint16_t)lane, .kind = (uint16_t)kind};
}

/* ---- a transport that remembers ---- */

#define SENT_MAX (64u << 20)

static struct {
    struct transport transport;
    char *bytes;
    uint64_t length;
    uint64_t physical_bytes;     /* of pieces that had a physical address */
    unsigned sends_left;         /* then it breaks */
    void (*while_sending)(void); /* after the checksum was made, before the bytes are taken */
} host;

static status_t host_send(struct transport *transport, const struct transport_piece *pieces,
                          unsigned count)
{
    (void)transport;
    if (host.sends_left-- == 0) {
        return ERR_PEER_CLOSED;
    }
    if (host.while_sending != NULL) {
        host.while_sending();
    }
    for (unsigned i = 0; i < count; i++) {
        assert_true(host.length + pieces[i].length <= SENT_MAX);
        memcpy(host.bytes + host.length, pieces[i].bytes, pieces[i].length);
        host.length += pieces[i].length;
        host.physical_bytes += pieces[i].physical == 0 ? 0 : pieces[i].length;
        if (pieces[i].physical != 0) {
            assert_ptr_equal((char *)region + (pieces[i].physical - 0x10000000), pieces[i].bytes);
        }
    }
    return OK;
}

static unsigned host_receive(struct transport *transport, char *buffer, unsigned bytes)
{
    (void)transport;
    (void)buffer;
    (void)bytes;
    return 0;
}

static struct consumer consumer;

static int setup(void **state)
{
    (void)state;
    region = aligned_alloc(0x1000, REGION_BYTES);
    memset(region, 0, REGION_BYTES);
    *region = (struct trace_region){.magic = TRACE_REGION_MAGIC,
                                    .version = TRACE_REGION_VERSION,
                                    .lane_count = LANES,
                                    .cpu_count = 2,
                                    .subbuf_bytes = TRACE_SUBBUF_BYTES,
                                    .bytes = REGION_BYTES,
                                    .schema_hash = TRACE_SCHEMA_HASH};
    set_lane(META, TRACE_LANE_META, RINGS_AT, META_BYTES);
    set_lane(1, TRACE_LANE_NORMAL, RINGS_AT + META_BYTES, RING_BYTES);
    set_lane(2, TRACE_LANE_NORMAL, RINGS_AT + META_BYTES + RING_BYTES, RING_BYTES);
    host.transport = (struct transport){"test", 0, host_send, host_receive};
    host.bytes = malloc(SENT_MAX);
    host.length = 0;
    host.physical_bytes = 0;
    host.sends_left = UINT32_MAX;
    host.while_sending = NULL;
    return consumer_open(&consumer, region, REGION_BYTES, 0x10000000, &host.transport);
}

static int teardown(void **state)
{
    (void)state;
    free(host.bytes);
    free(region);
    return 0;
}

/* ---- reading what was sent ---- */

struct block {
    struct capture_block head;
    const char *payload;
    bool crc_good;
};

static uint64_t read_at;

/* The next block; headers must always be good. False at the end. */
static bool next_block(struct block *block)
{
    if (read_at == host.length) {
        return false;
    }
    assert_true(host.length - read_at >= sizeof(block->head));
    memcpy(&block->head, host.bytes + read_at, sizeof(block->head));
    assert_int_equal(block->head.magic, CAPTURE_MAGIC);
    assert_int_equal(block->head.version, CAPTURE_VERSION);
    assert_int_equal(block->head.header_crc, crc32c(0, &block->head, 28));
    block->payload = host.bytes + read_at + sizeof(block->head);
    read_at += sizeof(block->head) + block->head.bytes;
    assert_true(read_at <= host.length);
    block->crc_good = block->head.payload_crc == crc32c(0, block->payload, block->head.bytes);
    return true;
}

static struct block expect_block(enum capture_type type, uint64_t sequence)
{
    struct block block = {.payload = ""};

    assert_true(next_block(&block));
    assert_int_equal(block.head.type, type);
    assert_int_equal(block.head.sequence, sequence);
    return block;
}

/* The next block is a good sub-buffer of this lane and position; returns its bytes. */
static struct block expect_subbuf(unsigned lane, uint64_t position, bool complete, uint64_t bytes)
{
    struct block block = {.payload = ""};
    struct capture_subbuf head;
    struct trace_subbuf subbuf;

    assert_true(next_block(&block));
    assert_int_equal(block.head.type, CAPTURE_SUBBUF);
    assert_true(block.crc_good);
    assert_int_equal(block.head.bytes, sizeof(head) + bytes);
    memcpy(&head, block.payload, sizeof(head));
    assert_int_equal(head.lane, lane);
    assert_int_equal(head.complete, complete);
    assert_int_equal(head.position, position);
    memcpy(&subbuf, block.payload + sizeof(head), sizeof(subbuf));
    assert_int_equal(subbuf.magic, TRACE_SUBBUF_MAGIC);
    assert_int_equal(subbuf.position, position);
    return block;
}

static void skip_sent(void)
{
    read_at = host.length;
}

static void begin(bool from_oldest)
{
    assert_int_equal(consumer_begin(&consumer, from_oldest), OK);
    skip_sent();
}

/* ---- sessions ---- */

static void a_session_begins_with_region_schema_and_lanes(void **state)
{
    (void)state;
    emit(1);
    read_at = 0;
    assert_int_equal(consumer_begin(&consumer, true), OK);
    struct block block = expect_block(CAPTURE_START, 0);
    assert_true(block.crc_good);
    assert_int_equal(block.head.bytes, sizeof(struct trace_region));
    assert_memory_equal(block.payload, region, sizeof(struct trace_region));
    block = expect_block(CAPTURE_SCHEMA, 1);
    assert_true(block.crc_good);
    assert_int_equal(block.head.bytes, TRACE_SCHEMA_BYTES);
    block = expect_block(CAPTURE_STATUS, 2);
    assert_int_equal(block.head.bytes, LANES * sizeof(struct trace_lane));
    assert_memory_equal(block.payload + sizeof(struct trace_lane), lane_of(1),
                        sizeof(struct trace_lane));
    assert_int_equal(read_at, host.length);
}

static void only_finished_subbufs_are_shipped(void **state)
{
    (void)state;
    emit_subbufs(1, 2);
    emit(2);
    begin(true);
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, 0, true, SUBBUF);
    expect_subbuf(1, SUBBUF, true, SUBBUF);
    assert_int_equal(read_at, host.length);
    assert_int_equal(host.physical_bytes, 2 * SUBBUF);
    assert_int_equal(consumer_ship(&consumer), OK);
    assert_int_equal(read_at, host.length);
}

static void lanes_take_turns(void **state)
{
    (void)state;
    emit_subbufs(1, 2);
    emit_subbufs(2, 2);
    begin(true);
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, 0, true, SUBBUF);
    expect_subbuf(2, 0, true, SUBBUF);
    expect_subbuf(1, SUBBUF, true, SUBBUF);
    expect_subbuf(2, SUBBUF, true, SUBBUF);
}

static void flush_ships_the_rest_and_it_is_shipped_again_when_finished(void **state)
{
    (void)state;
    begin(true);
    emit(1);
    emit(1);
    assert_int_equal(consumer_flush(&consumer), OK);
    expect_subbuf(1, 0, false, sizeof(struct trace_subbuf) + 2 * RECORD_BYTES);
    assert_int_equal(read_at, host.length);
    emit(1);
    assert_int_equal(consumer_flush(&consumer), OK);
    expect_subbuf(1, 0, false, sizeof(struct trace_subbuf) + 3 * RECORD_BYTES);
    emit_subbufs(1, 1);
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, 0, true, SUBBUF);
    assert_int_equal(read_at, host.length);
}

static unsigned burst_left;

static void burst_into_lane_1(void)
{
    if (burst_left > 0) {
        burst_left--;
        emit_subbufs(1, 2);
    }
}

/* Sub-buffers that are finished between the two steps of a flush are not left out. */
static void flush_takes_what_comes_while_other_lanes_are_shipped(void **state)
{
    (void)state;
    emit(META);
    emit(1);
    begin(true);
    burst_left = 1;
    host.while_sending = burst_into_lane_1;
    assert_int_equal(consumer_flush(&consumer), OK);
    expect_subbuf(META, 0, false, sizeof(struct trace_subbuf) + RECORD_BYTES);
    expect_subbuf(1, 0, true, SUBBUF);
    expect_subbuf(1, SUBBUF, true, SUBBUF);
    expect_subbuf(1, 2 * SUBBUF, false, lane_of(1)->position - 2 * SUBBUF);
    assert_int_equal(read_at, host.length);
}

static void an_empty_lane_gives_nothing(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(consumer_flush(&consumer), OK);
    assert_int_equal(read_at, host.length);
    begin_subbuf(1); /* a header and no record */
    assert_int_equal(consumer_flush(&consumer), OK);
    assert_int_equal(read_at, host.length);
}

static void a_session_from_now_leaves_out_the_past_but_not_the_names(void **state)
{
    (void)state;
    emit_subbufs(META, 1);
    emit_subbufs(1, 3);
    begin(false);
    assert_int_equal(consumer_flush(&consumer), OK);
    expect_subbuf(META, 0, true, SUBBUF);
    expect_subbuf(META, SUBBUF, false, lane_of(META)->position - SUBBUF);
    expect_subbuf(1, 3 * SUBBUF, false, lane_of(1)->position - 3 * SUBBUF);
    assert_int_equal(read_at, host.length);
}

static uint64_t told[LANES];

static void tell(unsigned lane, uint64_t position)
{
    told[lane] = position;
}

static void progress_is_told_until_the_session_is_over(void **state)
{
    (void)state;
    emit_subbufs(1, 2);
    consumer.progress = tell;
    assert_int_equal(consumer_begin(&consumer, true), OK);
    assert_int_equal(told[1], 0);
    assert_int_equal(consumer_ship(&consumer), OK);
    assert_int_equal(told[1], 2 * SUBBUF);
    assert_int_equal(told[2], 0);
    emit(1);
    assert_int_equal(consumer_flush(&consumer), OK);
    assert_int_equal(told[1], 2 * SUBBUF); /* what is not finished will come again */
    emit_subbufs(2, 1);
    host.sends_left = 0;
    assert_int_not_equal(consumer_ship(&consumer), OK);
    assert_true(told[META] == CONSUMER_GONE && told[1] == CONSUMER_GONE);
    assert_true(told[2] == CONSUMER_GONE);
    told[1] = 0;
    assert_int_equal(consumer_end(&consumer), OK);
    assert_int_equal(told[1], 0); /* once */
}

static void end_flushes_and_counts(void **state)
{
    struct capture_end end;

    (void)state;
    begin(true);
    emit(1);
    assert_int_equal(consumer_end(&consumer), OK);
    expect_subbuf(1, 0, false, sizeof(struct trace_subbuf) + RECORD_BYTES);
    expect_block(CAPTURE_STATUS, 4);
    struct block block = expect_block(CAPTURE_END, 5);
    memcpy(&end, block.payload, sizeof(end));
    assert_int_equal(end.blocks, 5);
    assert_int_equal(end.overwritten, 0);
    assert_int_equal(read_at, host.length);
    assert_int_equal(consumer_end(&consumer), OK);
    assert_int_equal(consumer_flush(&consumer), OK);
    assert_int_equal(read_at, host.length);
}

static void a_new_session_counts_from_nothing(void **state)
{
    (void)state;
    emit(1);
    begin(true);
    assert_int_equal(consumer_end(&consumer), OK);
    skip_sent();
    assert_int_equal(consumer_begin(&consumer, true), OK);
    expect_block(CAPTURE_START, 0);
}

static void a_broken_transport_ends_the_session(void **state)
{
    (void)state;
    emit_subbufs(1, 3);
    begin(true);
    host.sends_left = 1;
    assert_int_equal(consumer_ship(&consumer), ERR_PEER_CLOSED);
    assert_false(consumer.in_session);
    host.sends_left = 100;
    uint64_t sent = host.length;
    assert_int_equal(consumer_ship(&consumer), OK);
    assert_int_equal(host.length, sent);
}

/* ---- losses ---- */

static void what_was_overwritten_before_is_skipped_and_counted(void **state)
{
    (void)state;
    begin(true);
    emit_subbufs(
        1, 20); /* now in sub-buffer 20; 12 is where the writer is, 13 gets its header next (C1) */
    assert_int_equal(consumer_ship(&consumer), OK);
    for (uint64_t i = 14; i < 20; i++) {
        expect_subbuf(1, i * SUBBUF, true, SUBBUF);
    }
    assert_int_equal(read_at, host.length);
    assert_int_equal(consumer.overwritten, 14);
}

static unsigned lap_after;

static void lap_lane_1(void)
{
    if (lap_after-- == 0) {
        emit_subbufs(1, 8);
    }
}

static void overwriting_during_a_transfer_gives_a_verdict(void **state)
{
    struct capture_verdict verdict;
    struct block block;

    (void)state;
    emit_subbufs(1, 3);
    begin(true);
    lap_after = 1; /* while the second block is on its way */
    host.while_sending = lap_lane_1;
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, 0, true, SUBBUF);
    block = expect_block(CAPTURE_SUBBUF, 4);
    assert_false(block.crc_good);
    block = expect_block(CAPTURE_VERDICT, 5);
    memcpy(&verdict, block.payload, sizeof(verdict));
    assert_int_equal(verdict.sequence, 4);
    assert_true(block.crc_good);
    assert_int_equal(read_at, host.length);
    assert_int_equal(consumer_ship(&consumer), OK); /* what came meanwhile: C5 */
    for (uint64_t i = 5; i < 11; i++) {
        expect_subbuf(1, i * SUBBUF, true, SUBBUF);
    }
    assert_int_equal(read_at, host.length);
    assert_int_equal(consumer.overwritten, 1 + 3); /* the one sent, and 2, 3, 4 never */
}

/* Of half the size and elsewhere, as trace_rings_lay() does it. */
static void make_lane_1_anew(void)
{
    struct trace_lane_place *place = &region->lane[1];
    struct trace_lane *lane = lane_of(1);
    if (lap_after-- == 0) {
        place->first = lane->limit = (lane->position + SUBBUF - 1) / SUBBUF * SUBBUF;
        lane->position = place->first;
        place->ring_offset += place->ring_bytes / 2;
        place->ring_bytes /= 2;
        memset((char *)region + place->ring_offset, 0x5a, place->ring_bytes);
        emit_subbufs(1, 1);
    }
}

static void a_ring_that_is_made_anew_during_a_transfer_counts_as_overwritten(void **state)
{
    struct capture_verdict verdict;
    struct block block;

    (void)state;
    emit_subbufs(1, 3);
    begin(true);
    lap_after = 1; /* while the second block is on its way */
    host.while_sending = make_lane_1_anew;
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, 0, true, SUBBUF);
    (void)expect_block(CAPTURE_SUBBUF, 4);
    block = expect_block(CAPTURE_VERDICT, 5);
    memcpy(&verdict, block.payload, sizeof(verdict));
    assert_int_equal(verdict.sequence, 4);
    assert_int_equal(read_at, host.length);
    uint64_t first = region->lane[1].first;
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, first, true, SUBBUF);
    assert_int_equal(read_at, host.length);
}

/*
 * C1 to the sub-buffer: with p in the last but one, the oldest is good; one further, and its header
 * may be at work.
 */
static void the_header_of_the_next_subbuf_counts_as_written(void **state)
{
    (void)state;
    emit_subbufs(1, 6);
    begin(true);
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, 0, true, SUBBUF);
    emit_subbufs(1, 1);
    begin(true);
    assert_int_equal(consumer_ship(&consumer), OK);
    expect_subbuf(1, SUBBUF, true, SUBBUF);
}

static void a_full_meta_lane_is_shipped_whole(void **state)
{
    (void)state;
    while (emit(META)) {
    }
    begin(true);
    assert_int_equal(consumer_flush(&consumer), OK);
    for (uint64_t i = 0; i < META_BYTES / SUBBUF; i++) {
        bool last = i == META_BYTES / SUBBUF - 1;
        expect_subbuf(META, i * SUBBUF, !last || lane_of(META)->position == META_BYTES,
                      last ? lane_of(META)->position - i * SUBBUF : SUBBUF);
    }
    assert_int_equal(read_at, host.length);
    assert_int_equal(consumer.overwritten, 0);
}

/* ---- a writer that is faster than the port ---- */

static unsigned sent;

static void fill_a_subbuf(void)
{
    assert_true(++sent < 200); /* C5: else it goes on for ever */
    emit_subbufs(1, 1);
}

static void a_writer_that_is_never_behind_does_not_keep_the_consumer(void **state)
{
    (void)state;
    emit_subbufs(1, 2);
    begin(true);
    host.while_sending = fill_a_subbuf;
    for (unsigned i = 0; i < 3; i++) {
        sent = 0;
        assert_int_equal(consumer_ship(&consumer), OK);
        assert_true(sent > 0);
    }
    sent = 0;
    assert_int_equal(consumer_flush(&consumer), OK);
    sent = 0;
    assert_int_equal(consumer_end(&consumer), OK);
    host.while_sending = NULL;
}

/* ---- a long random run: every event of a lane is delivered or known to be lost (L3) ---- */

static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

static void write_now_and_then(void)
{
    if (random_below(8) == 0) {
        unsigned lane = 1 + random_below(2);
        for (uint32_t i = random_below(12000); i > 0; i--) {
            emit(lane);
        }
    }
}

/* Check the records of a delivered sub-buffer; returns the number of the event after its last. */
static uint64_t check_records(const struct block *block)
{
    struct trace_subbuf subbuf;
    const char *at = block->payload + sizeof(struct capture_subbuf);
    const char *end = block->payload + block->head.bytes;

    memcpy(&subbuf, at, sizeof(subbuf));
    uint64_t event = subbuf.first_event;
    for (at += sizeof(subbuf); end - at >= (ptrdiff_t)RECORD_BYTES; at += RECORD_BYTES) {
        uint64_t record[2];
        memcpy(record, at, sizeof(record));
        assert_int_equal(TRACE_EVENT(record[0]), 60);
        assert_int_equal(record[1], event);
        event++;
    }
    return event;
}

static void count_delivered(uint64_t delivered[LANES], uint64_t missed[LANES], uint64_t last[LANES])
{
    struct block block = {.payload = ""};

    while (next_block(&block)) {
        struct capture_subbuf head;
        struct capture_block following;

        if (block.head.type != CAPTURE_SUBBUF) {
            continue;
        }
        memcpy(&head, block.payload, sizeof(head));
        memcpy(&following, host.bytes + read_at,
               sizeof(following)); /* there is one: END comes last */
        if (following.type == CAPTURE_VERDICT) {
            continue;
        }
        assert_true(block.crc_good);
        struct trace_subbuf subbuf;
        memcpy(&subbuf, block.payload + sizeof(head), sizeof(subbuf));
        uint64_t end = check_records(&block);
        assert_true(subbuf.first_event >= last[head.lane]);
        missed[head.lane] += subbuf.first_event - last[head.lane];
        delivered[head.lane] += end - subbuf.first_event;
        last[head.lane] = end;
    }
}

static void whatever_happens_no_wrong_record_is_delivered(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        uint64_t delivered[LANES] = {0}, missed[LANES] = {0}, last[LANES] = {0};

        assert_int_equal(teardown(NULL), 0);
        assert_int_equal(setup(NULL), OK);
        random_state = seed;
        begin(true);
        read_at = 0;
        host.while_sending = write_now_and_then;
        for (unsigned step = 0; step < 60; step++) {
            write_now_and_then();
            assert_int_equal(consumer_ship(&consumer), OK);
        }
        host.while_sending = NULL;
        assert_int_equal(consumer_end(&consumer), OK);
        count_delivered(delivered, missed, last);
        for (unsigned lane = 1; lane < LANES; lane++) {
            assert_int_equal(last[lane], lane_of(lane)->events); /* the end of the trace is there */
            assert_int_equal(delivered[lane] + missed[lane], lane_of(lane)->events);
            assert_true(delivered[lane] > 0);
            if (consumer.overwritten == 0) {
                assert_int_equal(delivered[lane], lane_of(lane)->events);
            }
        }
    }
}

/* ---- opening ---- */

static void break_magic(void)
{
    region->magic++;
}
static void break_version(void)
{
    region->version++;
}
static void break_schema(void)
{
    region->schema_hash ^= 1;
}
static void break_count(void)
{
    region->lane_count = TRACE_LANES_MAX + 1;
}
static void break_ring_size(void)
{
    region->lane[1].ring_bytes -= 0x1000;
}
static void break_ring_place(void)
{
    region->lane[2].ring_offset += SUBBUF;
}
static void break_ring_far(void)
{
    region->lane[2].ring_offset = ~0xfffull;
}
static void break_control(void)
{
    region->lane[1].control_offset = REGION_BYTES - 64;
}
static void break_control_align(void)
{
    region->lane[1].control_offset += 4;
}
static void break_tiny_ring(void)
{
    region->lane[1].ring_bytes = SUBBUF;
}

static void strange_regions_are_refused(void **state)
{
    void (*const cases[])(void) = {
        break_magic,      break_version,  break_schema,  break_count,         break_ring_size,
        break_ring_place, break_ring_far, break_control, break_control_align, break_tiny_ring};
    struct trace_region good = *region;

    (void)state;
    assert_int_equal(consumer_open(&consumer, region, sizeof(*region) - 1, 0, &host.transport),
                     ERR_CORRUPT);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cases[i]();
        assert_int_equal(consumer_open(&consumer, region, REGION_BYTES, 0, &host.transport),
                         ERR_CORRUPT);
        *region = good;
    }
    assert_int_equal(consumer_open(&consumer, region, REGION_BYTES, 0, &host.transport), OK);
}

/* ---- commands ---- */

static const struct {
    const char *line;
    enum command_kind kind;
    bool has_mask;
    uint64_t mask;
} command_cases[] = {
    {"start", COMMAND_START, false, 0},
    {"start 255", COMMAND_START, true, 255},
    {"start 0x3F", COMMAND_START, true, 0x3f},
    {"start 0xffffffffffffffff", COMMAND_START, true, UINT64_MAX},
    {"dump", COMMAND_DUMP, false, 0},
    {"dump 1", COMMAND_DUMP, true, 1},
    {"flush", COMMAND_FLUSH, false, 0},
    {"stop", COMMAND_STOP, false, 0},
    {"", COMMAND_NONE, false, 0},
    {" start", COMMAND_NONE, false, 0},
    {"starts", COMMAND_NONE, false, 0},
    {"sta", COMMAND_NONE, false, 0},
    {"start ", COMMAND_NONE, false, 0},
    {"start x", COMMAND_NONE, false, 0},
    {"start 1 2", COMMAND_NONE, false, 0},
    {"start 0x", COMMAND_NONE, false, 0},
    {"start 18446744073709551616", COMMAND_NONE, false, 0},
    {"start 99999999999999999999", COMMAND_NONE, false, 0},
    {"stop 1", COMMAND_NONE, false, 0},
};

static void commands_are_understood_or_ignored(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(command_cases) / sizeof(command_cases[0]); i++) {
        struct command command = command_parse(command_cases[i].line);
        assert_int_equal(command.kind, command_cases[i].kind);
        assert_int_equal(command.has_mask && command.kind != COMMAND_NONE,
                         command_cases[i].has_mask);
        assert_int_equal(command.mask, command_cases[i].mask);
    }
}

static unsigned feed(struct command_reader *reader, const char *text, struct command *last)
{
    unsigned commands = 0;

    for (; *text != '\0'; text++) {
        commands += command_add(reader, *text, last);
    }
    return commands;
}

static void lines_come_in_pieces_and_too_long_ones_are_dropped(void **state)
{
    struct command_reader reader = {0};
    struct command command;
    char text[400];

    (void)state;
    assert_int_equal(feed(&reader, "st", &command), 0);
    assert_int_equal(feed(&reader, "op\r\n\nflush\n", &command), 2);
    assert_int_equal(command.kind, COMMAND_FLUSH);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(feed(&reader, text, &command), 0);
    assert_int_equal(feed(&reader, "stop\n", &command), 0); /* still the end of the long line */
    assert_int_equal(feed(&reader, "stop\n", &command), 1);
    assert_int_equal(command.kind, COMMAND_STOP);
}

#define CONSUMER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONSUMER_TEST(a_session_begins_with_region_schema_and_lanes),
        CONSUMER_TEST(only_finished_subbufs_are_shipped),
        CONSUMER_TEST(lanes_take_turns),
        CONSUMER_TEST(flush_ships_the_rest_and_it_is_shipped_again_when_finished),
        CONSUMER_TEST(flush_takes_what_comes_while_other_lanes_are_shipped),
        CONSUMER_TEST(an_empty_lane_gives_nothing),
        CONSUMER_TEST(a_session_from_now_leaves_out_the_past_but_not_the_names),
        CONSUMER_TEST(progress_is_told_until_the_session_is_over),
        CONSUMER_TEST(end_flushes_and_counts),
        CONSUMER_TEST(a_new_session_counts_from_nothing),
        CONSUMER_TEST(a_broken_transport_ends_the_session),
        CONSUMER_TEST(what_was_overwritten_before_is_skipped_and_counted),
        CONSUMER_TEST(overwriting_during_a_transfer_gives_a_verdict),
        CONSUMER_TEST(a_ring_that_is_made_anew_during_a_transfer_counts_as_overwritten),
        CONSUMER_TEST(the_header_of_the_next_subbuf_counts_as_written),
        CONSUMER_TEST(a_full_meta_lane_is_shipped_whole),
        CONSUMER_TEST(a_writer_that_is_never_behind_does_not_keep_the_consumer),
        CONSUMER_TEST(whatever_happens_no_wrong_record_is_delivered),
        CONSUMER_TEST(strange_regions_are_refused),
        cmocka_unit_test(commands_are_understood_or_ignored),
        cmocka_unit_test(lines_come_in_pieces_and_too_long_ones_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
