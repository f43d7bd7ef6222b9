/* SPDX-License-Identifier: MIT */
/*
 * Front end 1: a capture, a stream of blocks (trace/format/capture.h).
 *
 * The whole file is read once, front to back; every checksum is computed. What is left in memory is one index entry per
 * sub-buffer. Damage never stops the reader: it looks for the next magic whose header checksum holds, counts the bytes
 * between, and lets the sequence numbers tell how many blocks are gone.
 *
 * A new session begins with a START block of sequence 0, or, if that block is lost, where sequence numbers fall.
 */
#include "session.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/crc32c.h"

#define WINDOW_BYTES     0x10000u
#define HEADER_CRC_BYTES 28u
#define SCHEMA_BYTES_MAX 0x100000u
#define RECALL_BLOCKS    256u /* how far on the verdict about a block may come */

struct scan {
    struct session *session;
    unsigned wanted;
    bool any;          /* a block was seen: a session is under way */
    unsigned current;  /* its number */
    bool any_subbuf;   /* of the session that is wanted */
    uint64_t expected; /* next sequence number */
    uint64_t offset;
    uint64_t skipped_from; /* start of bytes that are no block; == offset: none */
    bool damage; /* since the sub-buffer before; applies to the next sub-buffer of every lane */
    uint64_t damage_serial;
    uint64_t lane_damage_serial[TRACE_LANES_MAX];
    status_t status;
    uint8_t window[WINDOW_BYTES];
    size_t window_bytes;
    uint64_t window_offset;
};

static bool is_wanted(const struct scan *scan)
{
    return scan->current == scan->wanted;
}

/* Bytes at offset, out of the window where they are already there. Returns how many there are, at most WINDOW_BYTES. */
static size_t look(struct scan *scan, uint64_t offset, size_t count, const uint8_t **out)
{
    if (offset < scan->window_offset || offset + count > scan->window_offset + scan->window_bytes) {
        scan->window_offset = offset;
        scan->window_bytes = input_read(scan->session->input, offset, scan->window, WINDOW_BYTES);
    }
    *out = scan->window + (offset - scan->window_offset);
    return (size_t)MIN((uint64_t)count, scan->window_offset + scan->window_bytes - offset);
}

static bool read_header(struct scan *scan, uint64_t offset, struct capture_block *header)
{
    const uint8_t *bytes;
    if (look(scan, offset, sizeof(*header), &bytes) < sizeof(*header)) {
        return false;
    }
    memcpy(header, bytes, sizeof(*header));
    return header->magic == CAPTURE_MAGIC && header->bytes <= CAPTURE_PAYLOAD_MAX &&
           header->header_crc == crc32c(0, bytes, HEADER_CRC_BYTES);
}

/* The next place at or after offset where an intact header lies; the end of the input if there is none. */
static uint64_t find_header(struct scan *scan, uint64_t offset, struct capture_block *header)
{
    uint64_t end = scan->session->input->bytes;
    while (offset + sizeof(*header) <= end) {
        const uint8_t *bytes;
        size_t count = look(scan, offset, WINDOW_BYTES, &bytes);
        if (count < sizeof(*header)) {
            break;
        }
        size_t starts = count - sizeof(*header) + 1;
        const uint8_t *hit = memchr(bytes, CAPTURE_MAGIC & 0xff, starts);
        if (hit == NULL) {
            offset += starts;
            continue;
        }
        offset += (uint64_t)(hit - bytes);
        if (read_header(scan, offset, header)) {
            return offset;
        }
        offset++;
    }
    return end;
}

static bool payload_is_intact(struct scan *scan, const struct capture_block *header)
{
    uint64_t offset = scan->offset + sizeof(*header);
    uint64_t rest = header->bytes;
    uint32_t crc = 0;
    while (rest != 0) {
        const uint8_t *bytes;
        size_t want = (size_t)MIN(rest, (uint64_t)WINDOW_BYTES);
        size_t count = look(scan, offset, want, &bytes);
        if (count == 0) {
            return false;
        }
        crc = crc32c(crc, bytes, count);
        offset += count;
        rest -= count;
    }
    return crc == header->payload_crc;
}

static void note_damage(struct scan *scan)
{
    scan->damage_serial++;
}

