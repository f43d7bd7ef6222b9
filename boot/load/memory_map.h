/* SPDX-License-Identifier: MIT */
/*
 * From what the firmware says about memory, and what the loader put there, to the list in the handoff: sorted, merged, no
 * overlap, whole pages.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"
#include "kernel/abi/handoff.h"

/*
 * memory_map_build() - normalise a list of regions that may be unsorted, overlapping, empty or not page aligned.
 *
 * Where regions overlap the later kind in this list wins: usable, ACPI, firmware, MMIO, reserved, then what the loader
 * put there (loader, kernel, image, trace). Usable regions shrink to whole pages, all others grow. Regions that wrap
 * around are cut at the last page.
 *
 * @regions, @count     in; the function sorts and rounds them in place
 * @edges               working space for 2 * count values
 * @out, @out_capacity  the result; if it does not fit, the smallest usable regions are left out (safe: the kernel
 *                      touches only what is listed)
 * @out_count           regions written
 * @out_lost_bytes      usable memory left out for want of room
 * Returns OK; ERR_TABLE_FULL: does not fit even without usable regions.
 * Cost: count² steps.
 */
status_t memory_map_build(struct handoff_memory *regions, unsigned count, uint64_t *edges,
                          struct handoff_memory *out, unsigned out_capacity, unsigned *out_count,
                          uint64_t *out_lost_bytes) __attribute__((warn_unused_result));

/* memory_map_ram_end() - first address past everything that is memory (not reserved, not MMIO); 0 if there is none. */
uint64_t memory_map_ram_end(const struct handoff_memory *map, unsigned count);

/* memory_map_bytes() - sum of all regions of one type. */
uint64_t memory_map_bytes(const struct handoff_memory *map, unsigned count,
                          enum handoff_memory_type type);
