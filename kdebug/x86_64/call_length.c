/* SPDX-License-Identifier: MIT */
/*
 * How long a CALL instruction is (call_length.h).
 *
 * Two forms exist in 64-bit mode: E8 rel32, and FF /2 with a register or memory operand, both
 * perhaps behind a REX prefix. Source: Intel SDM vol. 2A, "CALL", and tables "32-Bit Addressing
 * Forms with the ModR/M Byte" and "... with the SIB Byte".
 */
#include "kdebug/x86_64/call_length.h"

#define OP_CALL_NEAR  0xe8u
#define OP_GROUP_5    0xffu
#define GROUP_CALL    2u
#define MODE_REGISTER 3u
#define RM_SIB        4u
#define RM_RIP        5u
#define NEAR_BYTES    5u

/* Of ModR/M, SIB and displacement. */
static unsigned operand_length(const uint8_t *modrm)
{
    unsigned mode = modrm[0] >> 6;
    unsigned rm = modrm[0] & 7;
    if (mode == MODE_REGISTER) {
        return 1;
    }
    unsigned length = rm == RM_SIB ? 2 : 1;
    unsigned base = rm == RM_SIB ? modrm[1] & 7 : rm;
    if (mode == 0) {
        return length + (base == RM_RIP ? 4 : 0);
    }
    return length + (mode == 1 ? 1 : 4);
}

unsigned kd_call_length(const uint8_t code[KD_CALL_BYTES])
{
    unsigned prefix = (code[0] & 0xf0) == 0x40 ? 1 : 0;
    if (code[prefix] == OP_CALL_NEAR) {
        return prefix + NEAR_BYTES;
    }
    if (code[prefix] == OP_GROUP_5 && (code[prefix + 1] >> 3 & 7) == GROUP_CALL) {
        return prefix + 1 + operand_length(code + prefix + 1);
    }
    return 0;
}
