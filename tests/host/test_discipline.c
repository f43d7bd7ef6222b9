/* SPDX-License-Identifier: MIT */
/* A terminal without its devices: D1 to D3 of userspace/services/terminal/discipline.h, and what keys send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/drivers/input/keyboard.h"
#include "userspace/services/terminal/discipline.h"
#include "userspace/services/terminal/key_bytes.h"

#define COMPLETE TERMINAL_COMPLETE

static struct discipline terminal;
static char shown[4096], line[LINE_EDITOR_BYTES], bytes[4096];
static size_t shown_length, bytes_length;
static uint64_t line_token, bytes_token, refused_token, signal_token, signal_time, time_now;
static status_t refusal;
static unsigned lines, signals, cursor;
static enum terminal_end end;
static enum terminal_signal signal_kind;
static bool reader_is_gone, listener_is_gone;
static uint64_t dead_token; /* of a listener that has ended */
static struct session *own; /* the terminal's */

static void draw(const char *text, size_t length)
{
    assert_true(shown_length + length < sizeof(shown));
    memcpy(shown + shown_length, text, length);
    shown_length += length;
    shown[shown_length] = '\0';
}

static void take_line(uint64_t token, const struct line_editor *editor, enum terminal_end how)
{
    line_token = token;
    end = how;
    cursor = editor->cursor;
    strcpy(line, editor->text);
    lines++;
}

static bool take_bytes(uint64_t token, const char *data, uint64_t count)
{
    if (reader_is_gone) {
        return false;
    }
    bytes_token = token;
    memcpy(bytes + bytes_length, data, count);
    bytes_length += count;
    return true;
}

static void take_refusal(uint64_t token, status_t status)
{
    refused_token = token;
    refusal = status;
}

static uint64_t now(void)
{
    return ++time_now;
}

static bool take_signal(uint64_t token, enum terminal_signal what, uint64_t time)
{
    if (listener_is_gone || token == dead_token) {
        return false;
    }
    signal_token = token;
    signal_kind = what;
    signal_time = time;
    signals++;
    return true;
}

static int begin(void **state)
{
    static const struct discipline_answers answers = {draw,         take_line, take_bytes,
                                                      take_refusal, now,       take_signal};

    (void)state;
    discipline_init(&terminal, &answers);
    own = &terminal.sessions.table[0];
    shown_length = bytes_length = lines = signals = 0;
    shown[0] = '\0';
    line_token = bytes_token = refused_token = signal_token = signal_time = 0;
    reader_is_gone = listener_is_gone = false;
    dead_token = 0;
    return 0;
}

static void type(const char *text)
{
    discipline_type(&terminal, text, strlen(text));
}

static void write_text(const char *text)
{
    discipline_write(&terminal, text, strlen(text));
}

static bool read_line(uint64_t token, uint32_t flags, const char *prompt, const char *text)
{
    return discipline_read_line(&terminal, own, token, flags, prompt, strlen(prompt), text,
                                strlen(text));
}

static void test_a_line_is_edited_and_shown(void **state)
{
    (void)state;
    assert_true(read_line(7, 0, "$ ", ""));
    type("lz\177s\r");
    assert_int_equal(lines, 1);
    assert_int_equal(line_token, 7);
    assert_int_equal(end, TERMINAL_LINE);
    assert_string_equal(line, "ls");
    assert_non_null(strstr(shown, "$ lz"));
}

/* D1: nobody reads at first; then one line each, and bytes for who wants bytes. */
static void test_typed_ahead_is_kept_in_order(void **state)
{
    (void)state;
    type("one\rtwo\rrest");
    assert_int_equal(lines, 0);
    read_line(1, 0, "$ ", "");
    assert_string_equal(line, "one");
    read_line(2, 0, "$ ", "");
    assert_string_equal(line, "two");
    discipline_read_bytes(&terminal, own, 3);
    assert_int_equal(bytes_token, 3);
    assert_int_equal(bytes_length, 4);
    assert_memory_equal(bytes, "rest", 4);
    assert_int_equal(lines, 2);
}

