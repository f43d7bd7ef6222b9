/* SPDX-License-Identifier: MIT */
/*
 * Moving an instruction (move.h).
 *
 *     most            as it is, a rip-relative operand corrected by the distance; JMP rel32 to the next
 *     CALL rel        PUSH imm32 (the next, sign-extended); JMP rel32
 *     JMP rel         JMP rel32
 *     Jcc rel         Jcc rel32; JMP rel32 to the next
 *
 * Source: Intel SDM vol. 2, "Instruction Format", CALL, JMP, Jcc, PUSH.
 */
#include "kdebug/x86_64/move.h"

#include <Zydis/Zydis.h>

#include "base/string.h"

#define JMP_REL32  0xe9u
#define PUSH_IMM32 0x68u
#define TWO_BYTE   0x0fu
#define JCC_REL32  0x80u
#define CONDITION  0x0fu /* bits of an opcode */

static void put_byte(struct kd_moved *out, uint8_t byte)
{
    out->code[out->bytes++] = byte;
}

static void put_32(struct kd_moved *out, uint64_t value)
{
    uint32_t word = (uint32_t)value;
    memcpy(out->code + out->bytes, &word, sizeof(word));
    out->bytes += sizeof(word);
}

static void put_jump(struct kd_moved *out, uint64_t at, uint64_t target)
{
    put_byte(out, JMP_REL32);
    put_32(out, target - (at + out->bytes + 4));
}

static bool is_relative(const ZydisDecodedInstruction *instruction)
{
    return instruction->raw.imm[0].size != 0 && instruction->raw.imm[0].is_relative;
}

static const char *move_branch(const ZydisDecodedInstruction *instruction, uint64_t from,
                               uint64_t to, struct kd_moved *out)
{
    uint64_t next = from + instruction->length;
    uint64_t target = next + (uint64_t)instruction->raw.imm[0].value.s;
    switch (instruction->meta.category) {
    case ZYDIS_CATEGORY_CALL:
        put_byte(out, PUSH_IMM32);
        put_32(out, next);
        break;
    case ZYDIS_CATEGORY_UNCOND_BR:
        break;
    case ZYDIS_CATEGORY_COND_BR:
        if (instruction->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
            (instruction->opcode & 0xf0u) != 0x70u) {
            return "it is a LOOP or JRCXZ";
        }
        put_byte(out, TWO_BYTE);
        put_byte(out, (uint8_t)(JCC_REL32 | (instruction->opcode & CONDITION)));
        put_32(out, target - (to + out->bytes + 4));
        target = next;
        break;
    default:
        return "it goes somewhere else";
    }
    put_jump(out, to, target);
    return NULL;
}

static const char *refuse(const ZydisDecodedInstruction *instruction)
{
    switch (instruction->mnemonic) {
    case ZYDIS_MNEMONIC_STI:
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_POPFQ:
        return "it opens interrupts, or waits for one";
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_SYSRET:
    case ZYDIS_MNEMONIC_SWAPGS:
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_INT:
    case ZYDIS_MNEMONIC_UD2:
        return "it leaves the kernel, or raises an exception";
    case ZYDIS_MNEMONIC_CALL:
        return is_relative(instruction) ? NULL
                                        : "it calls by a pointer: take the instruction before";
    default:
        return NULL;
    }
}

/* An operand by its distance from rip is at another distance now. */
static void correct(const ZydisDecodedInstruction *instruction, const ZydisDecodedOperand *operands,
                    uint64_t distance, struct kd_moved *out)
{
    for (unsigned i = 0; i < instruction->operand_count; i++) {
        if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
            operands[i].mem.base == ZYDIS_REGISTER_RIP) {
            uint32_t displacement = (uint32_t)(instruction->raw.disp.value - (int64_t)distance);
            memcpy(out->code + instruction->raw.disp.offset, &displacement, sizeof(displacement));
            return;
        }
    }
}

const char *kd_instruction_move(const uint8_t code[KD_MOVE_BYTES_MAX], uint64_t from, uint64_t to,
                                struct kd_moved *out)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    out->bytes = 0;
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeFull(&decoder, code, KD_MOVE_BYTES_MAX, &instruction, operands))) {
        return "what is there is no instruction";
    }
    const char *why = refuse(&instruction);
    if (why != NULL || is_relative(&instruction)) {
        return why != NULL ? why : move_branch(&instruction, from, to, out);
    }
    memcpy(out->code, code, instruction.length);
    out->bytes = instruction.length;
    correct(&instruction, operands, to - from, out);
    put_jump(out, to, from + instruction.length);
    return NULL;
}
