/* SPDX-License-Identifier: MIT */
/* Reading the HPET: see hpet.h. */
#include "userspace/drivers/hpet/hpet.h"

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define CAPABILITIES  0x000u
#define CONFIGURATION 0x010u
#define COUNTER       0x0f0u
#define IS_WIDE       (1u << 13)
#define IS_ENABLED    1u
#define PERIOD_MAX    100000000u /* fs: the specification allows no slower counter */

#define LOOKS 8

static uint32_t read_32(const struct hpet *hpet, uint32_t offset)
{
    return *(const volatile uint32_t *)(hpet->registers + offset);
}

/* A 64-bit read of a 32-bit counter is not promised to work. */
static uint64_t read_counter(const struct hpet *hpet)
{
    return hpet->bits == 64 ? *(const volatile uint64_t *)(hpet->registers + COUNTER)
                            : read_32(hpet, COUNTER);
}

/* Not to be written: what the registers do is the kernel's business. */
status_t hpet_open(struct hpet *hpet, uint64_t area)
{
    status_t status = area == HANDLE_NONE ? ERR_NOT_FOUND
                                          : sys_area_map(program.self, area, 0, PAGE_BYTES, 0,
                                                         PROT_READ, &hpet->registers);

    if (status != OK) {
        return status;
    }
    hpet->period_fs = read_32(hpet, CAPABILITIES + 4);
    hpet->bits = (read_32(hpet, CAPABILITIES) & IS_WIDE) != 0 ? 64 : 32;
    bool is_running = (read_32(hpet, CONFIGURATION) & IS_ENABLED) != 0;
    if (hpet->period_fs == 0 || hpet->period_fs > PERIOD_MAX || !is_running) {
        (void)sys_area_unmap(program.self, hpet->registers, PAGE_BYTES);
        return ERR_NOT_FOUND;
    }
    return OK;
}

struct hpet_sample hpet_sample(const struct hpet *hpet)
{
    struct hpet_sample best = {0};
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < LOOKS; i++) {
        uint64_t before = clock_tsc(), ticks = read_counter(hpet), width = clock_tsc() - before;

        if (width < least) {
            least = width;
            best = (struct hpet_sample){ticks, before + width / 2};
        }
    }
    return best;
}
