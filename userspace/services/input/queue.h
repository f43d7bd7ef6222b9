/* SPDX-License-Identifier: MIT */
/* The last events, by number, for any number of readers: who is slow learns how many he has missed. */
#pragma once

#include "userspace/lib/input.h"

#define QUEUE_EVENTS 1024u

/* queue_add() - one event more. */
void queue_add(const struct input_event *event);

/* queue_end() - the number of the next one. */
uint64_t queue_end(void);

/*
 * queue_read() - up to `limit` events from a number on; a number that has not come yet: none.
 * @out_next, out_missed  where to read on; how many from `from` on are gone
 * Returns how many.
 */
unsigned queue_read(uint64_t from, struct input_event *out, unsigned limit, uint64_t *out_next,
                    uint64_t *out_missed);
