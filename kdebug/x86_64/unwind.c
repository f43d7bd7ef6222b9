/* SPDX-License-Identifier: MIT */
/*
 * The unwinder (unwind.h). The kernel keeps frame pointers, so a step is two reads: [rbp] the
 * caller's rbp, [rbp + 8] the return address.
 *
 * Two places need more:
 *
 * Trap frames. An entry stub leaves rbp alone and calls C with rsp = the trap frame. So when a
 * return address lies in the entry code, the trap frame is right above the frame of the C
 * function, at rbp + 16, and says where the interrupted code was:
 *
 *      [rbp + 16] struct trap_frame   rip cs rsp rbp of the interrupted code
 *      [rbp +  8] return address      in [entry_text_start, entry_text_end)
 *      [rbp]      rbp at the interruption
 *
 * Where the code stands exactly (the first frame, or just above a trap frame) its function may
 * have no frame yet, no longer, or, if it is assembly, never. It has one if a "mov rbp, rsp" lies
 * between its start and rip, and rip is not at a RET. If not, the return address is at rsp, or
 * above the rbp that has just been pushed. That is a guess where the table of frames (frames.h) is missing or has nothing to say;
 * else it is that of the compiler.
 *
 * The switch. context_switch() and context_resume() are pushes, the change of the stack, and pops. Until the last pop rbp is still that of
 * the thread before, so what counts there is how many words lie on the stack.
 *
 * **U1** A register of a caller counts as known only as long as each function on the way to it says what it did with it, and says the
 * same about the end of its frame as the frame pointers do. Code without a rule, all assembly, makes all of them unknown; a trap
 * frame has all again.
 */
#include "kdebug/x86_64/unwind.h"

#include "arch/function_patch.h"
#include "base/string.h"
#include "gen/layout.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"

#define STEPS_MAX         128u
#define SCAN_BYTES_MAX    4096u
#define OPCODE_PUSH_RBP   0x55
#define MOV_RBP_RSP_BYTES 3u
#define OPCODE_RET        0xc3
#define RFLAGS_FIXED_BIT  2u
#define VECTOR_MAX        0x1ffu
#define RETURN_BYTES      8u
#define DWARF_RBP         6u

extern const char entry_text_start[], entry_text_end[];

static bool is_kernel(uint64_t address)
{
    return address >= DIRECT_MAP_BASE;
}

static bool is_in_image(uint64_t address)
{
    struct kd_symbol symbol;
    return address >= KERNEL_IMAGE_BASE &&
           (kd_symbols_count() == 0 || (kd_symbol_at(address, &symbol) && symbol.kind == 'T'));
}

static bool is_entry_code(uint64_t address)
{
    return address >= KD_GLOBAL(entry_text_start) && address < KD_GLOBAL(entry_text_end);
}

#define ALL_KEPT ((1u << KD_KEPT) - 1)

static void take_frame(struct kd_unwind *unwind, const struct trap_frame *frame)
{
    const uint64_t kept[] = {frame->rbx, frame->rbp, frame->r12,
                             frame->r13, frame->r14, frame->r15};
    memcpy(unwind->kept, kept, sizeof(kept));
    unwind->known = ALL_KEPT;
    unwind->is_exact = true;
    unwind->rip = frame->rip;
    unwind->rbp = frame->rbp;
    unwind->rsp = frame->rsp;
}

void kd_unwind_begin(struct kd_unwind *unwind, const struct trap_frame *frame)
{
    *unwind = (struct kd_unwind){.exact = frame};
    take_frame(unwind, frame);
}

bool kd_unwind_begin_blocked(struct kd_unwind *unwind, vaddr_t context_rsp)
{
    /* What context_switch() pushed (arch/context.h). */
    struct saved_context {
        uint64_t r15, r14, r13, r12, rbx, rbp, rip;
    } saved;
    *unwind = (struct kd_unwind){0};
    if (kd_read_kernel(context_rsp, &saved, sizeof(saved)) != OK) {
        return false;
    }
    unwind->rip = saved.rip;
    unwind->rbp = saved.rbp;
    if (is_entry_code(saved.rip)) {
        /* Parked (arch/context.h): the words below the trap frame look like the frame of a function. */
        unwind->rbp = context_rsp + offsetof(struct saved_context, rbp);
        return true;
    }
    const uint64_t kept[] = {saved.rbx, saved.rbp, saved.r12, saved.r13, saved.r14, saved.r15};
    memcpy(unwind->kept, kept, sizeof(kept));
    unwind->known = ALL_KEPT;
    unwind->rsp = context_rsp + sizeof(saved);
    return true;
}

bool kd_unwind_is_user(const struct kd_unwind *unwind)
{
    return !is_kernel(unwind->rip);
}

