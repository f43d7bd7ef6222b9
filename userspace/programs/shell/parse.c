/* SPDX-License-Identifier: MIT */
/* See parse.h. */
#include "userspace/programs/shell/parse.h"

#include <stddef.h>
#include <string.h>

#define NAME_BYTES 32u

void parser_begin(struct parser *parser, const char *line, variable_source variable)
{
    parser->line = parser->at = line;
    parser->variable = variable;
    parser->error = NULL;
    parser->used = 0;
}

static bool fail(struct parser *parser, const char *error)
{
    parser->error = parser->error != NULL ? parser->error : error;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool ends_word(char c)
{
    return c == '\0' || is_blank(c) || strchr("|&;<>", c) != NULL;
}

bool is_name(const char *text, unsigned length)
{
    if (length == 0 || length >= NAME_BYTES || !is_letter(text[0])) {
        return false;
    }
    for (unsigned i = 1; i < length; i++) {
        if (!is_letter(text[i]) && !is_digit(text[i])) {
            return false;
        }
    }
    return true;
}

/* ---- words ---- */

static void put(struct parser *parser, char c)
{
    if (parser->used + 1 >= sizeof(parser->text)) {
        (void)fail(parser, "the line becomes too long");
        return;
    }
    parser->text[parser->used++] = c;
}

static void put_text(struct parser *parser, const char *text)
{
    while (text != NULL && *text != '\0') {
        put(parser, *text++);
    }
}

static unsigned name_length(const char *at)
{
    unsigned length = 0;

    while (is_letter(at[length]) || (length > 0 && is_digit(at[length]))) {
        length++;
    }
    return length;
}

static void put_variable(struct parser *parser, const char *at, unsigned length)
{
    char name[NAME_BYTES];

    if (length >= sizeof(name)) {
        (void)fail(parser, "no variable has so long a name");
        return;
    }
    memcpy(name, at, length);
    name[length] = '\0';
    put_text(parser, parser->variable(name));
}

/* Behind a $: a name, a name in braces, or "?"; what is nothing of that is a plain $. */
static void take_variable(struct parser *parser)
{
    const char *at = parser->at;
    bool has_brace = *at == '{';
    const char *name = at + has_brace;
    unsigned length = *name == '?' ? 1 : name_length(name);

    if (has_brace && (length == 0 || name[length] != '}')) {
        (void)fail(parser, "${ wants a name and }");
    } else if (length == 0) {
        put(parser, '$');
    } else {
        put_variable(parser, name, length);
        parser->at = name + length + has_brace;
    }
}

/* From the letter behind the quote to the one behind its partner. */
static void take_quoted(struct parser *parser, char quote)
{
    const char *begin = parser->at - 1;

    while (*parser->at != quote && *parser->at != '\0' && parser->error == NULL) {
        char c = *parser->at++;

        if (quote == '"' && c == '$') {
            take_variable(parser);
        } else if (quote == '"' && c == '\\' && *parser->at != '\0' &&
                   strchr("\"\\$", *parser->at) != NULL) {
            put(parser, *parser->at++);
        } else {
            put(parser, c);
        }
    }
    if (parser->error != NULL) {
        return;
    }
    if (*parser->at == '\0') {
        parser->at = begin;
        (void)fail(parser, "the quote has no partner");
        return;
    }
    parser->at++;
}

static void take_letter(struct parser *parser, bool *is_pattern)
{
    char c = *parser->at++;

    if (c == '\'' || c == '"') {
        take_quoted(parser, c);
    } else if (c == '$') {
        take_variable(parser);
    } else if (c == '\\' && *parser->at != '\0') {
        put(parser, *parser->at++);
    } else {
        *is_pattern |= c == '*' || c == '?';
        put(parser, c);
    }
}

static const char *take_word(struct parser *parser, bool *out_is_pattern)
{
    const char *word = parser->text + parser->used;

    *out_is_pattern = false;
    while (!ends_word(*parser->at) && parser->error == NULL) {
        take_letter(parser, out_is_pattern);
    }
    put(parser, '\0');
    return word;
}

/* ---- pipelines ---- */

static void skip_blanks(struct parser *parser)
{
    while (is_blank(*parser->at)) {
        parser->at++;
    }
    if (*parser->at == '#') { /* only where a word could begin */
        parser->at += strlen(parser->at);
    }
}

static bool take(struct parser *parser, const char *sign)
{
    if (strncmp(parser->at, sign, strlen(sign)) != 0) {
        return false;
    }
    parser->at += strlen(sign);
    return true;
}

static bool take_file(struct parser *parser, struct redirection *out)
{
    bool is_pattern;

    skip_blanks(parser);
    if (ends_word(*parser->at)) {
        return fail(parser, "a file's name is missing");
    }
    out->file = take_word(parser, &is_pattern);
    return parser->error == NULL;
}

/* 2>&1 says where errors go as a file would. */
static bool has_errors(const struct command *command)
{
    return command->errors.file != NULL || command->errors_to_output;
}

static bool take_redirection(struct parser *parser, struct command *command)
{
    const char *begin = parser->at;
    bool is_taken;
    const char *taken;
    struct redirection *to;

    if (take(parser, "2>")) {
        is_taken = has_errors(command);
        taken = "there is a place for errors already";
        to = &command->errors;
        command->errors_to_output |= !is_taken && take(parser, "&1");
    } else {
        bool is_input = *parser->at++ == '<';
        to = is_input ? &command->input : &command->output;
        is_taken = to->file != NULL;
        taken = is_input ? "there is an input already" : "there is an output already";
    }
    if (is_taken) {
        parser->at = begin;
        return fail(parser, taken);
    }
    if (to == &command->errors && command->errors_to_output) {
        return ends_word(*parser->at) || fail(parser, "2>&1 stands alone");
    }
    to->appends = to != &command->input && take(parser, ">");
    return take_file(parser, to);
}

static bool begins_redirection(const char *at)
{
    return *at == '<' || *at == '>' || (at[0] == '2' && at[1] == '>');
}

static bool take_command(struct parser *parser, struct command *command)
{
    *command = (struct command){.count = 0};
    for (;;) {
        skip_blanks(parser);
        if (begins_redirection(parser->at)) {
            if (!take_redirection(parser, command)) {
                return false;
            }
        } else if (ends_word(*parser->at)) {
            return true;
        } else if (command->count == WORDS_MAX) {
            return fail(parser, "too many words");
        } else {
            bool is_pattern;
            command->word[command->count] = take_word(parser, &is_pattern);
            command->patterns |= (uint32_t)is_pattern << command->count++;
            if (parser->error != NULL) {
                return false;
            }
        }
    }
}

static bool take_connector(struct parser *parser, struct pipeline *pipeline)
{
    if (take(parser, "&&")) {
        pipeline->next = CONNECT_IF_OK;
    } else if (take(parser, "||")) {
        pipeline->next = CONNECT_IF_NOT;
    } else if (take(parser, ";")) {
        pipeline->next = CONNECT_ALWAYS;
    } else if (take(parser, "&")) {
        pipeline->in_background = true;
        pipeline->next = CONNECT_ALWAYS;
    }
    if (pipeline->next == CONNECT_IF_OK || pipeline->next == CONNECT_IF_NOT) {
        skip_blanks(parser);
        if (ends_word(*parser->at) && !begins_redirection(parser->at)) {
            return fail(parser, "a command is missing");
        }
    }
    return true;
}

bool has_redirection(const struct command *command)
{
    return command->input.file != NULL || command->output.file != NULL || has_errors(command);
}

static bool is_empty(const struct command *command)
{
    return command->count == 0 && !has_redirection(command);
}

bool parser_next(struct parser *parser, struct pipeline *out)
{
    out->count = 0;
    out->in_background = false;
    out->next = CONNECT_END;
    parser->used = 0;
    skip_blanks(parser);
    if (*parser->at == '\0' || parser->error != NULL) {
        return false;
    }
    do {
        if (out->count == COMMANDS_MAX) {
            return fail(parser, "too many programs in a row");
        }
        const char *begin = parser->at;
        if (!take_command(parser, &out->command[out->count])) {
            return false;
        }
        if (out->command[out->count].count == 0) {
            parser->at = is_empty(&out->command[out->count]) ? parser->at : begin;
            return fail(parser, "a command is missing");
        }
        out->count++;
    } while (parser->at[0] == '|' && parser->at[1] != '|' && take(parser, "|"));
    return take_connector(parser, out);
}

/* ---- patterns ---- */

/* Where it does not fit, the last star takes one letter more: no recursion, at most length times length steps. */
bool pattern_fits(const char *pattern, const char *name)
{
    const char *star = NULL, *taken = NULL;

    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            taken = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}
