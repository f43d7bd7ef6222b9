/* SPDX-License-Identifier: MIT */
/*
 * One core: what it can do, its control registers and MSRs, its per-core data.
 *
 * The same function runs on every core, so that cores cannot differ. What the loader or the
 * firmware left in CR0, CR4 and EFER is not trusted: every bit that matters is written.
 */
#include "arch/cpu.h"

#include "arch/fpu.h"
#include "arch/mmu.h"
#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/text_patch_impl.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/log.h"

struct cpu cpus[CPU_MAX];
struct cpu_arch cpu_archs[CPU_MAX];
struct cpu_stacks cpu_stacks[CPU_MAX];
struct cpu_features cpu_features;

/* kernel_main() has most to do before there are other stacks. start.asm loads boot_stack_top. */
#define BOOT_STACK_BYTES 16384
struct boot_stack {
    GUARD guard[PAGE_BYTES];
    uint8_t bytes[BOOT_STACK_BYTES];
};
extern struct boot_stack boot_stack;
struct boot_stack boot_stack;
__asm__(".globl boot_stack_top\n.set boot_stack_top, boot_stack + 20480");
static_assert(sizeof(struct boot_stack) == 20480, "boot_stack_top");

struct cpu_debugger_stack cpu_debugger_stack;

void syscall_entry(void);

/*
 * Page attribute table as at reset (PTE_PCD alone = UC-, with PWT = UC), but for entry 1, PWT alone,
 * which is write combining, not write through: so no type needs the PAT bit, which lies elsewhere in
 * large leaves. Intel SDM vol. 3A, "Page Attribute Table (PAT)".
 */
#define PAT_VALUE 0x0007040600070106ull

/*
 * Cleared by SYSCALL: no interrupt, trap, odd direction, NT (IRETQ would fail), RF or AC (SMAP
 * would be off) comes along.
 */
#define SYSCALL_MASK (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC)

/* STAR: bits 47-32 CS of SYSCALL (SS = + 8), bits 63-48 base for SYSRET (SS = + 8, CS = + 16). */
#define STAR_VALUE ((uint64_t)(SELECTOR_USER_BASE | 3) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32)

static void detect_features(void)
{
    struct cpuid basic = cpuid_read(1, 0);
    struct cpuid more = cpuid_read(7, 0);
    struct cpuid extended = cpuid_read(0x80000001, 0);
    uint32_t last_extended = cpuid_read(0x80000000, 0).eax;
    cpu_features.global_pages = basic.edx >> 13 & 1;
    cpu_features.machine_check = basic.edx >> 7 & 1;
    cpu_features.pat = basic.edx >> 16 & 1;
    cpu_features.tsc_adjust = more.ebx >> 1 & 1;
    cpu_features.smep = more.ebx >> 7 & 1;
    cpu_features.smap = more.ebx >> 20 & 1;
    cpu_features.umip = more.ecx >> 2 & 1;
    cpu_features.pcid = basic.ecx >> 17 & 1;
    cpu_features.xsave = basic.ecx >> 26 & 1;
    cpu_features.huge_pages = extended.edx >> 26 & 1;
    cpu_features.invariant_tsc =
        last_extended >= 0x80000007 && (cpuid_read(0x80000007, 0).edx >> 8 & 1);
}

/*
 * CR0: TS until a thread uses the FPU (arch/fpu.h). CR4: FSGSBASE stays off, so user mode sets its
 * bases through the kernel, which then knows them: a thread without any costs no switch anything.
 */
static void set_control_registers(void)
{
    cr0_write(CR0_PE | CR0_MP | CR0_TS | CR0_NE | CR0_WP | CR0_PG);
    uint64_t cr4 = CR4_PAE | CR4_DE;
    cr4 |= cpu_features.global_pages ? CR4_PGE : 0;
    cr4 |= cpu_features.machine_check ? CR4_MCE : 0;
    cr4 |= cpu_features.smep ? CR4_SMEP : 0;
    cr4 |= cpu_features.smap ? CR4_SMAP : 0;
    cr4 |= cpu_features.umip ? CR4_UMIP : 0;
    cr4_write(cr4);
    if (cpu_features.pcid) { /* not before the PCID in CR3 is 0, and PAE and PGE are set */
        mmu_load_cr3(mmu_root());
        cr4_write(cr4 | CR4_PCIDE);
    }
}

