/* SPDX-License-Identifier: MIT */
/* Look-up of source lines (layout and invariant: lines.h). */
#include "kdebug/core/lines.h"

#include "base/string.h"
#include "gen/layout.h"

#define HEADER_WORDS 6u
#define VARINT_BITS  35u

struct chunk {
    uint32_t offset, position;
    uint16_t file, line;
};

static const struct chunk *chunks;
static const uint32_t *name_starts;
static const char *names;
static const uint8_t *body;
static uint32_t row_count, chunk_count, file_count, names_bytes, body_bytes;

bool kd_lines_use(const void *table, size_t bytes)
{
    const uint32_t *words = table;
    row_count = 0;
    if (bytes < HEADER_WORDS * 4 || (uintptr_t)table % 4 != 0 || words[0] != KD_LINES_MAGIC ||
        words[1] != KD_LINES_VERSION) {
        return false;
    }
    uint64_t chunk_total = ((uint64_t)words[2] + KD_LINES_CHUNK - 1) / KD_LINES_CHUNK;
    uint64_t need = HEADER_WORDS * 4 + chunk_total * sizeof(struct chunk) + 4 * (uint64_t)words[3] +
                    words[4] + words[5];
    if (need > bytes || words[4] == 0) {
        return false;
    }
    chunks = (const struct chunk *)(words + HEADER_WORDS);
    name_starts = (const uint32_t *)(chunks + chunk_total);
    names = (const char *)(name_starts + words[3]);
    body = (const uint8_t *)(names + words[4]);
    if (names[words[4] - 1] != '\0') {
        return false;
    }
    row_count = words[2];
    chunk_count = (uint32_t)chunk_total;
    file_count = words[3];
    names_bytes = words[4];
    body_bytes = words[5];
    return true;
}

/* The number of chunks that begin at or before this offset. */
static uint32_t count_chunks_up_to(uint32_t offset)
{
    uint32_t low = 0;
    uint32_t high = chunk_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (chunks[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool take(uint32_t *position, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < VARINT_BITS && *position < body_bytes; shift += 7) {
        uint8_t byte = body[(*position)++];
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

struct row {
    uint64_t offset, file, line;
};

static bool take_row(uint32_t *position, struct row *row)
{
    uint64_t distance, line;
    if (!take(position, &distance) || ((distance & 1) && !take(position, &row->file)) ||
        !take(position, &line)) {
        return false;
    }
    row->offset += distance >> 1;
    row->line += line & 1 ? ~(line >> 1) : line >> 1;
    return true;
}

bool kd_line_at(vaddr_t address, struct kd_source *out)
{
    uint64_t offset = address - KERNEL_IMAGE_BASE;
    bool is_image = address >= KERNEL_IMAGE_BASE && offset <= UINT32_MAX;
    uint32_t number = is_image && row_count != 0 ? count_chunks_up_to((uint32_t)offset) : 0;
    if (number == 0) {
        return false;
    }
    const struct chunk *chunk = &chunks[number - 1];
    struct row row = {chunk->offset, chunk->file, chunk->line}, next = row;
    uint32_t left = MIN(row_count - (number - 1) * KD_LINES_CHUNK, KD_LINES_CHUNK) - 1;
    uint32_t position = chunk->position;
    while (left-- > 0 && take_row(&position, &next) && next.offset <= offset) {
        row = next;
    }
    if (row.file == 0 || row.file >= file_count || name_starts[row.file] >= names_bytes) {
        return false;
    }
    *out = (struct kd_source){names + name_starts[row.file], (unsigned)row.line,
                              KERNEL_IMAGE_BASE + row.offset};
    return true;
}
