/* SPDX-License-Identifier: MIT */
/*
 * The machine around us as a target.
 *
 * Physical memory is read through the direct map, and only where the memory map says RAM. Before
 * frame_init() there is no memory map to ask: then a read goes ahead under a guard, so a hole in
 * the direct map is an error and not a fault; a device register would be touched.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/string.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/target.h"
#include "mm/frame.h"
#include "trace/ring/ring.h"

static bool has_memory_map(void)
{
    return frame_limit() != 0;
}

static bool copy_guarded(void *to, const void *from, size_t bytes)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        memcpy(to, from, bytes);
        kd_guard_leave(&guard);
        return true;
    }
    return false;
}

static status_t read_physical(paddr_t pa, void *to, size_t bytes)
{
    if (!has_memory_map()) {
        return pa < DIRECT_MAP_BYTES_MAX && copy_guarded(to, phys_to_virt(pa), bytes)
                   ? OK
                   : ERR_BAD_ADDRESS;
    }
    if (!frame_is_ram(pa)) {
        return ERR_BAD_ADDRESS;
    }
    memcpy(to, phys_to_virt(pa), bytes);
    return OK;
}

static status_t write_physical(paddr_t pa, const void *from, size_t bytes)
{
    if (!has_memory_map() || !frame_is_ram(pa)) {
        return ERR_BAD_ADDRESS;
    }
    memcpy(phys_to_virt(pa), from, bytes);
    return OK;
}

static unsigned count_cores(void)
{
    unsigned count = cpu_count();
    return count == 0 ? 1 : count;
}

static status_t read_registers(unsigned cpu, struct kd_registers *out)
{
    if (cpu >= count_cores()) {
        return ERR_NOT_FOUND;
    }
    if (!kd_stop_has(cpu)) {
        return ERR_NOT_SUPPORTED;
    }
    const struct kd_stop_record *record = &kd_stop_records[cpu];
    *out = (struct kd_registers){
        .frame = *record->frame,
        .cr0 = record->cr0,
        .cr2 = record->cr2,
        .cr3 = record->cr3,
        .cr4 = record->cr4,
    };
    return OK;
}

static status_t set_registers(unsigned cpu, const struct kd_registers *registers)
{
    if (cpu >= count_cores() || !kd_stop_has(cpu)) {
        return ERR_NOT_SUPPORTED;
    }
    *kd_stop_records[cpu].frame = registers->frame;
    return OK;
}

static vaddr_t find_trace_previous(void)
{
    return (vaddr_t)trace_previous_get();
}

static vaddr_t find_trace_region(void)
{
    return (vaddr_t)trace_region_get();
}

static vaddr_t find_global(const char *name UNUSED, const void *here)
{
    return (vaddr_t)here;
}

const struct kd_target kd_target_live = {
    .name = "live",
    .live = true,
    .read_physical = read_physical,
    .write_physical = write_physical,
    .kernel_root = mmu_root,
    .cpu_count = count_cores,
    .registers = read_registers,
    .set_registers = set_registers,
    .now = kd_stop_now,
    .trace_region = find_trace_region,
    .trace_previous = find_trace_previous,
    .global = find_global,
};
