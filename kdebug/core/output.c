/* SPDX-License-Identifier: MIT */
/*
 * Lines through filters and pager (output.h).
 *
 * Without filters characters go out as they come. With filters they are collected into a line,
 * and a complete line runs down the chain: each filter passes it on, drops it, or keeps it for
 * the end. tail keeps the text of the last lines in one static buffer, so there is one tail per
 * statement and at most TAIL_LINES lines.
 */
#include "kdebug/core/output.h"

#include <stdarg.h>

#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/passphrase.h"
#include "kdebug/core/remote.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/terminal.h"

#define TAIL_LINES     64u
#define LINES_DEFAULT  10u
#define TEXT_BYTES_MAX 512u
#define CTRL_C         3
#define BACKSPACE      8
#define DELETE         127

static struct kd_filter chain[KD_FILTERS_MAX];
static unsigned chain_length;
static char line[KD_LINE_BYTES_MAX];
static size_t line_bytes;

static char tail_text[TAIL_LINES][KD_LINE_BYTES_MAX];
static uint16_t tail_length[TAIL_LINES];
static unsigned tail_stage; /* which filter of the chain is the tail */

static unsigned pager_lines, pager_row;
static char sought[64]; /* what was looked for last, "" nothing yet */
static bool is_seeking; /* lines without it are passed over */
static char passed[KD_LINE_BYTES_MAX];
static size_t passed_bytes;

void kd_pager_set(unsigned lines)
{
    pager_lines = lines;
}

static int wait_key(void)
{
    int key;
    while ((key = kd_terminal_get()) < 0) {
        if (kd_terminal_interrupted()) {
            return CTRL_C;
        }
    }
    return key;
}

/* What stands behind '/', to Enter; nothing: the same as last time. */
static void read_sought(void)
{
    char text[sizeof(sought)];
    size_t length = 0;
    kd_terminal_write("\r\033[K/", 5);
    for (int key = wait_key(); key != '\r' && key != '\n'; key = wait_key()) {
        if (key == CTRL_C) {
            kd_raise(KD_CAUSE_QUIT);
        }
        if ((key == BACKSPACE || key == DELETE) && length > 0) {
            length--;
            kd_terminal_write("\b \b", 3);
        } else if (key >= ' ' && key < DELETE && length < sizeof(text) - 1) {
            text[length++] = (char)key;
            kd_terminal_put((char)key);
        }
    }
    if (length > 0) {
        memcpy(sought, text, length);
        sought[length] = '\0';
    }
}

/* Nobody may answer before the passphrase, gdb's "monitor" cannot, and what is packed hides the question. */
static void ask_for_more(void)
{
    static const char question[] = "-- more: space, enter, /text, n, q --";
    pager_row = 0;
    if (kd_passphrase_is_locked() || kd_remote_is_attached() || kd_terminal_is_filtered()) {
        return;
    }
    kd_terminal_write(question, sizeof(question) - 1);
    int key = wait_key();
    if (key == '/') {
        read_sought();
    }
    kd_terminal_write("\r\033[K", 4);
    if (key == 'q' || key == CTRL_C) {
        kd_raise(KD_CAUSE_QUIT);
    }
    if (key == '\r' || key == '\n') {
        pager_row = pager_lines - 1;
    }
    is_seeking = (key == '/' || key == 'n') && sought[0] != '\0';
}

static bool contains(const char *text, size_t bytes, const char *pattern)
{
    size_t length = strlen(pattern);
    for (size_t i = 0; i + length <= bytes; i++) {
        if (memcmp(text + i, pattern, length) == 0) {
            return true;
        }
    }
    return false;
}

static void put_shown(char c)
{
    kd_terminal_put(c);
    if (c == '\n' && pager_lines != 0 && ++pager_row >= pager_lines) {
        ask_for_more();
    }
}

