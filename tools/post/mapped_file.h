/* SPDX-License-Identifier: MIT */
/* A whole file in memory, for reading. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapped_file {
    const uint8_t *bytes; /* NULL: nothing is mapped */
    size_t size;
};

/* file_map() - false: it cannot be opened or is empty; *out holds nothing then. */
bool file_map(const char *path, struct mapped_file *out);

/* file_unmap() - give it back; fine if nothing is mapped. */
void file_unmap(struct mapped_file *file);
