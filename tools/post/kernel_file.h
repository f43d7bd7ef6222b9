/* SPDX-License-Identifier: MIT */
/* The file of the kernel that died: where its variables are, and its tables of symbols and types. */
#pragma once

#include "base/types.h"
#include "tools/post/mapped_file.h"

struct kernel_file {
    struct mapped_file file;
};

/* kernel_open() - map an ELF file. NULL, or what is wrong with it, for a person. */
const char *kernel_open(const char *path, struct kernel_file *out);

/* kernel_symbol() - the address of a variable or function, also of a static one; global ones win. 0: there is none. */
vaddr_t kernel_symbol(const struct kernel_file *kernel, const char *name);

/* kernel_bytes() - what the file holds for [start, end) of the image; NULL: not all of it. */
const void *kernel_bytes(const struct kernel_file *kernel, vaddr_t start, vaddr_t end);
