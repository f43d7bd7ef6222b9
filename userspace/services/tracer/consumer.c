/* SPDX-License-Identifier: MIT */
/*
 * The trace consumer.
 *
 * A lane's writer never waits for us. We read its position p and take whole sub-buffers below it;
 * the bytes go out straight from the ring, and meanwhile the writer may come round and overwrite
 * them. So after each transfer p is read again:
 *
 *      s                        p' = p rounded down
 *   ---|=====|-----|-----|-----|==>--|-----|---      positions; the ring holds ring_bytes of them
 *                                    ^ its header is written before p gets there
 *
 * C1  A sub-buffer is intact iff it does not start before trace_oldest_intact() of a position that
 *     was read after its last byte was: the writer may be at work in the sub-buffer at p' and on
 *     the header of the one after it, nowhere else.
 * C2  A block whose sub-buffer fails C1 after the transfer is followed by a verdict that names it;
 *     its checksum may be wrong, too, as it was computed before.
 * C3  Sub-buffers of a lane go out in order, each complete one once. What is skipped is counted in
 *     'overwritten'.
 * C4  Meta lanes keep the oldest: nothing in them is ever overwritten.
 * C5  A call ships up to where the writers were when it began, so it ends also when they are faster than the port; who called
 *     does what else there is to do, and calls again.
 * C6  A ring may be made anew at any time, elsewhere and of another size. All that it held lies before trace_lane_place.first then, so
 *     C1 finds it overwritten: the position is read before the place.
 *
 * A copy into private memory before sending would make verdicts unnecessary but cost more
 * instructions per KiB than all the rest, and would only make the window smaller.
 */
#include "userspace/services/tracer/consumer.h"

#include <stddef.h>
#include <string.h>

#include "gen/trace_schema.h"

#define ALIGN_MASK (~(uint64_t)(TRACE_SUBBUF_BYTES - 1))

static const char schema_text[] = TRACE_SCHEMA_TEXT;

static const char *region_bytes(const struct consumer *consumer, uint64_t offset)
{
    return (const char *)consumer->region + offset;
}

static const struct trace_lane_place *lane_place(const struct consumer *consumer, unsigned lane)
{
    return &consumer->region->lane[lane];
}

/* Pairs with the recorder's store of the position, its last one for each record. */
static uint64_t lane_position(const struct consumer *consumer, unsigned lane)
{
    const struct trace_lane *control =
        (const void *)region_bytes(consumer, lane_place(consumer, lane)->control_offset);

    return __atomic_load_n(&control->position, __ATOMIC_ACQUIRE);
}

/*
 * Where a ring lies now. It can be made anew, which is one step for everybody but comes between any two of ours (C6): seen by
 * `first`, which rises, unless there was nothing in the ring to be read at a wrong place.
 */
static struct trace_lane_place read_place(const struct consumer *consumer, unsigned lane)
{
    const struct trace_lane_place *place = lane_place(consumer, lane);
    struct trace_lane_place copy;
    uint64_t first;

    do {
        first = __atomic_load_n(&place->first, __ATOMIC_ACQUIRE);
        copy = *place;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&place->first, __ATOMIC_RELAXED) != first);
    return copy;
}

/* C1, C4: the oldest sub-buffer of a lane that can be trusted. */
static uint64_t oldest_intact(const struct consumer *consumer, unsigned lane)
{
    uint64_t position = lane_position(consumer, lane); /* first: C6 */
    struct trace_lane_place place = read_place(consumer, lane);

    return trace_oldest_in(&place, position);
}

static bool is_place_good(const struct trace_lane_place *place, uint64_t bytes)
{
    return place->control_offset <= bytes - sizeof(struct trace_lane) &&
           place->control_offset % 8 == 0 && place->ring_bytes >= 2 * TRACE_SUBBUF_BYTES &&
           (place->ring_bytes & (place->ring_bytes - 1)) == 0 && place->ring_bytes <= bytes &&
           place->ring_offset <= bytes - place->ring_bytes && place->ring_offset % PAGE_BYTES == 0;
}

