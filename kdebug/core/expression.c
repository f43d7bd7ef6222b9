/* SPDX-License-Identifier: MIT */
/*
 * Expression parser and evaluator in one (grammar: expression.h): precedence climbing over a
 * table of operators.
 *
 * Operands stay places as long as possible: only an operator that needs the content reads it. So
 * "&x.y" and sizeof read nothing, and what && and || leave out is parsed with parser.skipped set,
 * which keeps types and reads nothing.
 */
#include "kdebug/core/expression.h"

#include "base/string.h"
#include "kdebug/core/access.h"
#include "kdebug/core/parser.h"
#include "kdebug/core/program.h"
#include "kdebug/core/program_types.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/core/variables.h"
#include "kdebug/x86_64/registers.h"

#define NAME_SHOWN 40u /* of a long name in a message */

typedef uint64_t (*apply_fn)(uint64_t a, uint64_t b);

struct operator
{
    char text[3];
    uint8_t precedence;
    apply_fn apply;
};

static struct kd_value parse_binary(struct kd_parser *parser, unsigned lowest);
static struct kd_value parse_unary(struct kd_parser *parser);

static const struct kd_value nothing;

/* Say what an access found wrong; with the address where that matters. */
static void fail_access(struct kd_parser *parser, const char *at, const char *error,
                        uint64_t address)
{
    if (error == kd_unreadable) {
        kd_parser_fail(parser, at, "nothing is mapped at 0x%llx", (unsigned long long)address);
    } else {
        kd_parser_fail(parser, at, "%s", error);
    }
}

static struct kd_value load(struct kd_parser *parser, const char *at, struct kd_value value)
{
    struct kd_value loaded = nothing;
    if (parser->failed) {
        return nothing;
    }
    if (parser->skipped > 0) {
        return kd_value_typed(0, value.ctype);
    }
    const char *error = kd_load(&value, &loaded);
    if (error != NULL) {
        fail_access(parser, at, error, value.bits);
    }
    return loaded;
}

/* ---- numbers, names, registers ---- */

static bool is_name_char(char c)
{
    return kd_is_letter(c) || kd_is_digit(c) || c == '.' || c == '@';
}

