/* SPDX-License-Identifier: MIT */
/*
 * The trace region.
 *
 * After a warm reset the rings of the boot before are still in memory, if nobody wrote there. So the region is taken before the
 * first file is read, always at the same address, and as reserved memory, so that neither this firmware session nor a
 * run-time service uses it. It is not cleared. Reading the command line cannot come first: the file's buffer might land
 * in the region. If the command line then moves the region, only that one small file was read.
 *
 * There are two places, one behind the other. This boot gets the one that does not hold the rings of the boot before; those stay
 * for the kernel to show. After a cold start there is nothing to keep, and the second place is given back.
 *
 * When the place is not free the trace works all the same, only without the boot before: any other address, then half the
 * size, and so on.
 */
#include "boot/efi/trace_region.h"

#include "boot/efi/memory.h"
#include "boot/load/options.h"
#include "gen/layout.h"
#include "trace/ring/layout.h"

#define SMALLEST_BYTES (4 * MIB_BYTES)

static uint64_t region_base;
static uint64_t region_bytes;
static uint64_t second_base;   /* behind the region; 0: not taken */
static uint64_t previous_base; /* one of the two; 0: nothing is to be kept */

static bool try_take(uint64_t base, uint64_t bytes)
{
    if (EFI_ERROR(memory_take_reserved(base, bytes, HANDOFF_MEMORY_TRACE, &region_base))) {
        return false;
    }
    region_bytes = bytes;
    return true;
}

static void take_anywhere(uint64_t bytes)
{
    uint64_t smallest = bytes < SMALLEST_BYTES ? bytes : SMALLEST_BYTES;
    for (; bytes >= smallest; bytes = bytes / 2 / PAGE_BYTES * PAGE_BYTES) {
        if (try_take(0, bytes)) {
            return;
        }
    }
}

/* What a kernel of this layout left there; NULL: nothing of the kind. */
static const struct trace_region *find_left(uint64_t base, uint64_t bytes)
{
    const struct trace_region *left = (const struct trace_region *)base;
    bool is_one = base != 0 && left->magic == TRACE_REGION_MAGIC &&
                  left->version == TRACE_REGION_VERSION && left->bytes == bytes &&
                  left->subbuf_bytes == TRACE_SUBBUF_BYTES && left->lane_count != 0 &&
                  left->lane_count <= TRACE_LANES_MAX;
    return is_one ? left : NULL;
}

/* The region is at its place: which of the two does this boot write to? */
static void choose_place(void)
{
    uint64_t bytes = region_bytes;
    if (EFI_ERROR(
            memory_take_reserved(region_base + bytes, bytes, HANDOFF_MEMORY_TRACE, &second_base))) {
        second_base = 0;
        return;
    }
    const struct trace_region *first = find_left(region_base, bytes);
    const struct trace_region *second = find_left(second_base, bytes);
    if (first == NULL && second == NULL) {
        memory_give_back(second_base);
        second_base = 0;
    } else if (second == NULL || (first != NULL && first->unix_ns >= second->unix_ns)) {
        previous_base = region_base;
        region_base = second_base;
        second_base = previous_base;
    } else {
        previous_base = second_base;
    }
}

static void give_back(void)
{
    if (region_bytes != 0) {
        memory_give_back(region_base);
    }
    if (second_base != 0) {
        memory_give_back(second_base);
    }
    region_base = region_bytes = second_base = previous_base = 0;
}

static void take_at(uint64_t base, uint64_t bytes)
{
    give_back();
    if (bytes == 0) {
        return;
    }
    if (try_take(base, bytes)) {
        choose_place();
        return;
    }
    take_anywhere(bytes);
    Print(L"  warning: the memory for the trace at 0x%lx is taken or missing; ", base);
    if (region_bytes != 0) {
        Print(L"it is elsewhere and will not survive a reset\n");
    } else {
        Print(L"there will be no trace\n");
    }
}

void trace_region_take(void)
{
    take_at(TRACE_REGION_DEFAULT_PHYS, TRACE_REGION_DEFAULT_BYTES);
}

/* The value of an option, or fallback with a warning if it is no number or not whole pages. */
static uint64_t number_or(const char *cmdline, const char *name, uint64_t fallback)
{
    uint64_t value = fallback;
    status_t status = option_number(cmdline, name, &value);
    if (status == ERR_NOT_FOUND) {
        return fallback;
    }
    if (status != OK || value % PAGE_BYTES != 0) {
        Print(L"  warning: %a= wants a multiple of 4K such as 0x10000000 or 64M; 0x%lx is used\n",
              name, fallback);
        return fallback;
    }
    return value;
}

void trace_region_move(const char *cmdline)
{
    uint64_t base = number_or(cmdline, "trace_at", TRACE_REGION_DEFAULT_PHYS);
    uint64_t bytes = number_or(cmdline, "trace_size", TRACE_REGION_DEFAULT_BYTES);
    if (base == 0) {
        warn("trace_at=0 is no place for the trace; the default is used");
        base = TRACE_REGION_DEFAULT_PHYS;
    }
    if (base == TRACE_REGION_DEFAULT_PHYS && bytes == TRACE_REGION_DEFAULT_BYTES) {
        return;
    }
    take_at(base, bytes);
}

void trace_region_report(struct handoff *handoff)
{
    handoff->trace_base = region_base;
    handoff->trace_bytes = region_bytes;
    if (region_bytes != 0) {
        Print(L"  trace      0x%lx, %ld KiB\n", region_base, region_bytes / 1024);
    } else {
        Print(L"  trace      none\n");
    }
    if (previous_base != 0) {
        handoff->previous_base = previous_base;
        handoff->previous_bytes = region_bytes;
        Print(L"  previous   0x%lx, %ld KiB\n", previous_base, region_bytes / 1024);
    }
}
