/* SPDX-License-Identifier: MIT */
/*
 * clocks: how fast the machine's clocks run, by each other, over some seconds.
 *
 *     TSC   2600.000 MHz: the kernel's clock, for all deadlines
 *     HPET  100.000 MHz; by it the TSC runs 3 ppm too fast (over 10.000 s)
 *     RTC   10 s; 10.000 s by the TSC
 */
#include <stdio.h>

#include "gen/interface/time_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/programs/commands/command.h"

#define PATIENCE     (20 * NS_PER_S)
#define SECONDS_MAX  1000000u
#define FS_PER_NS    1000000u
#define KHZ_TIMES_FS 1000000000000ull
#define MILLION      1000000u

struct reading {
    uint64_t tsc, hpet, rtc;
    uint32_t period_fs, bits;
};

static status_t read_clocks(uint64_t service, struct reading *out)
{
    return time_clocks(service, clock_now() + PATIENCE, &out->tsc, &out->hpet, &out->period_fs,
                       &out->bits, &out->rtc);
}

static void print_mhz(const char *name, uint64_t khz, const char *rest)
{
    printf("%-5s %lu.%03lu MHz%s", name, khz / 1000, khz % 1000, rest);
}

/* Ticks of the HPET are at most 2^64 fs for five hours: the rest is beyond what a difference of a few millionths needs. */
static uint64_t ns_of_hpet(const struct reading *first, const struct reading *last)
{
    uint64_t ticks = last->hpet - first->hpet;

    ticks = first->bits == 32 ? (uint32_t)ticks : ticks;
    return ticks / FS_PER_NS * first->period_fs + ticks % FS_PER_NS * first->period_fs / FS_PER_NS;
}

static void print_hpet(const struct reading *first, const struct reading *last)
{
    uint64_t by_tsc = clock_ns_of_ticks(last->tsc - first->tsc);

    if (first->period_fs == 0) {
        printf("HPET  none that runs\n");
        return;
    }
    uint64_t by_hpet = ns_of_hpet(first, last);
    bool is_fast = by_tsc > by_hpet; /* it counts more than there is */
    uint64_t off = is_fast ? by_tsc - by_hpet : by_hpet - by_tsc;
    print_mhz("HPET", KHZ_TIMES_FS / first->period_fs, "; by it the TSC runs ");
    printf("%lu ppm too %s (over %lu.%03lu s)\n", by_hpet != 0 ? off * MILLION / by_hpet : 0,
           is_fast ? "fast" : "slow", by_hpet / NS_PER_S, by_hpet / NS_PER_MS % 1000);
}

static void print_rtc(const struct reading *first, const struct reading *last)
{
    uint64_t ms = clock_ns_of_ticks(last->tsc - first->tsc) / NS_PER_MS;

    if (first->rtc == 0) {
        printf("RTC   none that was set\n");
    } else {
        printf("RTC   %lu s; %lu.%03lu s by the TSC\n", last->rtc - first->rtc, ms / 1000,
               ms % 1000);
    }
}

int main(int argc, char **argv)
{
    uint64_t service, now = 0, khz = 0, seconds = argc == 2 ? command_number(argv[1]) : 1;
    struct reading first, last;

    if (argc > 2 || seconds > SECONDS_MAX) {
        command_usage();
    }
    status_t status = service_find("time", clock_now() + PATIENCE, &service);
    if (status == OK) {
        status = read_clocks(service, &first);
    }
    if (status == OK) {
        clock_sleep(seconds * NS_PER_S);
        status = read_clocks(service, &last);
    }
    if (status != OK) {
        return command_fail("time", status);
    }
    (void)sys_clock_get(&now, &khz);
    print_mhz("TSC", khz, ": the kernel's clock, for all deadlines\n");
    print_hpet(&first, &last);
    print_rtc(&first, &last);
    return 0;
}
