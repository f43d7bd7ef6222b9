/* SPDX-License-Identifier: MIT */
/*
 * irqload: a driver that checks how interrupts reach it.
 *
 *   ticks=N (32)   core=N (0)   bench=1: measure, too
 *
 * The clock chip's periodic interrupt is an edge on an ISA line. QEMU's teaching device "edu", if it is plugged in at slot 16,
 * raises a level line or a message when a register is written, and lowers it when another is: what is masked, remembered and
 * heard again shows at once.
 *
 * Source: MC146818A data sheet; QEMU, docs/specs/edu.txt; Intel ICH9 data sheet, "Interrupt routing" (device 16 uses GSI 20).
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/interrupt.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/message.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/stdio.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define A_WHILE (20 * NS_PER_MS)
#define LONG    (20 * NS_PER_S)

static uint64_t machine; /* handle "system": ports, physical, interrupts */
static uint32_t core;

static uint64_t wait_one(uint64_t interrupt)
{
    uint64_t count = 0;

    must(sys_interrupt_wait(interrupt, clock_now() + LONG, &count));
    return count;
}

/* Nothing comes. Time must pass to see that. */
static void expect_silence(uint64_t interrupt, const char *when)
{
    uint64_t count;

    if (sys_interrupt_wait(interrupt, clock_now() + A_WHILE, &count) != ERR_TIMED_OUT) {
        die("an interrupt comes %s", when);
    }
}

/* ---- an edge: the clock chip ---- */

#define RTC_PORT       0x70u
#define RTC_LINE       8u
#define RTC_A          0x0au
#define RTC_B          0x0bu
#define RTC_C          0x0cu
#define RTC_RATE_1024  0x26u
#define RTC_B_PERIODIC 0x40u
#define RTC_B_24H      0x02u

static uint64_t rtc;

static void rtc_write(uint32_t reg, uint32_t value)
{
    must(sys_ports_write(rtc, 0, 1, reg));
    must(sys_ports_write(rtc, 1, 1, value));
}

/* Reading register C lowers the line: without it there is no next edge. */
static void rtc_serve(void)
{
    uint64_t cause;

    must(sys_ports_write(rtc, 0, 1, RTC_C));
    must(sys_ports_read(rtc, 1, 1, &cause));
}

static void check_clock_chip(uint64_t ticks)
{
    uint64_t interrupt = 0, second, last = 0;

    must(sys_ports_create(machine, RTC_PORT, 2, &rtc));
    must(sys_interrupt_create(machine, RTC_LINE, INTERRUPT_ISA, core, &interrupt));
    VERIFY(sys_interrupt_create(machine, RTC_LINE, INTERRUPT_ISA, core, &second) == ERR_BUSY);
    VERIFY(sys_interrupt_acknowledge(interrupt) == ERR_NOT_FOUND);
    rtc_write(RTC_A, RTC_RATE_1024);
    rtc_write(RTC_B, RTC_B_24H | RTC_B_PERIODIC);
    for (uint64_t i = 0; i < ticks; i++) {
        rtc_serve();
        uint64_t count = wait_one(interrupt);
        VERIFY(count > last);
        last = count;
        must(sys_interrupt_acknowledge(interrupt));
    }
    rtc_write(RTC_B, RTC_B_24H);
    rtc_serve();
    must(sys_handle_close(interrupt));
    must(sys_handle_close(rtc));
    report("%lu ticks", ticks);
}

/* ---- a level and a message: edu ---- */

#define EDU_VENDOR 0x1234u
#define EDU_DEVICE 0x11e8u
#define EDU_MARK   0xedu
#define EDU_ADDRESS                                                                                \
    0xe0000000u /* a free place for it: the firmware gives devices of its class none */
#define EDU_GSI      20u
#define EDU_RAISE    (0x60u / 4)
#define EDU_LOWER    (0x64u / 4)
#define COMMAND_BITS (PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER)

static volatile uint32_t *edu;

static void map_edu(struct pci *pci, pci_function_t function)
{
    uint64_t area, address;

    if (pci_bar(pci, function, 0) == 0) {
        pci_write(pci, function, PCI_BAR0, EDU_ADDRESS);
    }
    pci_write(pci, function, PCI_COMMAND, COMMAND_BITS);
    must(sys_area_create_physical(machine, pci_bar(pci, function, 0), PAGE_BYTES, AREA_UNCACHED,
                                  &area));
    must(sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, &address));
    must(sys_handle_close(area));
    edu = (volatile uint32_t *)address;
    VERIFY((edu[0] & 0xff) == EDU_MARK);
}

