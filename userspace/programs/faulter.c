/* SPDX-License-Identifier: MIT */
/*
 * faulter: child processes that each do one forbidden thing. Each must end by the exception that
 * belongs to it, and nobody else may notice.
 *
 *   only=NAME   just this one
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"

/* Exception vectors (Intel SDM vol. 3A, "Exception and Interrupt Reference"). */
#define DIVIDE     (1u << 0)
#define DEBUG      (1u << 1)
#define BREAKPOINT (1u << 3)
#define UNDEFINED  (1u << 6)
#define STACK      (1u << 12)
#define PROTECTION (1u << 13)
#define PAGE       (1u << 14)
#define X87        (1u << 16)

#define CODE_SURVIVED 99

#define NON_CANONICAL 0x800000000000ull

static uint8_t data_code[16] = {0xc3}; /* ret */

/* The compiler may not see that an address is a forbidden one. */
static volatile int *at(uint64_t address)
{
    __asm__("" : "+r"(address));
    return (volatile int *)address;
}

static void read_null(void)
{
    (void)*at(0);
}

static void write_null(void)
{
    *at(8) = 1;
}

static void jump_null(void)
{
    ((void (*)(void))(uintptr_t)at(0))();
}

static void write_text(void)
{
    *(volatile uint8_t *)(uintptr_t)write_text = 0xc3;
}

static void write_rodata(void)
{
    *(volatile char *)(uintptr_t) "constant" = 'C';
}

static void execute_data(void)
{
    void (*volatile target)(void) = (void (*)(void))(uintptr_t)data_code;

    target();
}

static void execute_stack(void)
{
    volatile uint8_t code[4] = {0xc3};
    void (*volatile target)(void) = (void (*)(void))(uintptr_t)code;

    target();
}

static uint8_t __attribute__((noinline)) use_stack(uint64_t frames)
{
    volatile uint8_t frame[1024];

    frame[0] = (uint8_t)frames;
    return frames == 0 ? 0 : (uint8_t)(use_stack(frames - 1) + frame[0]);
}

static void overflow_stack(void)
{
    (void)use_stack(2 * SPAWN_STACK_BYTES / 1024);
}

static void use_unmapped(void)
{
    uint64_t area, address;

    must(sys_area_create(PAGE_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, &address));
    *at(address) = 1;
    must(sys_area_unmap(program.self, address, PAGE_BYTES));
    *at(address) = 2;
}

static void write_readonly(void)
{
    uint64_t area, address;

    must(sys_area_create(PAGE_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ, &address));
    (void)*at(address);
    *at(address) = 2;
}

static void read_direct_map(void)
{
    (void)*at(DIRECT_MAP_BASE);
}

static void read_kernel_image(void)
{
    (void)*at(KERNEL_IMAGE_BASE);
}

static void write_kernel_stack(void)
{
    *at(KERNEL_STACKS_BASE) = 1;
}

static void jump_kernel(void)
{
    void (*volatile target)(void) = (void (*)(void))KERNEL_IMAGE_BASE;

    target();
}

static void read_non_canonical(void)
{
    (void)*at(NON_CANONICAL);
}

static void jump_non_canonical(void)
{
    void (*volatile target)(void) = (void (*)(void))NON_CANONICAL;

    target();
}

static void push_non_canonical(void)
{
    __asm__ volatile("movq %0, %%rsp; pushq $0" ::"r"(NON_CANONICAL + 0x1000));
}

static void push_null(void)
{
    __asm__ volatile("xorl %%esp, %%esp; pushq $0" ::: "memory");
}

static void divide_by_zero(void)
{
    __asm__ volatile("xorl %%edx, %%edx; xorl %%ecx, %%ecx; movl $1, %%eax; divl %%ecx" ::
                         : "rax", "rcx", "rdx");
}

