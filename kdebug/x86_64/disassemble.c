/* SPDX-License-Identifier: MIT */
/*
 * Disassembly by Zydis (disassemble.h).
 *
 * Zydis decodes into a structure and formats that through functions that can be replaced. Where it
 * would print an address of the kernel as a number, ours print a symbol: targets of branches and of
 * rip-relative operands, which are computed; displacements and immediates, which in code made with
 * -mcmodel=kernel are addresses when they lie in the image.
 *
 * Zydis allocates nothing, calls nobody and has no state but constants. It is compiled from Debian's
 * sources, see tools/third_party.sh; without them disassemble_none.c takes this file's place.
 */
#include "kdebug/x86_64/disassemble.h"

#include <Zydis/Zydis.h>

#include "base/string.h"
#include "kdebug/core/symbols.h"

static ZydisDecoder decoder;
static ZydisFormatter formatter;
static ZydisFormatterFunc number_of_address, number_of_displacement, number_of_immediate;
static bool is_ready;

/* A ZyanString counts its NUL. What does not fit is left out. */
static void append(ZydisFormatterBuffer *buffer, const char *text)
{
    ZyanString *string;
    if (!ZYAN_SUCCESS(ZydisFormatterBufferAppend(buffer, ZYDIS_TOKEN_SYMBOL)) ||
        !ZYAN_SUCCESS(ZydisFormatterBufferGetString(buffer, &string))) {
        return;
    }
    ZyanVector *bytes = &string->vector;
    size_t length = MIN(strlen(text), (size_t)(bytes->capacity - bytes->size));
    char *end = (char *)bytes->data + bytes->size - 1;
    memcpy(end, text, length);
    end[length] = '\0';
    bytes->size += length;
}

static bool append_symbol(ZydisFormatterBuffer *buffer, uint64_t address)
{
    struct kd_symbol symbol;
    char text[KD_INSTRUCTION_TEXT];
    if (!kd_symbol_at(address, &symbol)) {
        return false;
    }
    kd_symbol_text(address, text, sizeof(text));
    append(buffer, text);
    return true;
}

static ZyanStatus print_address(const ZydisFormatter *self, ZydisFormatterBuffer *buffer,
                                ZydisFormatterContext *context)
{
    ZyanU64 address;
    if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(context->instruction, context->operand,
                                              context->runtime_address, &address)) &&
        append_symbol(buffer, address)) {
        return ZYAN_STATUS_SUCCESS;
    }
    return number_of_address(self, buffer, context);
}

static ZyanStatus print_displacement(const ZydisFormatter *self, ZydisFormatterBuffer *buffer,
                                     ZydisFormatterContext *context)
{
    struct kd_symbol symbol;
    uint64_t address = (uint64_t)context->operand->mem.disp.value;
    if (!kd_symbol_at(address, &symbol)) {
        return number_of_displacement(self, buffer, context);
    }
    append(buffer, "+");
    append_symbol(buffer, address);
    return ZYAN_STATUS_SUCCESS;
}

static ZyanStatus print_immediate(const ZydisFormatter *self, ZydisFormatterBuffer *buffer,
                                  ZydisFormatterContext *context)
{
    if (append_symbol(buffer, context->operand->imm.value.u)) {
        return ZYAN_STATUS_SUCCESS;
    }
    return number_of_immediate(self, buffer, context);
}

static void hook(ZydisFormatterFunction function, ZydisFormatterFunc ours,
                 ZydisFormatterFunc *out_theirs)
{
    const void *pointer = (const void *)ours;
    ZydisFormatterSetHook(&formatter, function, &pointer);
    *out_theirs = (ZydisFormatterFunc)pointer;
}

static void get_ready(void)
{
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
    ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
                              ZYDIS_PADDING_DISABLED);
    ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING,
                              ZYDIS_PADDING_DISABLED);
    ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
    hook(ZYDIS_FORMATTER_FUNC_PRINT_ADDRESS_ABS, print_address, &number_of_address);
    hook(ZYDIS_FORMATTER_FUNC_PRINT_DISP, print_displacement, &number_of_displacement);
    hook(ZYDIS_FORMATTER_FUNC_PRINT_IMM, print_immediate, &number_of_immediate);
    is_ready = true;
}

unsigned kd_disassemble(const void *code, size_t bytes, uint64_t address,
                        char text[KD_INSTRUCTION_TEXT])
{
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!is_ready) {
        get_ready();
    }
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, bytes, &instruction, operands)) ||
        !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &instruction, operands,
                                                      instruction.operand_count_visible, text,
                                                      KD_INSTRUCTION_TEXT, address, ZYAN_NULL))) {
        return 0;
    }
    return instruction.length;
}

bool kd_disassemble_is_there(void)
{
    return true;
}
