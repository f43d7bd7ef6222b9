/* SPDX-License-Identifier: MIT */
/* The shell's language (userspace/programs/shell/parse.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/programs/shell/parse.h"

static struct parser parser;
static struct pipeline pipeline;

static const char *variable(const char *name)
{
    if (strcmp(name, "A") == 0) {
        return "a value";
    }
    return strcmp(name, "?") == 0 ? "7" : NULL;
}

static void begin(const char *line)
{
    parser_begin(&parser, line, variable);
}

static void put_file(char *text, const char *stream, const char *sign,
                     const struct redirection *redirection)
{
    if (redirection->file != NULL) {
        strcat(strcat(strcat(text, stream), sign), redirection->appends ? sign : "");
        strcat(text, redirection->file);
    }
}

/* The words of the next pipeline: blanks between words, "|" between commands, "<" and ">" with the files. */
static void assert_next(const char *expected)
{
    char text[1024] = "";

    if (!parser_next(&parser, &pipeline)) {
        fail_msg("no pipeline: %s", parser.error != NULL ? parser.error : "end");
    }
    for (unsigned i = 0; i < pipeline.count; i++) {
        const struct command *command = &pipeline.command[i];
        strcat(text, i > 0 ? "|" : "");
        for (unsigned j = 0; j < command->count; j++) {
            strcat(strcat(strcat(text, "["), command->word[j]), "]");
        }
        assert_null(command->word[command->count]);
        put_file(text, "", "<", &command->input);
        put_file(text, "", ">", &command->output);
        put_file(text, "2", ">", &command->errors);
        strcat(text, command->errors_to_output ? "2>&1" : "");
    }
    assert_string_equal(text, expected);
}

static void assert_end(void)
{
    assert_false(parser_next(&parser, &pipeline));
    assert_null(parser.error);
}

static void assert_line(const char *line, const char *expected)
{
    begin(line);
    assert_next(expected);
    assert_end();
}

static void assert_wrong(const char *line, unsigned column, const char *error)
{
    begin(line);
    while (parser_next(&parser, &pipeline)) {
    }
    assert_non_null(parser.error);
    assert_string_equal(parser.error, error);
    assert_int_equal(parser.at - parser.line, column);
}

static void test_words(void **state)
{
    (void)state;
    assert_line("ls", "[ls]");
    assert_line("  ls  -l\t/tmp \n", "[ls][-l][/tmp]");
    assert_line("echo 'a b' \"c d\"e f\\ g", "[echo][a b][c de][f g]");
    assert_line("echo '' \"\"", "[echo][][]");
    assert_line("echo a#b # the rest | & ; '", "[echo][a#b]");
    assert_line("echo \"a\\\"b\\n\" '\\'", "[echo][a\"b\\n][\\]");
    assert_line("echo a\\", "[echo][a\\]");
    begin("   # nothing");
    assert_end();
    begin("");
    assert_end();
}

static void test_variables(void **state)
{
    (void)state;
    assert_line("echo $A x${A}y \"$A\" '$A' \\$A", "[echo][a value][xa valuey][a value][$A][$A]");
    assert_line("echo $? $NONE. $ $1", "[echo][7][.][$][$1]");
    assert_line("echo ${?}", "[echo][7]");
    assert_wrong("echo ${A", 6, "${ wants a name and }");
    assert_wrong("echo ${}", 6, "${ wants a name and }");
}

static void test_pipelines_and_files(void **state)
{
    (void)state;
    assert_line("a|b x | c", "[a]|[b][x]|[c]");
    assert_line("a<in>out", "[a]<in>out");
    assert_line("a x < 'in file' y >> out", "[a][x][y]<in file>>out");
    assert_line("a 2> e >>o", "[a]>>o2>e");
    assert_line("a 2>>e 2 22>o", "[a][2][22]>o2>>e");
    assert_line("a 2>&1 >o | b", "[a]>o2>&1|[b]");
    assert_line("2>e a2>o '2'", "[a2][2]>o2>e");
    assert_wrong("a 2>e 2>&1", 6, "there is a place for errors already");
    assert_wrong("a 2>&1 2>>e", 7, "there is a place for errors already");
    assert_wrong("a 2>&1b", 6, "2>&1 stands alone");
    assert_wrong("a 2>", 4, "a file's name is missing");
    assert_wrong("a 2>&2", 4, "a file's name is missing");
    assert_wrong("a && 2>e", 5, "a command is missing");
    assert_wrong("a > b > c", 6, "there is an output already");
    assert_wrong("a <", 3, "a file's name is missing");
    assert_wrong("a | ", 4, "a command is missing");
    assert_wrong("a |& b", 3, "a command is missing");
    assert_wrong("| a", 0, "a command is missing");
    assert_wrong("> x", 0, "a command is missing");
}

