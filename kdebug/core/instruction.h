/* SPDX-License-Identifier: MIT */
/* An instruction of the target, as text. */
#pragma once

#include "base/types.h"
#include "kdebug/core/value.h"
#include "kdebug/x86_64/disassemble.h"

struct kd_instruction {
    uint64_t address;
    unsigned bytes; /* 0: what is there is no instruction */
    uint8_t code[KD_INSTRUCTION_BYTES_MAX];
    char text[KD_INSTRUCTION_TEXT];
};

/* kd_instruction_at() - OK, also if none is there; ERR_BAD_ADDRESS. */
status_t kd_instruction_at(kd_space_t space, uint64_t address, struct kd_instruction *out);
