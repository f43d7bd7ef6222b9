/* SPDX-License-Identifier: MIT */
/*
 * Pages on a disk: places of a page each, numbered from 1. Place 0 is what says that the disk may be used so: it begins with
 * FAR_SIGNATURE. Whoever wants to lose all that is on a disk writes that.
 *
 * far_write() is called by one thread, far_read() by another. Which places are free is in memory: it goes with the pager.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

#define FAR_SIGNATURE  "spoor pages\n"
#define FAR_PLACES_MAX 0x100000u

/*
 * far_open() - find the disk of the service `disk` and use as many of its pages as there are, up to a limit. All that is needed later is
 * touched now. ERR_CORRUPT: it does not say that it may be used; ERR_NOT_FOUND; what reading it gives.
 * @most    how many places at most
 * @bitmap  a bit per place, zeroed
 */
status_t far_open(uint32_t most, uint64_t *bitmap);

/* far_alloc() - a free place, or 0. far_free(). Context: with the store's lock. */
uint32_t far_alloc(void);
void far_free(uint32_t place);

/* far_write() / far_read() - a page. OK; ERR_IO and the like. */
status_t far_write(uint32_t place, const void *page);
status_t far_read(uint32_t place, void *page);
