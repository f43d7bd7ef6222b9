/* SPDX-License-Identifier: MIT */
/* The command line: cutting, pipes, filters, errors and their columns, interruption, completion;
 * and the prompt around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kdebug/core/command.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/macro.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/terminal.h"
#include "tests/host/kdebug_support.h"

/* ---- commands for these tests ---- */

static unsigned produced; /* values that t_numbers has made */

static void show_plain(const struct kd_value *value)
{
    kd_print("<%llu>\n", (unsigned long long)value->bits);
}

static const struct kd_type plain = {.name = "plain", .header = "PLAIN", .show = show_plain};

static void run_numbers(struct kd_call *call)
{
    uint64_t count = 0;
    kd_arg_number(call, &count);
    kd_arg_done(call);
    for (uint64_t i = 1; i <= count; i++) {
        produced++;
        if (!kd_emit(call, kd_value_of(i, &plain))) {
            return;
        }
    }
}
KD_COMMAND(t_numbers, .usage = "N", .help = "1 to N", .flags = KD_GIVES, .run = run_numbers);

static void run_double(struct kd_call *call)
{
    kd_arg_done(call);
    kd_emit(call, kd_value_of(call->input.bits * 2, &plain));
}
KD_COMMAND(t_double, .usage = "", .help = "twice", .flags = KD_STAGE, .run = run_double);

static void run_lines(struct kd_call *call)
{
    uint64_t count = 0;
    kd_arg_number(call, &count);
    for (uint64_t i = 1; i <= count; i++) {
        kd_print("line %llu%s\n", (unsigned long long)i, i % 10 == 0 ? " ten" : "");
    }
}
KD_COMMAND(t_lines, .usage = "N", .help = "N lines of text", .run = run_lines);

static void run_words(struct kd_call *call)
{
    char word[8];
    while (kd_arg_word(call, word, sizeof(word))) {
        kd_print("[%s]", word);
    }
    kd_print("\n");
}
KD_COMMAND(t_words, .usage = "WORD...", .help = "its words", .run = run_words);

static void run_partial(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("no end of line");
}
KD_COMMAND(t_partial, .usage = "", .help = "text without an end", .run = run_partial);

static void run_fault(struct kd_call *call)
{
    struct trap_frame frame = {.vector = 14, .error = 2, .rip = KERNEL_IMAGE_BASE + 0x1008};
    kd_arg_done(call);
    kd_print("before\n");
    /* What the entry code would do with the frame: go where it now points to. */
    assert_true(kd_guard_divert(&frame, 0xbad));
    ((void (*)(void))frame.rip)();
}
KD_COMMAND(t_fault, .usage = "", .help = "a fault of the debugger", .run = run_fault);

static void run_assert(struct kd_call *call)
{
    kd_arg_done(call);
    kd_raise_message("VERIFY(x) failed");
}
KD_COMMAND(t_assert, .usage = "", .help = "a failed check", .run = run_assert);

static int begin(void **state)
{
    fake_begin(state);
    fake_symbol(0x1000, 'T', "run_queue_push");
    fake_symbol(0x2000, 'T', "run_queue_pop");
    fake_symbol(0x3000, 'D', "run_queues");
    fake_symbol(0x4000, 'T', "xyz");
    fake_symbols_use();
    produced = 0;
    return 0;
}

/* ---- lines ---- */

