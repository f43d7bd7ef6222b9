/* SPDX-License-Identifier: MIT */
/*
 * Names of kernel addresses, from the table that tools/gen/symtab.py made and the linker put into
 * the image.
 *
 * The table (all little endian, 32-bit words; offsets are from KERNEL_IMAGE_BASE):
 *     magic "KSYM", version, count n, bytes of names
 *     offset[n]   ascending; among equal ones the best name is last
 *     name[n]     where the name starts in names
 *     by_name[n]  indices into the two above, in strcmp() order of the names
 *     names       per symbol a kind character (T text, R read-only, D data, B zeroed), then the
 *                 name with its NUL
 *
 * Y1  No content of the table can make a look-up read outside of it or loop: a damaged or empty
 *     one means plain addresses.
 */
#pragma once

#include "base/types.h"

#define KD_SYMTAB_MAGIC   0x4d59534bu
#define KD_SYMTAB_VERSION 1u

struct kd_symbol {
    const char *name;
    vaddr_t address;
    uint64_t bytes; /* to the next symbol; for the last one 0 */
    char kind;
};

/* kd_symbols_use() - look names up in this table from now on. False: it is no such table, and no
 * name will be found. */
bool kd_symbols_use(const void *table, size_t bytes);
unsigned kd_symbols_count(void);

/* kd_symbol_at() - the symbol that an address of the image lies in; the last one is one byte
 * long. Cost: log2(n) steps. */
bool kd_symbol_at(vaddr_t address, struct kd_symbol *out);

/*
 * kd_symbol_named() - the symbol of this name.
 *
 * @length  of name, which need not end there
 * @which   0 the first, 1 the second ... of several static symbols of the same name
 * Cost: log2(n) string comparisons.
 */
bool kd_symbol_named(const char *name, size_t length, unsigned which, struct kd_symbol *out);

/* kd_symbol_number() - symbol i in the order of names. False: there are fewer. */
bool kd_symbol_number(unsigned i, struct kd_symbol *out);

/* kd_symbol_text() - "name+0x12", or "0x..." if nothing is near. Returns the length it would
 * have. */
size_t kd_symbol_text(vaddr_t address, char *to, size_t bytes);
