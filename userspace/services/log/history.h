/* SPDX-License-Identifier: MIT */
/* The last lines that were shown, for those who come later: a ring of bytes, known by their place in the stream of all of them. */
#pragma once

#include <stdint.h>

#define HISTORY_BYTES 0x8000u

/* history_add() - a line, with its LF. At most HISTORY_BYTES. */
void history_add(const char *line, uint64_t bytes);

/* history_end() - the place behind the last line. */
uint64_t history_end(void);

/*
 * history_read() - whole lines from a place on, as many as fit.
 * @from        where a line begins; what is gone or no such place: the first line behind it
 * @limit       bytes of `out`, at least as many as the longest line has
 * @out_next    where to read on
 * @out_missed  bytes that were left out for being gone
 * Returns bytes; 0: there are none yet.
 */
uint64_t history_read(uint64_t from, char *out, uint64_t limit, uint64_t *out_next,
                      uint64_t *out_missed);