static const struct {
    const char *line, *output;
} cases[] = {
    {"", ""},
    {"   ", ""},
    {"# a comment", ""},
    {"echo a  b", "a  b\n"},
    {"  echo a", "a\n"},
    {"echo a ; echo b", "a\nb\n"},
    {"echo a;;echo b;", "a\nb\n"},
    {"echo 'a;b|c'", "'a;b|c'\n"},
    {"echo (a;b|c)", "(a;b|c)\n"},
    {"ec a", "a\n"}, /* by the beginning of its name */
    {"t_words one two", "[one][two]\n"},
    {"print 1+1", "0x2 = 2\n"},
    {"print run_queues", "0xffffffff80003000 = 18446744071562080256 = run_queues\n"},
    {"(1|2)", "0x3 = 3\n"},
    {"0x10", "0x10 = 16\n"},
    {"-1", "0xffffffffffffffff = 18446744073709551615\n"},
    {"print 1||0", "0x1 = 1\n"},
    {"print 3!=4", "0x1 = 1\n"},

    /* Values in pipes. */
    {"t_numbers 2", "PLAIN\n<1>\n<2>\n"},
    {"t_numbers 0", ""},
    {"t_numbers 2 | t_double", "PLAIN\n<2>\n<4>\n"},
    {"t_numbers 2|t_double|t_double", "PLAIN\n<4>\n<8>\n"},
    {"t_numbers 3 | count", "0x3 = 3\n"},
    {"t_numbers 0 | count", "0x0 = 0\n"},
    {"t_numbers 9 | head 2", "PLAIN\n<1>\n<2>\n"},
    {"t_numbers 9 | head 0", ""},
    {"t_numbers 9 | head 2 | t_double", "PLAIN\n<2>\n<4>\n"},
    {"t_numbers 9 | head 3 | count", "0x3 = 3\n"},
    {"t_numbers 3 | head 99 | count", "0x3 = 3\n"},

    /* Filters on text. */
    {"t_lines 20 ! grep ten", "line 10 ten\nline 20 ten\n"},
    {"t_lines 20 | grep ten", "line 10 ten\nline 20 ten\n"},
    {"t_lines 3 ! grep -v 2", "line 1\nline 3\n"},
    {"t_lines 3 ! grep \"e 2\"", "line 2\n"},
    {"t_lines 9 ! head 2", "line 1\nline 2\n"},
    {"t_lines 9 | head 2", "line 1\nline 2\n"},
    {"t_lines 9 ! tail 2", "line 8\nline 9\n"},
    {"t_lines 1 ! tail 2", "line 1\n"},
    {"t_lines 99 ! count", "99\n"},
    {"t_lines 99 | count", "99\n"},
    {"t_lines 99 ! grep ten ! count", "9\n"},
    {"t_lines 99 | grep ten | count", "9\n"},
    {"t_lines 99 ! grep ten ! tail 1", "line 90 ten\n"},
    {"t_lines 99 ! tail 20 ! grep ten", "line 80 ten\nline 90 ten\n"},
    {"t_lines 99 ! tail 20 ! head 1", "line 80 ten\n"},
    {"t_lines 99 ! count ! grep 9", "99\n"},
    {"t_numbers 3 ! grep 2", "<2>\n"},
    {"t_numbers 3 | grep 2", "<2>\n"},
    {"t_numbers 3 | t_double ! grep 6", "<6>\n"},
    {"t_partial ! grep end", "no end of line\n"},
    {"t_partial", "no end of line"},
    {"t_lines 2 ! grep nothing", ""},

    /* Errors: the mark is under the column, the rest of the line is not run, filters do not
     * swallow them. */
    {"nothing",
     "        ^ column 1\nerror: no command 'nothing', or several begin so; 'help' lists them\n"},
    {"t_", "        ^ column 1\nerror: no command 't_', or several begin so; 'help' lists them\n"},
    {"echo a; bad; echo b", "a\n                ^ column 9\nerror: no command 'bad', or several "
                            "begin so; 'help' lists them\n"},
    {"print 1+", "                ^ column 9\nerror: an expression is missing\n"},
    {"print 12z", "                ^ column 9\nerror: 'z' is no digit of a number with base 10\n"},
    {"print", "error: usage: print [/x | /d] EXPRESSION...\n"},
    {"print 1 2", "0x1 0x2 \n"},
    {"print /d 0x10", "16\n"},
    {"print /x 16", "0x10\n"},
    {"print /x 16 2", "                    ^ column 13\nerror: 'print' has no use for this; usage: "
                      "print [/x | /d] EXPRESSION...\n"},
    {"set %rip = 0x77; print %rip", "0x77 = 119\n"},
    {"set $one=1; set %rip=$one+1; print %rip $one", "0x2 0x1 \n"},
    {"set %cr3 = 1", "error: no register 'cr3' that can be set\n"},
    {"print 12z ! grep x",
     "                ^ column 9\nerror: 'z' is no digit of a number with base 10\n"},
    {"| count", "        ^ column 1\nerror: a command is missing\n"},
    {"t_numbers 2 |", "                     ^ column 14\nerror: a command is missing\n"},
    {"t_numbers 2 | | count", "                     ^ column 14\nerror: a command is missing\n"},
    {"count", "        ^ column 1\nerror: 'count' works on values: it must stand behind '|'\n"},
    {"t_numbers 2 | echo",
     "                      ^ column 15\nerror: 'echo' takes no values from a pipe\n"},
    {"t_lines 2 | t_double",
     "                    ^ column 13\nerror: 't_lines' gives no values for 't_double'\n"},
    {"t_lines 2 ! grep", "                    ^ column 13\nerror: a filter is: grep [-v] TEXT, "
                         "head [N], tail [N up to 64], count, z [FIRST [COUNT]]\n"},
    {"t_lines 2 ! tail 65", "                    ^ column 13\nerror: a filter is: grep [-v] TEXT, "
                            "head [N], tail [N up to 64], count, z [FIRST [COUNT]]\n"},
    {"t_lines 2 ! head 0", "                    ^ column 13\nerror: a filter is: grep [-v] TEXT, "
                           "head [N], tail [N up to 64], count, z [FIRST [COUNT]]\n"},
    {"t_words toolongword", "                ^ column 9\nerror: this word is too long\n"},
    {"continue", "        ^ column 1\nerror: 'continue' needs a live machine\n"},
    {"echo a; reboot", "a\n                ^ column 9\nerror: 'reboot' needs a live machine\n"},
};