static void divide_overflow(void)
{
    __asm__ volatile("movl $1, %%ecx; movl $2, %%edx; xorl %%eax, %%eax; divl %%ecx" ::
                         : "rax", "rcx", "rdx");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void undefined(void)
{
    __asm__ volatile("ud2");
}

static void single_step(void)
{
    __asm__ volatile(
        "subq $128, %%rsp; pushfq; orl $0x100, (%%rsp); popfq; nop; nop; addq $128, %%rsp" ::
            : "memory", "cc");
}

/* Unmasked, an arithmetic error is an exception of its own. QEMU raises none for SSE. */
static void fpu_divide_by_zero(void)
{
    uint16_t control = 0x0340;

    __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(control));
}

static void int_80(void)
{
    __asm__ volatile("int $0x80");
}

static void int_nmi(void)
{
    __asm__ volatile("int $2");
}

static void int_page_fault(void)
{
    __asm__ volatile("int $14");
}

static void int_timer(void)
{
    __asm__ volatile("int $0xf0");
}

static void clear_interrupts(void)
{
    __asm__ volatile("cli");
}

static void halt(void)
{
    __asm__ volatile("hlt");
}

static void write_cr3(void)
{
    __asm__ volatile("movq %0, %%cr3" ::"r"(0ull));
}

static void read_cr0(void)
{
    uint64_t value;

    __asm__ volatile("movq %%cr0, %0" : "=r"(value));
}

static void write_dr7(void)
{
    __asm__ volatile("movq %0, %%dr7" ::"r"(0x400ull));
}

static void write_msr(void)
{
    __asm__ volatile("wrmsr" ::"c"(0xc0000082u), "a"(0), "d"(0));
}

static void swap_gs(void)
{
    __asm__ volatile("swapgs");
}

static void interrupt_return(void)
{
    __asm__ volatile("pushq $0; pushq $0; pushq $0x202; pushq $8; pushq $0; iretq" ::: "memory");
}

static void system_return(void)
{
    __asm__ volatile("sysretq" ::"c"(0), "r"(0ull));
}

static void load_descriptors(void)
{
    uint8_t table[10] = {0};

    __asm__ volatile("lgdt %0" ::"m"(table));
}

static void kernel_segment(void)
{
    __asm__ volatile("movw %w0, %%ds" ::"r"(0x8));
}

static void port_in(void)
{
    uint8_t value;

    __asm__ volatile("inb $0x64, %0" : "=a"(value));
}

static void port_out(void)
{
    __asm__ volatile("outb %0, $0x80" ::"a"((uint8_t)0));
}

static void spin(void *unused)
{
    (void)unused;
    for (;;) {
        __builtin_ia32_pause();
    }
}

/* The others must end with the thread that faults, wherever they run. */
static void fault_among_threads(void)
{
    static struct thread threads[3];

    for (unsigned i = 0; i < 3; i++) {
        must(thread_start(&threads[i], spin, NULL, THREAD_ANYWHERE, "spinner"));
    }
    write_null();
}