static bool read_word(uint64_t address, uint64_t *out)
{
    return is_kernel(address) && address % 8 == 0 &&
           kd_read_kernel(address, out, sizeof(*out)) == OK;
}

/* Is there a "mov rbp, rsp" in [from, to)? */
static bool sets_frame(uint64_t from, uint64_t to)
{
    uint8_t window[64 + MOV_RBP_RSP_BYTES - 1];
    for (uint64_t at = from; at < to; at += 64) {
        size_t bytes = (size_t)MIN(to - at, sizeof(window));
        if (kd_read_kernel(at, window, bytes) != OK) {
            return true; /* cannot tell: the usual case */
        }
        for (size_t i = 0; i + MOV_RBP_RSP_BYTES <= bytes; i++) {
            if (function_makes_frame(window + i)) {
                return true;
            }
        }
    }
    return false;
}

/* Where the present frame ends, by its rule; 0: a register that it takes is not known. */
static uint64_t end_by(const struct kd_unwind *unwind, const struct kd_frame_rule *rule)
{
    switch (rule->base) {
    case KD_FRAME_RSP_8:
        return unwind->rsp == 0 ? 0 : unwind->rsp + RETURN_BYTES;
    case KD_FRAME_RSP_16:
        return unwind->rsp == 0 ? 0 : unwind->rsp + 2 * RETURN_BYTES;
    case KD_FRAME_RBP_16:
        return unwind->rbp == 0 ? 0 : unwind->rbp + 2 * RETURN_BYTES;
    default:
        return 0;
    }
}

/* Where the code of the present frame stands, or the last byte of its call. */
static uint64_t code_of(const struct kd_unwind *unwind)
{
    return unwind->rip - (unwind->is_exact ? 0 : 1);
}

uint64_t kd_unwind_end(const struct kd_unwind *unwind)
{
    struct kd_frame_rule rule;
    return kd_frame_rule_at(code_of(unwind), &rule) ? end_by(unwind, &rule) : 0;
}

/* The present frame has been found to end here: what did its caller have in registers? (U1) */
static void recover_registers(struct kd_unwind *unwind, uint64_t end)
{
    struct kd_frame_rule rule = {0};
    if (!kd_frame_rule_at(code_of(unwind), &rule) || end_by(unwind, &rule) != end) {
        unwind->known = 0;
    }
    for (unsigned i = 0; i < KD_KEPT && unwind->known != 0; i++) {
        uint64_t place = end - rule.words[i] * sizeof(uint64_t);
        if (rule.words[i] == 0 || (unwind->rsp != 0 && place < unwind->rsp)) {
            continue; /* it is in its register: not saved yet, or back again */
        }
        unwind->known &= (uint8_t) ~(1u << i);
        unwind->known |= (uint8_t)(read_word(place, &unwind->kept[i]) << i);
    }
    unwind->rsp = end;
    unwind->is_exact = unwind->crossed = false;
}

static bool exact_register(const struct trap_frame *frame, unsigned number, uint64_t *out)
{
    /* System V ABI for AMD64, "DWARF Register Number Mapping". */
    const uint64_t values[] = {frame->rax, frame->rdx, frame->rcx, frame->rbx,
                               frame->rsi, frame->rdi, frame->rbp, frame->rsp,
                               frame->r8,  frame->r9,  frame->r10, frame->r11,
                               frame->r12, frame->r13, frame->r14, frame->r15};
    if (number >= ARRAY_COUNT(values)) {
        return false;
    }
    *out = values[number];
    return true;
}

bool kd_unwind_register(const struct kd_unwind *unwind, unsigned number, uint64_t *out)
{
    static const uint8_t numbers[KD_KEPT] = {3, DWARF_RBP, 12, 13, 14, 15};
    if (unwind->is_exact) {
        return exact_register(unwind->crossed ? &unwind->trap : unwind->exact, number, out);
    }
    for (unsigned i = 0; i < KD_KEPT; i++) {
        if (numbers[i] == number && (unwind->known >> i & 1)) {
            *out = i == KD_KEPT_RBP ? unwind->rbp : unwind->kept[i];
            return i != KD_KEPT_RBP || unwind->rbp != 0;
        }
    }
    return false;
}

/* Where the return address is when the function that rip stands in has no frame; 0: it has one,
 * or nothing is known. */
static uint64_t frameless_return(const struct kd_unwind *unwind)
{
    struct kd_symbol symbol;
    struct kd_frame_rule rule;
    uint8_t first, here;
    if (kd_frame_rule_at(unwind->rip, &rule)) {
        return rule.base == KD_FRAME_RBP_16 ? 0 : end_by(unwind, &rule) - RETURN_BYTES;
    }
    if (!kd_symbol_at(unwind->rip, &symbol) || unwind->rip - symbol.address > SCAN_BYTES_MAX ||
        kd_read_kernel(symbol.address, &first, 1) != OK ||
        kd_read_kernel(unwind->rip, &here, 1) != OK) {
        return 0;
    }
    if (here == OPCODE_RET) {
        return unwind->rsp;
    }
    if (sets_frame(symbol.address, unwind->rip)) {
        return 0;
    }
    return first == OPCODE_PUSH_RBP && unwind->rip > symbol.address ? unwind->rsp + 8 : unwind->rsp;
}

