/* SPDX-License-Identifier: MIT */
/* Parameters of functions: what is known is right, what is not is not made up, damaged tables lead nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cpu.h"
#include "gen/layout.h"
#include "kdebug/core/parameters.h"
#include "tests/host/kdebug_support.h"

#define BASE  KERNEL_IMAGE_BASE
#define NAMES "\0thread why\0x y"

static const struct {
    uint32_t head[5];
    uint32_t function[2][3];
    struct {
        uint32_t offset;
        uint16_t bytes;
        uint8_t index_and_size, kind;
        int32_t value;
    } range[5];
    char names[sizeof(NAMES)];
} sound = {
    .head = {KD_PARAMETERS_MAGIC, KD_PARAMETERS_VERSION, 2, 5, sizeof(NAMES)},
    .function = {{0x1000, 1, 0}, {0x2000, 12, 3}},
    .range = {{0x1000, 0x10, 8, 0, 5},            /* thread: rdi at first */
              {0x1010, 0x20, 8, 1, -24},          /* then in the frame */
              {0x1000, 0x100, 1 << 4 | 4, 2, -1}, /* why: constant, 4 bytes */
              {0x2000, 8, 1, 0, 4},               /* x: one byte in rsi */
              {0x2000, 8, 1 << 4 | 8, 0, 99}},    /* y: no such register */
    .names = NAMES,
};
static uint64_t value;
static struct trap_frame frame;

static int begin(void **state)
{
    fake_begin(state);
    fake_symbol(0x1000, 'T', "wait");
    fake_symbol(0x2000, 'T', "next");
    fake_symbol(0x3000, 'T', "end");
    fake_symbols_use();
    fake_global("cpus", fake_alloc(sizeof(struct cpu)));
    frame = (struct trap_frame){.rdi = 0x1234, .rsi = 0xabcd};
    value = 77;
    return kd_parameters_use(&sound, sizeof(sound)) ? 0 : -1;
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(kd_parameters_names(BASE + 0x1000), "thread why");
    assert_string_equal(kd_parameters_names(BASE + 0x2000), "x y");
    assert_null(kd_parameters_names(BASE + 0x1001));
    assert_null(kd_parameters_names(0));
}

static void test_registers_only_where_a_core_stands(void **state)
{
    (void)state;
    assert_true(kd_parameter_value(BASE + 0x1000, 0, BASE + 0x100f, &frame, 0, &value));
    assert_int_equal(value, 0x1234);
    assert_false(kd_parameter_value(BASE + 0x1000, 0, BASE + 0x100f, NULL, 0, &value));
    assert_true(kd_parameter_value(BASE + 0x2000, 0, BASE + 0x2000, &frame, 0, &value));
    assert_int_equal(value, 0xcd); /* the rest of the register is anything */
    assert_false(kd_parameter_value(BASE + 0x2000, 0, BASE + 0x2008, &frame, 0, &value));
    assert_false(kd_parameter_value(BASE + 0x2000, 1, BASE + 0x2000, &frame, 0, &value));
}

static void test_the_frame_only_of_callers(void **state)
{
    (void)state;
    uint64_t *stack = fake_alloc(64);
    stack[1] = 0x5678; /* CFA - 24 = rbp - 8 */
    uint64_t rbp = (uint64_t)&stack[2];
    assert_true(kd_parameter_value(BASE + 0x1000, 0, BASE + 0x1010, NULL, rbp, &value));
    assert_int_equal(value, 0x5678);
    assert_false(kd_parameter_value(BASE + 0x1000, 0, BASE + 0x1010, &frame, rbp, &value));
    assert_false(kd_parameter_value(BASE + 0x1000, 0, BASE + 0x1030, NULL, rbp, &value));
    assert_false(kd_parameter_value(BASE + 0x1000, 0, BASE + 0x1010, NULL, 0x10, &value));
    assert_true(kd_parameter_value(BASE + 0x1000, 1, BASE + 0x1010, NULL, 0, &value));
    assert_int_equal(value, 0xffffffff);
}

static void test_in_backtraces(void **state)
{
    (void)state;
    fake_registers[0].frame =
        (struct trap_frame){.rip = BASE + 0x1004, .rdi = 0x1234, .cs = 8, .rflags = 2};
    assert_string_equal(
        fake_run("bt args"),
        "core 0:\n  0  ffffffff80001004  wait+0x4(thread=0x1234, why=0xffffffff)\n");
    fake_registers[0].frame.rip = BASE + 0x2040;
    assert_string_equal(fake_run("bt args"),
                        "core 0:\n  0  ffffffff80002040  next+0x40(x=?, y=?)\n");
    assert_string_equal(fake_run("bt"), "core 0:\n  0  ffffffff80002040  next+0x40\n");
}

static void test_damaged_tables(void **state)
{
    (void)state;
    srandom(3);
    for (size_t bytes = 0; bytes < sizeof(sound) - 3; bytes++) {
        assert_false(kd_parameters_use(&sound, bytes) && bytes < sizeof(sound) - 3);
    }
    for (unsigned turn = 0; turn < 20000; turn++) {
        uint8_t *copy = malloc(sizeof(sound));
        memcpy(copy, &sound, sizeof(sound));
        for (unsigned i = 0; i < 3; i++) {
            copy[8 + (unsigned)random() % (sizeof(sound) - 8)] = (uint8_t)random();
        }
        if (kd_parameters_use(copy, sizeof(sound))) {
            (void)kd_parameters_names(BASE + 0x1000);
            (void)kd_parameter_value(BASE + 0x1000, turn % 3, BASE + 0x1010,
                                     turn % 2 ? &frame : NULL, (uint64_t)random(), &value);
        }
        (void)kd_parameters_use("", 0);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names, begin),
        cmocka_unit_test_setup(test_registers_only_where_a_core_stands, begin),
        cmocka_unit_test_setup(test_the_frame_only_of_callers, begin),
        cmocka_unit_test_setup(test_in_backtraces, begin),
        cmocka_unit_test_setup(test_damaged_tables, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
