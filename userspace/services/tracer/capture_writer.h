/* SPDX-License-Identifier: MIT */
/* Writes the blocks of a capture (trace/format/capture.h) to a transport. */
#pragma once

#include "trace/format/capture.h"
#include "userspace/drivers/transport.h"

#define CAPTURE_PIECES_MAX 3u

struct capture_writer {
    struct transport *transport;
    uint64_t sequence; /* of the next block */
};

/* capture_writer_begin() - start a session: its first block has sequence 0. */
void capture_writer_begin(struct capture_writer *writer, struct transport *transport);

/*
 * capture_write() - send one block. The payload is the pieces in order, at most CAPTURE_PIECES_MAX.
 * Returns what the transport says. When it returns, the payload has been read.
 */
status_t capture_write(struct capture_writer *writer, enum capture_type type,
                       const struct transport_piece *payload, unsigned count);
