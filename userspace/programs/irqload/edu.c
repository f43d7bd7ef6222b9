/* SPDX-License-Identifier: MIT */
/*
 * Level lines and messages: QEMU's teaching device "edu" raises its interrupt when a register is written and lowers it when
 * another is, so what is masked, remembered and heard again shows at once. It sits in slot 16, which has a line of its own.
 *
 * Source: QEMU, docs/specs/edu.txt; Intel ICH9 data sheet, "Interrupt routing" (device 16 uses GSI 20).
 */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/event.h"
#include "kernel/abi/interrupt.h"
#include "kernel/abi/message.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"
#include "userspace/programs/irqload/irqload.h"

#define EDU_VENDOR 0x1234u
#define EDU_DEVICE 0x11e8u
#define EDU_MARK   0xedu
#define EDU_ADDRESS                                                                                \
    0xe0000000u /* a free place for it: the firmware gives devices of its class none */
#define EDU_GSI   20u
#define EDU_RAISE (0x60u / 4)
#define EDU_LOWER (0x64u / 4)

static volatile uint32_t *edu;
static struct msi msi;

static bool open_edu(struct pci *pci)
{
    pci_function_t function;

    if (edu != NULL || pci_find(pci, EDU_VENDOR, EDU_DEVICE, &function) != OK) {
        return edu != NULL;
    }
    if (pci_bar(pci, function, 0) == 0) {
        pci_write(pci, function, PCI_BAR0, EDU_ADDRESS);
    }
    edu = map_registers(pci, function, 0);
    VERIFY((edu[0] & 0xff) == EDU_MARK);
    msi = (struct msi){pci, machine, function};
    return true;
}

/* A line that stays active is heard once, until it is acknowledged; then again, because it still is. On whichever core. */
static void check_level(void)
{
    uint64_t interrupt = 0, address, data;

    must(sys_interrupt_create(machine, EDU_GSI, INTERRUPT_LEVEL, 0, &interrupt));
    edu[EDU_RAISE] = 1;
    VERIFY(wait_on(interrupt, 0) == 1);
    expect_silence(interrupt, "before the last one was acknowledged");
    must(sys_interrupt_steer(interrupt, core_count - 1, &address, &data));
    VERIFY(address == 0);
    expect_silence(interrupt, "from a masked line that is steered");
    must(sys_interrupt_acknowledge(interrupt));
    VERIFY(wait_on(interrupt, core_count - 1) == 2);
    edu[EDU_LOWER] = 1;
    must(sys_interrupt_acknowledge(interrupt));
    expect_silence(interrupt, "from a line that is low");
    must(sys_handle_close(interrupt));
}

/* Messages that come before the acknowledgement are remembered as one. */
static void check_message(void)
{
    uint64_t interrupt = 0;

    VERIFY(msi_enable(&msi, 1, 0, &interrupt) == ERR_NOT_SUPPORTED); /* it has one */
    must(msi_enable(&msi, 0, core_count - 1, &interrupt));
    edu[EDU_RAISE] = 1;
    VERIFY(wait_on(interrupt, core_count - 1) == 1);
    edu[EDU_RAISE] = 2;
    edu[EDU_RAISE] = 4;
    expect_silence(interrupt, "before the last one was acknowledged");
    must(sys_interrupt_acknowledge(interrupt));
    VERIFY(wait_on(interrupt, core_count - 1) >= 2); /* the core may have got the two as one */
    must(sys_interrupt_acknowledge(interrupt));
    expect_silence(interrupt, "twice");
    /* A driver that is gone: its device may go on. */
    must(sys_handle_close(interrupt));
    edu[EDU_RAISE] = 8;
    edu[EDU_LOWER] = 15;
}

bool check_edu(struct pci *pci)
{
    if (!open_edu(pci)) {
        return false;
    }
    check_level();
    check_message();
    return true;
}

/* ---- how long it takes ---- */

#define RUNS 500u

static atomic_uint_least64_t
    raised_at; /* TSC when the device was told, 0: the driver has noticed */
static uint64_t ticks_min = UINT64_MAX, ticks_sum;

/* It has been told: lower the line, be ready for the next. */
static void note_interrupt(uint64_t interrupt)
{
    uint64_t ticks = clock_tsc() - atomic_load_explicit(&raised_at, memory_order_relaxed);

    ticks_min = ticks < ticks_min ? ticks : ticks_min;
    ticks_sum += ticks;
    edu[EDU_LOWER] = 1;
    must(sys_interrupt_acknowledge(interrupt));
    atomic_store_explicit(&raised_at, 0, memory_order_relaxed);
}

/* One that waits for several things. */
static void wait_by_event(void *argument)
{
    uint64_t interrupt = *(const uint64_t *)argument;
    uint64_t event = 0, signals;

    must(sys_event_create("edu", strlen("edu"), &event));
    must(sys_interrupt_bind(interrupt, event, 1));
    for (unsigned i = 0; i < RUNS; i++) {
        must(sys_event_wait(event, 1, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
        note_interrupt(interrupt);
    }
    must(sys_handle_close(event));
}

/* One that waits for its device only, as the disk's. */
static void wait_for_interrupts(void *argument)
{
    uint64_t interrupt = *(const uint64_t *)argument, count, cpu;

    for (unsigned i = 0; i < RUNS; i++) {
        must(sys_interrupt_wait(interrupt, DEADLINE_FOREVER, &count, &cpu));
        note_interrupt(interrupt);
    }
}

/* A driver of higher priority waits on the core that tells its device to interrupt: from there to its first instruction. */
static void measure(const char *key, void (*wait)(void *))
{
    struct thread driver;
    uint64_t interrupt = 0;

    ticks_min = UINT64_MAX;
    ticks_sum = 0;
    must(msi_enable(&msi, 0, 0, &interrupt));
    must(thread_start(&driver, wait, &interrupt, THREAD_PRIORITY(12) | THREAD_CORE(0), "driver"));
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
    figure_print(key, (struct figure){ticks_min, ticks_sum / RUNS, RUNS});
}

bool measure_edu(struct pci *pci)
{
    if (!open_edu(pci)) {
        return false;
    }
    bench_calibrate();
    measure("irq.to_user", wait_by_event);
    measure("driver.irq_to_thread", wait_for_interrupts);
    return true;
}