/* A line that has what is sought is the first of the next page. */
static void pass_over(char c)
{
    if (c != '\n' && passed_bytes < sizeof(passed)) {
        passed[passed_bytes++] = c;
        return;
    }
    size_t bytes = passed_bytes;
    passed_bytes = 0;
    is_seeking = !contains(passed, bytes, sought);
    for (size_t i = 0; i < bytes && !is_seeking; i++) {
        put_shown(passed[i]);
    }
    if (!is_seeking) {
        put_shown(c);
    }
}

static void put_out(char c)
{
    if (is_seeking) {
        pass_over(c);
    } else {
        put_shown(c);
    }
}

static void keep_for_tail(struct kd_filter *filter, unsigned stage, const char *text, size_t bytes)
{
    unsigned slot = (unsigned)(filter->seen % filter->limit);
    memcpy(tail_text[slot], text, bytes);
    tail_length[slot] = (uint16_t)bytes;
    tail_stage = stage;
    filter->seen++;
}

/* Run one line (without its end) through the filters from a stage on. */
static void filter_line(unsigned stage, const char *text, size_t bytes)
{
    for (; stage < chain_length; stage++) {
        struct kd_filter *filter = &chain[stage];
        switch (filter->kind) {
        case KD_FILTER_GREP:
        case KD_FILTER_GREP_NOT:
            if (contains(text, bytes, filter->pattern) == (filter->kind == KD_FILTER_GREP_NOT)) {
                return;
            }
            break;
        case KD_FILTER_HEAD:
            if (filter->seen++ >= filter->limit) {
                return;
            }
            break;
        case KD_FILTER_COUNT:
            filter->seen++;
            return;
        case KD_FILTER_TAIL:
            keep_for_tail(filter, stage, text, bytes);
            return;
        case KD_FILTER_PACKED:
            break;
        }
    }
    for (size_t i = 0; i < bytes; i++) {
        put_out(text[i]);
    }
    put_out('\n');
}

static void take_char(char c)
{
    if (chain_length == 0) {
        put_out(c);
        return;
    }
    if (c != '\n') {
        line[line_bytes++] = c;
    }
    if (c == '\n' || line_bytes == sizeof(line)) {
        size_t bytes = line_bytes;
        line_bytes = 0;
        filter_line(0, line, bytes);
    }
}

void kd_print_text(const char *text, size_t bytes)
{
    if (kd_terminal_interrupted()) {
        kd_raise(KD_CAUSE_QUIT);
    }
    for (size_t i = 0; i < bytes; i++) {
        take_char(text[i]);
    }
}

void kd_print(const char *format, ...)
{
    static char text[TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    size_t bytes = format_text_v(text, sizeof(text), format, args);
    va_end(args);
    kd_print_text(text, MIN(bytes, sizeof(text) - 1));
}

void kd_print_address(vaddr_t address)
{
    char text[128];
    kd_symbol_text(address, text, sizeof(text));
    kd_print("%s", text);
}

void kd_print_byte(char c)
{
    if (kd_terminal_interrupted()) {
        kd_raise(KD_CAUSE_QUIT);
    }
    kd_terminal_put(c);
}

void kd_output_begin(const struct kd_filter *filters, unsigned count)
{
    chain_length = MIN(count, KD_FILTERS_MAX);
    for (unsigned i = 0; i < chain_length; i++) {
        chain[i] = filters[i];
        chain[i].seen = 0;
    }
    line_bytes = passed_bytes = 0;
    pager_row = 0;
    is_seeking = false;
}

/* A filter that kept something gives it to those after it. */
static void finish_filter(unsigned stage)
{
    struct kd_filter *filter = &chain[stage];
    if (filter->kind == KD_FILTER_COUNT) {
        char number[24];
        size_t bytes =
            format_text(number, sizeof(number), "%llu", (unsigned long long)filter->seen);
        filter_line(stage + 1, number, bytes);
    }
    if (filter->kind == KD_FILTER_TAIL && tail_stage == stage) {
        uint64_t first = filter->seen > filter->limit ? filter->seen - filter->limit : 0;
        for (uint64_t i = first; i < filter->seen; i++) {
            unsigned slot = (unsigned)(i % filter->limit);
            filter_line(stage + 1, tail_text[slot], tail_length[slot]);
        }
    }
}

void kd_output_end(void)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        if (line_bytes > 0) {
            take_char('\n');
        }
        for (unsigned i = 0; i < chain_length; i++) {
            finish_filter(i);
        }
        kd_guard_leave(&guard);
    }
    if (is_seeking) {
        static const char words[] = "-- not found --\n";
        is_seeking = false;
        kd_terminal_write(words, sizeof(words) - 1);
    }
    chain_length = 0;
    line_bytes = 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next word of [*at, end); its length, 0 at the end. */
