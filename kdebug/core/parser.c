/* SPDX-License-Identifier: MIT */
/* Words and type names of expressions (parser.h). */
#include "kdebug/core/parser.h"

#include <stdarg.h>

#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/program_types.h"

void kd_parser_fail(struct kd_parser *parser, const char *at, const char *format, ...)
{
    if (parser->failed) {
        return;
    }
    va_list args;
    va_start(args, format);
    format_text_v(parser->error->message, sizeof(parser->error->message), format, args);
    va_end(args);
    parser->error->at = at;
    parser->failed = true;
}

void kd_parser_blanks(struct kd_parser *parser)
{
    while (kd_parser_peek(parser, 0) == ' ' || kd_parser_peek(parser, 0) == '\t') {
        parser->at++;
    }
}

bool kd_parser_accept(struct kd_parser *parser, char c)
{
    kd_parser_blanks(parser);
    if (kd_parser_peek(parser, 0) != c) {
        return false;
    }
    parser->at++;
    return true;
}

void kd_parser_expect(struct kd_parser *parser, char c)
{
    if (!parser->failed && !kd_parser_accept(parser, c)) {
        kd_parser_fail(parser, parser->at, "'%c' is missing", c);
    }
}

bool kd_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool kd_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

size_t kd_parser_identifier(const struct kd_parser *parser)
{
    unsigned length = 0;
    if (!kd_is_letter(kd_parser_peek(parser, 0))) {
        return 0;
    }
    while (kd_is_letter(kd_parser_peek(parser, length)) ||
           kd_is_digit(kd_parser_peek(parser, length))) {
        length++;
    }
    return length;
}

bool kd_parser_is_word(const struct kd_parser *parser, const char *word)
{
    size_t length = kd_parser_identifier(parser);
    return length == strlen(word) && memcmp(parser->at, word, length) == 0;
}

/* ---- types ---- */

static kd_ctype_t find_type(const char *keyword, const char *name, size_t length)
{
    kd_scope_t scopes[2];
    kd_program_scopes(scopes);
    kd_ctype_t type = kd_ctype_named(scopes[0], keyword, name, length);
    return type != 0 ? type : kd_ctype_named(scopes[1], keyword, name, length);
}

/* Take one or two words of C's own type names. What a compiler calls them in BTF is longer. */
static bool take_basic_type(struct kd_parser *parser, kd_ctype_t *out)
{
    static const struct {
        const char *first, *second, *name;
    } basic[] = {
        {"unsigned", "char", "unsigned char"},
        {"unsigned", "short", "short unsigned int"},
        {"unsigned", "int", "unsigned int"},
        {"unsigned", "long", "long unsigned int"},
        {"signed", "char", "signed char"},
        {"unsigned", NULL, "unsigned int"},
        {"short", NULL, "short int"},
        {"long", NULL, "long int"},
        {"bool", NULL, "_Bool"},
    };
    const char *start = parser->at;
    for (unsigned i = 0; i < ARRAY_COUNT(basic); i++) {
        parser->at = start;
        if (!kd_parser_is_word(parser, basic[i].first)) {
            continue;
        }
        parser->at += strlen(basic[i].first);
        if (basic[i].second != NULL) {
            kd_parser_blanks(parser);
            if (!kd_parser_is_word(parser, basic[i].second)) {
                continue;
            }
            parser->at += strlen(basic[i].second);
        }
        *out = find_type("", basic[i].name, strlen(basic[i].name));
        if (*out != 0) {
            return true;
        }
    }
    parser->at = start;
    return false;
}

