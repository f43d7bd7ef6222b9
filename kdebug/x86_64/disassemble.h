/* SPDX-License-Identifier: MIT */
/* Instructions as text, in the syntax of nasm, with symbols for addresses of the kernel. */
#pragma once

#include "base/types.h"

#define KD_INSTRUCTION_BYTES_MAX 15u
#define KD_INSTRUCTION_TEXT      96u

/*
 * kd_disassemble() - one instruction of 64-bit code.
 *
 * @code, @bytes  what lies at `address`, at most KD_INSTRUCTION_BYTES_MAX are looked at
 * @text          gets the instruction, cut to KD_INSTRUCTION_TEXT
 * Returns its length in bytes; 0: these bytes are none, or end within one. The code is not executed or read again.
 * Cost: some thousand instructions, 2 KiB of stack.
 */
unsigned kd_disassemble(const void *code, size_t bytes, uint64_t address,
                        char text[KD_INSTRUCTION_TEXT]);

/* kd_disassemble_is_there() - false: this kernel was built without Zydis, and the above always returns 0. */
bool kd_disassemble_is_there(void);
