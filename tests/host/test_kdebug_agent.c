/* SPDX-License-Identifier: MIT */
/* Conditions that gdb compiles: each operation, and that no code leads outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/types.h"
#include "kdebug/remote/agent.h"

static bool read_register(unsigned number, uint64_t *out)
{
    *out = 0x1000 + number;
    return number < 17;
}

static bool read_memory(uint64_t address, void *to, size_t bytes)
{
    static const uint64_t word = 0x8877665544332211;
    if (address != 0x2000) {
        return false;
    }
    memcpy(to, &word, bytes);
    return true;
}

static const struct kd_agent_target target = {.read_register = read_register,
                                              .read_memory = read_memory};

struct agent_case {
    const char *name;
    uint8_t code[24];
    uint8_t count;
    uint64_t value; /* what must be on top at the end */
};

/* Two numbers of 8 bits each, then an operation on them. */
#define TWO(a, b, operation) {0x22, (a), 0x22, (b), (operation)}, 5

static const struct agent_case cases[] = {
    {"add", TWO(5, 3, 0x02), 8},
    {"sub", TWO(5, 3, 0x03), 2},
    {"mul", TWO(5, 3, 0x04), 15},
    {"div unsigned", TWO(7, 2, 0x06), 3},
    {"rem unsigned", TWO(7, 2, 0x08), 1},
    {"div signed", {0x22, 0xf8, 0x16, 8, 0x22, 2, 0x05}, 7, (uint64_t)-4},
    {"rem signed", {0x22, 0xf9, 0x16, 8, 0x22, 2, 0x07}, 7, (uint64_t)-1},
    {"lsh", TWO(1, 4, 0x09), 16},
    {"lsh by 64", TWO(1, 64, 0x09), 0},
    {"rsh signed", {0x22, 0x80, 0x16, 8, 0x22, 3, 0x0a}, 7, (uint64_t)-16},
    {"rsh unsigned", TWO(0x80, 3, 0x0b), 16},
    {"log_not", {0x22, 0, 0x0e}, 3, 1},
    {"bit_and", TWO(6, 3, 0x0f), 2},
    {"bit_or", TWO(6, 3, 0x10), 7},
    {"bit_xor", TWO(6, 3, 0x11), 5},
    {"bit_not", {0x22, 0, 0x12}, 3, ~0ull},
    {"equal", TWO(3, 3, 0x13), 1},
    {"less signed", {0x22, 0xff, 0x16, 8, 0x22, 0, 0x14}, 7, 1},
    {"less unsigned", {0x22, 0xff, 0x16, 8, 0x22, 0, 0x15}, 7, 0},
    {"zero_ext", {0x23, 0xff, 0xfe, 0x2a, 8}, 5, 0xfe},
    {"ref8", {0x23, 0x20, 0x00, 0x17}, 4, 0x11},
    {"ref16", {0x23, 0x20, 0x00, 0x18}, 4, 0x2211},
    {"ref32", {0x23, 0x20, 0x00, 0x19}, 4, 0x44332211},
    {"ref64", {0x23, 0x20, 0x00, 0x1a}, 4, 0x8877665544332211},
    {"const32", {0x24, 1, 2, 3, 4}, 5, 0x01020304},
    {"const64", {0x25, 1, 2, 3, 4, 5, 6, 7, 8}, 9, 0x0102030405060708},
    {"reg", {0x26, 0, 16}, 3, 0x1010},
    {"dup", {0x22, 4, 0x28, 0x02}, 4, 8},
    {"pop", {0x22, 4, 0x22, 5, 0x29}, 5, 4},
    {"swap", {0x22, 9, 0x22, 4, 0x2b, 0x03}, 6, (uint64_t)-5},
    {"pick", {0x22, 9, 0x22, 4, 0x32, 1}, 6, 9},
    {"rot", {0x22, 1, 0x22, 2, 0x22, 3, 0x33}, 7, 2},
    {"goto", {0x21, 0, 5, 0x22, 1, 0x22, 7}, 7, 7},
    {"if_goto taken", {0x22, 1, 0x20, 0, 7, 0x22, 1, 0x22, 7}, 9, 7},
    {"if_goto passed", {0x22, 0, 0x20, 0, 9, 0x22, 8, 0x21, 0, 11, 0x01, 0x28, 0x29}, 13, 8},
};