static void test_lines(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(state);
        const char *output = fake_run(cases[i].line);
        if (strcmp(output, cases[i].output) != 0) {
            fail_msg("'%s' printed:\n%s", cases[i].line, output);
        }
    }
}

static void test_result_says_whether_all_went_well(void **state)
{
    (void)state;
    assert_true(kd_session_run("echo a; echo b"));
    assert_false(kd_session_run("echo a; bad"));
    assert_true(kd_session_run(""));
}

static void test_too_many_stages_and_filters(void **state)
{
    (void)state;
    assert_string_equal(
        fake_run("t_numbers 1|t_double|t_double|t_double|t_double|t_double|t_double|t_double"),
        "PLAIN\n<128>\n");
    assert_non_null(strstr(
        fake_run(
            "t_numbers 1|t_double|t_double|t_double|t_double|t_double|t_double|t_double|t_double"),
        "at most 8 stages"));
    assert_non_null(strstr(fake_run("t_lines 9 ! head 5 ! head 4 ! head 3 ! head 2 ! head 1"),
                           "at most 4 filters"));
    assert_string_equal(fake_run("t_lines 9 ! head 5 ! head 4 ! head 3 ! head 2"),
                        "line 1\nline 2\n");
}

static void test_head_stops_the_producer(void **state)
{
    (void)state;
    assert_string_equal(fake_run("t_numbers 1_000_000 | head 3 | count"), "0x3 = 3\n");
    assert_int_equal(produced, 3);
}

static void test_faults_come_back_to_the_line(void **state)
{
    (void)state;
    assert_string_equal(fake_run("t_fault; echo not reached"),
                        "before\n\nkdebug: fault in the debugger: page fault (vector 14, error "
                        "0x2) at run_queue_push+0x8 "
                        "address 0xbad\n");
    assert_string_equal(fake_run("echo works"), "works\n");
    for (unsigned i = 0; i < 1000; i++) {
        assert_non_null(
            strstr(fake_run("t_lines 3 ! grep x; t_fault ! grep before"), "fault in the debugger"));
    }
    assert_string_equal(fake_run("t_lines 1"), "line 1\n");
    assert_string_equal(fake_run("t_assert"),
                        "\nkdebug: a check failed inside the debugger: VERIFY(x) failed\n");
}

static void test_control_c_ends_a_line(void **state)
{
    (void)state;
    fake_type("abc\003def", 7);
    const char *output = fake_run("t_lines 1000; echo not reached");
    assert_null(strstr(output, "line 100\n"));
    assert_null(strstr(output, "not reached"));
    assert_non_null(strstr(output, "^C\n"));
    assert_string_equal(fake_run("echo works"), "works\n");
}

/* A breakpoint's commands print, somebody calls, the commands end with "continue": the call counts until a prompt has closed. */
static void test_a_call_outlives_the_line_it_meets(void **state)
{
    (void)state;
    static const char calls[] = {0, 3, 0x1c};
    for (size_t i = 0; i < sizeof(calls); i++) {
        fake_type("x", 1);
        fake_type(&calls[i], 1);
        kd_terminal_watch(true);
        kd_terminal_write("goes on\n", 8);
        kd_terminal_watch(false);
        assert_false(kd_terminal_interrupted()); /* the next line is not ended by it */
        assert_true(kd_terminal_is_waiting());
        assert_true(kd_terminal_is_called()); /* nor is what was typed before it left over */
        assert_int_equal(kd_terminal_get(), -1);
        kd_terminal_close();
        kd_terminal_reopen();
        assert_false(kd_terminal_is_waiting());
        assert_false(kd_terminal_is_called());
    }
    fake_type("y", 1);
    kd_terminal_write("goes on\n", 8);
    assert_true(kd_terminal_is_waiting());
    assert_false(kd_terminal_is_called());
}