/* D1: what does not fit is refused with the bell, and what was there before is whole. */
static void test_typed_ahead_has_an_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TYPED_AHEAD + 3; i++) {
        discipline_type(&terminal, "x", 1);
    }
    assert_string_equal(shown, "\a\a\a");
    for (unsigned i = 1; bytes_length < TYPED_AHEAD; i++) {
        discipline_read_bytes(&terminal, own, i);
        assert_int_equal(bytes_token, i);
    }
    discipline_read_bytes(&terminal, own, 1000);
    assert_int_equal(bytes_length, TYPED_AHEAD);
    type("y");
    assert_int_equal(bytes_token, 1000);
    assert_int_equal(bytes[TYPED_AHEAD], 'y');
}

/* A reader that has ended takes nothing with it. */
static void test_bytes_for_a_reader_that_is_gone(void **state)
{
    (void)state;
    discipline_read_bytes(&terminal, own, 1);
    reader_is_gone = true;
    type("ab");
    reader_is_gone = false;
    type("c");
    assert_int_equal(bytes_length, 0);
    discipline_read_bytes(&terminal, own, 2);
    assert_int_equal(bytes_length, 3);
    assert_memory_equal(bytes, "abc", 3);
}

/* D2 */
static void test_control_c(void **state)
{
    (void)state;
    discipline_listen(&terminal, own, 50);
    type("typed ahead\003");
    assert_int_equal(signals, 1);
    assert_int_equal(signal_kind, TERMINAL_INTERRUPT);
    assert_int_equal(signal_token, 50);
    read_line(1, 0, "$ ", "");
    assert_int_equal(lines,
                     0); /* what was typed before the interrupt is gone with what it was for */
    type("half\003");
    assert_int_equal(end, TERMINAL_CANCELLED);
    assert_int_equal(signals, 1);
    discipline_read_bytes(&terminal, own, 2);
    type("\003");
    assert_int_equal(bytes_length, 1);
    assert_int_equal(bytes[0], 3);
    assert_int_equal(signals, 1);
    type("\003");
    assert_int_equal(signals, 1); /* nobody waits for it: */
    discipline_listen(&terminal, own, 51);
    assert_int_equal(signals, 2);
    assert_int_equal(signal_token, 51);
    discipline_listen(&terminal, own, 52);
    assert_int_equal(signals, 2); /* told once */

    /* Who is not there any more has not been told; the next one is. */
    listener_is_gone = true;
    type("\003");
    listener_is_gone = false;
    uint64_t typed_at = time_now;
    discipline_listen(&terminal, own, 53);
    assert_int_equal(signal_token, 53);
    assert_int_equal(signal_time, typed_at);
    discipline_listen(&terminal, own, 54);
    discipline_listen(&terminal, own, 55);
    assert_int_equal(refused_token, 54);
    assert_int_equal(refusal, ERR_BUSY);
}

static void test_end_of_input(void **state)
{
    (void)state;
    read_line(1, 0, "$ ", "");
    type("\004");
    assert_int_equal(lines, 1);
    assert_int_equal(end, TERMINAL_END);
    assert_string_equal(line, "");
}

/* D3: the last thing on the screen is prompt and line, with the cursor where it was. */
static void test_text_around_a_line(void **state)
{
    (void)state;
    read_line(1, 0, "$ ", "");
    type("abc\002");
    shown_length = 0;
    write_text("done\n");
    assert_string_equal(shown, "\r\033[Kdone\n$ abc\b");
    shown_length = 0;
    write_text("no end");
    assert_string_equal(shown, "\r\033[Kno end\n$ abc\b");
    type("\r");
    assert_string_equal(line, "abc");
    shown_length = 0;
    write_text("plain");
    assert_string_equal(shown, "plain");
}

