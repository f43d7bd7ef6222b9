/* SPDX-License-Identifier: MIT */
/* An instruction of the target, as text (instruction.h). */
#include "kdebug/core/instruction.h"

#include "gen/layout.h"
#include "kdebug/core/target.h"

/* Less than an instruction can have is fine where memory ends. 0: nothing is there. */
static size_t read_code(kd_space_t space, uint64_t address, uint8_t code[KD_INSTRUCTION_BYTES_MAX])
{
    size_t to_page_end = PAGE_BYTES - address % PAGE_BYTES;
    if (kd_read(space, address, code, KD_INSTRUCTION_BYTES_MAX) == OK) {
        return KD_INSTRUCTION_BYTES_MAX;
    }
    bool fits = to_page_end < KD_INSTRUCTION_BYTES_MAX;
    return fits && kd_read(space, address, code, to_page_end) == OK ? to_page_end : 0;
}

status_t kd_instruction_at(kd_space_t space, uint64_t address, struct kd_instruction *out)
{
    *out = (struct kd_instruction){.address = address};
    size_t bytes = read_code(space, address, out->code);
    if (bytes == 0) {
        return ERR_BAD_ADDRESS;
    }
    out->bytes = kd_disassemble(out->code, bytes, address, out->text);
    return OK;
}
