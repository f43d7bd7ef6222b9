/* SPDX-License-Identifier: MIT */
/*
 * A dead machine as a core file: physical memory in ELF segments, registers in notes.
 *
 * Two tools write such files: QEMU's dump-guest-memory, with the registers of every core as they were
 * at that moment, and `spoor capture --memory`, from what kdebug's `dump` sent, with a note that says
 * where the kernel's page tables are. Nothing in the file is believed: what lies outside of it is not
 * there.
 */
#pragma once

#include "base/types.h"
#include "gen/layout.h"
#include "kdebug/core/target.h"
#include "tools/post/mapped_file.h"

struct core_file {
    struct mapped_file file;
    struct core_run *runs; /* ascending */
    unsigned run_count;
    unsigned cpu_count;               /* that the notes tell of, 0: none */
    struct kd_registers cpu[CPU_MAX]; /* of QEMU's notes */
    paddr_t root;                     /* page tables that show the kernel half */
};

/* Physical memory [start, end) lies from this offset of the file on. */
struct core_run {
    paddr_t start, end;
    uint64_t offset;
};

/* core_open() - map a file and look through it. NULL, or what is wrong with it, for a person. */
const char *core_open(const char *path, struct core_file *out);

/* core_close() - give back what core_open() took, also after it failed. */
void core_close(struct core_file *core);

/* core_read() - copy physical memory. ERR_BAD_ADDRESS: not all of it is in the file. Cost: log2 of the runs. */
status_t core_read(const struct core_file *core, paddr_t pa, void *to, size_t bytes);

/* core_keep() - forget what lies outside of [start, end) of some ranges, ascending: what was no RAM of the kernel's. */
struct core_range {
    paddr_t start, end;
};
void core_keep(struct core_file *core, const struct core_range *ranges, unsigned count);