static size_t next_word(const char **at, const char *end)
{
    while (*at < end && is_blank(**at)) {
        (*at)++;
    }
    size_t length = 0;
    while (*at + length < end && !is_blank((*at)[length])) {
        length++;
    }
    return length;
}

static bool word_is(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

bool kd_filter_is(const char *text, size_t bytes)
{
    static const char *const known[] = {"grep", "head", "tail", "count", "z"};
    const char *at = text;
    size_t length = next_word(&at, text + bytes);
    for (unsigned i = 0; i < ARRAY_COUNT(known); i++) {
        if (word_is(at, length, known[i])) {
            return true;
        }
    }
    return false;
}

static bool parse_pattern(const char *at, const char *end, struct kd_filter *out)
{
    out->kind = KD_FILTER_GREP;
    size_t length = next_word(&at, end);
    if (word_is(at, length, "-v")) {
        out->kind = KD_FILTER_GREP_NOT;
        at += length;
        (void)next_word(&at, end);
    }
    while (end > at && is_blank(end[-1])) {
        end--;
    }
    length = (size_t)(end - at);
    if (length >= 2 && (*at == '"' || *at == '\'') && end[-1] == *at) {
        at++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(out->pattern)) {
        return false;
    }
    memcpy(out->pattern, at, length);
    out->pattern[length] = '\0';
    return true;
}

/* The next word as a number; what stands in *out if there is none. */
static bool parse_number(const char **at, const char *end, uint64_t *out)
{
    size_t length = next_word(at, end);
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9' || number > UINT32_MAX) {
            return false;
        }
        number = number * 10 + (uint64_t)((*at)[i] - '0');
    }
    *out = length == 0 ? *out : number;
    *at += length;
    return true;
}

static bool parse_lines(const char *at, const char *end, uint64_t most, struct kd_filter *out)
{
    out->limit = LINES_DEFAULT;
    return parse_number(&at, end, &out->limit) && out->limit > 0 && out->limit <= most &&
           next_word(&at, end) == 0;
}

static bool parse_packed(const char *at, const char *end, struct kd_filter *out)
{
    out->kind = KD_FILTER_PACKED;
    out->seen = UINT64_MAX;
    return parse_number(&at, end, &out->limit) && parse_number(&at, end, &out->seen) &&
           next_word(&at, end) == 0;
}

bool kd_filter_parse(const char *text, size_t bytes, struct kd_filter *out)
{
    const char *at = text;
    const char *end = text + bytes;
    size_t length = next_word(&at, end);
    const char *rest = at + length;
    *out = (struct kd_filter){0};
    if (word_is(at, length, "grep")) {
        return parse_pattern(rest, end, out);
    }
    if (word_is(at, length, "head")) {
        out->kind = KD_FILTER_HEAD;
        return parse_lines(rest, end, UINT32_MAX, out);
    }
    if (word_is(at, length, "tail")) {
        out->kind = KD_FILTER_TAIL;
        return parse_lines(rest, end, TAIL_LINES, out);
    }
    if (word_is(at, length, "z")) {
        return parse_packed(rest, end, out);
    }
    out->kind = KD_FILTER_COUNT;
    return word_is(at, length, "count") && next_word(&rest, end) == 0;
}
