/* SPDX-License-Identifier: MIT */
/* Any bytes as an ELF file: no read outside, and every promise of an accepted file kept. */
#include "boot/load/elf.h"

#include <stddef.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_file file;
    if (elf_open(data, size, &file) != ELF_OK) {
        return 0;
    }
    uint64_t end = 0;
    for (unsigned i = 0; i < file.segment_count; i++) {
        const struct elf_segment *segment = &file.segment[i];
        const volatile uint8_t *bytes = elf_segment_bytes(&file, segment);
        for (uint64_t at = 0; at < segment->file_bytes; at++) {
            (void)bytes[at];
        }
        if (elf_segment_first_page(segment) < end || segment->file_bytes > segment->memory_bytes ||
            (segment->flags & (ELF_WRITE | ELF_EXEC)) == (ELF_WRITE | ELF_EXEC)) {
            __builtin_trap();
        }
        end = elf_segment_end_page(segment);
    }
    return 0;
}
