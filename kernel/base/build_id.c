/* SPDX-License-Identifier: MIT */
/* Source: System V ABI, "Note Section"; the name is "GNU", the type NT_GNU_BUILD_ID. */
#include "base/build_id.h"

#define NT_GNU_BUILD_ID 3u

/* Bounds of the note, from kernel.ld. */
struct build_id_note {
    uint32_t name_bytes, id_bytes, type;
    char name[4];
    uint8_t id[];
};
extern const struct build_id_note build_id_start;

uint64_t kernel_id(void)
{
    const struct build_id_note *note = &build_id_start;
    uint64_t id = 0;
    if (note->type != NT_GNU_BUILD_ID || note->id_bytes < sizeof(id)) {
        return 0;
    }
    for (unsigned i = 0; i < sizeof(id); i++) {
        id = id << 8 | note->id[i];
    }
    return id;
}