/* A line that stays active is heard once, until it is acknowledged; then again, because it still is. */
static void check_level(void)
{
    uint64_t interrupt = 0;

    must(sys_interrupt_create(machine, EDU_GSI, INTERRUPT_LEVEL, core, &interrupt));
    edu[EDU_RAISE] = 1;
    VERIFY(wait_one(interrupt) == 1);
    expect_silence(interrupt, "before the last one was acknowledged");
    must(sys_interrupt_acknowledge(interrupt));
    VERIFY(wait_one(interrupt) == 2);
    edu[EDU_LOWER] = 1;
    must(sys_interrupt_acknowledge(interrupt));
    expect_silence(interrupt, "from a line that is low");
    must(sys_handle_close(interrupt));
}

/* Messages that come before the acknowledgement are remembered as one. */
static void check_message(struct pci *pci, pci_function_t function)
{
    uint64_t interrupt = 0;

    must(msi_enable(pci, machine, function, core, &interrupt));
    edu[EDU_RAISE] = 1;
    VERIFY(wait_one(interrupt) == 1);
    edu[EDU_RAISE] = 2;
    edu[EDU_RAISE] = 4;
    expect_silence(interrupt, "before the last one was acknowledged");
    must(sys_interrupt_acknowledge(interrupt));
    VERIFY(wait_one(interrupt) >= 2); /* the core may have got the two as one */
    must(sys_interrupt_acknowledge(interrupt));
    expect_silence(interrupt, "twice");
    /* A driver that is gone: its device may go on. */
    must(sys_handle_close(interrupt));
    edu[EDU_RAISE] = 8;
    edu[EDU_LOWER] = 15;
}

/* ---- how long it takes ---- */

#define RUNS 500u

static atomic_uint_least64_t
    raised_at; /* TSC when the device was told, 0: the driver has noticed */
static uint64_t ticks_min = UINT64_MAX, ticks_sum;

static void measure_driver(void *argument)
{
    uint64_t interrupt = *(const uint64_t *)argument;

    for (unsigned i = 0; i < RUNS; i++) {
        uint64_t count;
        must(sys_interrupt_wait(interrupt, DEADLINE_FOREVER, &count));
        uint64_t ticks = clock_tsc() - atomic_load_explicit(&raised_at, memory_order_relaxed);
        ticks_min = ticks < ticks_min ? ticks : ticks_min;
        ticks_sum += ticks;
        edu[EDU_LOWER] = 1;
        must(sys_interrupt_acknowledge(interrupt));
        atomic_store_explicit(&raised_at, 0, memory_order_relaxed);
    }
}

/* A driver of higher priority waits on the core that tells its device to interrupt: from there to its first instruction. */
static void measure(struct pci *pci, pci_function_t function)
{
    struct thread driver;
    uint64_t interrupt = 0;

    must(msi_enable(pci, machine, function, core, &interrupt));
    must(thread_start(&driver, measure_driver, &interrupt, THREAD_PRIORITY(12) | THREAD_CORE(core),
                      "driver"));
    for (unsigned i = 0; i < RUNS; i++) {
        clock_sleep(20 * NS_PER_US); /* let it wait again */
        atomic_store_explicit(&raised_at, clock_tsc(), memory_order_relaxed);
        edu[EDU_RAISE] = 1;
        while (atomic_load_explicit(&raised_at, memory_order_relaxed) != 0) {
            __builtin_ia32_pause();
        }
    }
    thread_join(&driver);
    must(sys_handle_close(interrupt));
    printf("BENCH irq.to_user min=%lu median=%lu n=%u\n", ticks_min, ticks_sum / RUNS, RUNS);
}

static void check_edu(void)
{
    struct pci pci;
    pci_function_t function;

    must(pci_open(&pci, machine));
    if (pci_find(&pci, EDU_VENDOR, EDU_DEVICE, &function) == OK) {
        map_edu(&pci, function);
        check_level();
        check_message(&pci, function);
        if (option_u64("bench", 0) != 0) {
            measure(&pci, function);
        }
        report("level line and message of edu");
    }
    pci_close(&pci);
}

static void check_refusals(void)
{
    uint64_t out, address, data;

    VERIFY(sys_interrupt_create(machine, 4, INTERRUPT_ISA, 0, &out) ==
           ERR_BUSY); /* the console's */
    VERIFY(sys_interrupt_create(machine, 16, INTERRUPT_ISA, 0, &out) == ERR_NOT_FOUND);
    VERIFY(sys_interrupt_create(machine, 100000, 0, 0, &out) == ERR_NOT_FOUND);
    VERIFY(sys_interrupt_create(machine, RTC_LINE, 8, 0, &out) == ERR_BAD_ARGUMENT);
    VERIFY(sys_interrupt_create(machine, RTC_LINE, INTERRUPT_ISA, 99, &out) == ERR_RANGE);
    VERIFY(sys_interrupt_create_message(machine, 99, &out, &address, &data) == ERR_RANGE);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    machine = program_handle("system");
    core = (uint32_t)option_u64("core", 0);
    check_refusals();
    check_clock_chip(option_u64("ticks", 32));
    check_edu();
    return 0;
}