status_t consumer_open(struct consumer *consumer, const struct trace_region *region, uint64_t bytes,
                       uint64_t physical, struct transport *transport)
{
    if (bytes < sizeof(*region) || region->magic != TRACE_REGION_MAGIC ||
        region->version != TRACE_REGION_VERSION || region->schema_hash != TRACE_SCHEMA_HASH ||
        region->subbuf_bytes != TRACE_SUBBUF_BYTES || region->lane_count > TRACE_LANES_MAX) {
        return ERR_CORRUPT;
    }
    for (unsigned i = 0; i < region->lane_count; i++) {
        if (!is_place_good(&region->lane[i], bytes)) {
            return ERR_CORRUPT;
        }
    }
    *consumer = (struct consumer){.region = region, .physical = physical, .transport = transport};
    return OK;
}

/* ---- blocks ---- */

static status_t write_start(struct consumer *consumer)
{
    struct trace_region copy =
        *consumer->region; /* it changes; the checksum must be of what is sent */
    const struct transport_piece pieces[] = {{&copy, sizeof(copy), 0}};

    return capture_write(&consumer->writer, CAPTURE_START, pieces, 1);
}

static status_t write_schema(struct consumer *consumer)
{
    const struct transport_piece pieces[] = {{schema_text, sizeof(schema_text) - 1, 0}};

    return capture_write(&consumer->writer, CAPTURE_SCHEMA, pieces, 1);
}

static status_t write_status(struct consumer *consumer)
{
    struct trace_lane lanes[TRACE_LANES_MAX];
    unsigned count = consumer->region->lane_count;

    for (unsigned i = 0; i < count; i++) {
        memcpy(&lanes[i], region_bytes(consumer, lane_place(consumer, i)->control_offset),
               sizeof(lanes[i]));
    }
    const struct transport_piece pieces[] = {{lanes, count * sizeof(lanes[0]), 0}};
    return capture_write(&consumer->writer, CAPTURE_STATUS, pieces, 1);
}

static status_t write_verdict(struct consumer *consumer, uint64_t sequence)
{
    const struct capture_verdict verdict = {sequence};
    const struct transport_piece pieces[] = {{&verdict, sizeof(verdict), 0}};

    return capture_write(&consumer->writer, CAPTURE_VERDICT, pieces, 1);
}

static status_t write_end(struct consumer *consumer)
{
    const struct capture_end end = {consumer->writer.sequence, consumer->overwritten};
    const struct transport_piece pieces[] = {{&end, sizeof(end), 0}};

    return capture_write(&consumer->writer, CAPTURE_END, pieces, 1);
}

/*
 * Ship the first bytes of the sub-buffer at a position, and take it back if it was overwritten
 * meanwhile.
 */
static status_t write_subbuf(struct consumer *consumer, unsigned lane, uint64_t position,
                             uint64_t bytes)
{
    struct trace_lane_place place = read_place(consumer, lane);
    uint64_t offset = place.ring_offset + (position & (place.ring_bytes - 1));
    const struct capture_subbuf head = {lane, bytes == TRACE_SUBBUF_BYTES, position};
    const struct transport_piece pieces[] = {
        {&head, sizeof(head), 0},
        {region_bytes(consumer, offset), bytes,
         consumer->physical == 0 ? 0 : consumer->physical + offset},
    };
    uint64_t sequence = consumer->writer.sequence;
    status_t status = capture_write(&consumer->writer, CAPTURE_SUBBUF, pieces, 2);

    if (status != OK || position >= oldest_intact(consumer, lane)) {
        return status;
    }
    consumer->overwritten++;
    return write_verdict(consumer, sequence);
}

/* ---- lanes ---- */

static void tell_progress(const struct consumer *consumer, unsigned lane, uint64_t position)
{
    if (consumer->progress != NULL) {
        consumer->progress(lane, position);
    }
}

/* Go past what has been overwritten since we were here last (C3). */
static void skip_overwritten(struct consumer *consumer, unsigned lane)
{
    uint64_t oldest = oldest_intact(consumer, lane);

    if (consumer->next[lane] < oldest) {
        consumer->overwritten += (oldest - consumer->next[lane]) / TRACE_SUBBUF_BYTES;
        consumer->next[lane] = oldest;
    }
}

