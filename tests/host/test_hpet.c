/* SPDX-License-Identifier: MIT */
/* userspace/drivers/hpet: which counters are believed, and how one is read. */
#include "userspace/drivers/hpet/hpet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/start.h"

#define AREA    11u         /* handle */
#define PERIOD  10000000ull /* fs: 100 MHz */
#define WIDE    (1ull << 13)
#define COUNTER (0xf0 / 8)

struct program program = {.self = 3};
static uint64_t registers[512];
static int maps;

status_t sys_area_map(uint64_t process, uint64_t handle, uint64_t offset, uint64_t bytes,
                      uint64_t address, uint64_t protection, uint64_t *out_address)
{
    assert_true(process == 3 && offset == 0 && bytes == 4096 && address == 0);
    if (handle != AREA) {
        return ERR_NO_RIGHTS;
    }
    assert_int_equal(protection, PROT_READ);
    *out_address = (uint64_t)registers;
    maps++;
    return OK;
}

status_t sys_area_unmap(uint64_t process, uint64_t address, uint64_t bytes)
{
    assert_true(process == 3 && address == (uint64_t)registers && bytes == 4096);
    maps--;
    return OK;
}

status_t sys_clock_get(uint64_t *out_now, uint64_t *out_tsc_khz)
{
    *out_now = *out_tsc_khz = 0;
    return OK;
}

status_t sys_thread_sleep(uint64_t deadline)
{
    (void)deadline;
    return OK;
}

static status_t open(struct hpet *hpet, uint64_t area, uint64_t capabilities,
                     uint64_t configuration)
{
    maps = 0;
    registers[0] = capabilities;
    registers[2] = configuration;
    return hpet_open(hpet, area);
}

static void one_that_runs_is_found(void **state)
{
    struct hpet hpet;

    (void)state;
    assert_int_equal(open(&hpet, AREA, PERIOD << 32 | WIDE, 1), OK);
    assert_true(hpet.period_fs == PERIOD && hpet.bits == 64 && maps == 1);
    registers[COUNTER] = 0x123456789abull;
    struct hpet_sample first = hpet_sample(&hpet), second = hpet_sample(&hpet);
    assert_true(first.ticks == 0x123456789abull && second.tsc > first.tsc);
    assert_int_equal(open(&hpet, AREA, PERIOD << 32, 1), OK);
    assert_int_equal(hpet.bits, 32);
    assert_int_equal(hpet_sample(&hpet).ticks, 0x456789ab);
}

static void what_cannot_be_believed_is_none(void **state)
{
    struct hpet hpet;

    (void)state;
    assert_int_equal(hpet_open(&hpet, 8), ERR_NO_RIGHTS);
    assert_int_equal(open(&hpet, HANDLE_NONE, PERIOD << 32 | WIDE, 1), ERR_NOT_FOUND);
    assert_int_equal(open(&hpet, AREA, PERIOD << 32 | WIDE, 0), ERR_NOT_FOUND); /* stands still */
    assert_int_equal(open(&hpet, AREA, WIDE, 1), ERR_NOT_FOUND);
    assert_int_equal(open(&hpet, AREA, 100000001ull << 32 | WIDE, 1), ERR_NOT_FOUND);
    assert_int_equal(maps, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_runs_is_found),
        cmocka_unit_test(what_cannot_be_believed_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