static void test_connectors(void **state)
{
    (void)state;
    begin("a && b || c ; d & e");
    assert_next("[a]");
    assert_int_equal(pipeline.next, CONNECT_IF_OK);
    assert_next("[b]");
    assert_int_equal(pipeline.next, CONNECT_IF_NOT);
    assert_next("[c]");
    assert_int_equal(pipeline.next, CONNECT_ALWAYS);
    assert_false(pipeline.in_background);
    assert_next("[d]");
    assert_true(pipeline.in_background);
    assert_next("[e]");
    assert_int_equal(pipeline.next, CONNECT_END);
    assert_end();
    begin("a ;");
    assert_next("[a]");
    assert_end();
    assert_wrong("a &&", 4, "a command is missing");
    assert_wrong("a || | b", 5, "a command is missing");
    assert_wrong("; a", 0, "a command is missing");
}

static void test_quotes_without_partner(void **state)
{
    (void)state;
    assert_wrong("echo 'abc", 5, "the quote has no partner");
    assert_wrong("echo x\"abc", 6, "the quote has no partner");
}

static void test_limits(void **state)
{
    char line[SHELL_LINE_BYTES];

    (void)state;
    line[0] = '\0';
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        strcat(line, "w ");
    }
    begin(line);
    assert_true(parser_next(&parser, &pipeline));
    assert_int_equal(pipeline.command[0].count, WORDS_MAX);
    strcat(line, "w");
    assert_wrong(line, 2 * WORDS_MAX, "too many words");
    assert_wrong("a|a|a|a|a|a|a", 12, "too many programs in a row");

    begin("$A$A$A$A"); /* as long a value as there is room for, and longer */
    assert_true(parser_next(&parser, &pipeline));
    memset(line, 'x', sizeof(line) - 1);
    for (unsigned i = 0; i + 2 < sizeof(line); i += 2) {
        memcpy(line + i, "$A", 2);
    }
    line[sizeof(line) - 2] = '\0';
    begin(line);
    assert_false(parser_next(&parser, &pipeline));
    assert_string_equal(parser.error, "the line becomes too long");
}

static void test_names(void **state)
{
    (void)state;
    assert_true(is_name("a", 1));
    assert_true(is_name("A_1", 3));
    assert_false(is_name("1a", 2));
    assert_false(is_name("a-b", 3));
    assert_false(is_name("", 0));
    assert_false(is_name("abcdefghijklmnopqrstuvwxyzabcdefgh", 33));
}

static void test_patterns(void **state)
{
    (void)state;
    assert_line("ls *.c a?b '*' \\?", "[ls][*.c][a?b][*][?]");
    begin("ls *.c a?b '*' \\?");
    assert_true(parser_next(&parser, &pipeline));
    assert_int_equal(pipeline.command[0].patterns, 6);
    assert_true(pattern_fits("*.c", "main.c"));
    assert_true(pattern_fits("*", ""));
    assert_true(pattern_fits("a*b*c", "aXbYbZc"));
    assert_true(pattern_fits("?b", "ab"));
    assert_false(pattern_fits("*.c", "main.h"));
    assert_false(pattern_fits("?", ""));
    assert_false(pattern_fits("a*b", "a"));
    assert_false(pattern_fits("", "a"));
}

/* Whatever is typed, nothing is read or written outside, and every error has a place in the line. */
static void test_random_lines(void **state)
{
    static const char letters[] = "ab |&;<>$'\"\\#{}?*=A_1\n";

    (void)state;
    srand(1);
    for (unsigned i = 0; i < 200000; i++) {
        size_t length = (size_t)rand() % 60;
        char *line = malloc(length + 1);

        for (size_t j = 0; j < length; j++) {
            line[j] = letters[(size_t)rand() % (sizeof(letters) - 1)];
        }
        line[length] = '\0';
        begin(line);
        for (unsigned steps = 0; parser_next(&parser, &pipeline); steps++) {
            assert_true(steps <= length);
            assert_in_range(pipeline.count, 1, COMMANDS_MAX);
        }
        assert_in_range((uintptr_t)parser.at, (uintptr_t)line, (uintptr_t)(line + length));
        free(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_pipelines_and_files),
        cmocka_unit_test(test_connectors),
        cmocka_unit_test(test_quotes_without_partner),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_random_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
