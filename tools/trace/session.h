/* SPDX-License-Identifier: MIT */
/*
 * A session: one recording as found in a file, indexed, so that each lane can be read in order of its own.
 *
 * Two front ends fill it in: capture.c from a stream of blocks, image.c from an image of the trace region's memory. What
 * comes after them (lane.c, merge.c) does not know where a sub-buffer came from.
 */
#pragma once

#include "clock.h"
#include "finding.h"
#include "input.h"
#include "schema.h"
#include "trace/format/capture.h"

/* No counter gets this far (49 years at 3 GHz), and below it sums of times cannot overflow. */
#define TSC_MAX (1ull << 62)

/* One usable sub-buffer. */
struct subbuf_entry {
    uint64_t position;
    uint64_t offset; /* in the input, of its header */
    uint64_t tsc;
    uint64_t block; /* sequence of the block it came in */
    uint32_t bytes; /* with the header */
    bool complete;
    bool damage_before; /* blocks were lost or spoilt between the entry before and this one */
    bool dropped;       /* a verdict block says that it was overwritten while it was sent */
};

#define LANE_COMPLETE UINT64_MAX

struct session_lane {
    uint16_t cpu;
    uint16_t kind;              /* enum trace_lane_kind */
    struct subbuf_entry *entry; /* by position, each once */
    size_t entries;
    size_t capacity;
    uint64_t verdicts; /* sub-buffers dropped because of a verdict */
    uint64_t
        open_end_tsc; /* from then on events of the lane are missing to the end; LANE_COMPLETE: none are */
    bool has_first_status;
    bool has_last_status;
    struct trace_lane first_status; /* at the start of the session */
    struct trace_lane last_status;  /* the last one seen */
};

struct session {
    const struct input *input;
    bool is_image;
    bool is_guessed; /* no START: the region below is made up from sub-buffer headers */
    struct trace_region region;
    struct session_lane lane[TRACE_LANES_MAX];
    unsigned lane_count;
    struct schema schema;
    struct clock clock;
    unsigned number;   /* of this session in the file, from 0 */
    unsigned sessions; /* in the file */
    uint64_t blocks;   /* intact ones of this session */
    uint64_t blocks_missing;
    uint64_t blocks_damaged;
    uint64_t bytes_skipped;
    uint64_t overwritten; /* what END says */
    bool has_end;
    bool has_final_status; /* a STATUS block came after all sub-buffers */
    char *symbols;         /* text of the SYMBOLS block, NUL-terminated; NULL if there is none */
    size_t symbols_bytes;
    struct finding_list findings;
};

/*
 * session_open() - find out what the input is and index one session of it.
 *
 * @number  of the session in a file of several, from 0
 *
 * Returns OK; ERR_CORRUPT (nothing in it can be read), ERR_NOT_FOUND (fewer sessions), ERR_NOT_SUPPORTED (another
 * version, or an unknown schema) after a complaint. On an error there is nothing to close. The input must stay open.
 */
MUST_CHECK status_t session_open(struct session *session, const struct input *input,
                                 unsigned number);

void session_close(struct session *session);

/*
 * session_span() - the time a session covers.
 *
 * The rings of a flight recorder reach back differently far, so there is a time at which some cores are recorded and others
 * not yet; from start_tsc on every core is. A core whose ring has lost nothing is recorded from its first event. Likewise a
 * consumer that stops sends one lane after the other, and the cores go on meanwhile; to end_tsc every core is recorded.
 * (If the file was cut, there is no such end, and it is the time of the last record.) Meta and NMI lanes are sparse and do
 * not count. first_tsc and last_tsc are those of any core's record.
 */
struct span {
    uint64_t first_tsc;
    uint64_t start_tsc;
    uint64_t end_tsc;
    uint64_t last_tsc;
};
struct span session_span(const struct session *session);

/* session_find_ends() - work out open_end_tsc of every lane (span.c). */
void session_find_ends(struct session *session);

/* ---- for the front ends ---- */

/* capture_scan() - index blocks; ERR_CORRUPT without a complaint if there is no block. image_scan() alike. */
MUST_CHECK status_t capture_scan(struct session *session, unsigned number);
MUST_CHECK status_t image_scan(struct session *session);

/*
 * session_set_region() - take over a region header after checking it (version, counts, sizes).
 *
 * Returns OK; ERR_NOT_SUPPORTED or ERR_CORRUPT after a complaint.
 */
MUST_CHECK status_t session_set_region(struct session *session, const struct trace_region *region);

/*
 * session_add_subbuf() - check a sub-buffer's header against its lane and take it into the index.
 *
 * @lane    where its carrier says it belongs
 * @header  the first bytes of the sub-buffer
 * @entry   filled in but for tsc
 *
 * A header that cannot be true makes a finding and is left out. Cannot fail.
 */
void session_add_subbuf(struct session *session, unsigned lane, const struct trace_subbuf *header,
                        const struct subbuf_entry *entry);

/* session_lane_name() - "cpu 2", "cpu 2 nmi", "meta". The buffer must have LANE_NAME_BYTES. Returns it. */
#define LANE_NAME_BYTES 24
const char *session_lane_name(const struct session *session, unsigned lane, char *buffer);