static void test_completion_goes_on(void **state)
{
    (void)state;
    read_line(1, COMPLETE, "$ ", "");
    type("ca x\002\002\t");
    assert_int_equal(end, TERMINAL_TAB);
    assert_string_equal(line, "ca x");
    assert_int_equal(cursor, 2);
    assert_true(read_line(2, COMPLETE | TERMINAL_GO_ON, "$ ", "t"));
    type("\r");
    assert_int_equal(line_token, 2);
    assert_string_equal(line, "cat x");

    read_line(3, 0, "$ ", "");
    type("\tq\r"); /* who does not complete is not asked to */
    assert_string_equal(line, "q");
    read_line(4, TERMINAL_GO_ON, "$ ", ""); /* there is nothing to go on with */
    type("\r");
    assert_string_equal(line, "");
}

static void test_one_reader_at_a_time(void **state)
{
    (void)state;
    read_line(1, 0, "$ ", "");
    type("mine");
    discipline_read_bytes(&terminal, own, 2);
    assert_int_equal(refused_token, 1);
    assert_int_equal(refusal, ERR_BUSY);
    read_line(3, 0, "> ", "");
    assert_int_equal(refused_token, 2);
    type("x\r");
    assert_int_equal(line_token, 3);
    assert_string_equal(line, "x");
    assert_int_equal(lines, 1);
}

static void test_prompts_that_cannot_be(void **state)
{
    char long_prompt[PROMPT_BYTES + 1];

    (void)state;
    memset(long_prompt, 'p', sizeof(long_prompt));
    long_prompt[PROMPT_BYTES] = '\0';
    assert_false(read_line(1, 0, long_prompt, ""));
    assert_false(read_line(1, 0, "\033[2J", ""));
    assert_false(read_line(1, 0, "$ ", "a\nb"));
    assert_int_equal(own->reader.kind, READER_NONE);
}

/* ---- sessions ---- */

static struct session *begin_session(struct session *above)
{
    struct session *session = sessions_add(&terminal.sessions, above);

    assert_non_null(session);
    return session;
}

static void read_as(struct session *session, uint64_t token, const char *prompt)
{
    assert_true(discipline_read_line(&terminal, session, token, 0, prompt, strlen(prompt), "", 0));
}

/* D4: what a job in the background reads waits until the job has the terminal. */
static void test_a_reader_in_the_background_waits(void **state)
{
    (void)state;
    struct session *job = begin_session(own);
    read_line(1, 0, "$ ", "");
    shown_length = 0;
    read_as(job, 2, "job> ");
    assert_int_equal(shown_length, 0);
    type("one\rtwo\r");
    assert_int_equal(line_token, 1);
    assert_string_equal(line, "one");
    assert_int_equal(lines, 1);
    assert_true(discipline_focus(&terminal, own, job));
    assert_int_equal(line_token, 2);
    assert_string_equal(line, "two");
    assert_non_null(strstr(shown, "job> "));

    /* Bytes, too. */
    assert_true(discipline_focus(&terminal, own, own));
    discipline_read_bytes(&terminal, job, 3);
    type("x");
    assert_int_equal(bytes_length, 0);
    assert_true(discipline_focus(&terminal, own, job));
    assert_int_equal(bytes_token, 3);
}

/* T1 */
static void test_nobody_takes_the_terminal(void **state)
{
    (void)state;
    struct session *job = begin_session(own), *other = begin_session(own);
    struct session *below = begin_session(job);
    assert_true(discipline_focus(&terminal, own, job));
    assert_true(discipline_focus(&terminal, other, other)); /* in the background: */
    assert_ptr_equal(terminal.sessions.current, job);
    assert_false(discipline_focus(&terminal, job, own)); /* it is not below */
    assert_false(discipline_focus(&terminal, job, other));
    assert_true(discipline_focus(&terminal, job, below));
    assert_false(discipline_focus(&terminal, below, job));
    assert_true(discipline_focus(&terminal, job, job));
    assert_true(discipline_focus(&terminal, job, below));
    assert_true(discipline_focus(&terminal, own, own)); /* from below what it gave it to */
    assert_true(discipline_focus(&terminal, below, below));
    assert_ptr_equal(terminal.sessions.current, own);
}

