/* SPDX-License-Identifier: MIT */
/* What somebody writes, understood and checked: see probe_plan() in probe.h. */
#include "arch/function_patch.h"
#include "arch/function_probe.h"
#include "arch/text_patch.h"
#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/core/types.h"
#include "kdebug/x86_64/disassemble.h"
#include "kdebug/x86_64/move.h"
#include "trace/probe/probe.h"

struct span {
    const char *at, *end;
};

static bool is_between(char c)
{
    return c == ' ' || c == ',' || c == '\t';
}

static struct span take_word(struct span *rest)
{
    while (rest->at < rest->end && is_between(*rest->at)) {
        rest->at++;
    }
    struct span word = {rest->at, rest->at};
    while (word.end < rest->end && !is_between(*word.end)) {
        word.end++;
    }
    rest->at = word.end;
    return word;
}

/* What comes before the first c, which goes too. False: there is none, and all stays. */
static bool cut_at(struct span *rest, char c, struct span *out)
{
    for (const char *at = rest->at; at < rest->end; at++) {
        if (*at == c) {
            *out = (struct span){rest->at, at};
            rest->at = at + 1;
            return true;
        }
    }
    return false;
}

static size_t length_of(struct span span)
{
    return (size_t)(span.end - span.at);
}

static bool is_text(struct span span, const char *text)
{
    return strlen(text) == length_of(span) && memcmp(span.at, text, length_of(span)) == 0;
}

static void copy(struct span from, char *to, size_t bytes)
{
    size_t length = MIN(length_of(from), bytes - 1);
    memcpy(to, from.at, length);
    to[length] = '\0';
}

static bool read_number(struct span span, uint64_t *out)
{
    bool is_hex = length_of(span) > 2 && span.at[0] == '0' && span.at[1] == 'x';
    span.at += is_hex ? 2 : 0;
    *out = 0;
    for (const char *c = span.at; c < span.end; c++) {
        bool is_digit = *c >= '0' && *c <= '9', is_letter = is_hex && *c >= 'a' && *c <= 'f';
        if (!is_digit && !is_letter) {
            return false;
        }
        *out = *out * (is_hex ? 16 : 10) + (uint64_t)(is_digit ? *c - '0' : *c - 'a' + 10);
    }
    return span.at < span.end;
}

/* ---- place ---- */

/* Decode from the start of the function: does an instruction begin there? */
static const char *check_boundary(vaddr_t function, vaddr_t address)
{
    char text[KD_INSTRUCTION_TEXT];
    uint8_t code[KD_INSTRUCTION_BYTES_MAX];
    if (function != address && !kd_disassemble_is_there()) {
        return "without Zydis nobody knows where instructions begin: only at the start of "
               "functions";
    }
    while (function < address) {
        text_patch_read(function, code, sizeof(code));
        unsigned bytes = kd_disassemble(code, sizeof(code), function, text);
        if (bytes == 0) {
            return "there is something on the way to it that is no instruction";
        }
        function += bytes;
    }
    return function == address ? NULL : "it is in the middle of an instruction";
}

static const char why_changed[] =
    "its function is traced, or has a probe on its entry, which has changed these bytes";

static const char *check_function(vaddr_t function, vaddr_t address)
{
    unsigned index;
    if (!function_find(function, &index)) {
        return "its function is assembly, or one that recorder, locks and traps rest on";
    }
    bool is_changed = address != function && address < function + FUNCTION_FRAME_BYTES &&
                      function_is_entered_by_jump(index);
    return is_changed ? why_changed : check_boundary(function, address);
}

static const char *check_place(const struct kd_symbol *symbol, vaddr_t address)
{
    struct kd_moved moved;
    uint8_t code[KD_MOVE_BYTES_MAX];
    const char *why = kd_breakpoint_refusal(KD_BREAK_CODE, address, 1);
    if (why == NULL && kd_breakpoint_at(address, 0) != 0) {
        why = "a breakpoint is there";
    }
    if (why == NULL && text_patch_has_site(address)) {
        why = "an event's site is there: record that event";
    }
    if (why == NULL) {
        why = check_function(symbol->address, address);
    }
    if (why != NULL) {
        return why;
    }
    text_patch_read(address, code, sizeof(code));
    return kd_instruction_move(code, address, (vaddr_t)probe_slots, &moved);
}

static const char *take_place(struct span text, struct probe *out)
{
    struct span name = text, offset = text;
    struct kd_symbol symbol;
    uint64_t number = 0;
    if (cut_at(&offset, '+', &name) && !read_number(offset, &number)) {
        return "expected SYMBOL+NUMBER";
    }
    if (!kd_symbol_named(name.at, length_of(name), 0, &symbol) || symbol.kind != 'T') {
        return "no function has this name";
    }
    if (number >= symbol.bytes) {
        return "it is behind the end of the function";
    }
    copy(text, out->place, sizeof(out->place));
    out->address = symbol.address + number;
    return check_place(&symbol, out->address);
}