static const struct fault_case {
    const char *name;
    void (*run)(void);
    uint32_t vectors; /* a bit for each that is right */
} cases[] = {
    {"read_null", read_null, PAGE},
    {"write_null", write_null, PAGE},
    {"jump_null", jump_null, PAGE},
    {"write_text", write_text, PAGE},
    {"write_rodata", write_rodata, PAGE},
    {"execute_data", execute_data, PAGE},
    {"execute_stack", execute_stack, PAGE},
    {"overflow_stack", overflow_stack, PAGE},
    {"use_unmapped", use_unmapped, PAGE},
    {"write_readonly", write_readonly, PAGE},
    {"read_direct_map", read_direct_map, PAGE},
    {"read_kernel_image", read_kernel_image, PAGE},
    {"write_kernel_stack", write_kernel_stack, PAGE},
    {"jump_kernel", jump_kernel, PAGE},
    {"read_non_canonical", read_non_canonical, PROTECTION},
    {"jump_non_canonical", jump_non_canonical, PROTECTION},
    {"push_non_canonical", push_non_canonical,
     STACK | PROTECTION}, /* QEMU does not know the difference */
    {"push_null", push_null, PAGE},
    {"divide_by_zero", divide_by_zero, DIVIDE},
    {"divide_overflow", divide_overflow, DIVIDE},
    {"breakpoint", breakpoint, BREAKPOINT},
    {"undefined", undefined, UNDEFINED},
    {"single_step", single_step, DEBUG},
    {"fpu_divide_by_zero", fpu_divide_by_zero, X87},
    {"int_80", int_80, PROTECTION},
    {"int_nmi", int_nmi, PROTECTION},
    {"int_page_fault", int_page_fault, PROTECTION},
    {"int_timer", int_timer, PROTECTION},
    {"clear_interrupts", clear_interrupts, PROTECTION},
    {"halt", halt, PROTECTION},
    {"write_cr3", write_cr3, PROTECTION},
    {"read_cr0", read_cr0, PROTECTION},
    {"write_dr7", write_dr7, PROTECTION},
    {"write_msr", write_msr, PROTECTION},
    {"swap_gs", swap_gs, PROTECTION},
    {"interrupt_return", interrupt_return,
     PROTECTION | PAGE}, /* QEMU 7.2 pops as if in ring 0 and trips over SMAP */
    {"system_return", system_return, PROTECTION},
    {"load_descriptors", load_descriptors, PROTECTION},
    {"kernel_segment", kernel_segment, PROTECTION},
    {"port_in", port_in, PROTECTION},
    {"port_out", port_out, PROTECTION},
    {"fault_among_threads", fault_among_threads, PAGE},
};
#define CASE_COUNT (sizeof(cases) / sizeof(cases[0]))

static int child_main(uint64_t index)
{
    VERIFY(index < CASE_COUNT);
    cases[index].run();
    return CODE_SURVIVED;
}

/* Run one case in a process of its own. True if it ended as it should. */
static bool run_case(const struct program_file *file, unsigned index)
{
    char child[32];
    const char *const args[] = {child};
    const struct spawn spawn = {.name = cases[index].name, .args = args, .arg_count = 1};
    uint64_t process;

    snprintf(child, sizeof(child), "child=%u", index);
    must(program_spawn(file, &spawn, &process));
    uint64_t end = process_end(process);
    if (end >= PROCESS_END_EXCEPTION &&
        (cases[index].vectors >> (end - PROCESS_END_EXCEPTION) & 1) != 0) {
        return true;
    }
    printf("faulter: %s ended with %s %lu\n", cases[index].name,
           end >= PROCESS_END_EXCEPTION ? "vector" : "code", end & (PROCESS_END_EXCEPTION - 1));
    return false;
}

/* Is this process itself still all right: memory, faults, system calls? */
static void check_self(void)
{
    uint64_t area, address;

    must(sys_area_create(PAGE_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, &address));
    VERIFY(*(volatile uint64_t *)address == 0);
    *(volatile uint64_t *)address = 1;
    must(sys_area_unmap(program.self, address, PAGE_BYTES));
    must(sys_handle_close(area));
}

int main(int argc, char **argv)
{
    uint64_t child = option_u64("child", UINT64_MAX);
    const char *only = option_text("only", NULL);
    struct program_file file;
    unsigned tried = 0, failed = 0;

    (void)argc;
    (void)argv;
    if (child != UINT64_MAX) {
        return child_main(child);
    }
    must(program_open("faulter", &file));
    for (unsigned i = 0; i < CASE_COUNT; i++) {
        if (only == NULL || strcmp(only, cases[i].name) == 0) {
            tried++;
            failed += !run_case(&file, i);
            check_self();
        }
    }
    report("%u forbidden things, %u ended in the wrong way", tried, failed);
    return tried > 0 && failed == 0 ? 0 : EXIT_FAILED;
}
