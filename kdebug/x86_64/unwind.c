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
 * above the rbp that has just been pushed.
 */
#include "kdebug/x86_64/unwind.h"

#include "arch/function_patch.h"
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

void kd_unwind_begin(struct kd_unwind *unwind, const struct trap_frame *frame)
{
    *unwind = (struct kd_unwind){
        .rip = frame->rip, .rbp = frame->rbp, .rsp = frame->rsp, .is_exact = true};
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
    }
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

/* Where the return address is when the function that rip stands in has no frame; 0: it has one,
 * or nothing is known. */
static uint64_t frameless_return(const struct kd_unwind *unwind)
{
    struct kd_symbol symbol;
    uint8_t first, here;
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
    unwind->is_exact = true;
    unwind->rip = unwind->trap.rip;
    unwind->rbp = unwind->trap.rbp;
    unwind->rsp = unwind->trap.rsp;
    return true;
}

bool kd_unwind_next(struct kd_unwind *unwind)
{
    if (kd_unwind_is_user(unwind) || ++unwind->steps > STEPS_MAX) {
        return false;
    }
    uint64_t back;
    if (unwind->is_exact) {
        uint64_t at = frameless_return(unwind);
        unwind->is_exact = false;
        unwind->crossed = false;
        if (at != 0 && read_word(at, &back) && is_in_image(back)) {
            if (is_entry_code(back)) {
                return cross_trap(unwind, at + 8);
            }
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
    unwind->crossed = false;
    unwind->rip = back;
    unwind->rbp = outer > frame ? outer : 0; /* stacks grow down: a chain only goes up */
    return is_in_image(back);
}