/* ---- arguments ---- */

/* In the order of struct trap_frame. */
static const char *const registers[] = {"r15", "r14", "r13", "r12",    "r11", "r10", "r9",  "r8",
                                        "rbp", "rdi", "rsi", "rdx",    "rcx", "rbx", "rax", "",
                                        "",    "rip", "",    "rflags", "rsp", ""};

static bool find_register(struct span name, uint8_t *out)
{
    for (unsigned i = 0; i < ARRAY_COUNT(registers); i++) {
        if (registers[i][0] != '\0' && is_text(name, registers[i])) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static const char *take_number_type(kd_ctype_t type, struct probe_argument *argument)
{
    struct kd_ctype found = kd_ctype_get(type);
    bool is_number =
        found.kind == KD_KIND_INT || found.kind == KD_KIND_ENUM || found.kind == KD_KIND_POINTER;
    if (!is_number || found.bytes == 0 || found.bytes > 8) {
        return "the last member is no number of up to 8 bytes";
    }
    argument->bytes = (uint8_t)found.bytes;
    argument->is_signed = found.is_signed;
    return NULL;
}

/* MEMBER[.MEMBER]..., beginning with what the register points to; each pointer on the way is a load. */
static const char *take_members(struct span rest, kd_ctype_t type, struct probe_argument *argument)
{
    argument->loads = 1;
    for (;;) {
        struct span name = rest;
        bool has_more = cut_at(&rest, '.', &name);
        struct kd_member member;
        if (!kd_ctype_find_member(type, name.at, length_of(name), &member)) {
            return "the structure has no such member";
        }
        if (member.bits != 0) {
            return "bit fields cannot be recorded";
        }
        argument->offset[argument->loads - 1] += (uint32_t)(member.bit_offset / 8);
        struct kd_ctype found = kd_ctype_get(member.type);
        if (!has_more) {
            return take_number_type(member.type, argument);
        }
        if (found.kind != KD_KIND_POINTER) {
            type = member.type;
        } else if (argument->loads < PROBE_LOADS_MAX) {
            argument->loads++;
            type = found.target;
        } else {
            return "too many pointers on the way";
        }
    }
}

/* What it is called if nobody says: the last word of it. */
static void name_argument(struct span text, struct probe_argument *argument)
{
    struct span part;
    (void)cut_at(&text, ':', &part);
    while (cut_at(&text, '.', &part)) {
    }
    copy(text, argument->name, sizeof(argument->name));
}

static const char *take_argument(struct span text, struct probe_argument *argument)
{
    struct span name, reg, structure;
    *argument = (struct probe_argument){.loads = 0};
    if (cut_at(&text, '=', &name)) {
        copy(name, argument->name, sizeof(argument->name));
    } else {
        name_argument(text, argument);
    }
    bool is_typed = cut_at(&text, ':', &reg);
    if (!find_register(is_typed ? reg : text, &argument->reg)) {
        return "no such register: rax to r15, rip, rflags";
    }
    if (!is_typed) {
        return NULL;
    }
    if (!cut_at(&text, '.', &structure)) {
        return "expected REGISTER:STRUCT.MEMBER";
    }
    kd_ctype_t type = kd_ctype_named(KD_SCOPE_KERNEL, "struct", structure.at, length_of(structure));
    return type == 0 ? "no structure has this name" : take_members(text, type, argument);
}

/* ---- way ---- */

static bool has_plain_values(const struct probe *probe)
{
    for (unsigned i = 0; i < probe->arguments; i++) {
        if (probe->argument[i].loads > 0 || !function_probe_takes(probe->argument[i].reg)) {
            return false;
        }
    }
    return true;
}

/* By a call where that is possible, else by an INT3, unless others have changed the byte. */
static const char *choose_way(struct probe *probe)
{
    unsigned index;
    bool is_entry = function_find(probe->address, &index) && function_can_be_traced(index);
    probe->by_call = is_entry && has_plain_values(probe);
    bool is_changed = is_entry && !probe->by_call && function_is_entered_by_jump(index);
    return is_changed ? why_changed : NULL;
}

const char *probe_plan(const char *text, size_t length, struct probe *out)
{
    struct span rest = {text, text + length};
    kd_target = kd_target == NULL ? &kd_target_live : kd_target; /* before the first stop */
    *out = (struct probe){.address = 0};
    const char *why = take_place(take_word(&rest), out);
    struct span word;
    while (why == NULL && length_of(word = take_word(&rest)) > 0) {
        why = out->arguments == PROBE_ARGUMENTS_MAX
                  ? "at most four arguments"
                  : take_argument(word, &out->argument[out->arguments++]);
    }
    return why == NULL ? choose_way(out) : why;
}
