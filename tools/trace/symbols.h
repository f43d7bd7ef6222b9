/* SPDX-License-Identifier: MIT */
/* Kernel addresses to names: from the capture's SYMBOLS block or from the kernel's ELF file. */
#pragma once

#include "session.h"

struct symbol {
    uint64_t address;
    const char *name;
};

struct symbols {
    struct arena arena;
    struct symbol *symbol; /* by address */
    size_t count;
    size_t capacity;
};

/*
 * symbols_load() - from an ELF64 file if path is not NULL, else from the session's SYMBOLS block, else none.
 *
 * session NULL: a program's file, not the kernel's. Returns OK; ERR_NOT_FOUND or ERR_CORRUPT after a complaint about the file.
 */
MUST_CHECK status_t symbols_load(struct symbols *symbols, const struct session *session,
                                 const char *path);
void symbols_free(struct symbols *symbols);

/* symbols_at() - the symbol at or below an address, if it is near; NULL: none. */
const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address);

/* symbols_find() - the symbol at or below an address of the kernel image; NULL if there is none. */
const struct symbol *symbols_find(const struct symbols *symbols, uint64_t address);