#define SWITCH_WORDS     6u  /* that context_switch() saves */
#define SWITCH_BYTES_MAX 64u /* of code */

/* By what has been executed, of the three kinds of instructions that there are. */
static uint64_t count_words(const uint8_t *code, size_t bytes, uint64_t words)
{
    for (size_t at = 0; at < bytes;) {
        bool has_prefix = code[at] == 0x41; /* r8 to r15 */
        uint8_t opcode = code[at + has_prefix];
        if (opcode < 0x50 || opcode > 0x5f) {
            at +=
                MOV_RBP_RSP_BYTES; /* a mov between registers and memory without displacement has as many */
            continue;
        }
        words += opcode < 0x58 ? 1 : ~0ull; /* push, pop */
        at += 1u + has_prefix;
    }
    return words;
}

/* The present frame is that of the switch, with so many words below the return address. */
static bool is_switch(const struct kd_unwind *unwind, uint64_t *out_words)
{
    struct kd_symbol symbol;
    uint8_t code[SWITCH_BYTES_MAX + 1];
    if (!kd_symbol_at(unwind->rip, &symbol)) {
        return false;
    }
    bool is_second_half = strcmp(symbol.name, "context_resume") == 0;
    uint64_t bytes = unwind->rip - symbol.address;
    if ((is_second_half && bytes == 0) || /* on whose stack, nobody knows */
        (!is_second_half && strcmp(symbol.name, "context_switch") != 0) ||
        bytes > SWITCH_BYTES_MAX || kd_read_kernel(symbol.address, code, bytes + 1) != OK) {
        return false;
    }
    *out_words = count_words(code, bytes, is_second_half ? SWITCH_WORDS : 0);
    return *out_words <= SWITCH_WORDS;
}

/* A trap frame at this address? Every field that has few possible values is looked at. */
static bool read_trap(uint64_t address, struct trap_frame *out)
{
    if (!is_kernel(address) || kd_read_kernel(address, out, sizeof(*out)) != OK) {
        return false;
    }
    return out->vector <= VECTOR_MAX && (out->rflags & RFLAGS_FIXED_BIT) && out->cs < 0x100 &&
           (out->cs & 3) == (is_kernel(out->rip) ? 0u : 3u);
}

static bool cross_trap(struct kd_unwind *unwind, uint64_t address)
{
    if (!read_trap(address, &unwind->trap)) {
        return false;
    }
    unwind->crossed = true;
    take_frame(unwind, &unwind->trap);
    return true;
}

/* Out of the switch, on whichever stack it is. False: what is there is no return address. */
static bool leave_switch(struct kd_unwind *unwind, uint64_t words)
{
    uint64_t at = unwind->rsp + words * sizeof(uint64_t), back, rbp = unwind->rbp;
    if (!read_word(at, &back) || !is_in_image(back) ||
        (words > 0 && !read_word(at - sizeof(uint64_t), &rbp))) {
        return false;
    }
    if (is_entry_code(back)) {
        return cross_trap(unwind, at + RETURN_BYTES);
    }
    recover_registers(unwind, at + RETURN_BYTES);
    unwind->rip = back;
    unwind->rbp = rbp;
    return true;
}

bool kd_unwind_next(struct kd_unwind *unwind)
{
    if (kd_unwind_is_user(unwind) || ++unwind->steps > STEPS_MAX) {
        return false;
    }
    uint64_t back, words;
    if (unwind->is_exact && is_switch(unwind, &words) && leave_switch(unwind, words)) {
        return true;
    }
    if (unwind->is_exact) {
        uint64_t at = frameless_return(unwind);
        if (at != 0 && read_word(at, &back) && is_in_image(back)) {
            if (is_entry_code(back)) {
                return cross_trap(unwind, at + 8);
            }
            recover_registers(unwind, at + RETURN_BYTES);
            unwind->rip = back;
            return true;
        }
    }
    uint64_t frame = unwind->rbp;
    uint64_t outer;
    if (!read_word(frame, &outer) || !read_word(frame + 8, &back)) {
        return false;
    }
    if (is_entry_code(back) && cross_trap(unwind, frame + 16)) {
        return true;
    }
    recover_registers(unwind, frame + 2 * RETURN_BYTES);
    unwind->rip = back;
    unwind->rbp = outer > frame ? outer : 0; /* stacks grow down: a chain only goes up */
    return is_in_image(back);
}