static bool take_tagged_type(struct kd_parser *parser, kd_ctype_t *out)
{
    static const char *const keywords[] = {"struct", "union", "enum"};
    for (unsigned i = 0; i < ARRAY_COUNT(keywords); i++) {
        if (!kd_parser_is_word(parser, keywords[i])) {
            continue;
        }
        parser->at += strlen(keywords[i]);
        kd_parser_blanks(parser);
        size_t length = kd_parser_identifier(parser);
        *out = find_type(keywords[i], parser->at, length);
        if (*out == 0) {
            kd_parser_fail(parser, parser->at, "no %s '%.*s'%s", keywords[i],
                           (int)MIN(length, (size_t)40), parser->at, kd_program_trouble());
        }
        parser->at += length;
        return true;
    }
    return false;
}

static bool take_named_type(struct kd_parser *parser, bool bare, kd_ctype_t *out)
{
    size_t length = kd_parser_identifier(parser);
    *out = find_type("", parser->at, length);
    static const char *const keywords[] = {"struct", "union", "enum"};
    for (unsigned i = 0; bare && *out == 0 && i < ARRAY_COUNT(keywords); i++) {
        *out = find_type(keywords[i], parser->at, length);
    }
    bool is_void = *out == 0 && kd_parser_is_word(parser, "void");
    if (*out == 0 && !is_void) {
        return false;
    }
    parser->at += length;
    return true;
}

bool kd_parser_type(struct kd_parser *parser, bool bare, kd_ctype_t *out)
{
    kd_parser_blanks(parser);
    const char *start = parser->at;
    kd_ctype_t type = 0;
    if (!take_tagged_type(parser, &type) && !take_basic_type(parser, &type) &&
        !take_named_type(parser, bare, &type)) {
        return false;
    }
    const char *after = parser->at;
    while (!parser->failed && kd_parser_accept(parser, '*')) {
        type = kd_ctype_pointer(type);
        after = parser->at;
    }
    parser->at = after; /* blanks behind it may mean something */
    if (!parser->failed && type == 0) {
        kd_parser_fail(parser, start, "void has no values");
    }
    *out = type;
    return true;
}

bool kd_type_parse(const char **at, const char *end, kd_ctype_t *out, struct kd_error *out_error)
{
    struct kd_parser parser = {.at = *at, .end = end, .error = out_error};
    kd_ctype_t type;
    if (!kd_parser_type(&parser, true, &type)) {
        kd_parser_fail(&parser, parser.at, "no type '%.*s'%s",
                       (int)MIN(kd_parser_identifier(&parser), (size_t)40), parser.at,
                       kd_program_trouble());
    }
    if (parser.failed) {
        return false;
    }
    *at = parser.at;
    *out = type;
    return true;
}

/* ---- sizeof, offsetof ---- */

struct kd_value kd_parser_sizeof(struct kd_parser *parser)
{
    kd_parser_expect(parser, '(');
    kd_ctype_t type = 0;
    if (!parser->failed && !kd_parser_type(parser, false, &type)) {
        parser->skipped++; /* only its type matters */
        type = kd_parser_expression(parser).ctype;
        parser->skipped--;
    }
    kd_parser_expect(parser, ')');
    return kd_value_number(kd_ctype_get(type).bytes);
}

struct kd_value kd_parser_offsetof(struct kd_parser *parser)
{
    kd_ctype_t type = 0;
    uint64_t bits = 0;
    kd_parser_expect(parser, '(');
    kd_parser_blanks(parser);
    const char *start = parser->at;
    if (!parser->failed && !kd_parser_type(parser, true, &type)) {
        kd_parser_fail(parser, start, "a structure must be named");
    }
    kd_parser_expect(parser, ',');
    do {
        struct kd_member member;
        kd_parser_blanks(parser);
        size_t length = kd_parser_identifier(parser);
        if (!parser->failed && !kd_ctype_find_member(type, parser->at, length, &member)) {
            kd_parser_fail(parser, parser->at, "no field of this name");
        }
        if (parser->failed) {
            return kd_value_number(0);
        }
        parser->at += length;
        bits += member.bit_offset;
        type = member.type;
    } while (kd_parser_accept(parser, '.'));
    kd_parser_expect(parser, ')');
    return kd_value_number(bits / 8);
}
