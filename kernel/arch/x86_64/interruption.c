/* SPDX-License-Identifier: MIT */
#include "arch/interruption.h"

#include "arch/interrupt.h"
#include "arch/x86_64/apic_impl.h"
#include "arch/x86_64/msr.h"

#define CPUID_HYPERVISOR 0x40000000u
#define DR6_RESET        0xffff0ff0ull

/* "TCGTCGTCGTCG": QEMU's own emulation. */
static bool is_emulated(void)
{
    const uint32_t tcg = 0x54474354, gtc = 0x43544743, cgt = 0x47435447;
    struct cpuid signature = cpuid_read(CPUID_HYPERVISOR, 0);
    return signature.ebx == tcg && signature.ecx == gtc && signature.edx == cgt;
}

bool timer_nmi_begin(void)
{
    if (!is_emulated()) {
        return false;
    }
    apic_timer_set_mode(APIC_NMI, 0);
    return true;
}

void timer_nmi_mask(bool is_masked)
{
    apic_timer_set_mode(is_masked ? APIC_FIXED : APIC_NMI, is_masked ? VECTOR_SPURIOUS : 0);
}

bool interrupt_waits(void)
{
    return apic_is_requested(VECTOR_SPURIOUS);
}

bool interrupt_let_in(void)
{
    apic_take_above(VECTOR_WATCHDOG);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    bool has_come = apic_is_in_service(VECTOR_SPURIOUS);
    if (has_come) {
        interrupt_eoi(); /* trap_dispatch() takes it for one that wants none */
    }
    apic_take_above(0);
    return has_come;
}

void timer_nmi_after(uint32_t ticks)
{
    apic_timer_set(ticks);
}

bool timer_nmi_is_over(void)
{
    return apic_timer_left() == 0;
}

void timer_nmi_end(void)
{
    apic_timer_set_mode(APIC_FIXED, VECTOR_TIMER);
    apic_timer_set(1);
}

void debug_status_clear(void)
{
    __asm__ volatile("movq %0, %%dr6" ::"r"(DR6_RESET));
}
