/* SPDX-License-Identifier: MIT */
/*
 * A machine of a few megabytes for testing kdebug on the host: memory, page tables, registers, a
 * terminal, symbols.
 *
 * What fake_alloc() gives is mapped in the fake machine at its host address, so a test fills
 * structures with plain pointers and the commands find them through the page walk like in a real
 * kernel.
 */
#pragma once

#include "base/types.h"
#include "kdebug/core/target.h"

#define FAKE_MEMORY_BYTES 0x3000000u
#define FAKE_CPUS_MAX     4u

extern struct kd_registers fake_registers[FAKE_CPUS_MAX];
extern unsigned fake_cpus;    /* that the target has */
extern unsigned fake_missing; /* mask of cores that were not captured */
extern vaddr_t fake_trace_region;
extern unsigned fake_reads; /* physical reads so far */

/* fake_begin() - everything empty: one core, no globals, no symbols, nothing printed or typed.
 * For cmocka's setup. */
int fake_begin(void **state);

void *fake_alloc(size_t bytes);
/* fake_map() - one more page of the given size in the fake machine's page tables. fake_root() -
 * their root. */
void fake_map(vaddr_t va, paddr_t pa, uint64_t page_bytes, uint64_t flags);
paddr_t fake_root(void);
/* fake_physical() - of an address from fake_alloc(). fake_at() - host pointer of a physical
 * address. */
paddr_t fake_physical(const void *p);
void *fake_at(paddr_t pa);

void fake_global(const char *name, const void *address);
/* fake_symbol() - enters a symbol; fake_symbols_use() - makes the table of all and hands it to
 * kdebug. */
void fake_symbol(uint32_t offset, char kind, const char *name);
void fake_symbols_use(void);
/* fake_symbols_build() - the table alone, in memory of exactly its size; free() it. */
void *fake_symbols_build(size_t *out_bytes);

/* fake_run() - run a line at the prompt; what it printed, without CR. Valid until the next call. */
const char *fake_run(const char *line);
/* fake_type() - bytes that the terminal will read. fake_output() - everything printed since the
 * last fake_run() or call of it. */
void fake_type(const char *bytes, size_t count);
const char *fake_output(void);