static void set_msrs(void)
{
    msr_write(IA32_EFER, msr_read(IA32_EFER) | EFER_SCE | EFER_NXE);
    msr_write(IA32_STAR, STAR_VALUE);
    msr_write(IA32_LSTAR, (uint64_t)syscall_entry);
    msr_write(IA32_CSTAR, 0);
    msr_write(IA32_FMASK, SYSCALL_MASK);
    msr_write(IA32_SYSENTER_CS, 0); /* SYSENTER raises #GP */
    user_bases_load(0, 0);
    if (cpu_features.pat) {
        msr_write(IA32_PAT, PAT_VALUE);
    }
}

static void init_percpu(struct cpu *cpu)
{
    struct cpu_arch *arch = &cpu_archs[cpu->id];
    struct cpu_stacks *stacks = &cpu_stacks[cpu->id];
    cpu->self = cpu;
    cpu->arch = arch;
    cpu->stack_canary = cpus[0].stack_canary;
    cpu->kernel_stack_top = (uint64_t)stacks->boot + sizeof(stacks->boot);
    arch->cpu = cpu;
    arch->nmi_stack_top = (uint64_t)stacks->nmi_work + sizeof(stacks->nmi_work);
    arch->nmi_stack_bottom = (uint64_t)stacks->nmi_work;
    arch->dr7 = DR7_OFF;
}

void cpu_init_core(struct cpu *cpu)
{
    init_percpu(cpu);
    gdt_load_core(cpu);
    idt_load();
    set_control_registers();
    set_msrs();
    fpu_init_core();
    atomic_store_explicit(&cpu->active_root, mmu_root(), memory_order_relaxed);
}

void cpu_init_boot(void)
{
    detect_features();
    if (cpu_features.smap) {
        text_patch_smap();
    }
    idt_init();
    cpus[0].id = 0;
    cpus[0].apic_id = cpu_initial_apic_id();
    cpu_init_core(&cpus[0]);
    cpus[0].started = 1;
}

vaddr_t cpu_stack_guard(unsigned index)
{
    static const uint32_t offsets[] = {
        offsetof(struct cpu_stacks, boot_guard),
        offsetof(struct cpu_stacks, nmi_work_guard),
        offsetof(struct cpu_stacks, debug_guard),
        offsetof(struct cpu_stacks, double_fault_guard),
        offsetof(struct cpu_stacks, machine_check_guard),
        offsetof(struct cpu_stacks, nmi_guard),
    };
    static const vaddr_t alone[] = {(vaddr_t)boot_stack.guard, (vaddr_t)cpu_debugger_stack.guard};
    if (index < ARRAY_COUNT(alone)) {
        return alone[index];
    }
    index -= ARRAY_COUNT(alone);
    unsigned cpu = index / ARRAY_COUNT(offsets);
    return cpu < CPU_MAX ? (vaddr_t)&cpu_stacks[cpu] + offsets[index % ARRAY_COUNT(offsets)] : 0;
}

uint32_t cpu_initial_apic_id(void)
{
    return cpuid_read(1, 0).ebx >> 24;
}

bool cpu_in_nmi_class(void)
{
    struct cpu_arch *arch = this_cpu()->arch;
    return arch && arch->class_depth != 0;
}

uint64_t *cpu_debug_control(unsigned cpu)
{
    return &cpu_archs[cpu].dr7;
}

bool mmu_has_huge_pages(void)
{
    return cpu_features.huge_pages;
}

/*
 * A bit is cleared before its request is served: a request made while we serve sets it again.
 * Interrupts are shut meanwhile, because the handler of VECTOR_POLL would serve the same requests
 * inside.
 */
void core_poll_slow(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
    unsigned wanted = atomic_exchange_explicit(&this_cpu()->poll, 0, memory_order_acq_rel);
    if (wanted & CPU_POLL_SHOOTDOWN) {
        tlb_serve();
    }
    if (wanted & CPU_POLL_FRAMES) {
        frame_surrender();
    }
    if (wanted & CPU_POLL_RENDEZVOUS) {
        rendezvous_serve();
    }
    if (flags & RFLAGS_IF) {
        __asm__ volatile("sti" ::: "memory");
    }
}

void cpu_halt_forever(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt" ::: "memory");
    }
}

uint32_t port_read(uint16_t port, unsigned width)
{
    uint32_t value = 0;
    switch (width) {
    case 1:
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "Nd"(port));
        break;
    case 2:
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "Nd"(port));
        break;
    case 4:
        __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
        break;
    default:
        VERIFY(!"port width");
    }
    return value;
}

void port_write(uint16_t port, unsigned width, uint32_t value)
{
    switch (width) {
    case 1:
        __asm__ volatile("outb %b0, %1" ::"a"(value), "Nd"(port));
        break;
    case 2:
        __asm__ volatile("outw %w0, %1" ::"a"(value), "Nd"(port));
        break;
    case 4:
        __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
        break;
    default:
        VERIFY(!"port width");
    }
}
