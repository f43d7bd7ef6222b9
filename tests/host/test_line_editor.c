/* SPDX-License-Identifier: MIT */
/* The line editor: what is typed, what the line is then, and what a terminal shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base/line_editor.h"

#define PROMPT       "kdebug> "
#define COLUMNS_MAX  1024
#define RANDOM_BYTES 300000

/* A terminal of one endless row: characters, backspace, "clear to the end of line", new lines. */
static char screen[COLUMNS_MAX];
static unsigned column;
static unsigned pending_escape; /* characters of "\033[K" seen */

static void show(char c)
{
    if (pending_escape > 0) {
        assert_int_equal(c, "\033[K"[pending_escape]);
        if (++pending_escape == 3) {
            memset(screen + column, ' ', sizeof(screen) - column);
            pending_escape = 0;
        }
    } else if (c == '\033') {
        pending_escape = 1;
    } else if (c == '\b') {
        assert_true(column > 0);
        column--;
    } else if (c == '\r') {
        column = 0;
    } else if (c == '\n') {
        memset(screen, ' ', sizeof(screen));
        column = 0;
    } else {
        assert_true(c >= ' ' && c < 127);
        assert_true(column < sizeof(screen));
        screen[column++] = c;
    }
}

static void draw(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        show(text[i]);
    }
}

static struct line_editor editor;
static char finished[LINE_EDITOR_BYTES]; /* last finished line */
static unsigned lines, cancels, completions, ends;

static int begin(void **state)
{
    (void)state;
    memset(screen, ' ', sizeof(screen));
    column = pending_escape = lines = cancels = completions = ends = 0;
    finished[0] = '\0';
    line_editor_init(&editor, PROMPT, draw);
    line_editor_begin(&editor);
    return 0;
}

/* E1, and what the terminal shows is the prompt and the line with the cursor where it should be. */
static void check_shown(void)
{
    size_t prompt = strlen(PROMPT);
    assert_true(editor.length < sizeof(editor.text));
    assert_true(editor.cursor <= editor.length);
    assert_int_equal(strlen(editor.text), editor.length);
    assert_memory_equal(screen, PROMPT, prompt);
    assert_memory_equal(screen + prompt, editor.text, editor.length);
    assert_int_equal(screen[prompt + editor.length], ' ');
    assert_int_equal(column, prompt + editor.cursor);
}

static void feed(unsigned char byte)
{
    switch (line_editor_feed(&editor, byte)) {
    case LINE_EDITOR_LINE:
        strcpy(finished, editor.text);
        lines++;
        line_editor_begin(&editor);
        break;
    case LINE_EDITOR_CANCEL:
        cancels++;
        line_editor_begin(&editor);
        break;
    case LINE_EDITOR_COMPLETE:
        completions++;
        break;
    case LINE_EDITOR_END:
        assert_int_equal(editor.length, 0);
        ends++;
        break;
    case LINE_EDITOR_MORE:
        break;
    }
}

static void type(const char *keys)
{
    for (; *keys != '\0'; keys++) {
        feed((unsigned char)*keys);
        check_shown();
    }
}

#define UP    "\033[A"
#define DOWN  "\033[B"
#define RIGHT "\033[C"
#define LEFT  "\033[D"

static const struct {
    const char *name, *keys, *line;
} cases[] = {
    {"plain text", "cpus\r", "cpus"},
    {"left and insert", "cus" LEFT LEFT "p\r", "cpus"},
    {"left stops at the start", "b" LEFT LEFT LEFT "a\r", "ab"},
    {"right stops at the end", "a" RIGHT RIGHT "b\r", "ab"},
    {"right goes over a character", "ac" LEFT LEFT RIGHT "b\r", "abc"},
    {"backspace takes the character before", "abx\bc\r", "abc"},
    {"DEL is backspace", "abx\177c\r", "abc"},
    {"backspace at the start does nothing", "\b\babc\r", "abc"},
    {"backspace in the middle", "axbc" LEFT LEFT "\b\r", "abc"},
    {"delete takes the character at the cursor", "xabc\001\033[3~\r", "abc"},
    {"ctrl-d is delete", "xabc\001\004\r", "abc"},
    {"delete at the end does nothing", "abc\033[3~\r", "abc"},
    {"home and end", "bc\033[Ha\033[Fd\r", "abcd"},
    {"home and end of a vt", "bc\033[1~a\033[4~d\r", "abcd"},
    {"home and end of an application keypad", "bc\033OHa\033OFd\r", "abcd"},
    {"ctrl-a and ctrl-e", "bc\001a\005d\r", "abcd"},
    {"ctrl-b and ctrl-f", "ac\002b\006d\r", "abcd"},
    {"ctrl-k cuts to the end", "abcd" LEFT LEFT "\013\r", "ab"},
    {"ctrl-u cuts to the start", "abcd" LEFT LEFT "\025\r", "cd"},
    {"ctrl-w cuts a word", "read rip\027rsp\r", "read rsp"},
    {"ctrl-w cuts blanks before the cursor, too", "read rip  \027\r", "read "},
    {"ctrl-w at the start does nothing", "\027abc\r", "abc"},
    {"a key with modifiers is that key", "ac\033[1;5Db\r", "abc"},
    {"an unknown key is swallowed whole", "a\033[17~b\r", "ab"},
    {"escape eats one key at most", "a\033xb\r", "ab"},
    {"other control characters are no text", "a\016\017\034b\r", "ab"},
    {"bytes above 127 are no text", "a\303\244b\r", "ab"},
    {"LF ends a line", "cpus\n", "cpus"},
    {"up brings the last line", "one\r" UP "\r", "one"},
    {"up twice the one before", "one\rtwo\r" UP UP "\r", "one"},
    {"down comes back", "one\rtwo\r" UP UP DOWN "\r", "two"},
    {"down from the last is what was being typed", "one\rdra" UP DOWN "ft\r", "draft"},
    {"a line from history can be changed", "one\r" UP "s\r", "ones"},
    {"a longer line replaced by a shorter", "one\rlonger line" UP "\r", "one"},
    {"up at the top stays", "one\r" UP UP UP "\r", "one"},
    {"ctrl-p and ctrl-n", "one\rtwo\r\020\020\016\r", "two"},
    {"blank lines are not remembered", "one\r   \r" UP "\r", "one"},
    {"repetitions are remembered once", "one\rtwo\rtwo\r" UP UP "\r", "one"},
};