static char returned[8];
static unsigned returned_count;

static void take_byte(uint8_t byte)
{
    returned[returned_count++] = (char)byte;
}

static void test_what_was_not_for_us_is_given_back(void **state)
{
    (void)state;
    assert_false(kd_terminal_give_back(take_byte));
    fake_type("abc", 3);
    kd_terminal_write("goes on\n", 8);
    assert_int_equal(kd_terminal_get(), 'a');
    assert_true(kd_terminal_give_back(take_byte));
    assert_int_equal(returned_count, 2);
    assert_memory_equal(returned, "bc", 2);
    assert_false(kd_terminal_give_back(take_byte));
    assert_false(kd_terminal_is_waiting());
}

static void test_pager(void **state)
{
    (void)state;
    fake_run("set pager 3");
    fake_type(" \rq", 3);
    const char *output = fake_run("t_lines 50");
    assert_non_null(strstr(output, "line 7\n"));
    assert_null(strstr(output, "line 8\n"));
    assert_non_null(strstr(output, "-- more"));
    assert_non_null(strstr(output, "^C\n"));
    fake_run("set pager 0");
    assert_null(strstr(fake_run("t_lines 50"), "more"));
    assert_non_null(strstr(fake_run("set pager 1001"), "usage: set [pager LINES"));
}

static void type_text(const char *text)
{
    fake_type(text, strlen(text));
}

static void test_search_in_the_pager(void **state)
{
    (void)state;
    fake_run("set pager 3");
    type_text("/0 tex\x7fn\rn/\r/no such\r");
    const char *output = fake_run("t_lines 60");
    static const char *const shown[] = {"line 3\n",      "line 10 ten\n",    "line 12\n",
                                        "line 20 ten\n", "line 22\n",        "line 30 ten\n",
                                        "line 32\n",     "-- not found --\n"};
    for (size_t i = 0; i < ARRAY_COUNT(shown); i++) {
        const char *at = strstr(output, shown[i]);
        assert_non_null(at);
        output = at;
    }
    static const char *const hidden[] = {"line 4\n", "line 9\n", "line 13\n", "line 40 ten\n"};
    for (size_t i = 0; i < ARRAY_COUNT(hidden); i++) {
        assert_null(strstr(fake_output(), hidden[i]));
    }
    type_text("/x\003"); /* given up */
    assert_non_null(strstr(fake_run("t_lines 60"), "^C\n"));
    type_text("/ten\r q"); /* what follows is paged as before */
    output = fake_run("t_lines 60");
    assert_non_null(strstr(output, "line 15\n"));
    assert_null(strstr(output, "line 16\n"));
    fake_run("set pager 0");
}

static void test_long_lines_pass_filters_in_pieces(void **state)
{
    (void)state;
    char line[600] = "echo ";
    memset(line + 5, 'x', 500);
    strcpy(line + 505, " ! grep x");
    const char *output = fake_run(line);
    assert_int_equal(strspn(output, "x"), KD_LINE_BYTES_MAX);
    assert_int_equal(strlen(output), 502);
}

/* ---- completion ---- */

static const struct {
    const char *text, *added;
    bool listed;
} completions[] = {
    {"t_nu", "mbers ", false},
    {"t_", "", true},
    {"echo 1; t_nu", "mbers ", false},
    {"t_numbers 2 | cou", "nt ", false},
    {"zzz", "", false},
    {"print ru", "n_queue", false},
    {"print run_queue", "", true},
    {"print run_queues", " ", false},
    {"print 1+run_queue_pu", "sh ", false},
    {"print x", "yz ", false},
};

static void test_completion(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(completions) / sizeof(completions[0]); i++) {
        char added[32];
        bool listed;
        size_t bytes = kd_complete(completions[i].text, strlen(completions[i].text), added,
                                   sizeof(added), &listed);
        if (bytes != strlen(completions[i].added) ||
            memcmp(added, completions[i].added, bytes) != 0 || listed != completions[i].listed) {
            fail_msg("'%s': adds '%.*s', listed %d", completions[i].text, (int)bytes, added,
                     listed);
        }
    }
}

