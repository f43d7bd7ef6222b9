/* SPDX-License-Identifier: MIT */
/* Moving an instruction without Zydis: the one that most functions begin with (move.h). */
#include "kdebug/x86_64/move.h"

#include "base/string.h"

#define PUSH_RBP  0x55u
#define JMP_REL32 0xe9u

const char *kd_instruction_move(const uint8_t code[KD_MOVE_BYTES_MAX], uint64_t from, uint64_t to,
                                struct kd_moved *out)
{
    if (code[0] != PUSH_RBP) {
        return "without Zydis only PUSH RBP can be moved";
    }
    uint32_t distance = (uint32_t)(from + 1 - (to + 6));
    out->code[0] = PUSH_RBP;
    out->code[1] = JMP_REL32;
    memcpy(out->code + 2, &distance, sizeof(distance));
    out->bytes = 2 + sizeof(distance);
    return NULL;
}