static unsigned digit_value(char c)
{
    if (kd_is_digit(c)) {
        return (unsigned)(c - '0');
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 99;
}

static struct kd_value parse_number(struct kd_parser *parser)
{
    const char *start = parser->at;
    unsigned radix = 10;
    if (kd_parser_peek(parser, 0) == '0' && (kd_parser_peek(parser, 1) | 0x20) == 'x') {
        radix = 16;
    } else if (kd_parser_peek(parser, 0) == '0' && (kd_parser_peek(parser, 1) | 0x20) == 'b') {
        radix = 2;
    }
    parser->at += radix == 10 ? 0 : 2;
    uint64_t value = 0;
    unsigned digits = 0;
    for (; is_name_char(kd_parser_peek(parser, 0)); parser->at++) {
        char c = kd_parser_peek(parser, 0);
        if (c == '_' && digits > 0) {
            continue;
        }
        unsigned digit = digit_value(c);
        if (digit >= radix) {
            kd_parser_fail(parser, parser->at, "'%c' is no digit of a number with base %u", c,
                           radix);
            return nothing;
        }
        if (__builtin_mul_overflow(value, radix, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            kd_parser_fail(parser, start, "this number has more than 64 bits");
            return nothing;
        }
        digits++;
    }
    if (digits == 0) {
        kd_parser_fail(parser, parser->at, "a digit must follow");
    }
    return kd_value_number(value);
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

/* The symbol of a scope and the space that it is an address in. */
static bool find_symbol(kd_scope_t scope, const char *name, size_t length, uint64_t *out_address,
                        kd_space_t *out_space)
{
    struct kd_symbol symbol;
    struct kd_program program;
    *out_space = KD_SPACE_KERNEL;
    if (scope == KD_SCOPE_KERNEL) {
        bool found = kd_symbol_named(name, length, 0, &symbol);
        *out_address = symbol.address;
        return found;
    }
    *out_space = kd_session_space(0);
    return kd_program_of(*out_space, &program) &&
           kd_program_named(&program, name, length, out_address);
}

/* A variable is a place, if its type is known; a function is its address. */
static bool find_name_in(kd_scope_t scope, const struct kd_parser *parser, size_t length,
                         struct kd_value *out)
{
    uint64_t address, bits;
    kd_space_t space;
    kd_ctype_t type;
    if (find_symbol(scope, parser->at, length, &address, &space)) {
        type = kd_ctype_variable(scope, address);
        *out = type == 0 ? kd_value_number(address) : kd_value_place(address, space, type);
        return true;
    }
    if (kd_ctype_constant(scope, parser->hint, parser->at, length, &bits, &type)) {
        *out = kd_value_typed(bits, type);
        return true;
    }
    return false;
}

static bool find_name(const struct kd_parser *parser, size_t length, struct kd_value *out)
{
    kd_scope_t scopes[2];
    kd_program_scopes(scopes);
    return find_name_in(scopes[0], parser, length, out) ||
           (scopes[1] != scopes[0] && find_name_in(scopes[1], parser, length, out));
}

/* Dots belong to some symbols ("run.part.0"), and separate fields: the longest name wins. */
static size_t find_longest_name(const struct kd_parser *parser, struct kd_value *out)
{
    unsigned length = 0;
    while (is_name_char(kd_parser_peek(parser, length))) {
        length++;
    }
    while (length > 0 && !find_name(parser, length, out)) {
        do {
            length--;
        } while (length > 0 && parser->at[length] != '.');
    }
    return length;
}

static struct kd_value parse_name(struct kd_parser *parser)
{
    struct kd_value value = nothing;
    size_t length = find_longest_name(parser, &value);
    if (length == 0) {
        length = kd_parser_identifier(parser);
        kd_parser_fail(parser, parser->at, "no symbol '%.*s'%s",
                       (int)MIN(length, (size_t)NAME_SHOWN), parser->at,
                       looks_like_hex(parser->at, length) ? " (a hexadecimal number begins with 0x)"
                                                          : kd_program_trouble());
    }
    parser->at += length;
    return value;
}

static struct kd_value parse_register(struct kd_parser *parser)
{
    const char *start = parser->at++;
    size_t length = kd_parser_identifier(parser);
    struct kd_registers registers;
    uint64_t value = 0;
    if (kd_target->registers(kd_session_cpu(), &registers) != OK) {
        kd_parser_fail(parser, start, "the registers of core %u were not captured",
                       kd_session_cpu());
    } else if (!kd_register_value(&registers, parser->at, length, &value)) {
        kd_parser_fail(parser, start, "no register '%.*s'", (int)MIN(length, (size_t)NAME_SHOWN),
                       parser->at);
    }
    parser->at += length;
    return kd_value_number(value);
}

static struct kd_value parse_variable(struct kd_parser *parser)
{
    const char *start = parser->at++;
    size_t length = kd_parser_identifier(parser);
    struct kd_value value = nothing;
    if (!kd_variable_get(parser->at, length, &value)) {
        kd_parser_fail(parser, start, "no variable '$%.*s'; 'set $name = ...' makes one",
                       (int)MIN(length, (size_t)NAME_SHOWN), parser->at);
    }
    parser->at += length;
    return value;
}

/* ---- fields and elements ---- */

static struct kd_value parse_field(struct kd_parser *parser, struct kd_value of)
{
    size_t length = kd_parser_identifier(parser);
    const char *name = parser->at;
    struct kd_value field = nothing;
    parser->at += length;
    if (parser->failed) {
        return nothing;
    }
    const char *error = kd_field(&of, name, length, &field);
    if (error != NULL && parser->skipped == 0 && of.ctype == 0 && of.type == NULL) {
        kd_parser_fail(parser, name, "%s%s", error, kd_program_trouble());
    } else if (error != NULL && parser->skipped == 0) {
        fail_access(parser, name, error, of.bits);
    }
    return field;
}

static struct kd_value parse_element(struct kd_parser *parser, struct kd_value of)
{
    const char *start = parser->at;
    struct kd_value index = load(parser, start, kd_parser_expression(parser));
    struct kd_value element = nothing;
    kd_parser_expect(parser, ']');
    if (parser->failed) {
        return nothing;
    }
    const char *error = kd_element(&of, index.bits, &element);
    if (error != NULL && parser->skipped == 0) {
        fail_access(parser, start, error, of.bits);
    }
    return element;
}

static struct kd_value parse_primary(struct kd_parser *parser)
{
    kd_parser_blanks(parser);
    char c = kd_parser_peek(parser, 0);
    if (c == '(') {
        parser->at++;
        struct kd_value value = kd_parser_expression(parser);
        kd_parser_expect(parser, ')');
        return value;
    }
    if (c == '.' && parser->dot != NULL) {
        parser->at++;
        return kd_parser_identifier(parser) == 0 ? *parser->dot : parse_field(parser, *parser->dot);
    }
    if (kd_parser_is_word(parser, "sizeof") || kd_parser_is_word(parser, "offsetof")) {
        bool size = c == 's';
        parser->at += kd_parser_identifier(parser);
        return size ? kd_parser_sizeof(parser) : kd_parser_offsetof(parser);
    }
    if (kd_is_digit(c)) {
        return parse_number(parser);
    }
    if (kd_is_letter(c)) {
        return parse_name(parser);
    }
    if (c == '%') {
        return parse_register(parser);
    }
    if (c == '$') {
        return parse_variable(parser);
    }
    if (c == '\0') {
        kd_parser_fail(parser, parser->at, "an expression is missing");
    } else {
        kd_parser_fail(parser, parser->at, "no expression begins with '%c'", c);
    }
    return nothing;
}

/* What follows without a blank: ".name", "->name", "[index]". */
static struct kd_value parse_postfix(struct kd_parser *parser)
{
    struct kd_value value = parse_primary(parser);
    while (!parser->failed) {
        char c = kd_parser_peek(parser, 0);
        char next = kd_parser_peek(parser, 1);
        if (c == '.' && kd_is_letter(next)) {
            parser->at++;
            value = parse_field(parser, value);
        } else if (c == '-' && next == '>') {
            parser->at += 2;
            value = parse_field(parser, value);
        } else if (c == '[') {
            parser->at++;
            value = parse_element(parser, value);
        } else {
            break;
        }
    }
    return value;
}

/* ---- operators in front ---- */

/* "(type) x"; false, with nothing taken: it is none. */
static bool parse_cast(struct kd_parser *parser, struct kd_value *out)
{
    const char *start = parser->at;
    kd_ctype_t type;
    parser->at++;
    if (!kd_parser_type(parser, false, &type)) {
        parser->at = start;
        return false;
    }
    kd_parser_expect(parser, ')');
    const char *operand = parser->at;
    struct kd_value value = load(parser, operand, parse_unary(parser));
    kd_space_t space = value.space;
    enum kd_kind kind = kd_ctype_get(type).kind;
    if (kind != KD_KIND_INT && kind != KD_KIND_POINTER && kind != KD_KIND_ENUM) {
        kd_parser_fail(parser, start, "only numbers, enums and pointers can be cast to");
    }
    *out = kd_convert(value.bits, type);
    out->space = space;
    return true;
}

static struct kd_value follow(struct kd_parser *parser, const char *at, struct kd_value pointer)
{
    struct kd_value value = nothing;
    pointer = load(parser, at, pointer);
    if (parser->failed) {
        return nothing;
    }
    if (parser->skipped > 0) {
        return kd_value_place(0, KD_SPACE_KERNEL, kd_ctype_get(pointer.ctype).target);
    }
    const char *error = kd_target_of(&pointer, &value);
    if (error != NULL) {
        fail_access(parser, at, error, pointer.bits);
    }
    return value;
}

static struct kd_value take_address(struct kd_parser *parser, const char *at, struct kd_value value)
{
    struct kd_value pointer = nothing;
    const char *error = parser->failed ? NULL : kd_address_of(&value, &pointer);
    if (error != NULL && !parser->failed) {
        kd_parser_fail(parser, at, "%s", error);
    }
    return pointer;
}

static struct kd_value apply_prefix(struct kd_parser *parser, const char *start, char c,
                                    struct kd_value value)
{
    if (c == '*') {
        return follow(parser, start, value);
    }
    if (c == '&') {
        return take_address(parser, start, value);
    }
    value = load(parser, start, value);
    return kd_value_number(c == '-' ? 0 - value.bits : c == '~' ? ~value.bits : value.bits == 0);
}

static struct kd_value parse_unary(struct kd_parser *parser)
{
    kd_parser_blanks(parser);
    const char *start = parser->at;
    char c = kd_parser_peek(parser, 0);
    struct kd_value value = nothing;
    if (++parser->depth > KD_DEPTH_MAX) {
        kd_parser_fail(parser, start, "the expression is nested too deeply");
        return nothing;
    }
    if (c == '-' || c == '~' || c == '!' || c == '*' || c == '&') {
        parser->at++;
        value = apply_prefix(parser, start, c, parse_unary(parser));
    } else if (c != '(' || !parse_cast(parser, &value)) {
        value = parse_postfix(parser);
    }
    parser->depth--;
    return value;
}

/* ---- operators between ---- */

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

#define PRECEDENCE_ORDER  7
#define PRECEDENCE_DIVIDE 10

/* Longer ones first, so that the first match is the right one. */
static const struct operator operators[] = {
    {"||", 1, or_logical},
    {"&&", 2, and_logical},
    {"==", 6, equal},
    {"!=", 6, not_equal},
    {"<=", PRECEDENCE_ORDER, less_equal},
    {">=", PRECEDENCE_ORDER, greater_equal},
    {"<<", 8, shift_left},
    {">>", 8, shift_right},
    {"|", 3, or_bits},
    {"^", 4, xor_bits},
    {"&", 5, and_bits},
    {"<", PRECEDENCE_ORDER, less},
    {">", PRECEDENCE_ORDER, greater},
    {"+", 9, add},
    {"-", 9, subtract},
    {"*", PRECEDENCE_DIVIDE, multiply},
    {"/", PRECEDENCE_DIVIDE, divide},
    {"%", PRECEDENCE_DIVIDE, modulo},
};

/* The operator at the parser's place, NULL: none. "%rax" and " /p" are none, see the header. */
static const struct operator* find_operator(const struct kd_parser *parser, bool after_blank)
{
    char c = kd_parser_peek(parser, 0);
    char next = kd_parser_peek(parser, 1);
    if ((c == '%' && kd_is_letter(next)) || (c == '/' && after_blank && kd_is_letter(next))) {
        return NULL;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(operators); i++) {
        const char *text = operators[i].text;
        if (c == text[0] && (text[1] == '\0' || next == text[1])) {
            return &operators[i];
        }
    }
    return NULL;
}

static uint64_t pointed_bytes(const struct kd_value *value)
{
    struct kd_ctype type = kd_ctype_get(value->ctype);
    uint64_t bytes = type.kind == KD_KIND_POINTER ? kd_ctype_get(type.target).bytes : 0;
    return bytes == 0 && type.kind == KD_KIND_POINTER ? 1 : bytes;
}

static bool is_order(apply_fn apply)
{
    return apply == less || apply == greater || apply == less_equal || apply == greater_equal;
}

static bool compares_signed(const struct kd_value *left, const struct kd_value *right)
{
    bool left_signed = kd_ctype_get(left->ctype).is_signed;
    bool right_signed = kd_ctype_get(right->ctype).is_signed;
    return (left_signed && (right_signed || right->ctype == 0)) ||
           (right_signed && left->ctype == 0);
}

/* + and - with a pointer count in elements. */
static struct kd_value apply_to_pointer(apply_fn apply, struct kd_value left, struct kd_value right)
{
    uint64_t left_bytes = pointed_bytes(&left);
    uint64_t right_bytes = pointed_bytes(&right);
    if (left_bytes != 0 && right_bytes != 0) {
        return kd_value_number((left.bits - right.bits) / left_bytes);
    }
    struct kd_value pointer = left_bytes != 0 ? left : right;
    pointer.bits = left_bytes != 0 ? apply(left.bits, right.bits * left_bytes)
                                   : apply(left.bits * right_bytes, right.bits);
    return pointer;
}

static struct kd_value apply_operator(struct kd_parser *parser, const char *where, apply_fn apply,
                                      struct kd_value left, struct kd_value right)
{
    if ((apply == divide || apply == modulo) && right.bits == 0 && parser->skipped == 0) {
        kd_parser_fail(parser, where, "division by zero");
    }
    bool moves = apply == add || apply == subtract;
    if (moves && (pointed_bytes(&left) != 0 || pointed_bytes(&right) != 0)) {
        return apply_to_pointer(apply, left, right);
    }
    uint64_t flip = is_order(apply) && compares_signed(&left, &right) ? 1ull << 63 : 0;
    return kd_value_number(apply(left.bits ^ flip, right.bits ^ flip));
}

/* x == "text": the bytes at a char array or pointer, up to the NUL. */
static bool equals_text(struct kd_parser *parser, const char *at, struct kd_value left)
{
    const char *text = ++parser->at; /* behind the quote */
    while (parser->at < parser->end && *parser->at != '"') {
        parser->at++;
    }
    size_t length = (size_t)(parser->at - text);
    struct kd_ctype type = kd_ctype_get(left.ctype);
    uint64_t limit = left.is_place && type.kind == KD_KIND_ARRAY ? type.count : UINT64_MAX;
    kd_parser_expect(parser, '"');
    left = load(parser, at, left);
    for (size_t i = 0; !parser->failed && parser->skipped == 0; i++) {
        char c = '\0';
        if (i < limit && kd_read(left.space, left.bits + i, &c, 1) != OK) {
            fail_access(parser, at, kd_unreadable, left.bits + i);
            return false;
        }
        if (i == length || c == '\0') {
            return i == length && c == '\0';
        }
        if (c != text[i]) {
            return false;
        }
    }
    return false;
}

static struct kd_value parse_right(struct kd_parser *parser, const struct operator* operator,
                                   struct kd_value left)
{
    bool decided = (operator->apply == and_logical && left.bits == 0) ||
                   (operator->apply == or_logical && left.bits != 0);
    kd_ctype_t outer = parser->hint;
    parser->hint = kd_ctype_get(left.ctype).kind == KD_KIND_ENUM ? left.ctype : outer;
    parser->skipped += decided ? 1 : 0;
    kd_parser_blanks(parser);
    const char *start = parser->at;
    struct kd_value right = load(parser, start, parse_binary(parser, operator->precedence + 1u));
    parser->skipped -= decided ? 1 : 0;
    parser->hint = outer;
    return right;
}

static struct kd_value parse_binary(struct kd_parser *parser, unsigned lowest)
{
    kd_parser_blanks(parser);
    const char *start = parser->at;
    struct kd_value value = parse_unary(parser);
    while (!parser->failed) {
        const char *before = parser->at;
        kd_parser_blanks(parser);
        const struct operator* operator= find_operator(parser, parser->at != before);
        if (operator== NULL || operator->precedence<lowest) {
            parser->at = before;
            break;
        }
        const char *where = parser->at;
        parser->at += strlen(operator->text);
        kd_parser_blanks(parser);
        if (kd_parser_peek(parser, 0) == '"' && operator->precedence == 6) {
            bool same = equals_text(parser, start, value);
            value = kd_value_number(same == (operator->apply == equal));
            continue;
        }
        value = load(parser, start, value);
        struct kd_value right = parse_right(parser, operator, value);
        value = apply_operator(parser, where, operator->apply, value, right);
    }
    return value;
}

struct kd_value kd_parser_expression(struct kd_parser *parser)
{
    if (++parser->depth > KD_DEPTH_MAX) {
        kd_parser_fail(parser, parser->at, "the expression is nested too deeply");
        return nothing;
    }
    struct kd_value value = parse_binary(parser, 1);
    parser->depth--;
    return value;
}

bool kd_expression_parse_on(const char **at, const char *end, const struct kd_value *dot,
                            struct kd_value *out, struct kd_error *out_error)
{
    struct kd_parser parser = {.at = *at, .end = end, .dot = dot, .error = out_error};
    struct kd_value value = kd_parser_expression(&parser);
    if (parser.failed) {
        return false;
    }
    *at = parser.at;
    *out = value;
    return true;
}

bool kd_expression_begins(const char *at, const char *end)
{
    struct kd_parser parser = {.at = at, .end = end};
    struct kd_value value;
    char c = kd_parser_peek(&parser, 0);
    if (!kd_is_letter(c)) {
        return c != '\0';
    }
    return kd_parser_is_word(&parser, "sizeof") || kd_parser_is_word(&parser, "offsetof") ||
           find_longest_name(&parser, &value) != 0;
}
