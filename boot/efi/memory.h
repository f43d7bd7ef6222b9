/* SPDX-License-Identifier: MIT */
/* Pages from the firmware, and the list of what the loader put where, which ends up in the handoff's memory map. */
#pragma once

#include "boot/efi/firmware.h"
#include "kernel/abi/handoff.h"

#define LOADED_REGIONS_MAX 64u

#define BELOW_4_GIB 0xffffffffull /* values of max_address: last address that may be used */
#define ANYWHERE    (~0ull)

/*
 * memory_take() - whole pages, not zeroed, listed in the handoff as type.
 * Returns EFI_SUCCESS; EFI_OUT_OF_RESOURCES.
 */
EFI_STATUS memory_take(uint64_t bytes, enum handoff_memory_type type, uint64_t max_address,
                       uint64_t *out_base);

/* memory_take_zeroed() - the same, filled with zeros. */
EFI_STATUS memory_take_zeroed(uint64_t bytes, enum handoff_memory_type type, uint64_t max_address,
                              uint64_t *out_base);

/* memory_take_aligned() - the same, not zeroed, starting at a multiple of align (a power of two, at least a page). */
EFI_STATUS memory_take_aligned(uint64_t bytes, uint64_t align, enum handoff_memory_type type,
                               uint64_t max_address, uint64_t *out_base);

/*
 * memory_take_reserved() - pages that the firmware, too, lists as reserved from now on, contents untouched.
 * @base  the address wanted, 0: any below 4 GiB
 */
EFI_STATUS memory_take_reserved(uint64_t base, uint64_t bytes, enum handoff_memory_type type,
                                uint64_t *out_base);

/* memory_give_back() - undo the take that returned base. */
void memory_give_back(uint64_t base);

/* memory_give_back_all() - undo every take: before the loader returns to the firmware. */
void memory_give_back_all(void);

/* memory_mark() - list memory that belongs to somebody already (the loader's own code, page 0) as type. */
EFI_STATUS memory_mark(uint64_t base, uint64_t bytes, enum handoff_memory_type type);

/* memory_loaded() - the list so far, to lay over the firmware's map. */
const struct handoff_memory *memory_loaded(unsigned *out_count);
