/* SPDX-License-Identifier: MIT */
/*
 * The shell's language. A line is read pipeline by pipeline, each with the variables as they are when it is its turn.
 *
 *     NAME=VALUE                 a variable, which programs get in their environment
 *     ls /tmp | wc > /tmp/n &    programs side by side, files in and out, in the background
 *     a && b || c ; d            b if a ended with 0, c if not
 *     ls /x 2> /tmp/e            what it says went wrong; 2>&1: to where its output goes
 *     'as it is'  "with $NAME"   \x  the letter x     $NAME ${NAME} $?     # a remark
 *     * ? in a word              names of files that fit, if there are any
 *
 * What a variable holds stays one word. No system calls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SHELL_LINE_BYTES 1024u /* longest line with its NUL */
#define WORDS_MAX        20u
#define COMMANDS_MAX     6u /* of a pipeline */

/* What stands behind a pipeline and decides about the next. */
enum connector { CONNECT_END, CONNECT_ALWAYS, CONNECT_IF_OK, CONNECT_IF_NOT };

struct redirection {
    const char *file; /* NULL: none */
    bool appends;
};

struct command {
    const char *word[WORDS_MAX + 1]; /* NULL after the last */
    uint32_t patterns;               /* a bit for each word that * or ? makes a pattern */
    unsigned count;
    struct redirection input, output, errors;
    bool errors_to_output; /* 2>&1 */
};

struct pipeline {
    struct command command[COMMANDS_MAX];
    unsigned count; /* 0: nothing stood there */
    bool in_background;
    enum connector next;
};

/* The value of a variable; NULL: there is none. */
typedef const char *(*variable_source)(const char *name);

struct parser {
    const char *line, *at;
    variable_source variable;
    const char *error;               /* what is wrong; then at is where */
    char text[2 * SHELL_LINE_BYTES]; /* of the words of one pipeline */
    unsigned used;
};

void parser_begin(struct parser *parser, const char *line, variable_source variable);

/*
 * parser_next() - the next pipeline; its words live until the next call. False: there is none any more, or parser->error says what is
 * wrong.
 */
bool parser_next(struct parser *parser, struct pipeline *out);

/* has_redirection() - it reads or writes somewhere else than its shell. */
bool has_redirection(const struct command *command);

/* is_name() - a letter or _, then letters, digits and _, up to the end. @length  of the text */
bool is_name(const char *text, unsigned length);

/* pattern_fits() - * stands for any letters, ? for one. */
bool pattern_fits(const char *pattern, const char *name);
