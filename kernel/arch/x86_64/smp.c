/* SPDX-License-Identifier: MIT */
/*
 * Starting the other cores.
 *
 * One at a time: INIT, 10 ms, start-up IPI, and another one if nothing happens. There is one set of
 * parameters and a core checks that they are meant for it, so one that answers late stops itself;
 * it also gets a last INIT. Core ids are given out in order of success, so 0 .. cpu_count() - 1 has
 * no holes.
 *
 * Until paging is on, a core executes from the page that it was started at, so its first page
 * tables map the lowest 2 MiB to themselves, beside the kernel's upper half. They lie in the kernel
 * image, which the loader keeps below 4 GiB because CR3 has 32 bits at that moment. Each core
 * leaves them in ap_main().
 *
 * Source: Intel SDM vol. 3A, "MP Initialization Protocol Algorithm for MP Systems" and "Typical AP
 * Initialization Sequence".
 */
#include "abi/handoff.h"
#include "arch/acpi.h"
#include "arch/clock.h"
#include "arch/clock_sync.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/x86_64/apic_impl.h"
#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/start_impl.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/string.h"

#define INIT_WAIT_US    10000u
#define STARTUP_WAIT_US 1000u    /* before the second start-up IPI */
#define ANSWER_WAIT_US  2000000u /* a busy emulator may be slow to run a core */

#define TABLE_ENTRIES 512u
#define UPPER_HALF    256u

/* As at the end of trampoline.asm. */
struct trampoline_parameters {
    uint32_t page;
    uint32_t root;
    uint32_t apic_id;
    uint32_t reserved;
    uint64_t stack;
    uint64_t cpu;
    uint64_t entry;
};
extern const uint8_t trampoline_start[], trampoline_parameters[], trampoline_end[];
void ap_entry(void);

static _Alignas(PAGE_BYTES) uint64_t start_tables[3][TABLE_ENTRIES]; /* PML4, PDPT, PD */

static void (*ap_continue)(struct cpu *cpu);
static paddr_t kernel_root;
static atomic_uint cpus_running = 1;

unsigned cpu_count(void)
{
    return atomic_load_explicit(&cpus_running, memory_order_acquire);
}

static paddr_t image_phys(const void *symbol)
{
    return boot_handoff->kernel_phys + ((vaddr_t)symbol - KERNEL_IMAGE_BASE);
}

static void build_start_tables(void)
{
    uint64_t *const pml4 = start_tables[0], *const pdpt = start_tables[1],
                    *const pd = start_tables[2];
    const uint64_t *kernel = phys_to_virt(kernel_root);
    memcpy(pml4 + UPPER_HALF, kernel + UPPER_HALF, (TABLE_ENTRIES - UPPER_HALF) * sizeof(uint64_t));
    pml4[0] = image_phys(pdpt) | PTE_PRESENT | PTE_WRITE;
    pdpt[0] = image_phys(pd) | PTE_PRESENT | PTE_WRITE;
    pd[0] = PTE_PRESENT | PTE_WRITE | PTE_LARGE; /* not NX: for the length of one jump */
}

static struct trampoline_parameters *copy_trampoline(void)
{
    uint8_t *page = phys_to_virt(boot_handoff->ap_page);
    size_t bytes = (size_t)(trampoline_end - trampoline_start);
    VERIFY(bytes <= PAGE_BYTES);
    memcpy(page, trampoline_start, bytes);
    struct trampoline_parameters *parameters =
        (void *)(page + (trampoline_parameters - trampoline_start));
    parameters->page = (uint32_t)boot_handoff->ap_page;
    parameters->root = (uint32_t)image_phys(start_tables[0]);
    parameters->entry = (uint64_t)ap_entry;
    return parameters;
}

/*
 * A wait for hardware or for a core that cannot ask us for anything yet; others already run, so it
 * polls.
 */
static bool wait_started(const struct cpu *cpu, unsigned us)
{
    tsc_t end = cpu_tsc() + clock_tsc_khz() * us / 1000;
    while (!__atomic_load_n(&cpu->started, __ATOMIC_ACQUIRE)) {
        if (cpu_tsc() > end) {
            return false;
        }
        cpu_relax();
        core_poll();
    }
    return true;
}

static bool start_core(struct cpu *cpu, struct trampoline_parameters *parameters)
{
    struct cpu_stacks *stacks = &cpu_stacks[cpu->id];
    parameters->stack = (uint64_t)stacks->boot + sizeof(stacks->boot);
    parameters->cpu = (uint64_t)cpu;
    __atomic_store_n(&parameters->apic_id, cpu->apic_id, __ATOMIC_RELEASE);

    unsigned page = (unsigned)(boot_handoff->ap_page / PAGE_BYTES);
    apic_send(cpu->apic_id, APIC_INIT, 0);
    wait_started(cpu, INIT_WAIT_US);
    apic_send(cpu->apic_id, APIC_STARTUP, page);
    if (!wait_started(cpu, STARTUP_WAIT_US)) {
        apic_send(cpu->apic_id, APIC_STARTUP, page);
    }
    if (wait_started(cpu, ANSWER_WAIT_US)) {
        return true;
    }
    apic_send(cpu->apic_id, APIC_INIT, 0);
    return false;
}

void cpu_start_others(void (*entry)(struct cpu *cpu))
{
    kernel_root = mmu_root();
    ap_continue = entry;
    if (acpi_info.cpu_count > 1 && boot_handoff->ap_page == 0) {
        log_warning("smp: no page below 1 MiB, running on one core");
        return;
    }
    VERIFY(boot_handoff->ap_page < 0x100000 && image_phys(kernel_end) <= 0x100000000ull);
    build_start_tables();
    struct trampoline_parameters *parameters = copy_trampoline();
    for (unsigned i = 1; i < acpi_info.cpu_count; i++) {
        struct cpu *cpu = &cpus[cpu_count()];
        cpu->id = cpu_count();
        cpu->apic_id = acpi_info.apic_id[i];
        if (!start_core(cpu, parameters)) {
            log_warning("smp: core with APIC id %u does not answer, left out", cpu->apic_id);
            cpu->apic_id = 0;
            continue;
        }
        clock_sync_start(cpu->id);
        atomic_store_explicit(&cpus_running, cpu->id + 1, memory_order_release);
    }
    memset(parameters, 0, sizeof(*parameters));
    log_info("smp: %u of %u cores run", cpu_count(), acpi_info.cpu_count);
}

void ap_main(struct cpu *cpu)
{
    mmu_load_cr3(kernel_root);
    cpu_init_core(cpu);
    apic_init_core();
    __atomic_store_n(&cpu->started, 1, __ATOMIC_RELEASE);
    /* Not before the boot core has counted us: code of ours may look at cpu_count(). */
    clock_sync_wait();
    ap_continue(cpu);
    cpu_halt_forever();
}
