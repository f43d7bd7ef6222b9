/* SPDX-License-Identifier: MIT */
/* Global descriptor table and task-state segment, one of each per core. */
#include "arch/x86_64/cpu_impl.h"

/* Intel SDM vol. 3A, "Segment Descriptors". Base and limit do not count in 64-bit mode. */
#define DESCRIPTOR_ACCESSED      (1ull << 40) /* set, so that the CPU never writes the table */
#define DESCRIPTOR_WRITABLE      (1ull << 41)
#define DESCRIPTOR_CODE          (1ull << 43)
#define DESCRIPTOR_SEGMENT       (1ull << 44)
#define DESCRIPTOR_USER          (3ull << 45)
#define DESCRIPTOR_PRESENT       (1ull << 47)
#define DESCRIPTOR_LONG          (1ull << 53)
#define DESCRIPTOR_TSS_AVAILABLE (9ull << 40)

#define DATA_SEGMENT                                                                               \
    (DESCRIPTOR_ACCESSED | DESCRIPTOR_WRITABLE | DESCRIPTOR_SEGMENT | DESCRIPTOR_PRESENT)
#define CODE_SEGMENT                                                                               \
    (DESCRIPTOR_ACCESSED | DESCRIPTOR_CODE | DESCRIPTOR_SEGMENT | DESCRIPTOR_PRESENT |             \
     DESCRIPTOR_LONG)

static void build_tss_descriptor(uint64_t *low, const struct tss *tss)
{
    uint64_t base = (uint64_t)tss;
    uint64_t limit = sizeof(*tss) - 1;
    low[0] = limit | (base & 0xffffff) << 16 | DESCRIPTOR_TSS_AVAILABLE | DESCRIPTOR_PRESENT |
             (base >> 24 & 0xff) << 56;
    low[1] = base >> 32;
}

/* The top 16 bytes of the stack say whose it is (entry.asm). */
static uint64_t exception_stack(uint8_t *stack, size_t bytes, struct cpu_arch *arch)
{
    uint64_t top = (uint64_t)stack + bytes - 16;
    *(struct cpu_arch **)top = arch;
    return top;
}

static void build_tss(struct cpu_arch *arch, struct cpu_stacks *stacks)
{
    struct tss *tss = &arch->tss;
    arch->cpu->tss_rsp0 = (unaligned_u64 *)((char *)tss + offsetof(struct tss, rsp));
    tss->rsp[0] = (uint64_t)stacks->boot + sizeof(stacks->boot);
    tss->ist[IST_NMI - 1] = exception_stack(stacks->nmi, sizeof(stacks->nmi), arch);
    tss->ist[IST_DEBUG - 1] = exception_stack(stacks->debug, sizeof(stacks->debug), arch);
    tss->ist[IST_MACHINE_CHECK - 1] =
        exception_stack(stacks->machine_check, sizeof(stacks->machine_check), arch);
    tss->ist[IST_DOUBLE_FAULT - 1] =
        exception_stack(stacks->double_fault, sizeof(stacks->double_fault), arch);
    tss->io_map = sizeof(*tss);
}

void gdt_load_core(struct cpu *cpu)
{
    struct cpu_arch *arch = cpu->arch;
    build_tss(arch, &cpu_stacks[cpu->id]);

    arch->gdt[SELECTOR_KERNEL_CODE / 8] = CODE_SEGMENT;
    arch->gdt[SELECTOR_KERNEL_DATA / 8] = DATA_SEGMENT;
    arch->gdt[SELECTOR_USER_BASE / 8] = 0;
    arch->gdt[SELECTOR_USER_DATA / 8] = DATA_SEGMENT | DESCRIPTOR_USER;
    arch->gdt[SELECTOR_USER_CODE / 8] = CODE_SEGMENT | DESCRIPTOR_USER;
    build_tss_descriptor(&arch->gdt[SELECTOR_TSS / 8], &arch->tss);

    struct descriptor_pointer pointer = {sizeof(arch->gdt) - 1, (uint64_t)arch->gdt};
    segments_load(&pointer, cpu);
}
