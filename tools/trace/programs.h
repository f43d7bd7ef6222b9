/* SPDX-License-Identifier: MIT */
/* User addresses to names: from the ELF files of the programs, which a capture does not hold. */
#pragma once

#include "symbols.h"

struct program;

struct programs {
    const char *folder; /* where a process NAME finds its file NAME; NULL: nowhere */
    struct program *first;
};

/* programs_find() - the symbol at or below an address of a process; NULL: none known. name must stay. A file that is
 * there and no ELF file is complained about, once. */
const struct symbol *programs_find(struct programs *programs, const char *name, uint64_t address);
void programs_free(struct programs *programs);
