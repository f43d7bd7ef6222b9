/* SPDX-License-Identifier: MIT */
/* The terminal: what bytes make of a grid of cells. Each case is checked against the whole picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/drivers/screen/colour.h"
#include "userspace/drivers/screen/terminal.h"

#define COLUMNS 8u
#define ROWS    4u

static struct cell cells[COLUMNS * ROWS + 1];
static struct terminal terminal;

static int start(void **state)
{
    (void)state;
    cells[COLUMNS * ROWS].character = 0xdead;
    terminal_init(&terminal, cells, COLUMNS, ROWS);
    return 0;
}

static void send(const char *text)
{
    terminal_write(&terminal, text, strlen(text));
}

/* Rows separated by '|', blanks at the ends left out, what is no ASCII as '#'. */
static const char *picture(void)
{
    static char text[COLUMNS * ROWS + ROWS + 1];
    char *to = text;

    for (unsigned row = 0; row < ROWS; row++) {
        char *end = to;
        for (unsigned column = 0; column < COLUMNS; column++) {
            uint32_t character = cells[row * COLUMNS + column].character;
            *to++ = character < 0x7f ? (char)character : '#';
            end = character != ' ' ? to : end;
        }
        to = end;
        *to++ = '|';
    }
    to[-1] = '\0';
    return text;
}

static void assert_shows(const char *text, const char *expected, unsigned column, unsigned row)
{
    void *state = NULL;

    (void)start(&state);
    send(text);
    if (strcmp(picture(), expected) != 0 || terminal.at.column != column ||
        terminal.at.row != row) {
        print_error("'%s': %s at %u, %u\n", text, picture(), terminal.at.column, terminal.at.row);
    }
    assert_string_equal(picture(), expected);
    assert_int_equal(terminal.at.column, column);
    assert_int_equal(terminal.at.row, row);
}

static void test_text(void **state)
{
    (void)state;
    assert_shows("", "|||", 0, 0);
    assert_shows("ab\ncd", "ab|cd||", 2, 1);
    assert_shows("abc\rX", "Xbc|||", 1, 0);
    assert_shows("abc\b\bX", "aXc|||", 2, 0);
    assert_shows("\b\b", "|||", 0, 0);
    assert_shows("a\tb", "a      b|||", 7, 0); /* the next stop is past the last column */
    assert_shows("a\x7f\a\v", "a|||", 0, 1);
}

static void test_the_last_column_waits_for_the_next_character(void **state)
{
    (void)state;
    assert_shows("12345678", "12345678|||", 7, 0);
    assert_shows("123456789", "12345678|9||", 1, 1);
    assert_shows("12345678\n9", "12345678|9||", 1, 1);
    assert_shows("12345678\rX", "X2345678|||", 1, 0);
    assert_shows("12345678\033[DX", "123456X8|||", 7, 0);
}

static void test_scrolling(void **state)
{
    (void)state;
    assert_shows("1\n2\n3\n4\n5", "2|3|4|5", 1, 3);
    assert_shows("1\n2\n3\n4\n\n\n", "4|||", 0, 3);
    assert_shows("1\n2\n3\n4\033[2;3r\033[3;1H\nX", "1|3|X|4", 1, 2);
    assert_shows("1\n2\n3\n4\033[2;3r\033[2;1H\033MX", "1|X|2|4", 1, 1);
    assert_shows("1\n2\n3\n4\033[2;3r\033[4;1H\nX", "1|2|3|X", 1, 3); /* outside */
    assert_shows("1\n2\033[H\033MX", "X|1|2|", 1, 0);
    assert_shows("1\n2\n3\n4\033[2S", "3|4||", 1, 3);
    assert_shows("1\n2\n3\n4\033[T", "|1|2|3", 1, 3);
    assert_shows("1\n2\n3\n4\033[999T", "|||", 1, 3);
}

static void test_the_cursor(void **state)
{
    (void)state;
    assert_shows("\033[2;3HX", "|  X||", 3, 1);
    assert_shows("\033[99;99fX", "|||       X", 7, 3);
    assert_shows("\033[3;3H\033[A\033[2DX", "|X||", 1, 1);
    assert_shows("\033[B\033[CX\033[99C\033[99B", "| X||", 7, 3);
    assert_shows("ab\033[EX\033[FY\033[5GZ\033[3dW", "Yb  Z|X|     W|", 6, 2);
    assert_shows("\033[2;2H\033[s\033[HX\033[uY", "X| Y||", 2, 1);
    assert_shows("\033[2;2H\0337\033[HX\0338Y", "X| Y||", 2, 1);
    assert_shows("\033[?25lab", "ab|||", 2, 0);
    assert_false(terminal.shows_cursor);
    send("\033[?25h");
    assert_true(terminal.shows_cursor);
    assert_shows("a\033D\033Eb\033cX", "X|||", 1, 0);
}

static void test_erasing_and_shifting(void **state)
{
    (void)state;
    assert_shows("abcdef\033[1;3H\033[K", "ab|||", 2, 0);
    assert_shows("abcdef\033[1;3H\033[1K", "   def|||", 2, 0);
    assert_shows("abcdef\033[1;3H\033[2K", "|||", 2, 0);
    assert_shows("abc\ndef\nghi\033[2;2H\033[J", "abc|d||", 1, 1);
    assert_shows("abc\ndef\nghi\033[2;2H\033[1J", "|  f|ghi|", 1, 1);
    assert_shows("abc\ndef\033[2J", "|||", 3, 1);
    assert_shows("abcdef\033[1;2H\033[2X", "a  def|||", 1, 0);
    assert_shows("abcdef\033[1;2H\033[2P", "adef|||", 1, 0);
    assert_shows("abcdefgh\033[1;2H\033[2@", "a  bcdef|||", 1, 0);
    assert_shows("abcdefgh\033[1;2H\033[99@", "a|||", 1, 0);
    assert_shows("1\n2\n3\n4\033[2;2H\033[L", "1||2|3", 0, 1);
    assert_shows("1\n2\n3\n4\033[2;2H\033[2M", "1|4||", 0, 1);
}