static bool take_start(struct scan *scan, const uint8_t *payload, size_t bytes)
{
    struct trace_region region;
    if (bytes < sizeof(region)) {
        return false;
    }
    memcpy(&region, payload, sizeof(region));
    scan->status = session_set_region(scan->session, &region);
    scan->session->is_guessed = false;
    return true;
}

static bool take_subbuf(struct scan *scan, const struct capture_block *header,
                        const uint8_t *payload)
{
    struct capture_subbuf place;
    struct trace_subbuf subbuf;
    if (header->bytes < sizeof(place) + sizeof(subbuf) ||
        header->bytes > sizeof(place) + TRACE_SUBBUF_BYTES || header->bytes % 8 != 0) {
        return false;
    }
    memcpy(&place, payload, sizeof(place));
    memcpy(&subbuf, payload + sizeof(place), sizeof(subbuf));
    scan->any_subbuf = true;
    scan->session->has_final_status = false;
    bool damage = false;
    if (place.lane < TRACE_LANES_MAX) {
        damage = scan->lane_damage_serial[place.lane] != scan->damage_serial;
        scan->lane_damage_serial[place.lane] = scan->damage_serial;
    }
    struct subbuf_entry entry = {.position = place.position,
                                 .offset = scan->offset + sizeof(*header) + sizeof(place),
                                 .block = header->sequence,
                                 .bytes = (uint32_t)(header->bytes - sizeof(place)),
                                 .complete = place.complete != 0,
                                 .damage_before = damage};
    session_add_subbuf(scan->session, place.lane, &subbuf, &entry);
    return true;
}

static bool take_verdict(struct scan *scan, const uint8_t *payload, size_t bytes)
{
    struct capture_verdict verdict;
    if (bytes < sizeof(verdict)) {
        return false;
    }
    memcpy(&verdict, payload, sizeof(verdict));
    for (unsigned i = 0; i < scan->session->lane_count; i++) {
        struct session_lane *lane = &scan->session->lane[i];
        for (size_t k = lane->entries; k-- != 0 && lane->entry[k].block >= verdict.sequence;) {
            lane->entry[k].dropped =
                lane->entry[k].dropped || lane->entry[k].block == verdict.sequence;
        }
    }
    return true;
}

static bool take_status(struct scan *scan, const uint8_t *payload, size_t bytes)
{
    size_t count = bytes / sizeof(struct trace_lane);
    if (bytes % sizeof(struct trace_lane) != 0 || count > TRACE_LANES_MAX) {
        return false;
    }
    for (size_t i = 0; i < count && i < scan->session->lane_count; i++) {
        struct session_lane *lane = &scan->session->lane[i];
        memcpy(&lane->last_status, payload + i * sizeof(struct trace_lane),
               sizeof(struct trace_lane));
        if (!lane->has_last_status && lane->entries == 0) {
            lane->first_status = lane->last_status;
            lane->has_first_status = true;
        }
        lane->has_last_status = true;
    }
    scan->session->has_final_status = scan->any_subbuf;
    return true;
}

static bool take_schema(struct scan *scan, const uint8_t *payload, size_t bytes)
{
    struct session *session = scan->session;
    if (bytes > SCHEMA_BYTES_MAX ||
        (!session->is_guessed &&
         schema_hash((const char *)payload, bytes) != session->region.schema_hash)) {
        return false;
    }
    schema_free(&session->schema);
    return schema_parse(&session->schema, (const char *)payload, bytes) == OK;
}

static bool take_end(struct scan *scan, const uint8_t *payload, size_t bytes)
{
    struct capture_end end;
    if (bytes < sizeof(end)) {
        return false;
    }
    memcpy(&end, payload, sizeof(end));
    scan->session->has_end = true;
    scan->session->overwritten = end.overwritten;
    return true;
}

static bool take_symbols(struct scan *scan, const uint8_t *payload, size_t bytes)
{
    struct session *session = scan->session;
    free(session->symbols);
    session->symbols = xmalloc(bytes + 1);
    memcpy(session->symbols, payload, bytes);
    session->symbols[bytes] = '\0';
    session->symbols_bytes = bytes;
    return true;
}

/* Whole payload in memory, for the rare kinds that may be longer than the window. */
static bool take_long(struct scan *scan, const struct capture_block *header)
{
    uint8_t *payload = xmalloc((size_t)header->bytes);
    bool good = input_read(scan->session->input, scan->offset + sizeof(*header), payload,
                           (size_t)header->bytes) == header->bytes;
    if (good) {
        good = header->type == CAPTURE_SCHEMA ? take_schema(scan, payload, (size_t)header->bytes)
                                              : take_symbols(scan, payload, (size_t)header->bytes);
    }
    free(payload);
    return good;
}

