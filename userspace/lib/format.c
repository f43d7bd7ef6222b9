/* SPDX-License-Identifier: MIT */
/* Formatting in one pass: a specification is read whole, then its argument is printed into the sink. */
#include "userspace/lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGITS_MAX 24 /* 64 bits in octal would need 22 */

struct sink {
    char *buffer;
    size_t bytes;
    size_t length; /* of the whole text, also of what did not fit */
};

struct spec {
    bool zero, left, has_precision;
    int width, precision;
    int size; /* log2 of the argument's bytes: 0 char, 1 short, 2 int, 3 long */
};

static void put_char(struct sink *sink, char c)
{
    if (sink->length + 1 < sink->bytes) {
        sink->buffer[sink->length] = c;
    }
    sink->length++;
}

static void put_padded(struct sink *sink, const struct spec *spec, const char *text, int length)
{
    for (int i = length; !spec->left && i < spec->width; i++) {
        put_char(sink, ' ');
    }
    for (int i = 0; i < length; i++) {
        put_char(sink, text[i]);
    }
    for (int i = length; spec->left && i < spec->width; i++) {
        put_char(sink, ' ');
    }
}

static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base, const char *prefix,
                       bool upper)
{
    char digits[DIGITS_MAX];
    int count = 0;
    int prefix_length = 0;
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

    do {
        digits[DIGITS_MAX - ++count] = set[value % base];
        value /= base;
    } while (value != 0);
    while (prefix[prefix_length] != '\0') {
        prefix_length++;
    }
    int fill = spec->width - count - prefix_length;
    bool zeros = spec->zero && !spec->left;
    for (int i = 0; !zeros && !spec->left && i < fill; i++) {
        put_char(sink, ' ');
    }
    for (int i = 0; i < prefix_length; i++) {
        put_char(sink, prefix[i]);
    }
    for (int i = 0; zeros && i < fill; i++) {
        put_char(sink, '0');
    }
    for (int i = DIGITS_MAX - count; i < DIGITS_MAX; i++) {
        put_char(sink, digits[i]);
    }
    for (int i = 0; spec->left && i < fill; i++) {
        put_char(sink, ' ');
    }
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text)
{
    int length = 0;

    if (text == NULL) {
        text = "(null)";
    }
    while ((!spec->has_precision || length < spec->precision) && text[length] != '\0') {
        length++;
    }
    put_padded(sink, spec, text, length);
}

static int64_t narrow_signed(int64_t value, int size)
{
    switch (size) {
    case 0:
        return (signed char)value;
    case 1:
        return (short)value;
    default:
        return value;
    }
}

static uint64_t narrow_unsigned(uint64_t value, int size)
{
    return size >= 3 ? value : value & ((1ull << (8 << size)) - 1);
}

/* A positive decimal number or '*', at *format. */
static int read_count(const char **format, va_list *args)
{
    int count = 0;

    if (**format == '*') {
        (*format)++;
        return va_arg(*args, int);
    }
    while (**format >= '0' && **format <= '9') {
        count = count * 10 + (*(*format)++ - '0');
    }
    return count;
}

static const char *read_spec(struct spec *spec, const char *format, va_list *args)
{
    *spec = (struct spec){.size = 2};
    for (; *format == '0' || *format == '-'; format++) {
        spec->zero |= *format == '0';
        spec->left |= *format == '-';
    }
    spec->width = read_count(&format, args);
    if (*format == '.') {
        format++;
        spec->has_precision = true;
        spec->precision = read_count(&format, args);
    }
    for (;; format++) {
        if (*format == 'h') {
            spec->size--;
        } else if (*format == 'l' || *format == 'z' || *format == 'j') {
            spec->size = 3;
        } else {
            return format;
        }
    }
}

static void put_spec(struct sink *sink, const struct spec *spec, char conversion, va_list *args)
{
    switch (conversion) {
    case 'd':
    case 'i': {
        int64_t value = spec->size >= 3 ? va_arg(*args, int64_t) : va_arg(*args, int);
        value = narrow_signed(value, spec->size);
        put_number(sink, spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0 ? "-" : "", false);
        break;
    }
    case 'u':
    case 'x':
    case 'X': {
        uint64_t value = spec->size >= 3 ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
        put_number(sink, spec, narrow_unsigned(value, spec->size), conversion == 'u' ? 10 : 16, "", conversion == 'X');
        break;
    }
    case 'p':
        put_number(sink, spec, (uintptr_t)va_arg(*args, void *), 16, "0x", false);
        break;
    case 'c': {
        char c = (char)va_arg(*args, int);
        put_padded(sink, spec, &c, 1);
        break;
    }
    case 's':
        put_string(sink, spec, va_arg(*args, const char *));
        break;
    default:
        put_char(sink, '%');
        if (conversion != '%') {
            put_char(sink, conversion);
        }
        break;
    }
}

size_t format_text_v(char *buffer, size_t bytes, const char *format, va_list args)
{
    struct sink sink = {buffer, bytes, 0};
    va_list copy;

    va_copy(copy, args);
    while (*format != '\0') {
        struct spec spec;

        if (*format != '%') {
            put_char(&sink, *format++);
            continue;
        }
        format = read_spec(&spec, format + 1, &copy);
        if (*format == '\0') {
            break;
        }
        put_spec(&sink, &spec, *format++, &copy);
    }
    va_end(copy);
    if (bytes > 0) {
        buffer[sink.length < bytes ? sink.length : bytes - 1] = '\0';
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
