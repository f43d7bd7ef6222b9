/* SPDX-License-Identifier: MIT */
/*
 * A dead machine as a target (target_dead.h).
 *
 * Registers are those that a person at the prompt would have seen. If the machine stood in kdebug, each
 * core's record says where its frame is (stop.h): what the core itself was doing then, waiting for the
 * prompt's core, is of no interest. Else they are what QEMU has noted.
 *
 * What the live target does not read is not read here: memory that the loader's map does not call RAM
 * is taken out of the core file at the start.
 */
#include "tools/post/target_dead.h"

#include <string.h>

#include "abi/boot_image.h"
#include "abi/handoff.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "gen/layout.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/lines.h"
#include "kdebug/core/parameters.h"
#include "kdebug/x86_64/frames.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/types.h"
#include "tools/post/core_file.h"
#include "tools/post/kernel_file.h"
#include "tools/post/mapped_file.h"

static struct core_file core;
static struct kernel_file kernel;
static struct mapped_file image; /* the boot image, if it is the one that was loaded */
static unsigned stop_word;       /* of the stop that the machine stood in; without master: none */
static paddr_t root;
static vaddr_t trace_region;
static struct handoff handoff;

/* The boot image is a file, so it need not be in the core file. */
static status_t read_image(paddr_t pa, void *to, size_t bytes)
{
    if (image.bytes == NULL || pa < handoff.image_base || pa - handoff.image_base >= image.size ||
        bytes > image.size - (pa - handoff.image_base)) {
        return ERR_BAD_ADDRESS;
    }
    memcpy(to, image.bytes + (pa - handoff.image_base), bytes);
    return OK;
}

static status_t read_physical(paddr_t pa, void *to, size_t bytes)
{
    status_t status = core_read(&core, pa, to, bytes);
    return status == OK ? OK : read_image(pa, to, bytes);
}

static paddr_t kernel_root(void)
{
    return root;
}

/* A variable of the kernel; false: it has none of this name, or the memory is not there. */
static bool read_global(const char *name, void *to, size_t bytes)
{
    vaddr_t address = kernel_symbol(&kernel, name);
    return address != 0 && kd_read_kernel(address, to, bytes) == OK;
}

static bool read_record(unsigned cpu, struct kd_stop_record *out)
{
    vaddr_t records = kernel_symbol(&kernel, "kd_stop_records");
    if (kd_stop_master_of(stop_word) == 0 || records == 0 || cpu >= CPU_MAX ||
        kd_read_kernel(records + cpu * sizeof(*out), out, sizeof(*out)) != OK) {
        return false;
    }
    unsigned held = atomic_load_explicit(&out->stopped_in, memory_order_relaxed);
    return held != 0 && kd_stop_is_same(held, stop_word);
}

static unsigned count_cores(void)
{
    uint32_t running;
    return read_global("cpus_running", &running, sizeof(running)) && running <= CPU_MAX &&
                   running > 0
               ? running
               : 1;
}

static status_t read_registers(unsigned cpu, struct kd_registers *out)
{
    struct kd_stop_record record;
    if (cpu >= count_cores()) {
        return ERR_NOT_FOUND;
    }
    if (kd_stop_master_of(stop_word) == 0 && cpu < core.cpu_count) {
        *out = core.cpu[cpu];
        return OK;
    }
    *out = (struct kd_registers){0};
    if (!read_record(cpu, &record) ||
        kd_read_kernel((vaddr_t)record.frame, &out->frame, sizeof(out->frame)) != OK) {
        return ERR_NOT_SUPPORTED;
    }
    out->cr0 = record.cr0;
    out->cr2 = record.cr2;
    out->cr3 = record.cr3;
    out->cr4 = record.cr4;
    return OK;
}

static tsc_t read_now(void)
{
    tsc_t last = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        struct kd_stop_record record;
        if (read_record(cpu, &record)) {
            last = MAX(last, record.captured);
        }
    }
    return last;
}

static vaddr_t find_trace_region(void)
{
    return trace_region;
}

static vaddr_t find_global(const char *name, const void *here UNUSED)
{
    return kernel_symbol(&kernel, name);
}

static const struct kd_target target_dead = {
    .name = "dead",
    .live = false,
    .read_physical = read_physical,
    .kernel_root = kernel_root,
    .cpu_count = count_cores,
    .registers = read_registers,
    .now = read_now,
    .trace_region = find_trace_region,
    .global = find_global,
};

/* ---- opening ---- */

static const void *find_blob(const char *start, const char *end, size_t *out_bytes)
{
    vaddr_t from = kernel_symbol(&kernel, start), to = kernel_symbol(&kernel, end);
    *out_bytes = to - from;
    return from == 0 || to < from ? NULL : kernel_bytes(&kernel, from, to);
}

