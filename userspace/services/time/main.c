/* SPDX-License-Identifier: MIT */
/*
 * time: what time it is (userspace/interfaces/time.toml), by the battery-backed clock.
 *
 *   handles    system (ports), hpet (its registers, to be read; if there is one), requests
 *
 * That clock has only seconds, so time goes on by the kernel's. Both are looked at with each request: the kernel's leaves out what the
 * machine stood still in kdebug, and is set right when the other shows another second. It never goes back.
 *
 * The HPET is a witness only. Deadlines are the kernel's, by a timer in each core, where no device has to be asked; its comparators would be
 * too few for cores and far away. But it goes by a crystal of its own, so the rate that the kernel has measured for the TSC in 10 ms at
 * boot can be judged by it over any time (`clocks`).
 */
#include <stdbool.h>
#include <stdio.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/time_server.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/hpet/hpet.h"
#include "userspace/drivers/rtc/rtc.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

static struct rtc rtc;
static bool is_open;
static struct hpet hpet; /* period_fs 0: there is none */
static uint64_t offset;  /* of UTC to the kernel's clock, ns */
static uint64_t last;    /* what was answered */

status_t time_on_now(const struct interface_request *request, uint64_t *out_utc)
{
    uint64_t seconds = 0;
    status_t status = is_open ? rtc_read(&rtc, &seconds) : ERR_NOT_FOUND;

    (void)request;
    if (status != OK) {
        return status;
    }
    uint64_t now = clock_now(), read = seconds * NS_PER_S, known = now + offset;
    if (known < read || known >= read + 2 * NS_PER_S) {
        offset = read - now;
        known = read;
    }
    last = known > last ? known : last;
    *out_utc = last;
    return OK;
}

status_t time_on_clocks(const struct interface_request *request, uint64_t *out_tsc,
                        uint64_t *out_hpet, uint32_t *out_period, uint32_t *out_bits,
                        uint64_t *out_rtc)
{
    struct hpet_sample sample = {0, clock_tsc()};

    (void)request;
    if (hpet.period_fs != 0) {
        sample = hpet_sample(&hpet);
    }
    *out_tsc = sample.tsc;
    *out_hpet = sample.ticks;
    *out_period = hpet.period_fs;
    *out_bits = hpet.bits;
    if (!is_open || rtc_read(&rtc, out_rtc) != OK) {
        *out_rtc = 0;
    }
    return OK;
}

int main(int argc, char **argv)
{
    static const struct interface *const interfaces[] = {&time_interface, &lifecycle_interface};
    const struct interface_server server = {
        program_handle("requests"), 2, interfaces, NULL, 0, NULL};
    uint64_t seconds;

    (void)argc;
    (void)argv;
    is_open = rtc_open(&rtc, program_handle("system")) == OK && rtc_read(&rtc, &seconds) == OK;
    if (hpet_open(&hpet, program_handle("hpet")) != OK) {
        hpet.period_fs = 0;
    }
    if (!is_open) {
        report("there is no clock that knows the time");
    }
    interface_serve(&server);
}
