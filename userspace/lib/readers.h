/* SPDX-License-Identifier: MIT */
/*
 * Who waits for the next item of a numbered stream: for services whose `read` is deferred (log, input).
 *
 * There may be dead ones among them, of which nobody hears: so one too many ends the wait of who has waited longest.
 * Context: one thread at a time; the caller locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define READERS_MAX 8u

struct reader {
    uint64_t token; /* of its request; 0: a free place, as are all behind it */
    uint64_t from;  /* what it has all before of */
};

/* Longest first. Zeroed: nobody waits. */
struct readers {
    struct reader waiting[READERS_MAX];
};

/* readers_add() - one more. Returns the token of who has to be told that its wait is over, to ask again (ERR_BUSY); 0: nobody. */
uint64_t readers_add(struct readers *readers, uint64_t token, uint64_t from);

/* readers_answer() - those for whom there is something are answered, and wait no more. @answer  false: there is nothing for it yet */
void readers_answer(struct readers *readers, bool (*answer)(const struct reader *reader));
