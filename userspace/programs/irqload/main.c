/* SPDX-License-Identifier: MIT */
/*
 * irqload: a driver that checks how interrupts reach it.
 *
 *   ticks=N (32)   cores=N (1)   bench=1: measure
 *
 * What the machine has of these is tried: the clock chip (edges), QEMU's device edu (level lines, messages), an e1000e (MSI-X).
 */
#include "userspace/programs/irqload/irqload.h"

#include <stdio.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/interrupt.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"

#define A_WHILE      (20 * NS_PER_MS)
#define ISA_LINE     8u
#define COMMAND_BITS (PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER)

uint64_t machine;
uint32_t core_count;

uint64_t wait_on(uint64_t interrupt, uint32_t core)
{
    uint64_t count = 0, cpu = 0;

    must(sys_interrupt_wait(interrupt, clock_now() + LONG, &count, &cpu));
    VERIFY(cpu == core);
    return count;
}

void expect_silence(uint64_t interrupt, const char *when)
{
    uint64_t count, cpu;

    if (sys_interrupt_wait(interrupt, clock_now() + A_WHILE, &count, &cpu) != ERR_TIMED_OUT) {
        die("an interrupt comes %s", when);
    }
}

volatile uint32_t *map_registers(struct pci *pci, pci_function_t function, unsigned bar)
{
    uint64_t area, address;

    pci_write(pci, function, PCI_COMMAND, COMMAND_BITS);
    must(sys_area_create_physical(machine, pci_bar(pci, function, bar), PAGE_BYTES, AREA_UNCACHED,
                                  &area));
    must(sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, &address));
    must(sys_handle_close(area));
    return (volatile uint32_t *)address;
}

static void check_refusals(void)
{
    uint64_t out, address, data;

    VERIFY(sys_interrupt_create(machine, 4, INTERRUPT_ISA, 0, &out) ==
           ERR_BUSY); /* the console's */
    VERIFY(sys_interrupt_create(machine, 16, INTERRUPT_ISA, 0, &out) == ERR_NOT_FOUND);
    VERIFY(sys_interrupt_create(machine, 100000, 0, 0, &out) == ERR_NOT_FOUND);
    VERIFY(sys_interrupt_create(machine, ISA_LINE, 8, 0, &out) == ERR_BAD_ARGUMENT);
    VERIFY(sys_interrupt_create(machine, ISA_LINE, INTERRUPT_ISA, 99, &out) == ERR_RANGE);
    VERIFY(sys_interrupt_create_message(machine, 99, &out, &address, &data) == ERR_RANGE);
    must(sys_interrupt_create_message(machine, 0, &out, &address, &data));
    VERIFY(sys_interrupt_steer(out, 99, &address, &data) == ERR_RANGE);
    must(sys_handle_close(out));
}

int main(int argc, char **argv)
{
    struct pci pci;

    (void)argc;
    (void)argv;
    machine = program_handle("system");
    core_count = (uint32_t)option_u64("cores", 1);
    check_refusals();
    check_edge(option_u64("ticks", 32));
    must(pci_open(&pci, machine));
    if (check_edu(&pci)) {
        report("level line and message of edu");
    }
    if (check_network(&pci)) {
        report("messages of e1000e");
    }
    if (option_u64("bench", 0) != 0) {
        VERIFY(measure_edu(&pci));
    }
    pci_close(&pci);
    return 0;
}
