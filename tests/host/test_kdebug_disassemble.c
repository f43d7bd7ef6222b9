/* SPDX-License-Identifier: MIT */
/* Instructions as text: symbols in operands, what is no instruction, damaged code; the command 'dis'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "gen/layout.h"
#include "kdebug/x86_64/disassemble.h"
#include "tests/host/kdebug_support.h"

#define K             KERNEL_IMAGE_BASE
#define TEXT_PA       0x100000ull
#define RANDOM_CODES  200000
#define CODE_BYTES    KD_INSTRUCTION_BYTES_MAX
#define RANDOM_FACTOR 6364136223846793005ull

static int begin(void **state)
{
    fake_begin(state);
    fake_map(K, TEXT_PA, PAGE_BYTES, 0);
    fake_symbol(0x0, 'T', "start");
    fake_symbol(0x100, 'T', "work");
    fake_symbol(0x800, 'D', "table");
    fake_symbol(0x900, 'B', "end");
    fake_symbols_use();
    return 0;
}

static const struct {
    const char *what;
    uint8_t code[CODE_BYTES];
    unsigned bytes, length;
    const char *text;
} cases[] = {
    {"a plain instruction", {0x48, 0x89, 0xe5}, 3, 3, "mov rbp, rsp"},
    {"a call", {0xe8, 0xfb, 0x00, 0x00, 0x00}, 5, 5, "call work"},
    {"a jump into a function", {0xeb, 0x10}, 2, 2, "jmp start+0x12"},
    {"an operand relative to rip",
     {0x48, 0x8b, 0x05, 0xfd, 0x07, 0x00, 0x00},
     7,
     7,
     "mov rax, [table+0x4]"},
    {"an index into a table",
     {0x48, 0x8b, 0x04, 0xc5, 0x00, 0x08, 0x00, 0x80},
     8,
     8,
     "mov rax, [rax*8+table]"},
    {"the address of a function",
     {0x48, 0xc7, 0xc7, 0x00, 0x01, 0x00, 0x80},
     7,
     7,
     "mov rdi, work"},
    {"a number that is none", {0x83, 0xe0, 0x07}, 3, 3, "and eax, 0x7"},
    {"no code of 64-bit mode", {0x06, 0x90}, 2, 0, NULL},
    {"the middle of an instruction", {0x48, 0x8b, 0x05}, 3, 0, NULL},
    {"nothing", {0}, 0, 0, NULL},
};

static void test_instructions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[KD_INSTRUCTION_TEXT] = "";
        unsigned length = kd_disassemble(cases[i].code, cases[i].bytes, K, text);
        if (length != cases[i].length) {
            fail_msg("%s: %u bytes, expected %u", cases[i].what, length, cases[i].length);
        }
        if (cases[i].text != NULL && strcmp(text, cases[i].text) != 0) {
            fail_msg("%s: '%s', expected '%s'", cases[i].what, text, cases[i].text);
        }
    }
}

static void test_any_bytes(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (unsigned i = 0; i < RANDOM_CODES; i++) {
        uint8_t code[16]; /* on the stack, with the sanitizer's borders */
        char text[KD_INSTRUCTION_TEXT];
        for (unsigned at = 0; at < sizeof(code); at++) {
            random = random * RANDOM_FACTOR + 1;
            code[at] = (uint8_t)(random >> 56);
        }
        size_t bytes = random >> 32 & 15;
        unsigned length = kd_disassemble(code + 16 - bytes, bytes, random, text);
        assert_true(length <= bytes);
        assert_true(length == 0 || strlen(text) < sizeof(text));
    }
}

static void test_command(void **state)
{
    (void)state;
    memcpy(fake_at(TEXT_PA + 0x100), "\x48\x89\xe5\x06\xc3", 5);
    memcpy(fake_at(TEXT_PA + PAGE_BYTES - 1), "\xc3", 1);
    fake_registers[0].frame.rip = K + 0x100;
    assert_string_equal(fake_run("dis work 3"),
                        "> ffffffff80000100  work                              mov rbp, rsp\n"
                        "  ffffffff80000103  work+0x3                          (byte 0x06)\n"
                        "  ffffffff80000104  work+0x4                          ret\n");
    assert_non_null(strstr(fake_run("dis ! head 1"), "> ffffffff80000100  work"));
    assert_non_null(strstr(fake_run("dis 0xffffffff80000fff 2"), "ret\n"));
    assert_non_null(strstr(fake_run("dis 0xffffffff80000fff 2"), "cannot be read"));
    assert_non_null(strstr(fake_run("dis work 0"), "1 to 10000 instructions"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_instructions, begin),
        cmocka_unit_test_setup(test_any_bytes, begin),
        cmocka_unit_test_setup(test_command, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