static void test_macros(void **state)
{
    (void)state;
    assert_string_equal(fake_run("macro hi \"echo one; echo two\""), "");
    assert_string_equal(fake_run("hi"), "one\ntwo\n");
    assert_string_equal(fake_run("echo zero; hi; echo three"), "zero\none\ntwo\nthree\n");
    assert_string_equal(fake_run("macro"), "hi                echo one; echo two\n");
    assert_non_null(strstr(fake_run("hi there"), "no command 'hi'"));
    assert_non_null(strstr(fake_run("macro echo \"echo 1\""), "'echo' is a command"));
    fake_run("macro hi hi");
    assert_non_null(strstr(fake_run("hi"), "too deep"));
    assert_string_equal(fake_run("macro hi"), "");
    assert_non_null(strstr(fake_run("hi"), "no command"));
    assert_non_null(strstr(fake_run("macro hi"), "no such macro"));
    fake_run("macro enter.panic \"echo died\"");
    fake_run("macro enter \"echo in\"");
    kd_macro_enter("break");
    assert_string_equal(fake_output(), "in\n");
    kd_macro_enter("panic");
    assert_string_equal(fake_output(), "in\ndied\n");
    fake_run("macro enter");
    fake_run("macro enter.panic");
}

static void test_completion_fits(void **state)
{
    (void)state;
    bool listed;
    for (size_t room = 2; room < 12; room++) {
        char *added = malloc(room);
        assert_true(kd_complete("print run_queue_pu", 18, added, room, &listed) <= room);
        free(added);
    }
}

/* ---- the prompt ---- */

static unsigned idles;

static void type_when_idle(void)
{
    static const char *const keys[] = {"\003", "x", "\003", "bad\r", "\r"};
    if (idles == ARRAY_COUNT(keys) - 1) {
        kd_session_end(); /* the line that is being read is the last */
    }
    assert_true(idles < ARRAY_COUNT(keys));
    fake_type(keys[idles], strlen(keys[idles]));
    idles++;
}

static void test_prompt(void **state)
{
    (void)state;
    idles = 0;
    /* All typed before the first byte is echoed: a ^C while a line is edited is a key like others. */
    static const char keys[] = "echo hi\r\nt_fault\rt_nu\t 1\rnonsense\003echo ok\r";
    fake_type(keys, sizeof(keys) - 1);
    kd_session_prompt(type_when_idle);
    assert_string_equal(fake_output(), "kdebug> echo hi\nhi\n"
                                       "kdebug> t_fault\nbefore\n\nkdebug: fault in the debugger: "
                                       "page fault (vector 14, error 0x2) at "
                                       "run_queue_push+0x8 address 0xbad\n"
                                       "kdebug> t_numbers  1\nPLAIN\n<1>\n"
                                       "kdebug> nonsense^C\nkdebug> echo ok\nok\n"
                                       "kdebug> ^C\nkdebug> x^C\n"
                                       "kdebug> bad\n        ^ column 1\nerror: no command 'bad', "
                                       "or several begin so; 'help' lists them\n"
                                       "kdebug> \n");
    assert_true(kd_session_is_over());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines, begin),
        cmocka_unit_test_setup(test_result_says_whether_all_went_well, begin),
        cmocka_unit_test_setup(test_too_many_stages_and_filters, begin),
        cmocka_unit_test_setup(test_head_stops_the_producer, begin),
        cmocka_unit_test_setup(test_faults_come_back_to_the_line, begin),
        cmocka_unit_test_setup(test_control_c_ends_a_line, begin),
        cmocka_unit_test_setup(test_a_call_outlives_the_line_it_meets, fake_begin),
        cmocka_unit_test_setup(test_a_call_outlives_the_line_it_meets, begin),
        cmocka_unit_test_setup(test_what_was_not_for_us_is_given_back, begin),
        cmocka_unit_test_setup(test_pager, begin),
        cmocka_unit_test_setup(test_search_in_the_pager, begin),
        cmocka_unit_test_setup(test_long_lines_pass_filters_in_pieces, begin),
        cmocka_unit_test_setup(test_completion, begin),
        cmocka_unit_test_setup(test_completion_fits, begin),
        cmocka_unit_test_setup(test_macros, begin),
        cmocka_unit_test_setup(test_prompt, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