static void test_keys(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(state);
        type(cases[i].keys);
        if (strcmp(finished, cases[i].line) != 0) {
            fail_msg("%s: '%s' instead of '%s'", cases[i].name, finished, cases[i].line);
        }
    }
}

static void test_crlf_is_one_end_of_line(void **state)
{
    (void)state;
    type("one\r\ntwo\r\nthree\n");
    assert_int_equal(lines, 3);
    assert_string_equal(finished, "three");
    type("\r\r");
    assert_int_equal(lines, 5);
    type("\n");
    assert_int_equal(lines, 5);
    type("\n");
    assert_int_equal(lines, 6);
}

static void test_cancel_forgets_the_line(void **state)
{
    (void)state;
    type("abc\003");
    assert_int_equal(cancels, 1);
    assert_int_equal(editor.length, 0);
    type("d\r");
    assert_string_equal(finished, "d");
}

static void test_tab_asks_for_completion(void **state)
{
    (void)state;
    type("cp\t");
    assert_int_equal(completions, 1);
    line_editor_insert(&editor, "us ", 3);
    check_shown();
    type("\r");
    assert_string_equal(finished, "cpus ");
}

static void test_redraw_shows_the_line_again(void **state)
{
    (void)state;
    type("abc" LEFT "\014");
    check_shown();
}

static void test_end_only_in_an_empty_line(void **state)
{
    (void)state;
    type("\004");
    assert_int_equal(ends, 1);
    type("ab\001\004");
    assert_int_equal(ends, 1);
    assert_string_equal(editor.text, "b");
}

static void test_hidden_for_other_text(void **state)
{
    (void)state;
    type("print x\002");
    line_editor_hide(&editor);
    for (unsigned i = 0; i < COLUMNS_MAX; i++) {
        assert_int_equal(screen[i], ' ');
    }
    draw("job done\n", 9);
    line_editor_show(&editor);
    check_shown();
}

static void test_a_full_line_takes_no_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * LINE_EDITOR_BYTES; i++) {
        feed('a');
    }
    check_shown();
    assert_int_equal(editor.length, LINE_EDITOR_BYTES - 1);
    char more[LINE_EDITOR_BYTES * 2];
    memset(more, 'b', sizeof(more));
    line_editor_insert(&editor, more, sizeof(more));
    check_shown();
    type("\001\b\005\b\r");
    assert_int_equal(strlen(finished), LINE_EDITOR_BYTES - 2);
}

static void test_history_keeps_the_newest(void **state)
{
    (void)state;
    char line[16];
    for (unsigned i = 0; i < LINE_EDITOR_HISTORY + 5; i++) {
        line[0] = (char)('A' + i % 26);
        line[1] = (char)('a' + i / 26);
        line[2] = '\r';
        line[3] = '\0';
        type(line);
    }
    for (unsigned i = 0; i < LINE_EDITOR_HISTORY + 9; i++) {
        type(UP);
    }
    type("\r");
    assert_int_equal(finished[0], 'A' + 5);
    assert_int_equal(finished[1], 'a');
}

static void test_search_finds_older_and_older_lines(void **state)
{
    (void)state;
    type("bt 4\rthreads\rbt all\rprint 1\r");
    type("bt\022\r");
    assert_string_equal(finished, "bt all");
    type("bt 4\rmem\rbt\022\022\r");
    assert_string_equal(finished, "bt all");
    type("bt\022\022\022\022\022\r"); /* the oldest stays */
    assert_string_equal(finished, "bt 4");
    type("nothing\022\r");
    assert_string_equal(finished, "nothing");
}

static void test_random_bytes_keep_line_and_screen_equal(void **state)
{
    static const char keys[] =
        "abc xyz\b\177\001\002\003\004\005\006\t\n\013\014\r\016\020\025\027\033[ABCDHF3~O;1";
    (void)state;
    srand(1);
    for (unsigned i = 0; i < RANDOM_BYTES; i++) {
        feed(rand() % 16 == 0 ? (unsigned char)rand()
                              : (unsigned char)keys[(size_t)rand() % (sizeof(keys) - 1)]);
        check_shown();
    }
    assert_true(lines > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keys, begin),
        cmocka_unit_test_setup(test_crlf_is_one_end_of_line, begin),
        cmocka_unit_test_setup(test_cancel_forgets_the_line, begin),
        cmocka_unit_test_setup(test_tab_asks_for_completion, begin),
        cmocka_unit_test_setup(test_redraw_shows_the_line_again, begin),
        cmocka_unit_test_setup(test_end_only_in_an_empty_line, begin),
        cmocka_unit_test_setup(test_hidden_for_other_text, begin),
        cmocka_unit_test_setup(test_a_full_line_takes_no_more, begin),
        cmocka_unit_test_setup(test_history_keeps_the_newest, begin),
        cmocka_unit_test_setup(test_search_finds_older_and_older_lines, begin),
        cmocka_unit_test_setup(test_random_bytes_keep_line_and_screen_equal, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
