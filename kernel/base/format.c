/* SPDX-License-Identifier: MIT */
/*
 * printf-like formatting without floats, memory or locks.
 *
 * A conversion is parsed into a struct spec, its text is made in a small buffer or found, and put
 * with padding. Text past the end of the buffer is counted but not stored, so the return value is
 * the whole length.
 */
#include "base/format.h"

#include "base/string.h"

/* 64 bits in octal would be 22 digits, "0x" and 16 hexadecimal ones 18: more is never made. */
#define DIGITS_MAX 24

struct sink {
    char *buffer;
    size_t bytes;
    size_t length; /* of the whole text so far */
};

struct spec {
    bool left;   /* '-' */
    bool zero;   /* '0' */
    bool prefix; /* '#': "0x" before hexadecimal numbers but 0 */
    bool has_precision;
    int width;
    int precision;
    int length; /* count of 'l' or 'z' as +1, 'h' as -1, 'hh' as -2 */
};

static void put_char(struct sink *sink, char c)
{
    if (sink->length + 1 < sink->bytes) {
        sink->buffer[sink->length] = c;
    }
    sink->length++;
}

static void put_repeated(struct sink *sink, char c, int count)
{
    for (int i = 0; i < count; i++) {
        put_char(sink, c);
    }
}

static void put_bytes(struct sink *sink, const char *text, int length)
{
    for (int i = 0; i < length; i++) {
        put_char(sink, text[i]);
    }
}

static void put_text(struct sink *sink, const struct spec *spec, const char *text, int length)
{
    int padding = MAX(spec->width - length, 0);
    if (!spec->left) {
        put_repeated(sink, ' ', padding);
    }
    put_bytes(sink, text, length);
    if (spec->left) {
        put_repeated(sink, ' ', padding);
    }
}

/* A number has a prefix ("-", "0x") and digits; zeros go between the two, blanks before or after
 * both. */
static void put_number(struct sink *sink, const struct spec *spec, const char *prefix,
                       const char *digits, int count)
{
    int prefix_length = (int)strlen(prefix);
    int zeros = spec->has_precision ? MAX(spec->precision - count, 0) : 0;
    if (spec->zero && !spec->left && !spec->has_precision) {
        zeros = MAX(spec->width - prefix_length - count, 0);
    }
    int padding = MAX(spec->width - prefix_length - zeros - count, 0);
    if (!spec->left) {
        put_repeated(sink, ' ', padding);
    }
    put_bytes(sink, prefix, prefix_length);
    put_repeated(sink, '0', zeros);
    put_bytes(sink, digits, count);
    if (spec->left) {
        put_repeated(sink, ' ', padding);
    }
}

static void format_unsigned(struct sink *sink, const struct spec *spec, const char *prefix,
                            uint64_t value, unsigned base, const char *alphabet)
{
    char digits[DIGITS_MAX];
    int at = DIGITS_MAX;
    do {
        digits[--at] = alphabet[value % base];
        value /= base;
    } while (value != 0);
    put_number(sink, spec, prefix, digits + at, DIGITS_MAX - at);
}

static uint64_t take_unsigned(const struct spec *spec, va_list *args)
{
    if (spec->length > 0) {
        return va_arg(*args, uint64_t);
    }
    unsigned value = va_arg(*args, unsigned);
    if (spec->length == -1) {
        return (uint16_t)value;
    }
    return spec->length == -2 ? (uint8_t)value : value;
}

static int64_t take_signed(const struct spec *spec, va_list *args)
{
    if (spec->length > 0) {
        return va_arg(*args, int64_t);
    }
    int value = va_arg(*args, int);
    if (spec->length == -1) {
        return (int16_t)value;
    }
    return spec->length == -2 ? (int8_t)value : value;
}

static void format_hex(struct sink *sink, const struct spec *spec, uint64_t value, bool upper)
{
    const char *prefix = upper ? "0X" : "0x";
    format_unsigned(sink, spec, spec->prefix && value != 0 ? prefix : "", value, 16,
                    upper ? "0123456789ABCDEF" : "0123456789abcdef");
}

static void format_string(struct sink *sink, const struct spec *spec, const char *text)
{
    if (text == NULL) {
        text = "(null)";
    }
    int length = 0;
    while ((!spec->has_precision || length < spec->precision) && text[length] != '\0') {
        length++;
    }
    put_text(sink, spec, text, length);
}

static int parse_number(const char **format, va_list *args)
{
    int value = 0;
    if (**format == '*') {
        (*format)++;
        return va_arg(*args, int);
    }
    while (**format >= '0' && **format <= '9') {
        value = value * 10 + (**format - '0');
        (*format)++;
    }
    return value;
}

static struct spec parse_spec(const char **format, va_list *args)
{
    struct spec spec = {0};
    for (;; (*format)++) {
        if (**format == '-') {
            spec.left = true;
        } else if (**format == '0') {
            spec.zero = true;
        } else if (**format == '#') {
            spec.prefix = true;
        } else {
            break;
        }
    }
    spec.width = parse_number(format, args);
    if (spec.width < 0) {
        spec.left = true;
        spec.width = -spec.width;
    }
    if (**format == '.') {
        (*format)++;
        spec.precision = parse_number(format, args);
        spec.has_precision = spec.precision >= 0; /* a negative one counts as none, as in C */
    }
    for (;; (*format)++) {
        if (**format == 'l' || **format == 'z') {
            spec.length++;
        } else if (**format == 'h') {
            spec.length--;
        } else {
            return spec;
        }
    }
}

static void format_one(struct sink *sink, char conversion, const struct spec *spec, va_list *args)
{
    static const char decimal[] = "0123456789";
    int64_t number;
    char c;

    switch (conversion) {
    case 'd':
    case 'i':
        number = take_signed(spec, args);
        format_unsigned(sink, spec, number < 0 ? "-" : "",
                        number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10, decimal);
        break;
    case 'u':
        format_unsigned(sink, spec, "", take_unsigned(spec, args), 10, decimal);
        break;
    case 'x':
    case 'X':
        format_hex(sink, spec, take_unsigned(spec, args), conversion == 'X');
        break;
    case 'p':
        format_unsigned(sink, spec, "0x", (uint64_t)va_arg(*args, void *), 16, "0123456789abcdef");
        break;
    case 'c':
        c = (char)va_arg(*args, int);
        put_text(sink, spec, &c, 1);
        break;
    case 's':
        format_string(sink, spec, va_arg(*args, const char *));
        break;
    case '%':
        put_char(sink, '%');
        break;
    default: /* unknown: show it, so that the mistake is seen */
        put_char(sink, '%');
        put_char(sink, conversion);
        break;
    }
}

size_t format_text_v(char *buffer, size_t bytes, const char *format, va_list args)
{
    struct sink sink = {.buffer = buffer, .bytes = bytes};
    va_list copy;
    va_copy(copy, args);
    while (*format != '\0') {
        if (*format != '%') {
            put_char(&sink, *format++);
            continue;
        }
        format++;
        struct spec spec = parse_spec(&format, &copy);
        if (*format == '\0') {
            break;
        }
        format_one(&sink, *format++, &spec, &copy);
    }
    va_end(copy);
    if (bytes > 0) {
        buffer[MIN(sink.length, bytes - 1)] = '\0';
    }
    return sink.length;
}

size_t format_text(char *buffer, size_t bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t length = format_text_v(buffer, bytes, format, args);
    va_end(args);
    return length;
}
