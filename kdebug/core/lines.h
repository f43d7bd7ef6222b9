/* SPDX-License-Identifier: MIT */
/*
 * Source lines of kernel addresses, from the table that tools/gen/lines.py made and the linker put into the image.
 *
 * The table (little endian; offsets are from KERNEL_IMAGE_BASE):
 *
 *     6 words: KD_LINES_MAGIC, KD_LINES_VERSION, rows, files, bytes of names, bytes of the body
 *     one chunk for each KD_LINES_CHUNK rows: offset and where in the body its next row is (words), file, line (half words)
 *     files words: where in the names each file's begins; file 0 is "", no source
 *     names, each ends with NUL
 *     body: the other rows of each chunk, as differences to the row before: offset << 1 | another file; its number if so;
 *           line, zigzag; all as LEB128
 *
 * A row holds up to the next one and takes some two and a half bytes: the whole kernel 100 KiB.
 *
 * **Y3** A damaged table gives wrong lines or none, never a read outside of it.
 */
#pragma once

#include "base/types.h"

#define KD_LINES_MAGIC   0x4e494c4bu /* "KLIN" */
#define KD_LINES_VERSION 1u
#define KD_LINES_CHUNK   64u

struct kd_source {
    const char *file; /* as it was given to the compiler */
    unsigned line;
    vaddr_t address; /* where the row begins */
};

/* kd_lines_use() - look lines up in this table from now on. False: it is none; then there are no lines. */
bool kd_lines_use(const void *table, size_t bytes);

/* kd_line_at() - the line that the instruction there comes from. False: unknown. Cost: a binary search and KD_LINES_CHUNK rows. */
bool kd_line_at(vaddr_t address, struct kd_source *out);
