/* SPDX-License-Identifier: MIT */
/* Look-up of parameters (layout and invariant: parameters.h). */
#include "kdebug/core/parameters.h"

#include "gen/layout.h"

#define HEADER_WORDS 5u

enum kind {
    KIND_REGISTER, /* value: its number in DWARF */
    KIND_FRAME,    /* value: how far it is past the end of the frame */
    KIND_CONSTANT,
};

struct function {
    uint32_t offset, names, first;
};

struct range {
    uint32_t offset;
    uint16_t bytes;
    uint8_t index_and_size, kind;
    int32_t value;
};

static const struct function *functions;
static const struct range *ranges;
static const char *names;
static uint32_t function_count, range_count, names_bytes;

bool kd_parameters_use(const void *table, size_t bytes)
{
    const uint32_t *words = table;
    function_count = 0;
    if (bytes < HEADER_WORDS * 4 || (uintptr_t)table % 4 != 0 || words[0] != KD_PARAMETERS_MAGIC ||
        words[1] != KD_PARAMETERS_VERSION) {
        return false;
    }
    uint64_t need = HEADER_WORDS * 4 + words[2] * (uint64_t)sizeof(struct function) +
                    words[3] * (uint64_t)sizeof(struct range) + words[4];
    if (need > bytes || words[4] == 0) {
        return false;
    }
    functions = (const struct function *)(words + HEADER_WORDS);
    ranges = (const struct range *)(functions + words[2]);
    names = (const char *)(ranges + words[3]);
    if (names[words[4] - 1] != '\0') {
        return false;
    }
    function_count = words[2];
    range_count = words[3];
    names_bytes = words[4];
    return true;
}

static const struct function *find_function(vaddr_t address)
{
    uint64_t offset = address - KERNEL_IMAGE_BASE;
    uint32_t low = 0;
    uint32_t high = function_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (functions[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < function_count && functions[low].offset == offset ? &functions[low] : NULL;
}

const char *kd_parameters_names(vaddr_t function)
{
    const struct function *found = find_function(function);
    return found == NULL || found->names >= names_bytes ? NULL : names + found->names;
}

/* Where a core stands what is below the end of the frame may not have been written yet. */
static bool take_value(const struct range *range, const struct kd_unwind *place, uint64_t *out)
{
    uint64_t end;
    *out = 0;
    switch (range->kind) {
    case KIND_REGISTER:
        return range->value >= 0 && kd_unwind_register(place, (unsigned)range->value, out);
    case KIND_FRAME:
        end = kd_unwind_end(place);
        return end != 0 && (!place->is_exact || range->value >= 0) &&
               kd_read_kernel(end + (uint64_t)(int64_t)range->value, out,
                              MIN(range->index_and_size & 15u, 8u)) == OK;
    case KIND_CONSTANT:
        *out = (uint64_t)(int64_t)range->value;
        return true;
    default:
        return false;
    }
}

bool kd_parameter_value(vaddr_t function, unsigned index, const struct kd_unwind *place,
                        uint64_t *out)
{
    vaddr_t rip = place->rip - (place->is_exact ? 0 : 1);
    const struct function *found = find_function(function);
    if (found == NULL) {
        return false;
    }
    bool is_last = found + 1 == functions + function_count;
    uint32_t end = MIN(is_last ? range_count : found[1].first, range_count);
    for (uint32_t i = found->first; i < end; i++) {
        unsigned bits = (ranges[i].index_and_size & 15u) * 8;
        uint64_t past = rip - KERNEL_IMAGE_BASE - ranges[i].offset;
        if (ranges[i].index_and_size >> 4 == index && past < ranges[i].bytes &&
            take_value(&ranges[i], place, out)) {
            *out &= bits == 0 || bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
            return true;
        }
    }
    return false;
}