/* Compares with the value in the code itself, so that right and wrong are told apart. */
static bool gives(const struct agent_case *one, uint64_t value)
{
    struct kd_agent_code code = {0};
    memcpy(code.bytes, one->code, one->count);
    uint8_t *at = code.bytes + one->count;
    *at++ = 0x25;
    for (int shift = 56; shift >= 0; shift -= 8) {
        *at++ = (uint8_t)(value >> shift);
    }
    *at++ = 0x13;
    *at++ = 0x27;
    code.count = (uint8_t)(at - code.bytes);
    return kd_agent_holds(&code, &target);
}

static void test_each_operation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!gives(&cases[i], cases[i].value) || gives(&cases[i], cases[i].value + 1)) {
            fail_msg("%s", cases[i].name);
        }
    }
}

static char said[64];
static unsigned times_said;

static void say(const char *format, const uint64_t *arguments, unsigned count)
{
    times_said++;
    snprintf(said, sizeof(said), "%s|%u|%llu|%llu", format, count,
             (unsigned long long)(count > 0 ? arguments[0] : 0),
             (unsigned long long)(count > 1 ? arguments[1] : 0));
}

/* Two numbers, channel, function, printf of them, end. */
#define SAYS 0x22, 5, 0x22, 7, 0x22, 0, 0x22, 0, 0x34, 2, 0, 4, 'a', '%', 'd', 0, 0x27

static void test_commands(void **state)
{
    (void)state;
    struct kd_agent_target speaks = target;
    speaks.print = say;
    static const uint8_t twice[] = {17, SAYS, 17, SAYS};
    struct kd_agent_code code = {.count = sizeof(twice)};
    memcpy(code.bytes, twice, sizeof(twice));
    assert_true(kd_agent_run(&code, &speaks));
    assert_int_equal(times_said, 2);
    assert_string_equal(said, "a%d|2|7|5");     /* the top of the stack is the first */
    assert_false(kd_agent_run(&code, &target)); /* a condition may not say anything */
    code.count--;                               /* the second is cut */
    assert_false(kd_agent_run(&code, &speaks));
    code.count = 1 + 17;
    code.bytes[1 + 15] = 'x'; /* no NUL */
    assert_false(kd_agent_run(&code, &speaks));
    code.bytes[1 + 15] = 0;
    code.bytes[1 + 11] = 99; /* longer than the code */
    assert_false(kd_agent_run(&code, &speaks));
    code.bytes[1 + 11] = 4;
    code.bytes[1 + 9] = 3; /* more arguments than were pushed */
    assert_false(kd_agent_run(&code, &speaks));
    assert_int_equal(times_said, 3);
}

/* What cannot be evaluated stops. */
static void test_wrong_code_holds(void **state)
{
    (void)state;
    static const struct agent_case wrong[] = {
        {"no end", {0x22, 0}, 2, 0},
        {"empty stack", {0x27}, 1, 0},
        {"divide by 0", {0x22, 0, 0x22, 0, 0x06, 0x27}, 6, 0},
        {"no such register", {0x26, 0, 99, 0x0e, 0x0e, 0x22, 0, 0x0f, 0x27}, 9, 0},
        {"no such memory", {0x22, 0, 0x17, 0x22, 0, 0x0f, 0x27}, 7, 0},
        {"jump out", {0x21, 0xff, 0xff}, 3, 0},
        {"for ever", {0x21, 0, 0}, 3, 0},
        {"stack full", {0x22, 0, 0x21, 0, 0}, 5, 0},
        {"floating point", {0x22, 0, 0x01, 0x27}, 4, 0},
        {"pick too deep", {0x22, 0, 0x32, 9, 0x27}, 5, 0},
        {"a number cut", {0x25, 0}, 2, 0},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct kd_agent_code code = {.count = wrong[i].count};
        memcpy(code.bytes, wrong[i].code, wrong[i].count);
        if (!kd_agent_holds(&code, &target)) {
            fail_msg("%s", wrong[i].name);
        }
    }
    struct kd_agent_code zero = {.count = 3, .bytes = {0x22, 0, 0x27}};
    assert_false(kd_agent_holds(&zero, &target));
}

static void test_random_code(void **state)
{
    (void)state;
    struct kd_agent_target speaks = target;
    speaks.print = say;
    srand(9);
    for (unsigned round = 0; round < 20000; round++) {
        struct kd_agent_code code = {.count = (uint8_t)(rand() % (KD_AGENT_BYTES + 1))};
        for (unsigned i = 0; i < code.count; i++) {
            code.bytes[i] = (uint8_t)(rand() % 0x38);
        }
        (void)kd_agent_holds(&code, &target);
        (void)kd_agent_run(&code, &speaks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_operation),
        cmocka_unit_test(test_wrong_code_holds),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_random_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
