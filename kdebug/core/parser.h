/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of the expression parser share: the text, its words, and errors.
 *
 * An error is recorded once, where it happened; everything above only looks at parser.failed and
 * returns.
 */
#pragma once

#include "kdebug/core/expression.h"

#define KD_DEPTH_MAX 40u

struct kd_parser {
    const char *at, *end;
    const struct kd_value *dot;
    kd_ctype_t hint;  /* an enum whose enumerators come first, 0 none */
    unsigned depth;   /* of nesting; the stack is the debugger's own */
    unsigned skipped; /* inside of an operand that does not matter: parse, read nothing */
    bool failed;
    struct kd_error *error;
};

void kd_parser_fail(struct kd_parser *parser, const char *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The character `ahead` of the parser's place, NUL at the end. */
static inline char kd_parser_peek(const struct kd_parser *parser, unsigned ahead)
{
    return (size_t)(parser->end - parser->at) > ahead ? parser->at[ahead] : '\0';
}

void kd_parser_blanks(struct kd_parser *parser);

/* kd_parser_accept() - take this character, blanks before it too. kd_parser_expect() - or fail. */
bool kd_parser_accept(struct kd_parser *parser, char c);
void kd_parser_expect(struct kd_parser *parser, char c);

bool kd_is_digit(char c);
bool kd_is_letter(char c);

/* Bytes of the C identifier at the parser's place, 0: there is none. */
size_t kd_parser_identifier(const struct kd_parser *parser);

/* kd_parser_is_word() - is the identifier at the parser's place this one? */
bool kd_parser_is_word(const struct kd_parser *parser, const char *word);

/*
 * kd_parser_type() - take a type name.
 *
 * @bare  "thread" may stand for "struct thread"
 * False, with nothing taken, if the text begins with no type; fails behind "struct" and the like.
 */
bool kd_parser_type(struct kd_parser *parser, bool bare, kd_ctype_t *out);

/* kd_parser_sizeof() / kd_parser_offsetof() - what stands behind that word. */
struct kd_value kd_parser_sizeof(struct kd_parser *parser);
struct kd_value kd_parser_offsetof(struct kd_parser *parser);

/* kd_parser_expression() - a whole expression. */
struct kd_value kd_parser_expression(struct kd_parser *parser);
