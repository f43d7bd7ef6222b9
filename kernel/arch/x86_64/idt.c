/* SPDX-License-Identifier: MIT */
/*
 * Interrupt descriptor table. All cores share one: it does not change after idt_init(), because the
 * exceptions that need a stack of their own name it by an index into the core's own TSS.
 */
#include "arch/interrupt.h"
#include "arch/x86_64/cpu_impl.h"

/* Intel SDM vol. 3A, "64-Bit Mode IDT". */
struct gate {
    uint16_t offset_0;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
};
static_assert(sizeof(struct gate) == 16, "as the CPU reads it");

#define GATE_INTERRUPT 0x8eu /* present, interrupt gate (clears IF), ring 0 only */
#define GATE_USER      0x60u /* user mode may raise it with INT */

#define VECTORS 256

extern const uint64_t idt_stubs[VECTORS];
static struct gate idt[VECTORS];

static enum ist stack_of_vector(unsigned vector)
{
    switch (vector) {
    case VECTOR_NMI:
        return IST_NMI;
    case VECTOR_DEBUG:
        return IST_DEBUG;
    case VECTOR_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    case VECTOR_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    default:
        return IST_NONE;
    }
}

void idt_init(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t stub = idt_stubs[vector];
        idt[vector] = (struct gate){
            .offset_0 = (uint16_t)stub,
            .selector = SELECTOR_KERNEL_CODE,
            .ist = (uint8_t)stack_of_vector(vector),
            .type = vector == VECTOR_BREAKPOINT ? GATE_INTERRUPT | GATE_USER : GATE_INTERRUPT,
            .offset_16 = (uint16_t)(stub >> 16),
            .offset_32 = (uint32_t)(stub >> 32),
        };
    }
}

void idt_load(void)
{
    struct descriptor_pointer pointer = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lidt %0" ::"m"(pointer));
}
