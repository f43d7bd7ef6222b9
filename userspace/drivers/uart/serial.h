/* SPDX-License-Identifier: MIT */
/*
 * A 16550 driven by its interrupts, with a buffer each way.
 *
 * Context: one thread at a time; the caller locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

#define SERIAL_BUFFER_BYTES 0x8000u

struct serial_buffer {
    uint64_t first, end; /* counts of all bytes that went out and came in */
    char byte[SERIAL_BUFFER_BYTES];
};

struct serial {
    uint64_t ports;
    struct serial_buffer in, out;
    bool is_sending;   /* the chip tells when it has room */
    uint64_t overruns; /* times that the chip had to drop what came */
    uint64_t dropped;  /* bytes that came when `in` was full */
    uint64_t errors;   /* bytes with bad parity or framing, breaks */
};

/* serial_open() - set the chip up, interrupts for what comes in. As chip_open(). */
status_t serial_open(struct serial *serial, uint64_t system, unsigned first_port);

/* serial_serve() - after an interrupt: take and give all bytes, until the chip wants nothing any more. */
void serial_serve(struct serial *serial);

/* serial_write() - as many bytes as `out` has room for, which the chip will send. Returns how many. */
uint64_t serial_write(struct serial *serial, const char *bytes, uint64_t count);

/* serial_peek() - copy what has come, from the first byte on, and leave it; serial_drop() - it has arrived. Returns how many. */
uint64_t serial_peek(const struct serial *serial, char *out, uint64_t limit);
void serial_drop(struct serial *serial, uint64_t count);
