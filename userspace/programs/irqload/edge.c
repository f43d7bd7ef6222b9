/* SPDX-License-Identifier: MIT */
/*
 * Edges: the clock chip's periodic interrupt on an ISA line.
 *
 * Source: MC146818A data sheet.
 */
#include "gen/syscall_user.h"
#include "kernel/abi/interrupt.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/stdio.h"
#include "userspace/programs/irqload/irqload.h"

#define RTC_PORT       0x70u
#define RTC_LINE       8u
#define RTC_A          0x0au
#define RTC_B          0x0bu
#define RTC_C          0x0cu
#define RTC_RATE_1024  0x26u
#define RTC_B_PERIODIC 0x40u
#define RTC_B_24H      0x02u

#define STALE_MAX 2u

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

/*
 * Until one comes on this core: one may have come on another before that was steered, and one have been remembered meanwhile.
 * (QEMU's chip and I/O APIC make an edge of every period, even without register C being read.)
 */
static uint64_t wait_for_edge(uint64_t interrupt, uint32_t core, uint64_t last)
{
    uint64_t count = 0, cpu = 0;

    for (unsigned i = 0; i < STALE_MAX + 1; i++) {
        must(sys_interrupt_wait(interrupt, clock_now() + LONG, &count, &cpu));
        VERIFY(count > last);
        last = count;
        rtc_serve();
        must(sys_interrupt_acknowledge(interrupt));
        if (cpu == core) {
            return count;
        }
    }
    die("edges come on core %lu and not on %u", cpu, core);
}

void check_edge(uint64_t ticks)
{
    uint64_t interrupt = 0, second, last = 0, address, data;

    must(sys_ports_create(machine, RTC_PORT, 2, &rtc));
    must(sys_interrupt_create(machine, RTC_LINE, INTERRUPT_ISA, 0, &interrupt));
    VERIFY(sys_interrupt_create(machine, RTC_LINE, INTERRUPT_ISA, 0, &second) == ERR_BUSY);
    VERIFY(sys_interrupt_acknowledge(interrupt) == ERR_NOT_FOUND);
    rtc_write(RTC_A, RTC_RATE_1024);
    rtc_write(RTC_B, RTC_B_24H | RTC_B_PERIODIC);
    rtc_serve();
    for (uint64_t i = 0; i < ticks; i++) {
        uint32_t core = (uint32_t)(i % core_count);
        must(sys_interrupt_steer(interrupt, core, &address, &data));
        last = wait_for_edge(interrupt, core, last);
    }
    rtc_write(RTC_B, RTC_B_24H);
    rtc_serve();
    must(sys_handle_close(interrupt));
    must(sys_handle_close(rtc));
    report("%lu ticks", ticks);
}