static void assert_colours(const char *text, uint8_t front, uint8_t back)
{
    void *state = NULL;

    (void)start(&state);
    send(text);
    send("X");
    assert_int_equal(cells[0].character, 'X');
    if (cells[0].front != front || cells[0].back != back) {
        print_error("'%s': %u on %u\n", text, cells[0].front, cells[0].back);
    }
    assert_int_equal(cells[0].front, front);
    assert_int_equal(cells[0].back, back);
}

static void test_colours(void **state)
{
    (void)state;
    assert_colours("", 7, 0);
    assert_colours("\033[31;44m", 1, 4);
    assert_colours("\033[1;31m", 9, 0);
    assert_colours("\033[1;31;22m", 1, 0);
    assert_colours("\033[95;106m", 13, 14);
    assert_colours("\033[31;7m", 0, 1);
    assert_colours("\033[31;7;27m", 1, 0);
    assert_colours("\033[31;42;39;49m", 7, 0);
    assert_colours("\033[31;42m\033[m", 7, 0);
    assert_colours("\033[38;5;9;48;5;4m", 9, 4);
    assert_colours("\033[38;2;255;0;0m", 9, 0);
    assert_colours("\033[38;5;196m", 9, 0); /* of the cube */
    assert_colours("\033[48;5;255m", 7, 7); /* a grey */
    assert_colours("\033[38m\033[38;5m\033[38;2;1m", 7, 0);
    assert_colours("\033[58;108;38;9;999m", 7, 0);
    for (uint8_t i = 0; i < COLOURS; i++) {
        assert_int_equal(colour_nearest(colours[i].red, colours[i].green, colours[i].blue), i);
    }
}

static void test_what_is_unknown_changes_nothing(void **state)
{
    (void)state;
    assert_shows("a\033]0;title\ab", "ab|||", 2, 0);
    assert_shows("a\033Pq\033\\b", "ab|||", 2, 0);
    assert_shows("a\033(Bb\033#8c", "abc|||", 3, 0);
    assert_shows("a\033[?1049hb\033[>cd", "abd|||", 3, 0);
    assert_shows("a\033[1 qb\033[!pc", "abc|||", 3, 0);
    assert_shows("a\033[1;2\033[Db", "b|||", 1, 0); /* ESC begins a new one */
    assert_shows("a\033[2\nDb", "a|b||", 1, 1);     /* LF works in between */
    assert_shows("a\033[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1Hb", "ab|||", 2, 0);
    assert_shows("a\033[38:2::7:1:1mb", "ab|||", 2, 0);
    assert_shows("a\033]x\030b\033[1\032c", "abc|||", 3, 0); /* CAN, SUB */
    assert_shows("a\033[99999999999999999999Hb", "a|||b", 1, 3);
}

static void test_what_is_abandoned_is_forgotten(void **state)
{
    static const char *const begun[] = {"\033",    "\033[1;2", "\033]title",
                                        "\033[1!", "\033(",    "\xe2\x82"};
    (void)state;

    for (unsigned i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
        (void)start(NULL);
        send(begun[i]);
        terminal_abandon(&terminal);
        send("Hx");
        assert_string_equal(picture(), "Hx|||");
    }
}

static void test_utf8(void **state)
{
    (void)state;
    assert_shows("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "###|||", 3, 0);
    assert_int_equal(cells[0].character, 0xe4);
    assert_int_equal(cells[1].character, 0x20ac);
    assert_int_equal(cells[2].character, 0x1f600);
    assert_shows("\xc3X\x80\xffY", "#X##Y|||", 5, 0); /* cut, alone, impossible */
    assert_shows("\xed\xa0\x80\xe0\x80\x80\xf4\xbf\xbf\xbfZ", "###Z|||", 4,
                 0); /* surrogate, too long, too high */
    assert_shows("\xe2\x82\nX", "#|X||", 1, 1);
}

/* Anything at all: the cursor stays inside, and so do all writes. */
static void test_random_bytes(void **state)
{
    static const char favourites[] = "\033[;?0123456789ABCDEFGHJKLMPSTXm@rsuhl\n\r\t\b78cDEM";
    (void)state;

    srand(5);
    for (unsigned i = 0; i < 2000000; i++) {
        char byte =
            rand() % 4 ? favourites[(unsigned)rand() % (sizeof(favourites) - 1)] : (char)rand();
        terminal_write(&terminal, &byte, 1);
        assert_true(terminal.at.column < COLUMNS && terminal.at.row < ROWS);
        assert_true(terminal.top < terminal.bottom && terminal.bottom <= ROWS);
    }
    assert_int_equal(cells[COLUMNS * ROWS].character, 0xdead);
    for (unsigned i = 0; i < COLUMNS * ROWS; i++) {
        assert_true(cells[i].front < COLOURS && cells[i].back < COLOURS &&
                    cells[i].character <= 0x10ffff);
    }
}

#define CASE(function) cmocka_unit_test_setup(function, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_text),
        CASE(test_the_last_column_waits_for_the_next_character),
        CASE(test_scrolling),
        CASE(test_the_cursor),
        CASE(test_erasing_and_shifting),
        CASE(test_colours),
        CASE(test_what_is_unknown_changes_nothing),
        CASE(test_what_is_abandoned_is_forgotten),
        CASE(test_utf8),
        CASE(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
