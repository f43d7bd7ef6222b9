/* SPDX-License-Identifier: MIT */
#include "tests/host/kdebug_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/mmu.h"
#include "gen/layout.h"
#include "kdebug/core/command.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/terminal.h"

#define OUTPUT_BYTES  0x200000u
#define INPUT_BYTES   0x10000u
#define GLOBALS_MAX   64u
#define SYMBOLS_MAX   64u
#define RESERVED_PAGE 0x1000u /* physical page 0 stays unused, so that 0 is never a good address */

struct kd_registers fake_registers[FAKE_CPUS_MAX];
unsigned fake_cpus, fake_missing, fake_reads;
vaddr_t fake_trace_region;

static uint8_t memory[FAKE_MEMORY_BYTES] __attribute__((aligned(0x1000)));
static size_t used;    /* by fake_alloc() */
static size_t written; /* by commands; fake_begin() clears up to here */
static paddr_t root;

static char output[OUTPUT_BYTES];
static size_t output_bytes;
static uint8_t input[INPUT_BYTES];
static size_t input_count, input_taken;

static struct {
    const char *name;
    vaddr_t address;
} globals[GLOBALS_MAX];
static unsigned global_count;

static struct {
    uint32_t offset;
    char kind;
    char name[60];
} symbols[SYMBOLS_MAX];
static unsigned symbol_count;
static void *symbol_table;

/* ---- target ---- */

static status_t read_physical(paddr_t pa, void *to, size_t bytes)
{
    fake_reads++;
    if (pa < RESERVED_PAGE || pa >= sizeof(memory) || bytes > sizeof(memory) - pa ||
        pa % PAGE_BYTES + bytes > PAGE_BYTES) {
        return ERR_BAD_ADDRESS;
    }
    memcpy(to, memory + pa, bytes);
    return OK;
}

static status_t write_physical(paddr_t pa, const void *from, size_t bytes)
{
    if (pa < RESERVED_PAGE || pa >= sizeof(memory) || bytes > sizeof(memory) - pa) {
        return ERR_BAD_ADDRESS;
    }
    memcpy(memory + pa, from, bytes);
    written = MAX(written, pa + bytes);
    return OK;
}

static unsigned count_cores(void)
{
    return fake_cpus;
}

static status_t read_registers(unsigned cpu, struct kd_registers *out)
{
    if (cpu >= fake_cpus) {
        return ERR_NOT_FOUND;
    }
    if (fake_missing >> cpu & 1) {
        return ERR_NOT_SUPPORTED;
    }
    *out = fake_registers[cpu];
    return OK;
}

static status_t set_registers(unsigned cpu, const struct kd_registers *registers)
{
    fake_registers[cpu] = *registers;
    return OK;
}

static vaddr_t find_global(const char *name, const void *here)
{
    (void)here;
    for (unsigned i = 0; i < global_count; i++) {
        if (strcmp(globals[i].name, name) == 0) {
            return globals[i].address;
        }
    }
    return 0;
}

static tsc_t say_nothing(void)
{
    return 0;
}

static vaddr_t find_region(void)
{
    return fake_trace_region;
}

paddr_t fake_root(void)
{
    return root;
}

static const struct kd_target target = {
    .name = "fake",
    .live = false,
    .read_physical = read_physical,
    .write_physical = write_physical,
    .kernel_root = fake_root,
    .cpu_count = count_cores,
    .registers = read_registers,
    .set_registers = set_registers,
    .now = say_nothing,
    .trace_region = find_region,
    .global = find_global,
};

/* ---- memory ---- */

static void *take(size_t bytes, size_t alignment)
{
    used = ROUND_UP(used, alignment);
    if (used + bytes > sizeof(memory)) {
        fprintf(stderr, "the fake machine has no more memory\n");
        abort();
    }
    void *p = memory + used;
    used += bytes;
    return p;
}

paddr_t fake_physical(const void *p)
{
    return (paddr_t)((const uint8_t *)p - memory);
}

void *fake_at(paddr_t pa)
{
    return memory + pa;
}

void fake_map(vaddr_t va, paddr_t pa, uint64_t page_bytes, uint64_t flags)
{
    uint64_t *table = fake_at(root);
    for (unsigned shift = 39; 1ull << shift > page_bytes; shift -= 9) {
        uint64_t *entry = &table[va >> shift & 511];
        if (*entry == 0) {
            *entry =
                fake_physical(take(PAGE_BYTES, PAGE_BYTES)) | PTE_PRESENT | PTE_WRITE | PTE_USER;
        }
        table = fake_at(*entry & PTE_ADDRESS);
    }
    unsigned shift = (unsigned)__builtin_ctzll(page_bytes);
    table[va >> shift & 511] = pa | flags | PTE_PRESENT | (page_bytes > PAGE_BYTES ? PTE_LARGE : 0);
}

