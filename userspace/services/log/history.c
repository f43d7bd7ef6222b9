/* SPDX-License-Identifier: MIT */
#include "userspace/services/log/history.h"

static char ring[HISTORY_BYTES];
static uint64_t end; /* of the stream */

static char byte_at(uint64_t place)
{
    return ring[place % HISTORY_BYTES];
}

void history_add(const char *line, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        ring[end++ % HISTORY_BYTES] = line[i];
    }
}

uint64_t history_end(void)
{
    return end;
}

/* The first place from here on where a line begins. */
static uint64_t line_from(uint64_t place)
{
    while (place > 0 && place < end && byte_at(place - 1) != '\n') {
        place++;
    }
    return place;
}

/* The oldest byte that is kept may be in the middle of a line, and the one before it is gone. */
static uint64_t first_line(void)
{
    return end > HISTORY_BYTES ? line_from(end - HISTORY_BYTES + 1) : 0;
}

uint64_t history_read(uint64_t from, char *out, uint64_t limit, uint64_t *out_next,
                      uint64_t *out_missed)
{
    uint64_t first = first_line(), whole = 0;

    from = from < end ? from : end;
    uint64_t start = from < first ? first : line_from(from);
    uint64_t left = end - start;
    uint64_t count = left < limit ? left : limit;
    for (uint64_t i = 0; i < count; i++) {
        out[i] = byte_at(start + i);
        whole = out[i] == '\n' ? i + 1 : whole;
    }
    *out_next = start + whole;
    *out_missed = start - from;
    return whole;
}