/* T1: what a shell in the background has said counts when it gets the terminal. */
static void test_who_has_it_in_ones_place(void **state)
{
    (void)state;
    struct session *shell = begin_session(own), *job = begin_session(shell);
    assert_true(discipline_focus(&terminal, shell, job));
    assert_ptr_equal(terminal.sessions.current, own);
    assert_true(discipline_focus(&terminal, own, shell));
    assert_ptr_equal(terminal.sessions.current, job);
    discipline_listen(&terminal, shell, 1);
    type("\032"); /* stops the job, and its shell has the terminal */
    assert_ptr_equal(terminal.sessions.current, shell);
    assert_true(discipline_focus(&terminal, shell, job));
    discipline_end_session(&terminal, job);
    assert_ptr_equal(terminal.sessions.current, shell);
    assert_true(discipline_focus(&terminal, own, own));
    assert_true(discipline_focus(&terminal, own, shell));
    assert_ptr_equal(terminal.sessions.current, shell);
}

/* T3: a shell that has ended takes no signal with it. */
static void test_a_listener_that_has_ended(void **state)
{
    (void)state;
    struct session *job = begin_session(own);
    discipline_listen(&terminal, own, 1);
    discipline_listen(&terminal, job, 2);
    assert_true(discipline_focus(&terminal, own, job));
    dead_token = 2;
    type("\003");
    assert_int_equal(signal_token, 1);
    discipline_listen(&terminal, own, 3);
    type("\032");
    assert_int_equal(signal_token, 3);
    assert_ptr_equal(terminal.sessions.current, own);

    /* It was told of one and has not come again. */
    discipline_listen(&terminal, job, 4);
    discipline_listen(&terminal, own, 5);
    assert_true(discipline_focus(&terminal, own, job));
    type("\003");
    assert_int_equal(signal_token, 4);
    type("\003");
    assert_int_equal(signal_token, 4);
    time_now += 2 * SIGNAL_PATIENCE;
    type("\003");
    assert_int_equal(signal_token, 5);
}

/* T2 */
static void test_sessions_end(void **state)
{
    (void)state;
    struct session *job = begin_session(own), *below = begin_session(job);
    uint64_t number = below->number;
    assert_true(discipline_focus(&terminal, own, below));
    read_as(below, 1, "> ");
    discipline_listen(&terminal, job, 2);
    discipline_end_session(&terminal, job);
    assert_int_equal(refusal, ERR_PEER_CLOSED);
    assert_int_equal(refused_token, 2); /* the last one; and before it */
    assert_null(sessions_find(&terminal.sessions, number));
    assert_ptr_equal(terminal.sessions.current, own);
    type("a\r");
    assert_int_equal(lines, 0);
    read_line(3, 0, "$ ", "");
    assert_string_equal(line, "a");

    for (unsigned round = 0; round < 3;
         round++) { /* all places, and a number is never used again */
        for (unsigned i = 1; i < SESSIONS; i++) {
            struct session *session = begin_session(own);
            assert_true(session->number > number);
            number = session->number;
        }
        assert_null(sessions_add(&terminal.sessions, own));
        discipline_end_below(&terminal, own);
    }
    assert_ptr_equal(sessions_find(&terminal.sessions, 0), own);
}

