/* SPDX-License-Identifier: MIT */
/*
 * The local APIC in xAPIC mode: registers in memory, reached through the direct map.
 *
 * NMI safety. Sending an IPI takes two writes, destination then command; an NMI handler may send
 * one in between (kdebug stops the cores, serial input raises a self-IPI). So NMI-class code puts
 * the destination back that it found, once its own IPI is out, and the interrupted sender's second
 * write finds its own destination again. No lock.
 *
 * x2APIC would make an IPI one WRMSR and the timer TSC-deadline; QEMU's TCG has neither, so they
 * are not written yet.
 *
 * Source: Intel SDM vol. 3A, chapter "Advanced Programmable Interrupt Controller (APIC)".
 */
#include "arch/x86_64/apic_impl.h"

#include "arch/acpi.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "arch/x86_64/msr.h"
#include "base/assert.h"

#define APIC_ID            0x020u
#define APIC_TASK_PRIORITY 0x080u
#define APIC_EOI           0x0b0u
#define APIC_SPURIOUS      0x0f0u
#define APIC_IN_SERVICE    0x100u /* a bit for each vector, 32 in each of 8 registers */
#define APIC_REQUESTED     0x200u
#define APIC_ERROR_STATUS  0x280u
#define APIC_COMMAND_LOW   0x300u
#define APIC_COMMAND_HIGH  0x310u
#define APIC_LVT_TIMER     0x320u
#define APIC_LVT_THERMAL   0x330u
#define APIC_LVT_PERF      0x340u
#define APIC_LVT_LINT0     0x350u
#define APIC_LVT_LINT1     0x360u
#define APIC_LVT_ERROR     0x370u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE  0x3e0u

#define SPURIOUS_ENABLE   0x100u
#define COMMAND_PENDING   0x1000u
#define COMMAND_ASSERT    0x4000u
#define DELIVERY_SHIFT    8u
#define DESTINATION_SHIFT 24u
#define LVT_MASKED        0x10000u
#define TIMER_DIVIDE_BY_1 0xbu
#define TIMER_COUNT_MAX   0xffffffffu

/*
 * Bounded, because it also runs in NMI class on a machine that may be dying; QEMU never shows the
 * bit.
 */
#define SEND_POLLS_MAX 1000000u

static volatile uint8_t *apic_base;
static uint64_t ticks_per_tsc; /* fraction of 2^32 */

static uint32_t read_register(unsigned offset)
{
    return *(volatile uint32_t *)(apic_base + offset);
}

static void write_register(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(apic_base + offset) = value;
}

/*
 * From x2APIC mode the only way back to xAPIC mode leads through the disabled state ("x2APIC State
 * Transitions").
 */
static void enable_xapic_mode(void)
{
    uint64_t base = msr_read(IA32_APIC_BASE);
    if (base & APIC_BASE_X2APIC) {
        msr_write(IA32_APIC_BASE, base & ~(APIC_BASE_X2APIC | APIC_BASE_ENABLE));
    }
    base = (base & ~(APIC_BASE_X2APIC | APIC_BASE_ADDRESS)) | acpi_info.local_apic;
    msr_write(IA32_APIC_BASE, base | APIC_BASE_ENABLE);
}

