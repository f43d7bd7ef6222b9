/* SPDX-License-Identifier: MIT */
/*
 * The way into the kernel and back: numbers that do not exist, strange flags and stack pointers,
 * registers that must survive.
 */
#include "userspace/programs/syscheck/syscheck.h"

#define FLAG_DIRECTION (1ull << 10)
#define FLAG_NESTED    (1ull << 14)
#define FLAG_ALIGNMENT (1ull << 18)
#define FLAG_ID        (1ull << 21)
#define FLAG_CARRY     (1ull << 0)

static void check_numbers(void)
{
    const uint64_t none[6] = {0};
    const uint64_t numbers[] = {SYSCALL_COUNT,
                                SYSCALL_COUNT + 1,
                                255,
                                256,
                                1000,
                                0x7fffffff,
                                0x80000000,
                                0xffffffff,
                                1ull << 32,
                                1ull << 63,
                                ~0ull,
                                (1ull << 32) | SYSCALL_NULL,
                                ~0ull - SYSCALL_COUNT};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        EXPECT((status_t)raw_call(numbers[i], none), ERR_NO_SYSCALL);
    }
}

/*
 * A call with these flags set; they must be as they were afterwards. Below the red zone, or the
 * pushes would destroy it.
 */
static uint64_t flags_after(uint64_t set)
{
    uint64_t flags, status = SYSCALL_NULL;

    __asm__ volatile("subq $128, %%rsp\n\t"
                     "pushfq\n\t"
                     "orq %2, (%%rsp)\n\t"
                     "popfq\n\t"
                     "syscall\n\t"
                     "pushfq\n\t"
                     "popq %0\n\t"
                     "pushfq\n\t"
                     "andq %3, (%%rsp)\n\t"
                     "popfq\n\t"
                     "addq $128, %%rsp"
                     : "=&r"(flags), "+a"(status)
                     : "r"(set), "r"(~set)
                     : "rcx", "r11", "memory", "cc");
    VERIFY(status == OK);
    return flags;
}

static void check_flags(void)
{
    const uint64_t sets[] = {
        FLAG_DIRECTION, FLAG_NESTED,
        FLAG_ALIGNMENT, FLAG_ID,
        FLAG_CARRY,     FLAG_DIRECTION | FLAG_NESTED | FLAG_ALIGNMENT | FLAG_ID | FLAG_CARRY};

    for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        EXPECT((flags_after(sets[i]) & sets[i]) == sets[i] ? OK : ERR_CORRUPT, OK);
    }
}

/* The kernel must not touch the user's stack, wherever that is. */
static status_t call_with_stack(uint64_t stack)
{
    uint64_t status = SYSCALL_NULL;

    __asm__ volatile("movq %%rsp, %%r12\n\t"
                     "movq %1, %%rsp\n\t"
                     "syscall\n\t"
                     "movq %%r12, %%rsp"
                     : "+a"(status)
                     : "r"(stack)
                     : "rcx", "r11", "r12", "memory", "cc");
    return (status_t)status;
}

static void check_stacks(void)
{
    EXPECT(call_with_stack(0), OK);
    EXPECT(call_with_stack(1), OK);
    EXPECT(call_with_stack(KERNEL_STACKS_BASE + 0x1000), OK);
    EXPECT(call_with_stack((uint64_t)NON_CANONICAL), OK);
    EXPECT(call_with_stack(~0ull), OK);
}

/* All registers but rax, rcx and r11, through a call without results. */
static bool registers_survive(void)
{
    uint64_t different = SYSCALL_NULL;

    __asm__ volatile(
        "subq $128, %%rsp\n\tpushq %%rbp\n\t"
        "movl $0x101, %%edi\n\tmovl $0x102, %%esi\n\tmovl $0x103, %%edx\n\tmovl $0x104, %%ebx\n\t"
        "movl $0x105, %%ebp\n\tmovl $0x108, %%r8d\n\tmovl $0x109, %%r9d\n\tmovl $0x10a, %%r10d\n\t"
        "movl $0x10c, %%r12d\n\tmovl $0x10d, %%r13d\n\tmovl $0x10e, %%r14d\n\tmovl $0x10f, "
        "%%r15d\n\t"
        "syscall\n\t"
        "xorl $0x101, %%edi\n\torq %%rdi, %%rax\n\txorl $0x102, %%esi\n\torq %%rsi, %%rax\n\t"
        "xorl $0x103, %%edx\n\torq %%rdx, %%rax\n\txorl $0x104, %%ebx\n\torq %%rbx, %%rax\n\t"
        "xorl $0x105, %%ebp\n\torq %%rbp, %%rax\n\txorl $0x108, %%r8d\n\torq %%r8, %%rax\n\t"
        "xorl $0x109, %%r9d\n\torq %%r9, %%rax\n\txorl $0x10a, %%r10d\n\torq %%r10, %%rax\n\t"
        "xorl $0x10c, %%r12d\n\torq %%r12, %%rax\n\txorl $0x10d, %%r13d\n\torq %%r13, %%rax\n\t"
        "xorl $0x10e, %%r14d\n\torq %%r14, %%rax\n\txorl $0x10f, %%r15d\n\torq %%r15, %%rax\n\t"
        "popq %%rbp\n\taddq $128, %%rsp"
        : "+a"(different)
        :
        : "rdi", "rsi", "rdx", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "memory", "cc");
    return different == 0;
}

void check_entry(void)
{
    check_numbers();
    check_flags();
    check_stacks();
    EXPECT(registers_survive() ? OK : ERR_CORRUPT, OK);
}