/* T3, D2: Ctrl-Z takes the terminal from a job, also from one that reads a line, and that line begins anew. */
static void test_control_z(void **state)
{
    (void)state;
    struct session *job = begin_session(own);
    discipline_listen(&terminal, own, 1);
    read_line(2, 0, "$ ", "");
    type("a\032b\r"); /* who reads lines itself has no use for it */
    assert_string_equal(line, "ab");
    assert_int_equal(signals, 0);

    assert_true(discipline_focus(&terminal, own, job));
    read_as(job, 3, "job> ");
    type("half\032ahead");
    assert_int_equal(signals, 1);
    assert_int_equal(signal_token, 1);
    assert_int_equal(signal_kind, TERMINAL_STOP);
    assert_ptr_equal(terminal.sessions.current, own);
    assert_non_null(strstr(shown, "^Z"));
    read_line(4, 0, "$ ", "");
    type("\r");
    assert_string_equal(line, "ahead"); /* typed for who has it now */
    shown_length = 0;
    assert_true(discipline_focus(&terminal, own, job));
    assert_non_null(strstr(shown, "job> "));
    type("whole\r");
    assert_int_equal(line_token, 3);
    assert_string_equal(line, "whole");

    discipline_listen(&terminal, own, 5); /* it computes, and does not read */
    type("\032");
    assert_int_equal(signal_token, 5);
    assert_ptr_equal(terminal.sessions.current, own);
}

/* T3: a shell that is a job listens for what it has started itself. */
static void test_who_is_told(void **state)
{
    (void)state;
    struct session *shell = begin_session(own), *job = begin_session(shell);
    discipline_listen(&terminal, own, 1);
    assert_true(discipline_focus(&terminal, own, shell));
    type("\003"); /* it has not begun to listen */
    assert_int_equal(signal_token, 1);
    discipline_listen(&terminal, own, 2);
    assert_true(discipline_read_line(&terminal, shell, 9, TERMINAL_LISTENS, "", 0, "", 0));
    type("sleep\r\032"); /* it has said that it will, and not come yet */
    assert_int_equal(signals, 1);
    discipline_listen(&terminal, shell, 3);
    assert_int_equal(signal_token, 3);
    assert_int_equal(signal_kind, TERMINAL_STOP);
    discipline_listen(&terminal, shell, 3);
    assert_true(discipline_focus(&terminal, shell, job));
    type("\003");
    assert_int_equal(signal_token, 3);
    type("\003"); /* nobody waits for it just now */
    assert_int_equal(signals, 3);
    discipline_listen(&terminal, shell, 4);
    assert_int_equal(signal_token, 4);
    discipline_end_session(&terminal, shell);
    assert_int_equal(refused_token, 0);
    type("\003");
    assert_int_equal(signal_token, 2);
}

static void random_session(uint64_t token)
{
    struct session *session = &terminal.sessions.table[rand() % SESSIONS];
    struct session *other = &terminal.sessions.table[rand() % SESSIONS];
    bool is_open = session == own || session->above != NULL;

    if (!is_open) {
        (void)sessions_add(&terminal.sessions, own);
        return;
    }
    switch (rand() % 5) {
    case 0:
        if (session != own) {
            discipline_end_session(&terminal, session);
        }
        break;
    case 1:
        if (other == own || other->above != NULL) {
            (void)discipline_focus(&terminal, session, other);
        }
        break;
    case 2:
        (void)sessions_add(&terminal.sessions, session);
        break;
    case 3:
        discipline_listen(&terminal, session, token);
        break;
    default:
        read_as(session, token, "> ");
    }
    assert_true(terminal.sessions.current == own || terminal.sessions.current->above != NULL);
}

/* Whatever is typed and written, tokens are answered once and nothing is written past the ends. */
static void test_random_use(void **state)
{
    (void)state;
    srand(1);
    uint64_t token = 1;
    for (unsigned i = 0; i < 200000; i++) {
        char data[8];
        unsigned count = 1 + (unsigned)rand() % sizeof(data);
        for (unsigned j = 0; j < count; j++) {
            data[j] = (char)(rand() % 3 == 0 ? rand() % 32 : rand() % 256);
        }
        shown_length = bytes_length = 0;
        switch (rand() % 7) {
        case 0:
            (void)read_line(token++, (uint32_t)rand() % 4, "$ ", "t");
            break;
        case 1:
            discipline_read_bytes(&terminal, own, token++);
            break;
        case 3:
            random_session(token++);
            break;
        case 2:
            discipline_write(&terminal, data, count);
            break;
        default:
            discipline_type(&terminal, data, count);
        }
        assert_true(terminal.typed_end - terminal.typed_first <= TYPED_AHEAD);
        assert_true(terminal.editor.length < LINE_EDITOR_BYTES);
    }
}

