/* SPDX-License-Identifier: MIT */
/* disassemble.h for a kernel that is built where Zydis could not be had. */
#include "kdebug/x86_64/disassemble.h"

unsigned kd_disassemble(const void *code, size_t bytes, uint64_t address,
                        char text[KD_INSTRUCTION_TEXT])
{
    (void)code;
    (void)bytes;
    (void)address;
    (void)text;
    return 0;
}

bool kd_disassemble_is_there(void)
{
    return false;
}