/* One sub-buffer of a lane, if one is finished before a position. */
static status_t ship_next(struct consumer *consumer, unsigned lane, uint64_t end, bool *out_shipped)
{
    skip_overwritten(consumer, lane);
    uint64_t position = consumer->next[lane];
    if (position + TRACE_SUBBUF_BYTES > end) {
        return OK;
    }
    *out_shipped = true;
    consumer->next[lane] = position + TRACE_SUBBUF_BYTES;
    status_t status = write_subbuf(consumer, lane, position, TRACE_SUBBUF_BYTES);
    tell_progress(consumer, lane, consumer->next[lane]);
    return status;
}

/* All of a lane up to where its writer is now; what comes meanwhile is for the next time. */
static status_t flush_lane(struct consumer *consumer, unsigned lane)
{
    uint64_t end = lane_position(consumer, lane);
    status_t status = OK;
    bool shipped;

    while (status == OK && consumer->next[lane] + TRACE_SUBBUF_BYTES <= end) {
        status = ship_next(consumer, lane, end, &shipped);
    }
    skip_overwritten(consumer, lane);
    uint64_t position = consumer->next[lane];
    if (status != OK || end <= position + sizeof(struct trace_subbuf)) {
        return status;
    }
    return write_subbuf(consumer, lane, position, end - position);
}

/* The session is over. */
static void leave(struct consumer *consumer)
{
    for (unsigned i = 0; consumer->in_session && i < consumer->region->lane_count; i++) {
        tell_progress(consumer, i, CONSUMER_GONE);
    }
    consumer->in_session = false;
}

/* After an error of the transport nobody knows what the host has got: that session is over. */
static status_t finish(struct consumer *consumer, status_t status)
{
    if (status != OK) {
        leave(consumer);
    }
    return status;
}

/* ---- sessions ---- */

status_t consumer_begin(struct consumer *consumer, bool from_oldest)
{
    capture_writer_begin(&consumer->writer, consumer->transport);
    consumer->overwritten = 0;
    for (unsigned i = 0; i < consumer->region->lane_count; i++) {
        bool is_meta = lane_place(consumer, i)->kind ==
                       TRACE_LANE_META; /* names: without them nothing can be read */
        consumer->next[i] = from_oldest || is_meta ? oldest_intact(consumer, i)
                                                   : lane_position(consumer, i) & ALIGN_MASK;
        tell_progress(consumer, i, consumer->next[i]);
    }
    consumer->in_session = true;
    status_t status = write_start(consumer);
    if (status == OK) {
        status = write_schema(consumer);
    }
    if (status == OK) {
        status = write_status(consumer);
    }
    return finish(consumer, status);
}

status_t consumer_ship(struct consumer *consumer)
{
    const unsigned lanes = consumer->region->lane_count;
    uint64_t end[TRACE_LANES_MAX] = {0}; /* C5 */
    bool shipped = consumer->in_session;
    status_t status = OK;

    for (unsigned i = 0; i < lanes; i++) {
        end[i] = lane_position(consumer, i);
    }
    /*
     * In turns, so that a busy core does not make another one's sub-buffers wait until they are
     * overwritten.
     */
    while (shipped && status == OK) {
        shipped = false;
        for (unsigned i = 0; status == OK && i < lanes; i++) {
            status = ship_next(consumer, i, end[i], &shipped);
        }
    }
    return finish(consumer, status);
}

status_t consumer_flush(struct consumer *consumer)
{
    status_t status = consumer_ship(consumer);

    for (unsigned i = 0; status == OK && consumer->in_session && i < consumer->region->lane_count;
         i++) {
        status = flush_lane(consumer, i);
    }
    return finish(consumer, status);
}

status_t consumer_end(struct consumer *consumer)
{
    if (!consumer->in_session) {
        return OK;
    }
    status_t status = consumer_flush(consumer);
    if (status == OK) {
        status = write_status(consumer);
    }
    if (status == OK) {
        status = write_end(consumer);
    }
    leave(consumer);
    return status;
}
