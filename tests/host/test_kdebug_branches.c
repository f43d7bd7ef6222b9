/* SPDX-License-Identifier: MIT */
/* Last branches, on processors that keep them and on those that do not: simulated CPUID and MSRs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kdebug/x86_64/hardware.h"
#include "tests/host/kdebug_support.h"

#define CAPABILITIES 0x345u
#define TOP          0x1c9u
#define FROM         0x680u
#define TO           0x6c0u

static bool is_intel, has_capabilities;
static uint64_t capabilities, top, from[32], to[32];
static unsigned records; /* the MSRs beyond are a #GP */

bool kd_msr_read(uint32_t number, uint64_t *out)
{
    if (number == CAPABILITIES && has_capabilities) {
        *out = capabilities;
    } else if (number == TOP && records != 0) {
        *out = top;
    } else if (number >= FROM && number < FROM + records) {
        *out = from[number - FROM];
    } else if (number >= TO && number < TO + records) {
        *out = to[number - TO];
    } else {
        return false;
    }
    return true;
}

void kd_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    (void)subleaf;
    memset(out, 0, 4 * sizeof(*out));
    if (leaf == 0) {
        memcpy(out + 1, is_intel ? "Genu" : "Auth", 4);
        memcpy(out + 3, is_intel ? "ineI" : "enti", 4);
        memcpy(out + 2, is_intel ? "ntel" : "cAMD", 4);
    } else if (leaf == 1) {
        out[2] = has_capabilities ? 1u << 15 : 0;
    }
}

static int begin(void **state)
{
    fake_begin(state);
    fake_symbol(0x1000, 'T', "caller");
    fake_symbol(0x2000, 'T', "callee");
    fake_symbol(0x3000, 'T', "end");
    fake_symbols_use();
    is_intel = has_capabilities = true;
    capabilities = 5;
    records = 32;
    top = 0;
    memset(from, 0, sizeof(from));
    kd_branches_on[0] = false;
    return 0;
}

static const char *show(bool on)
{
    assert_true(kd_branches_show(0, on));
    return fake_output();
}

static void test_newest_first_across_the_end_of_the_ring(void **state)
{
    (void)state;
    top = 1;
    from[1] = KERNEL_IMAGE_BASE + 0x1010;
    to[1] = KERNEL_IMAGE_BASE + 0x2000;
    from[0] = (KERNEL_IMAGE_BASE + 0x2008) & 0xffffffffffff; /* flags where the sign was */
    to[0] = KERNEL_IMAGE_BASE + 0x1015;
    from[31] = 0x401000;
    to[31] = KERNEL_IMAGE_BASE + 0x1000;
    assert_string_equal(show(false), "core 0: 32 records, not written\n"
                                     "  0  caller+0x10 -> callee\n"
                                     "  1  callee+0x8 -> caller+0x15\n"
                                     "  2  0x401000 -> caller\n");
}

static void test_a_smaller_ring(void **state)
{
    (void)state;
    capabilities = 4;
    records = 16;
    from[15] = to[15] = KERNEL_IMAGE_BASE + 0x1000;
    top = 15;
    assert_string_equal(
        show(true), "core 0: 16 records, written while the machine runs\n  0  caller -> caller\n");
    assert_true(kd_branches_on[0]);
    show(false);
    assert_false(kd_branches_on[0]);
}

static void expect_none(void)
{
    assert_false(kd_branches_show(0, true));
    assert_false(kd_branches_on[0]);
}

static void test_processors_without(void **state)
{
    (void)state;
    is_intel = false;
    expect_none();
    is_intel = true;
    has_capabilities = false;
    expect_none();
    has_capabilities = true;
    capabilities = 0; /* QEMU answers 0 for what it does not have */
    expect_none();
    capabilities = 5;
    records = 0; /* a #GP */
    expect_none();
    records = 16; /* fewer than its format says */
    expect_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_newest_first_across_the_end_of_the_ring, begin),
        cmocka_unit_test_setup(test_a_smaller_ring, begin),
        cmocka_unit_test_setup(test_processors_without, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