void apic_init_core(void)
{
    enable_xapic_mode();
    apic_base = phys_to_virt(acpi_info.local_apic);
    write_register(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    write_register(APIC_TASK_PRIORITY, 0);
    write_register(APIC_LVT_THERMAL, LVT_MASKED);
    write_register(APIC_LVT_PERF, LVT_MASKED);
    write_register(APIC_LVT_LINT0, LVT_MASKED);                 /* the 8259s */
    write_register(APIC_LVT_LINT1, APIC_NMI << DELIVERY_SHIFT); /* the machine's NMI line */
    write_register(APIC_LVT_ERROR, VECTOR_ERROR);
    write_register(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
    write_register(APIC_TIMER_INITIAL, 0);
    write_register(APIC_LVT_TIMER, VECTOR_TIMER); /* one-shot */
    write_register(APIC_ERROR_STATUS, 0);         /* a write arms the register; twice clears it */
    write_register(APIC_ERROR_STATUS, 0);
    write_register(APIC_EOI, 0); /* what the firmware may have left in service */
}

uint32_t apic_id_core(void)
{
    return read_register(APIC_ID) >> 24;
}

void interrupt_eoi(void)
{
    write_register(APIC_EOI, 0);
}

static void wait_until_sent(void)
{
    for (unsigned i = 0; i < SEND_POLLS_MAX; i++) {
        if ((read_register(APIC_COMMAND_LOW) & COMMAND_PENDING) == 0) {
            return;
        }
        cpu_relax();
    }
}

static void write_command(uint32_t apic_id, uint32_t command)
{
    wait_until_sent();
    write_register(APIC_COMMAND_HIGH, apic_id << DESTINATION_SHIFT);
    write_register(APIC_COMMAND_LOW, command);
}

void apic_send(uint32_t apic_id, enum apic_delivery delivery, unsigned vector)
{
    uint32_t command = COMMAND_ASSERT | (uint32_t)delivery << DELIVERY_SHIFT | vector;
    if (!cpu_in_nmi_class()) {
        write_command(apic_id, command);
        return;
    }
    uint32_t interrupted = read_register(APIC_COMMAND_HIGH);
    write_command(apic_id, command);
    wait_until_sent();
    write_register(APIC_COMMAND_HIGH, interrupted);
}

void ipi_send(unsigned cpu, unsigned vector)
{
    apic_send(cpus[cpu].apic_id, APIC_FIXED, vector);
}

void ipi_send_nmi(unsigned cpu)
{
    apic_send(cpus[cpu].apic_id, APIC_NMI, 0);
}

/*
 * One by one, not by the shorthand for all: cores that were never started must not get an NMI, they
 * have no IDT.
 */
void ipi_send_nmi_others(void)
{
    unsigned self = cpu_id();
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (cpu != self && __atomic_load_n(&cpus[cpu].started, __ATOMIC_ACQUIRE)) {
            ipi_send_nmi(cpu);
        }
    }
}

void apic_timer_count_start(void)
{
    write_register(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    write_register(APIC_TIMER_INITIAL, TIMER_COUNT_MAX);
}

uint32_t apic_timer_count(void)
{
    return TIMER_COUNT_MAX - read_register(APIC_TIMER_CURRENT);
}

void apic_timer_set_rate(uint64_t ticks_per_tsc_32)
{
    write_register(APIC_TIMER_INITIAL, 0);
    write_register(APIC_LVT_TIMER, VECTOR_TIMER);
    ticks_per_tsc = ticks_per_tsc_32;
}

/*
 * A wait too long for the counter ends early, which the contract allows: the handler looks at the
 * clock and arms again.
 */
void timer_arm(tsc_t deadline)
{
    tsc_t now = cpu_tsc();
    uint32_t count = 1;
    if (deadline > now) {
        unsigned __int128 ticks = (unsigned __int128)(deadline - now) * ticks_per_tsc >> 32;
        count = ticks >= TIMER_COUNT_MAX ? TIMER_COUNT_MAX : (uint32_t)ticks + 1;
    }
    write_register(APIC_TIMER_INITIAL, count);
}

void timer_disarm(void)
{
    write_register(APIC_TIMER_INITIAL, 0);
}

void apic_timer_set_mode(enum apic_delivery delivery, unsigned vector)
{
    write_register(APIC_TIMER_INITIAL, 0);
    write_register(APIC_LVT_TIMER, (uint32_t)delivery << DELIVERY_SHIFT | vector);
}

static bool has_vector(unsigned first, unsigned vector)
{
    return (read_register(first + vector / 32 * 16) >> vector % 32 & 1) != 0;
}

bool apic_is_requested(unsigned vector)
{
    return has_vector(APIC_REQUESTED, vector);
}

bool apic_is_in_service(unsigned vector)
{
    return has_vector(APIC_IN_SERVICE, vector);
}

void apic_take_above(unsigned vector)
{
    write_register(APIC_TASK_PRIORITY, vector);
}

void apic_timer_set(uint32_t ticks)
{
    write_register(APIC_TIMER_INITIAL, ticks);
}

uint32_t apic_timer_left(void)
{
    return read_register(APIC_TIMER_CURRENT);
}
