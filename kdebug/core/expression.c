/* SPDX-License-Identifier: MIT */
/*
 * Expression parser and evaluator in one (grammar: expression.h): precedence climbing over a
 * table of operators.
 *
 * Recursion is bounded by DEPTH_MAX because the text comes from a person's keyboard and the stack
 * is the debugger's own. An error is recorded once, where it happened; everything above only
 * looks at parser.failed and returns.
 */
#include "kdebug/core/expression.h"

#include <stdarg.h>

#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/registers.h"

#define DEPTH_MAX 40u

struct parser {
    const char *at, *end;
    unsigned depth;
    bool failed;
    struct kd_error *error;
};

struct operator
{
    char text[3];
    uint8_t precedence;
    uint64_t (*apply)(uint64_t a, uint64_t b);
};

static uint64_t parse_binary(struct parser *parser, unsigned lowest);

static void fail(struct parser *parser, const char *at, const char *format, ...) PRINTF_LIKE(3, 4);
static void fail(struct parser *parser, const char *at, const char *format, ...)
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

static char peek(const struct parser *parser, unsigned ahead)
{
    return parser->at + ahead < parser->end ? parser->at[ahead] : '\0';
}

static void skip_blanks(struct parser *parser)
{
    while (peek(parser, 0) == ' ' || peek(parser, 0) == '\t') {
        parser->at++;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_char(char c)
{
    return is_letter(c) || is_digit(c) || c == '.' || c == '$' || c == '@';
}

static unsigned digit_value(char c)
{
    if (is_digit(c)) {
        return (unsigned)(c - '0');
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 99;
}

static uint64_t parse_number(struct parser *parser)
{
    const char *start = parser->at;
    unsigned radix = 10;
    if (peek(parser, 0) == '0' && (peek(parser, 1) | 0x20) == 'x') {
        radix = 16;
    } else if (peek(parser, 0) == '0' && (peek(parser, 1) | 0x20) == 'b') {
        radix = 2;
    }
    parser->at += radix == 10 ? 0 : 2;
    uint64_t value = 0;
    unsigned digits = 0;
    for (; is_name_char(peek(parser, 0)); parser->at++) {
        if (peek(parser, 0) == '_' && digits > 0) {
            continue;
        }
        unsigned digit = digit_value(peek(parser, 0));
        if (digit >= radix) {
            fail(parser, parser->at, "'%c' is no digit of a number with base %u", peek(parser, 0),
                 radix);
            return 0;
        }
        if (__builtin_mul_overflow(value, radix, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            fail(parser, start, "this number has more than 64 bits");
            return 0;
        }
        digits++;
    }
    if (digits == 0) {
        fail(parser, parser->at, "a digit must follow");
    }
    return value;
}

static size_t name_length(const struct parser *parser)
{
    unsigned length = 0;
    while (is_name_char(peek(parser, length))) {
        length++;
    }
    return length;
}

static bool looks_like_hex(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (digit_value(name[i]) > 15) {
            return false;
        }
    }
    return true;
}

static uint64_t parse_symbol(struct parser *parser)
{
    size_t length = name_length(parser);
    struct kd_symbol symbol;
    if (!kd_symbol_named(parser->at, length, 0, &symbol)) {
        fail(parser, parser->at, "no symbol '%.*s'%s", (int)MIN(length, (size_t)40), parser->at,
             looks_like_hex(parser->at, length) ? " (a hexadecimal number begins with 0x)" : "");
        return 0;
    }
    parser->at += length;
    return symbol.address;
}

static uint64_t parse_register(struct parser *parser)
{
    const char *start = parser->at++;
    size_t length = name_length(parser);
    struct kd_registers registers;
    uint64_t value = 0;
    if (kd_target->registers(kd_session_cpu(), &registers) != OK) {
        fail(parser, start, "the registers of core %u were not captured", kd_session_cpu());
    } else if (!kd_register_value(&registers, parser->at, length, &value)) {
        fail(parser, start, "no register '%.*s'", (int)MIN(length, (size_t)40), parser->at);
    }
    parser->at += length;
    return value;
}

static uint64_t parse_primary(struct parser *parser)
{
    skip_blanks(parser);
    char c = peek(parser, 0);
    if (c == '(') {
        parser->at++;
        uint64_t value = parse_binary(parser, 1);
        skip_blanks(parser);
        if (peek(parser, 0) != ')') {
            fail(parser, parser->at, "')' is missing");
            return 0;
        }
        parser->at++;
        return value;
    }
    if (is_digit(c)) {
        return parse_number(parser);
    }
    if (is_letter(c) || c == '.' || c == '$') {
        return parse_symbol(parser);
    }
    if (c == '%') {
        return parse_register(parser);
    }
    if (c == '\0') {
        fail(parser, parser->at, "an expression is missing");
    } else {
        fail(parser, parser->at, "no expression begins with '%c'", c);
    }
    return 0;
}

static uint64_t read_word(struct parser *parser, const char *at, uint64_t address)
{
    uint64_t value = 0;
    if (!parser->failed &&
        kd_read(kd_session_space(address), address, &value, sizeof(value)) != OK) {
        fail(parser, at, "nothing is mapped at 0x%llx", (unsigned long long)address);
    }
    return value;
}

static uint64_t parse_unary(struct parser *parser)
{
    skip_blanks(parser);
    const char *start = parser->at;
    char c = peek(parser, 0);
    if (c != '-' && c != '~' && c != '!' && c != '*') {
        return parse_primary(parser);
    }
    if (++parser->depth > DEPTH_MAX) {
        fail(parser, start, "the expression is nested too deeply");
        return 0;
    }
    parser->at++;
    uint64_t value = parse_unary(parser);
    parser->depth--;
    switch (c) {
    case '-':
        return 0 - value;
    case '~':
        return ~value;
    case '!':
        return value == 0;
    default:
        return read_word(parser, start, value);
    }
}

#define OPERATOR(name, expression)                                                                 \
    static uint64_t name(uint64_t a, uint64_t b)                                                   \
    {                                                                                              \
        return (expression);                                                                       \
    }
OPERATOR(or_logical, a || b)
OPERATOR(and_logical, a &&b)
OPERATOR(or_bits, a | b)
OPERATOR(xor_bits, a ^ b)
OPERATOR(and_bits, a &b)
OPERATOR(equal, a == b)
OPERATOR(not_equal, a != b)
OPERATOR(less_equal, a <= b)
OPERATOR(greater_equal, a >= b)
OPERATOR(shift_left, b < 64 ? a << b : 0)
OPERATOR(shift_right, b < 64 ? a >> b : 0)
OPERATOR(less, a < b)
OPERATOR(greater, a > b)
OPERATOR(add, a + b)
OPERATOR(subtract, a - b)
OPERATOR(multiply, a *b)
OPERATOR(divide, b != 0 ? a / b : 0)
OPERATOR(modulo, b != 0 ? a % b : 0)

/* Longer ones first, so that the first match is the right one. */
static const struct operator operators[] = {
    {"||", 1, or_logical}, {"&&", 2, and_logical}, {"==", 6, equal},
    {"!=", 6, not_equal},  {"<=", 7, less_equal},  {">=", 7, greater_equal},
    {"<<", 8, shift_left}, {">>", 8, shift_right}, {"|", 3, or_bits},
    {"^", 4, xor_bits},    {"&", 5, and_bits},     {"<", 7, less},
    {">", 7, greater},     {"+", 9, add},          {"-", 9, subtract},
    {"*", 10, multiply},   {"/", 10, divide},      {"%", 10, modulo},
};

/* The operator at the parser's place, NULL: none. "%rax" and " /p" are none, see the header. */
static const struct operator* find_operator(const struct parser *parser, bool after_blank)
{
    char c = peek(parser, 0);
    if ((c == '%' && is_letter(peek(parser, 1))) ||
        (c == '/' && after_blank && is_letter(peek(parser, 1)))) {
        return NULL;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(operators); i++) {
        const struct operator* operator= & operators[i];
        if (c == operator->text[0] &&(operator->text[1] == '\0' || peek(parser, 1) ==
                                      operator->text[1])) {
            return operator;
        }
    }
    return NULL;
}

static uint64_t parse_binary(struct parser *parser, unsigned lowest)
{
    if (++parser->depth > DEPTH_MAX) {
        fail(parser, parser->at, "the expression is nested too deeply");
        return 0;
    }
    uint64_t value = parse_unary(parser);
    while (!parser->failed) {
        const char *before = parser->at;
        skip_blanks(parser);
        const struct operator* operator= find_operator(parser, parser->at != before);
        if (operator== NULL || operator->precedence<lowest) {
            parser->at = before;
            break;
        }
        const char *where = parser->at;
        parser->at += strlen(operator->text);
        uint64_t right = parse_binary(parser, operator->precedence + 1u);
        if (operator->precedence == 10 && operator->apply != multiply && right == 0) {
            fail(parser, where, "division by zero");
        }
        value = operator->apply(value, right);
    }
    parser->depth--;
    return value;
}

bool kd_expression_parse(const char **at, const char *end, struct kd_value *out,
                         struct kd_error *out_error)
{
    struct parser parser = {.at = *at, .end = end, .error = out_error};
    uint64_t value = parse_binary(&parser, 1);
    if (parser.failed) {
        return false;
    }
    *at = parser.at;
    *out = kd_value_number(value);
    return true;
}