/* ---- keys ---- */

static void assert_key(uint8_t key, uint8_t modifiers, const char *expected)
{
    char out[KEY_BYTES_MAX + 1] = {0};
    struct input_event event = {.kind = INPUT_KEY,
                                .code = key,
                                .action = KEY_PRESSED,
                                .modifiers = modifiers,
                                .character = keyboard_character(&layout_us, key, modifiers, 0)};

    assert_int_equal(key_bytes(&event, out), strlen(expected));
    assert_memory_equal(out, expected, strlen(expected));
    event.action = KEY_REPEATED;
    assert_int_equal(key_bytes(&event, out), strlen(expected));
    event.action = KEY_RELEASED;
    assert_int_equal(key_bytes(&event, out), 0);
}

static void test_keys(void **state)
{
    (void)state;
    assert_key(KEY_A, 0, "a");
    assert_key(KEY_A, MODIFIER_SHIFT, "A");
    assert_key(KEY_A + 2, MODIFIER_CONTROL, "\003");
    assert_key(KEY_A + 1, MODIFIER_ALT & 4, "\033b");
    assert_key(KEY_ENTER, 0, "\r");
    assert_key(KEY_BACKSPACE, 0, "\177");
    assert_key(0x52, 0, "\033[A");
    assert_key(0x4c, 0, "\033[3~");
    assert_key(KEY_F1, 0, "\033OP");
    assert_key(KEY_F1 + 11, 0, "\033[24~");
    assert_key(KEY_CAPS_LOCK, 0, "");

    struct input_event event = {.kind = INPUT_KEY, .action = KEY_PRESSED, .character = 0xe4};
    char out[KEY_BYTES_MAX];
    assert_int_equal(key_bytes(&event, out), 2);
    assert_memory_equal(out, "\303\244", 2);
    event.character = 0x20ac;
    assert_int_equal(key_bytes(&event, out), 3);
    assert_memory_equal(out, "\342\202\254", 3);
    event = (struct input_event){.kind = INPUT_WHEEL, .y = 1};
    assert_int_equal(key_bytes(&event, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_line_is_edited_and_shown, begin),
        cmocka_unit_test_setup(test_typed_ahead_is_kept_in_order, begin),
        cmocka_unit_test_setup(test_typed_ahead_has_an_end, begin),
        cmocka_unit_test_setup(test_bytes_for_a_reader_that_is_gone, begin),
        cmocka_unit_test_setup(test_control_c, begin),
        cmocka_unit_test_setup(test_end_of_input, begin),
        cmocka_unit_test_setup(test_text_around_a_line, begin),
        cmocka_unit_test_setup(test_completion_goes_on, begin),
        cmocka_unit_test_setup(test_one_reader_at_a_time, begin),
        cmocka_unit_test_setup(test_prompts_that_cannot_be, begin),
        cmocka_unit_test_setup(test_a_reader_in_the_background_waits, begin),
        cmocka_unit_test_setup(test_nobody_takes_the_terminal, begin),
        cmocka_unit_test_setup(test_who_has_it_in_ones_place, begin),
        cmocka_unit_test_setup(test_a_listener_that_has_ended, begin),
        cmocka_unit_test_setup(test_sessions_end, begin),
        cmocka_unit_test_setup(test_control_z, begin),
        cmocka_unit_test_setup(test_who_is_told, begin),
        cmocka_unit_test_setup(test_random_use, begin),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