void *fake_alloc(size_t bytes)
{
    uint8_t *p = take(bytes, 64);
    for (uintptr_t page = ROUND_DOWN((uintptr_t)p, PAGE_BYTES); page < (uintptr_t)p + bytes;
         page += PAGE_BYTES) {
        fake_map(page, fake_physical((void *)page), PAGE_BYTES, PTE_WRITE);
    }
    return p;
}

void fake_global(const char *name, const void *address)
{
    globals[global_count].name = name;
    globals[global_count++].address = (vaddr_t)address;
}

/* ---- symbols ---- */

void fake_symbol(uint32_t offset, char kind, const char *name)
{
    symbols[symbol_count].offset = offset;
    symbols[symbol_count].kind = kind;
    snprintf(symbols[symbol_count].name, sizeof(symbols[0].name), "%s", name);
    symbol_count++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(symbols[*(const uint32_t *)a].name, symbols[*(const uint32_t *)b].name);
}

void *fake_symbols_build(size_t *out_bytes)
{
    uint32_t order[SYMBOLS_MAX];
    char names[SYMBOLS_MAX * 64] = {0};
    uint32_t starts[SYMBOLS_MAX];
    uint32_t length = 0;
    for (unsigned i = 0; i < symbol_count; i++) {
        order[i] = i;
        starts[i] = length;
        length += (uint32_t)snprintf(names + length, sizeof(names) - length, "%c%s",
                                     symbols[i].kind, symbols[i].name) +
                  1;
    }
    length = ROUND_UP(length, 4);
    qsort(order, symbol_count, sizeof(*order), by_name);
    *out_bytes = 16 + 12 * symbol_count + length;
    uint32_t *table = malloc(*out_bytes);
    memcpy(table, (uint32_t[]){KD_SYMTAB_MAGIC, KD_SYMTAB_VERSION, symbol_count, length}, 16);
    for (unsigned i = 0; i < symbol_count; i++) {
        table[4 + i] = symbols[i].offset;
        table[4 + symbol_count + i] = starts[i];
        table[4 + 2 * symbol_count + i] = order[i];
    }
    memcpy(table + 4 + 3 * symbol_count, names, length);
    return table;
}

void fake_symbols_use(void)
{
    size_t bytes;
    free(symbol_table);
    symbol_table = fake_symbols_build(&bytes);
    kd_symbols_use(symbol_table, bytes);
}

/* ---- terminal ---- */

static void put_char(char c)
{
    if (c != '\r' && output_bytes + 1 < sizeof(output)) {
        output[output_bytes++] = c;
    }
}

static int get_char(void)
{
    return input_taken < input_count ? input[input_taken++] : -1;
}

void fake_type(const char *bytes, size_t count)
{
    if (input_taken == input_count) {
        input_taken = input_count = 0;
    }
    memcpy(input + input_count, bytes, count);
    input_count += count;
}

const char *fake_output(void)
{
    output[output_bytes] = '\0';
    output_bytes = 0;
    return output;
}

const char *fake_run(const char *line)
{
    output_bytes = 0;
    kd_run_line(line);
    return fake_output();
}

int fake_begin(void **state)
{
    (void)state;
    static const struct kd_line line = {.put = put_char, .get = get_char};
    memset(memory, 0, MAX(used, written));
    written = 0;
    used = RESERVED_PAGE;
    root = fake_physical(take(PAGE_BYTES, PAGE_BYTES));
    memset(fake_registers, 0, sizeof(fake_registers));
    for (unsigned cpu = 0; cpu < FAKE_CPUS_MAX; cpu++) {
        fake_registers[cpu].cr3 = root;
    }
    fake_cpus = 1;
    fake_missing = fake_reads = 0;
    fake_trace_region = 0;
    global_count = symbol_count = 0;
    free(symbol_table);
    symbol_table = NULL;
    kd_symbols_use("", 0);
    output_bytes = input_count = input_taken = 0;
    kd_target = &target;
    kd_terminal_use(&line);
    kd_session_begin(0);
    kd_pager_set(0);
    kd_output_begin(NULL, 0);
    return 0;
}
