/* SPDX-License-Identifier: MIT */
/*
 * The filter z: what goes through it, and what does not. With a line as its argument this program runs it and prints what came out, for
 * test_kdebug_packed.py, which has a decoder that is not ours; t_text prints the standard input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kdebug/core/command.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/output.h"
#include "kdebug/core/packed.h"
#include "kdebug/core/terminal.h"
#include "tests/host/kdebug_support.h"

#define TEXT_BYTES_MAX 0x100000u
#define CTRL_C         "\003"

static char text[TEXT_BYTES_MAX];

static void run_text(struct kd_call *call)
{
    size_t bytes = fread(text, 1, sizeof(text), stdin);
    kd_arg_done(call);
    for (size_t i = 0; i < bytes; i++) {
        kd_print_byte(text[i]);
    }
}
KD_COMMAND(t_text, .usage = "", .help = "the standard input", .run = run_text);

static void run_inner(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("one\n");
    kd_run_line("echo two ! z; t_error");
    kd_print("three\n");
}
KD_COMMAND(t_inner, .usage = "", .help = "runs lines", .run = run_inner);

static void run_error(struct kd_call *call)
{
    kd_arg_done(call);
    kd_fail("of a section");
}
KD_COMMAND(t_error, .usage = "", .help = "an error", .run = run_error);

static void run_resume(struct kd_call *call)
{
    kd_arg_done(call);
}
KD_COMMAND(t_resume, .usage = "", .help = "lets it go on", .flags = KD_RESUMES, .run = run_resume);

static void run_lines(struct kd_call *call)
{
    kd_arg_done(call);
    for (unsigned i = 0; i < 1000; i++) {
        kd_print("line %u %u\n", i * i, i * i * 7919);
    }
}
KD_COMMAND(t_lines, .usage = "", .help = "text", .run = run_lines);

static void run_calls(struct kd_call *call)
{
    kd_arg_done(call);
    for (;;) {
        kd_print("until somebody types ^C\n");
        fake_type(CTRL_C, 1);
    }
}
KD_COMMAND(t_calls, .usage = "", .help = "text without end", .run = run_calls);

static void test_it_is_the_last_filter(void **state)
{
    (void)state;
    static const char message[] = "error: what is packed is no text: z is the last one\n";
    assert_non_null(strstr(fake_run("t_lines ! z ! head"), message));
    assert_non_null(strstr(fake_run("t_lines | z | z"), message));
    assert_false(kd_packed_is_on());
}

static void test_what_resumes_is_refused(void **state)
{
    (void)state;
    assert_string_equal(
        fake_run("t_resume ! z"),
        "error: 't_resume' may let the machine go on, with nobody to end what is packed\n");
    assert_false(kd_packed_is_on());
}

static void test_wrong_numbers_are_errors(void **state)
{
    (void)state;
    static const char *const lines[] = {"t_lines ! z x", "t_lines ! z 1 x", "t_lines ! z 1 2 3",
                                        "t_lines ! z 99999999999999999999"};
    for (unsigned i = 0; i < ARRAY_COUNT(lines); i++) {
        assert_non_null(strstr(fake_run(lines[i]), "error: a filter is: "));
    }
}

/* The line of the armour with a number. */
static char *copy_line(const char *of, unsigned number)
{
    char head[16];
    snprintf(head, sizeof(head), "\n%x ", number);
    const char *line = strstr(of, head);
    assert_non_null(line);
    return strndup(line, strcspn(line + 1, "\n") + 1);
}

static void test_some_lines_are_those_of_the_whole(void **state)
{
    (void)state;
    char *whole = strdup(fake_run("t_lines | z"));
    char *end = strstr(whole, "=== spoor packed end");
    const char *some = fake_run("t_lines | z 5 2");
    for (unsigned number = 5; number < 7; number++) {
        char *line = copy_line(whole, number);
        assert_non_null(strstr(some, line));
        free(line);
    }
    assert_null(strstr(some, "\n4 "));
    assert_null(strstr(some, "\n7 "));
    assert_non_null(end);
    assert_non_null(strstr(some, end));
    free(whole);
}

static void test_what_was_broken_off_has_an_end(void **state)
{
    (void)state;
    const char *printed = fake_run("t_calls ! z");
    assert_non_null(strstr(printed, "\n=== spoor packed end "));
    assert_false(kd_packed_is_on());
    assert_string_equal(fake_run("echo plain"), "plain\n");
}

static void test_nobody_is_asked_for_more(void **state)
{
    (void)state;
    kd_pager_set(2);
    assert_non_null(strstr(fake_run("t_lines ! z"), "\n=== spoor packed end "));
}

/* Fewer bytes by a third at least, of text that has much of the same, with all that the armour adds. */
static void test_text_gets_short(void **state)
{
    (void)state;
    size_t plain = strlen(fake_run("help"));
    assert_true(strlen(fake_run("help ! z")) < plain * 2 / 3);
}

static void put_byte(char c)
{
    putchar(c);
}

static int get_none(void)
{
    return -1;
}

static int run_for_others(const char *line)
{
    static const struct kd_line standard = {put_byte, get_none};
    fake_begin(NULL);
    kd_terminal_use(&standard);
    kd_run_line(line);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_it_is_the_last_filter, fake_begin),
        cmocka_unit_test_setup(test_what_resumes_is_refused, fake_begin),
        cmocka_unit_test_setup(test_wrong_numbers_are_errors, fake_begin),
        cmocka_unit_test_setup(test_some_lines_are_those_of_the_whole, fake_begin),
        cmocka_unit_test_setup(test_what_was_broken_off_has_an_end, fake_begin),
        cmocka_unit_test_setup(test_nobody_is_asked_for_more, fake_begin),
        cmocka_unit_test_setup(test_text_gets_short, fake_begin),
    };
    return argc > 1 ? run_for_others(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