static bool take_payload(struct scan *scan, const struct capture_block *header)
{
    if (header->type == CAPTURE_SCHEMA || header->type == CAPTURE_SYMBOLS) {
        return take_long(scan, header);
    }
    if (header->bytes > WINDOW_BYTES) {
        return header->type > CAPTURE_SYMBOLS; /* unknown types may be long */
    }
    const uint8_t *payload;
    size_t bytes = look(scan, scan->offset + sizeof(*header), (size_t)header->bytes, &payload);
    switch (header->type) {
    case CAPTURE_START:
        return take_start(scan, payload, bytes);
    case CAPTURE_SUBBUF:
        return take_subbuf(scan, header, payload);
    case CAPTURE_VERDICT:
        return take_verdict(scan, payload, bytes);
    case CAPTURE_STATUS:
        return take_status(scan, payload, bytes);
    case CAPTURE_END:
        return take_end(scan, payload, bytes);
    default:
        return true;
    }
}

static void begin_session(struct scan *scan, const struct capture_block *header)
{
    struct session *session = scan->session;
    scan->current = scan->any ? scan->current + 1 : 0;
    scan->any = true;
    scan->expected = 0;
    session->sessions = scan->current + 1;
    if (!is_wanted(scan)) {
        return;
    }
    if (header->type != CAPTURE_START) {
        session->is_guessed = true;
        finding_add(&session->findings, FINDING_START_MISSING,
                    "the START block is missing: clock and lanes are guessed from what is left");
    }
}

static void check_sequence(struct scan *scan, const struct capture_block *header)
{
    struct session *session = scan->session;
    bool is_start = header->type == CAPTURE_START && header->sequence == 0;
    if (!scan->any || is_start || header->sequence + 1 < scan->expected) {
        begin_session(scan, header);
    } else if (header->sequence < scan->expected && is_wanted(scan)) {
        finding_add(&session->findings, FINDING_BLOCK_MISSING, "block %" PRIu64 " comes twice",
                    header->sequence);
    }
    if (header->sequence > scan->expected && is_wanted(scan)) {
        session->blocks_missing += header->sequence - scan->expected;
        finding_add(&session->findings, FINDING_BLOCK_MISSING,
                    "blocks %" PRIu64 " to %" PRIu64 " are missing before file offset %#" PRIx64,
                    scan->expected, header->sequence - 1, scan->offset);
        note_damage(scan);
    }
    scan->expected = header->sequence + 1;
}

static void report_skipped(struct scan *scan, uint64_t end)
{
    if (scan->skipped_from == end) {
        return;
    }
    struct session *session = scan->session;
    if (!scan->any || is_wanted(scan)) {
        session->bytes_skipped += end - scan->skipped_from;
        finding_add(&session->findings, FINDING_BLOCK_DAMAGED,
                    "%" PRIu64 " bytes at file offset %#" PRIx64 " are no intact block",
                    end - scan->skipped_from, scan->skipped_from);
        note_damage(scan);
    }
}

/*
 * What a serial line said before it was the capture's, the screen of the firmware above all: the session behind it is whole, and
 * nothing that looks like a block is in it.
 */
static bool skip_noise(struct scan *scan, const struct capture_block *header)
{
    struct session *session = scan->session;
    bool is_noise = !scan->any && session->blocks_damaged == 0 && scan->offset != 0 &&
                    header->type == CAPTURE_START && header->sequence == 0;
    if (is_noise) {
        session->bytes_skipped = scan->offset;
        finding_add(&session->findings, NOTE_NOISE,
                    "%" PRIu64 " bytes before the first block are no part of it", scan->offset);
        scan->skipped_from = scan->offset;
    }
    return is_noise;
}

/*
 * A sub-buffer was overwritten while it was sent, so that its checksum does not hold: that is loss, not damage, if a
 * verdict further on says so. Its own header and all between must be intact, or the length here proves nothing.
 */
