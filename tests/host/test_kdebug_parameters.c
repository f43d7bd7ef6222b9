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
    uint32_t function[3][3];
    struct {
        uint32_t offset;
        uint16_t bytes;
        uint8_t index_and_size, kind;
        int32_t value;
    } range[6];
    char names[sizeof(NAMES)];
} sound = {
    .head = {KD_PARAMETERS_MAGIC, KD_PARAMETERS_VERSION, 3, 6, sizeof(NAMES)},
    .function = {{0x1000, 1, 0}, {0x2000, 12, 3}, {0x3000, 1, 5}},
    .range = {{0x1000, 0x10, 8, 0, 5},            /* thread: rdi at first */
              {0x1010, 0x20, 8, 1, -24},          /* then in the frame */
              {0x1000, 0x100, 1 << 4 | 4, 2, -1}, /* why: constant, 4 bytes */
              {0x2000, 8, 1, 0, 4},               /* x: one byte in rsi */
              {0x2000, 8, 1 << 4 | 8, 0, 99},     /* y: no such register */
              {0x3000, 8, 8, 0, 3}},              /* thread: rbx */
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

static struct kd_unwind at(uint64_t offset)
{
    frame.rip = BASE + offset;
    struct kd_unwind unwind;
    kd_unwind_begin(&unwind, &frame);
    return unwind;
}

static struct kd_unwind caller_at(uint64_t offset, uint64_t rbp)
{
    return (struct kd_unwind){.rip = BASE + offset + 1, .rbp = rbp};
}

static bool value_of(unsigned function, unsigned index, struct kd_unwind place)
{
    return kd_parameter_value(BASE + function, index, &place, &value);
}

static void test_registers_where_a_core_stands(void **state)
{
    (void)state;
    assert_true(value_of(0x1000, 0, at(0x100f)));
    assert_int_equal(value, 0x1234);
    assert_false(value_of(0x1000, 0, caller_at(0x100f, 0x10)));
    assert_true(value_of(0x2000, 0, at(0x2000)));
    assert_int_equal(value, 0xcd); /* the rest of the register is anything */
    assert_false(value_of(0x2000, 0, at(0x2008)));
    assert_false(value_of(0x2000, 1, at(0x2000)));
}

static void test_registers_of_callers_that_a_call_keeps(void **state)
{
    (void)state;
    struct kd_unwind place = caller_at(0x3000, 0x10);
    place.kept[KD_KEPT_RBX] = 0x77;
    assert_false(value_of(0x3000, 0, place));
    place.known = 1u << KD_KEPT_RBX;
    assert_true(value_of(0x3000, 0, place));
    assert_int_equal(value, 0x77);
    place.rip = BASE + 0x3000; /* the call was before this function */
    assert_false(value_of(0x3000, 0, place));
}

/* Only where the table of frames says where the frame ends. */
static void test_the_frame_only_of_callers(void **state)
{
    (void)state;
    static const uint32_t frames[] = {KD_FRAMES_MAGIC, KD_FRAMES_VERSION, 1, 1,
                                      KD_FRAME_RBP_16, 0x100000};
    uint64_t *stack = fake_alloc(64);
    stack[1] = 0x5678; /* end - 24 = rbp - 8 */
    uint64_t rbp = (uint64_t)&stack[2];
    assert_false(value_of(0x1000, 0, caller_at(0x1010, rbp)));
    assert_true(kd_frames_use(frames, sizeof(frames)));
    assert_true(value_of(0x1000, 0, caller_at(0x1010, rbp)));
    assert_int_equal(value, 0x5678);
    frame.rbp = rbp;
    assert_false(value_of(0x1000, 0, at(0x1010)));
    assert_false(value_of(0x1000, 0, caller_at(0x1030, rbp)));
    assert_false(value_of(0x1000, 0, caller_at(0x1010, 0x10)));
    assert_false(value_of(0x1000, 0, caller_at(0x1010, 0)));
    assert_true(value_of(0x1000, 1, caller_at(0x1010, 0)));
    assert_int_equal(value, 0xffffffff);
    (void)kd_frames_use("", 0);
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
            (void)value_of(0x1000, turn % 3,
                           turn % 2 ? at(0x1010) : caller_at(0x1010, (uint64_t)random()));
        }
        (void)kd_parameters_use("", 0);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names, begin),
        cmocka_unit_test_setup(test_registers_where_a_core_stands, begin),
        cmocka_unit_test_setup(test_registers_of_callers_that_a_call_keeps, begin),
        cmocka_unit_test_setup(test_the_frame_only_of_callers, begin),
        cmocka_unit_test_setup(test_in_backtraces, begin),
        cmocka_unit_test_setup(test_damaged_tables, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
