/* SPDX-License-Identifier: MIT */
/*
 * Frame pointers: [rbp] is the caller's rbp, [rbp + 8] the return address. Compiled in everywhere
 * (-fno-omit-frame-pointer), kernel and user.
 *
 * Kernel stacks lie in slots of KERNEL_STACK_SLOT_BYTES (layout.toml) and are mapped from any rsp up to the end of the
 * slot, so a frame between the last one and that end can be read. A return address in the entry code means that a
 * trap frame lies above the C function's frame, at rbp + 16: the entry stubs leave rbp alone and call with
 * rsp = the trap frame.
 *
 * The innermost function may have no frame: it needs none, or does not have it yet or any more. It has one if a
 * "mov rbp, rsp" lies between its start and rip, and rip is not at a RET. If not, the return address is at rsp, or above the
 * rbp that has just been pushed. In user mode the start of the function is not known: one without a frame hides its
 * caller there, as with every profiler that goes by frame pointers.
 */
#include "trace/profile/stack.h"

#include "arch/function_patch.h"
#include "arch/mmu.h"
#include "base/string.h"
#include "kdebug/core/symbols.h"
#include "mm/frame.h"
#include "mm/page_table.h"

extern const char kernel_text_start[], kernel_text_end[], entry_text_start[], entry_text_end[];

#define OPCODE_PUSH_RBP 0x55u
#define OPCODE_RET      0xc3u

static bool is_text(uint64_t address)
{
    return address >= (uint64_t)kernel_text_start && address < (uint64_t)kernel_text_end;
}

static bool is_entry(uint64_t address)
{
    return address >= (uint64_t)entry_text_start && address < (uint64_t)entry_text_end;
}

/* End of the kernel stack that rsp lies in; rsp: it lies in none that we know. */
static uint64_t stack_end(uint64_t rsp)
{
    bool is_thread_stack =
        rsp > KERNEL_STACKS_BASE && rsp < KERNEL_STACKS_BASE + KERNEL_STACKS_BYTES;
    return is_thread_stack ? ROUND_UP(rsp, KERNEL_STACK_SLOT_BYTES) : rsp;
}

/* What stands between a traced function and its caller is neither. */
static bool is_thunk(uint64_t address)
{
    return address >= (uint64_t)function_thunk && address < (uint64_t)function_thunk_end;
}

static void add(struct profile_stack *stack, uint64_t address)
{
    if (!is_thunk(address)) {
        stack->frame[stack->count++] = address;
    }
}

/* The return address of the innermost function if it has no frame now; 0: it has. */
static uint64_t frameless_return(const struct trap_frame *interrupted, uint64_t end)
{
    struct kd_symbol symbol;
    const uint8_t *rip = (const uint8_t *)interrupted->rip;
    const uint64_t *stack = (const uint64_t *)interrupted->rsp;
    if (!kd_symbol_at(interrupted->rip, &symbol) || interrupted->rsp + 16 > end) {
        return 0;
    }
    const uint8_t *start = (const uint8_t *)symbol.address;
    for (const uint8_t *at = start; at + 3 <= rip && *rip != OPCODE_RET; at++) {
        if (function_makes_frame(at)) {
            return 0;
        }
    }
    bool has_pushed = rip > start && rip[-1] == OPCODE_PUSH_RBP;
    return has_pushed ? stack[1] : stack[0];
}

/* Returns the frame of user mode below all the kernel's, NULL: not found. */
static const struct trap_frame *walk_kernel(const struct trap_frame *interrupted,
                                            struct profile_stack *stack)
{
    uint64_t low = interrupted->rsp, end = stack_end(low), rbp = interrupted->rbp;
    add(stack, interrupted->rip);
    if (!is_text(interrupted->rip) || is_entry(interrupted->rip)) {
        return NULL; /* rbp may be anybody's */
    }
    uint64_t caller = frameless_return(interrupted, end);
    if (is_text(caller) && !is_entry(caller)) {
        add(stack, caller);
    }
    while (rbp >= low && rbp % 8 == 0 && rbp + 16 <= end) {
        const uint64_t *words = (const uint64_t *)rbp;
        const struct trap_frame *frame = (const struct trap_frame *)(rbp + 16);
        bool crosses = is_entry(words[1]);
        if (crosses && (uint64_t)(frame + 1) > end) {
            return NULL;
        }
        if (crosses && frame_is_user(frame)) {
            return frame;
        }
        uint64_t address = crosses ? frame->rip : words[1];
        if (!is_text(address) || stack->count == PROFILE_KERNEL_MAX) {
            return NULL;
        }
        add(stack, address);
        low = rbp + 16;
        rbp = words[0];
    }
    return NULL;
}

/* Two words of user memory; false: not all of it is there. */
static bool read_user(vaddr_t address, uint64_t words[2])
{
    const struct page_table table = {.root = mmu_root()};
    uint64_t page_bytes;
    if (address % 16 != 0 && address % PAGE_BYTES > PAGE_BYTES - 16) {
        return false; /* frames are aligned to 16 bytes, so none crosses a page */
    }
    const uint64_t *entry = page_table_find(&table, address, &page_bytes);
    if (entry == NULL || !(*entry & PTE_USER)) {
        return false;
    }
    paddr_t pa = (*entry & PTE_ADDRESS & ~(page_bytes - 1)) | (address & (page_bytes - 1));
    if (!frame_is_ram(pa)) {
        return false;
    }
    memcpy(words, phys_to_virt(pa), 16);
    return true;
}

static void walk_user(const struct trap_frame *frame, struct profile_stack *stack)
{
    uint64_t low = frame->rsp, rbp = frame->rbp, words[2];
    add(stack, frame->rip);
    while (stack->count < PROFILE_FRAMES_MAX && rbp >= low && rbp % 8 == 0 && rbp < USER_END - 16 &&
           read_user(rbp, words) && words[1] >= USER_BASE && words[1] < USER_END) {
        add(stack, words[1]);
        low = rbp + 16;
        rbp = words[0];
    }
}

void profile_stack_walk(const struct trap_frame *interrupted, struct profile_stack *out)
{
    const struct trap_frame *user = interrupted;
    out->count = 0;
    if (!frame_is_user(interrupted)) {
        user = walk_kernel(interrupted, out);
    }
    out->kernel = out->count;
    if (user != NULL) {
        walk_user(user, out);
    }
}