static bool is_recalled(struct scan *scan, const struct capture_block *spoilt, uint64_t after)
{
    struct capture_block header;
    struct capture_verdict verdict;
    for (unsigned i = 1; i <= RECALL_BLOCKS && read_header(scan, after, &header); i++) {
        const uint8_t *payload;
        if (header.sequence != spoilt->sequence + i) {
            return false;
        }
        if (header.type == CAPTURE_VERDICT &&
            look(scan, after + sizeof(header), sizeof(verdict), &payload) == sizeof(verdict)) {
            memcpy(&verdict, payload, sizeof(verdict));
            if (verdict.sequence == spoilt->sequence) {
                return true;
            }
        }
        after += sizeof(header) + header.bytes;
    }
    return false;
}

/* The block at scan->offset was recalled: the hole it leaves in its lane has that cause. */
static void take_recalled(struct scan *scan, const struct capture_block *header)
{
    const uint8_t *payload;
    struct capture_subbuf place;
    size_t bytes = look(scan, scan->offset + sizeof(*header), sizeof(place), &payload);
    if (bytes == sizeof(place)) {
        memcpy(&place, payload, sizeof(place));
        if (place.lane < scan->session->lane_count) {
            scan->session->lane[place.lane].verdicts++;
        }
    }
}

/* One intact header at scan->offset. Returns where to look for the next block. */
static uint64_t take_block(struct scan *scan, const struct capture_block *header)
{
    struct session *session = scan->session;
    uint64_t after = scan->offset + sizeof(*header) + header->bytes;
    if (after > session->input->bytes) {
        finding_add(&session->findings, FINDING_FILE_CUT,
                    "the file ends inside block %" PRIu64 " at file offset %#" PRIx64,
                    header->sequence, scan->offset);
        scan->skipped_from = scan->offset + sizeof(*header);
        return scan->skipped_from;
    }
    if (header->version != CAPTURE_VERSION) {
        complain("%s: capture version %u; this program reads version %u", session->input->name,
                 header->version, CAPTURE_VERSION);
        scan->status = ERR_NOT_SUPPORTED;
        return after;
    }
    bool is_intact = payload_is_intact(scan, header);
    if (!is_intact && (header->type != CAPTURE_SUBBUF || !is_recalled(scan, header, after))) {
        session->blocks_damaged++;
        return scan->offset + sizeof(*header); /* the length itself may be what is wrong */
    }
    if (!skip_noise(scan, header)) {
        report_skipped(scan, scan->offset);
    }
    check_sequence(scan, header);
    scan->skipped_from = after;
    if (!is_wanted(scan)) {
        return after;
    }
    session->blocks++;
    if (!is_intact) {
        take_recalled(scan, header);
    } else if (!take_payload(scan, header)) {
        finding_add(&session->findings, FINDING_BLOCK_DAMAGED,
                    "block %" PRIu64 " (type %u) at file offset %#" PRIx64
                    " has contents that cannot be true",
                    header->sequence, (unsigned)header->type, scan->offset);
        note_damage(scan);
    }
    return after;
}

static void scan_blocks(struct scan *scan)
{
    struct capture_block header;
    uint64_t end = scan->session->input->bytes;
    while (scan->status == OK) {
        scan->offset = find_header(scan, scan->offset, &header);
        if (scan->offset >= end) {
            break;
        }
        scan->offset = take_block(scan, &header);
    }
    if (scan->any && scan->status == OK) {
        report_skipped(scan, end);
    }
}

status_t capture_scan(struct session *session, unsigned number)
{
    struct scan *scan = xcalloc(1, sizeof(*scan));
    scan->session = session;
    scan->wanted = number;
    session->number = number;
    scan_blocks(scan);
    status_t status = scan->status;
    bool any = scan->any;
    free(scan);
    if (status != OK) {
        return status;
    }
    if (!any) {
        return ERR_CORRUPT;
    }
    if (number >= session->sessions) {
        complain("%s: holds %u session%s; session %u was asked for (they count from 0)",
                 session->input->name, session->sessions, session->sessions == 1 ? "" : "s",
                 number);
        return ERR_NOT_FOUND;
    }
    if (!session->has_end) {
        finding_add(&session->findings, NOTE_NO_END,
                    "the session has no END block: it was cut or is not over");
    }
    if (session->sessions > 1) {
        finding_add(&session->findings, NOTE_SESSIONS,
                    "the file holds %u sessions; this is session %u", session->sessions, number);
    }
    return OK;
}
