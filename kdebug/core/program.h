/* SPDX-License-Identifier: MIT */
/*
 * Names in user programs, and where their types are, out of the files in the boot image.
 *
 * Which program a process runs nobody has to say: launchers map text in place, so the page at a
 * program's first address lies in its file. (init, which the loader has copied, is known by where its
 * segments are.) Nothing is loaded or cached: the files are read through the target each time.
 */
#pragma once

#include "base/types.h"

#define KD_PROGRAM_START 0x400000ull /* userspace/lib/user.ld */

struct kd_program {
    char name[48];       /* of the file in the boot image */
    unsigned number;     /* of that file */
    paddr_t file;        /* where that lies */
    uint64_t bytes;      /* of the file */
    paddr_t symbols;     /* its symbol table */
    uint64_t count;      /* symbols */
    paddr_t names;       /* their names */
    uint64_t name_bytes; /* all of them together */
    paddr_t types;       /* its section .BTF; without bytes: it has none */
    uint64_t type_bytes;
};

/* kd_program_of() - the program in the address space with these page tables. False: it is none of the boot image, has no
 * symbols, or its first page is not there. Cost: some reads. */
bool kd_program_of(paddr_t root, struct kd_program *out);

/* kd_program_numbered() - file number i of the boot image, if it is a program. */
bool kd_program_numbered(unsigned i, struct kd_program *out);

/* kd_program_symbol() - "name+0x12" of an address in it; returns the length that has, 0: no symbol reaches there.
 * is_exact: the address is where code stands, not where it will return to. Cost: its symbol table read once. */
size_t kd_program_symbol(const struct kd_program *program, uint64_t address, bool is_exact,
                         char *to, size_t bytes);

/* kd_program_named() - the address of a function or variable. False: there is none of this name. */
bool kd_program_named(const struct kd_program *program, const char *name, size_t length,
                      uint64_t *out);
