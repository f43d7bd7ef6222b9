/* SPDX-License-Identifier: MIT */
/*
 * The trace consumer proper: reads the rings of a live recorder and ships what is finished. Knows
 * memory and a transport, no system calls, so the host tests run it against a ring of their own.
 */
#pragma once

#include <stdbool.h>

#include "userspace/services/tracer/capture_writer.h"

struct consumer {
    const struct trace_region *region; /* mapped for reading; its lanes change while we look */
    uint64_t physical;                 /* of the region; 0: pieces are copied */
    struct transport *transport;
    struct capture_writer writer;
    bool in_session;
    uint64_t overwritten;           /* sub-buffers of this session that we came too late for */
    uint64_t next[TRACE_LANES_MAX]; /* position of the first sub-buffer not yet shipped complete */
    /*
     * Who is told how far a lane is shipped, next[lane], so that the recorder can say how far behind
     * we are; CONSUMER_GONE: nobody ships any more. NULL: nobody.
     */
    void (*progress)(unsigned lane, uint64_t position);
};

#define CONSUMER_GONE (~0ull)

/*
 * consumer_open() - look at a region and prepare.
 * @physical  where the region lies, for devices that read it in place; 0 if they cannot OK;
 * ERR_CORRUPT: no region, or not one that this program understands; then *consumer is not usable.
 */
status_t consumer_open(struct consumer *consumer, const struct trace_region *region, uint64_t bytes,
                       uint64_t physical, struct transport *transport);

/*
 * consumer_begin() - begin a session: START, SCHEMA, STATUS.
 * @from_oldest  ship from the oldest sub-buffer that is still intact; else from the ones being
 * written now All functions below return OK or what the transport says; after an error the session
 * is over.
 */
status_t consumer_begin(struct consumer *consumer, bool from_oldest);

/*
 * consumer_ship() - ship every sub-buffer that is finished now and not shipped yet, not those finished meanwhile. Does nothing
 * outside a session.
 */
status_t consumer_ship(struct consumer *consumer);

/*
 * consumer_flush() - the same, then the unfinished ones as far as they are; they will be shipped
 * again.
 */
status_t consumer_flush(struct consumer *consumer);

/* consumer_end() - flush, STATUS, END. Does nothing outside a session. */
status_t consumer_end(struct consumer *consumer);