static bool is_kernel_that_ran(void)
{
    uint8_t there[64];
    size_t bytes;
    vaddr_t start = kernel_symbol(&kernel, "build_id_start");
    const void *here = find_blob("build_id_start", "build_id_end", &bytes);
    return here != NULL && bytes <= sizeof(there) && kd_read_kernel(start, there, bytes) == OK &&
           memcmp(here, there, bytes) == 0;
}

/* What frame_is_ram() says on the live machine. */
static bool is_ram(uint32_t type)
{
    return type != HANDOFF_MEMORY_RESERVED && type != HANDOFF_MEMORY_MMIO &&
           type <= HANDOFF_MEMORY_MMIO;
}

static void drop_what_is_no_ram(void)
{
    static struct core_range ranges[HANDOFF_MEMORY_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < MIN(handoff.memory_count, HANDOFF_MEMORY_MAX); i++) {
        const struct handoff_memory *region = &handoff.memory[i];
        paddr_t end = MIN(region->base + region->bytes, handoff.direct_map_bytes);
        if (!is_ram(region->type) || region->base >= end) {
            continue;
        }
        if (count > 0 && ranges[count - 1].end == region->base) {
            ranges[count - 1].end = end;
        } else {
            ranges[count++] = (struct core_range){region->base, end};
        }
    }
    core_keep(&core, ranges, count);
}

static void read_handoff(void)
{
    vaddr_t address;
    if (!read_global("boot_handoff", &address, sizeof(address)) ||
        kd_read_kernel(address, &handoff, sizeof(handoff)) != OK ||
        handoff.magic != HANDOFF_MAGIC) {
        return; /* it died before that */
    }
    drop_what_is_no_ram();
    trace_region = handoff.trace_bytes == 0 ? 0 : DIRECT_MAP_BASE + handoff.trace_base;
}

static void use_tables(void)
{
    size_t bytes;
    const void *symbols = find_blob("symtab_blob_start", "symtab_blob_end", &bytes);
    if (symbols != NULL) {
        kd_symbols_use(symbols, bytes);
    }
    const void *types = find_blob("types_blob_start", "types_blob_end", &bytes);
    if (types != NULL) {
        kd_types_use(types, bytes);
    }
    const void *lines = find_blob("lines_blob_start", "lines_blob_end", &bytes);
    if (lines != NULL) {
        kd_lines_use(lines, bytes);
    }
    const void *parameters = find_blob("parameters_blob_start", "parameters_blob_end", &bytes);
    if (parameters != NULL) {
        kd_parameters_use(parameters, bytes);
    }
    const void *frames = find_blob("frames_blob_start", "frames_blob_end", &bytes);
    if (frames != NULL) {
        kd_frames_use(frames, bytes);
    }
}

/* A boot image says by a checksum in its head what it is. */
static void use_image(const char *path)
{
    uint8_t there[sizeof(struct boot_image_header)];
    if (handoff.image_bytes == 0 || !file_map(path, &image)) {
        return;
    }
    if (image.size < sizeof(there) ||
        core_read(&core, handoff.image_base, there, sizeof(there)) != OK ||
        memcmp(there, image.bytes, sizeof(there)) != 0) {
        file_unmap(&image);
    }
}

const char *target_dead_open(const char *core_path, const char *kernel_path, const char *image_path,
                             unsigned *out_cpu, const char **out_path)
{
    *out_path = core_path;
    const char *trouble = core_open(core_path, &core);
    if (trouble != NULL) {
        return trouble;
    }
    *out_path = kernel_path;
    trouble = kernel_open(kernel_path, &kernel);
    if (trouble != NULL) {
        return trouble;
    }
    kd_target = &target_dead;
    root = core.root;
    if (!is_kernel_that_ran()) {
        return "it is not the kernel that ran on that machine (its build id is another)";
    }
    use_tables();
    read_handoff();
    use_image(image_path);
    if (!read_global("kd_stop_word", &stop_word, sizeof(stop_word))) {
        stop_word = 0;
    }
    *out_cpu = 0;
    struct kd_registers registers;
    if (kd_stop_master_of(stop_word) != 0 && kd_stop_master_of(stop_word) <= CPU_MAX) {
        *out_cpu = kd_stop_master_of(stop_word) - 1;
    }
    if (read_registers(*out_cpu, &registers) == OK) {
        root = registers.cr3 &
               PTE_ADDRESS; /* those of the core at the prompt, as on the live machine */
    }
    return NULL;
}
