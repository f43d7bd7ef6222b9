/* SPDX-License-Identifier: MIT */
/* Instructions that are executed elsewhere: the bytes that the manual says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kdebug/x86_64/move.h"

#define FROM 0xffffffff80001000ull
#define TO   0xffffffff80005000ull

static uint64_t jump_target(const struct kd_moved *moved, unsigned at)
{
    int32_t distance;
    assert_true(at + 5 <= moved->bytes);
    memcpy(&distance, moved->code + at + 1, sizeof(distance));
    return TO + at + 5 + (uint64_t)(int64_t)distance;
}

static const char *move(const void *code, size_t bytes, struct kd_moved *out)
{
    uint8_t padded[KD_MOVE_BYTES_MAX];
    memset(padded, 0x90, sizeof(padded));
    memcpy(padded, code, bytes);
    return kd_instruction_move(padded, FROM, TO, out);
}

static void most_are_copied_and_lead_back(void **state)
{
    (void)state;
    struct kd_moved moved;
    assert_null(move("\x55", 1, &moved)); /* push rbp */
    assert_int_equal(moved.code[0], 0x55);
    assert_int_equal(moved.code[1], 0xe9);
    assert_int_equal(jump_target(&moved, 1), FROM + 1);
    assert_null(move("\x48\x89\xe5", 3, &moved)); /* mov rbp, rsp */
    assert_memory_equal(moved.code, "\x48\x89\xe5\xe9", 4);
    assert_int_equal(jump_target(&moved, 3), FROM + 3);
}

static void an_operand_by_distance_stays_where_it_is(void **state)
{
    (void)state;
    struct kd_moved moved;
    int32_t distance;
    assert_null(move("\x48\x8b\x05\x00\x20\x00\x00", 7, &moved)); /* mov rax, [rip + 0x2000] */
    memcpy(&distance, moved.code + 3, sizeof(distance));
    assert_int_equal(TO + 7 + (uint64_t)(int64_t)distance, FROM + 7 + 0x2000);
    assert_int_equal(jump_target(&moved, 7), FROM + 7);
}

static void calls_and_jumps_go_where_they_went(void **state)
{
    (void)state;
    struct kd_moved moved;
    assert_null(move("\xe8\x00\x01\x00\x00", 5, &moved)); /* call +0x100 */
    assert_int_equal(moved.code[0], 0x68);                /* push the return address */
    assert_memory_equal(moved.code + 1, "\x05\x10\x00\x80", 4);
    assert_int_equal(moved.code[5], 0xe9);
    assert_int_equal(jump_target(&moved, 5), FROM + 5 + 0x100);
    assert_null(move("\xeb\xf0", 2, &moved)); /* jmp -0x10 */
    assert_int_equal(moved.code[0], 0xe9);
    assert_int_equal(jump_target(&moved, 0), FROM + 2 - 0x10);
    assert_null(move("\x75\x10", 2, &moved)); /* jne +0x10 */
    assert_memory_equal(moved.code, "\x0f\x85", 2);
    assert_int_equal(jump_target(&moved, 1), FROM + 2 + 0x10);
    assert_int_equal(moved.code[6], 0xe9);
    assert_int_equal(jump_target(&moved, 6), FROM + 2);
    assert_null(move("\x0f\x8c\x00\x02\x00\x00", 6, &moved)); /* jl +0x200 */
    assert_memory_equal(moved.code, "\x0f\x8c", 2);
    assert_int_equal(jump_target(&moved, 1), FROM + 6 + 0x200);
}

static void what_cannot_be_moved(void **state)
{
    (void)state;
    static const struct {
        const char *code, *why;
    } cases[] = {
        {"\xff\xd0", "by a pointer"}, {"\xe2\xfe", "LOOP"},
        {"\xe3\x00", "LOOP"},         {"\xfb", "opens interrupts"},
        {"\xf4", "opens interrupts"}, {"\xcc", "leaves the kernel"},
        {"\x06", "no instruction"},   {"\x0f\x0b", "raises an exception"},
    };
    struct kd_moved moved;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = move(cases[i].code, 2, &moved);
        assert_non_null(why);
        assert_non_null(strstr(why, cases[i].why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_are_copied_and_lead_back),
        cmocka_unit_test(an_operand_by_distance_stays_where_it_is),
        cmocka_unit_test(calls_and_jumps_go_where_they_went),
        cmocka_unit_test(what_cannot_be_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
