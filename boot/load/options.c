/* SPDX-License-Identifier: MIT */
/* Command line options. Bytes above 0x7f pass through: file names may be UTF-8. */
#include "boot/load/options.h"

#include <stddef.h>

#define NO_DIGIT 16u

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

/* What follows `name` in its last word: "" or "=..."; NULL: there is no such word. */
static const char *find_word(const char *cmdline, const char *name)
{
    const char *found = NULL;
    const char *c = cmdline;
    while (*c != '\0') {
        const char *n = name;
        const char *w = c;
        while (*n != '\0' && *w == *n) {
            w++;
            n++;
        }
        if (*n == '\0' && (*w == '=' || is_blank(*w))) {
            found = w;
        }
        while (*c != '\0' && !is_blank(*c)) {
            c++;
        }
        while (*c != '\0' && is_blank(*c)) {
            c++;
        }
    }
    return found;
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return (unsigned)(c - 'A') + 10;
    }
    return NO_DIGIT;
}

static unsigned suffix_shift(char c)
{
    switch (c) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    default:
        return 0;
    }
}

static status_t parse_number(const char *text, uint64_t *out_value)
{
    unsigned base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (digit_value(*text) >= base) {
        return ERR_BAD_ARGUMENT;
    }
    uint64_t value = 0;
    for (; digit_value(*text) < base; text++) {
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit_value(*text), &value)) {
            return ERR_RANGE;
        }
    }
    unsigned shift = suffix_shift(*text);
    text += shift > 0 ? 1 : 0;
    if (!is_blank(*text)) {
        return ERR_BAD_ARGUMENT;
    }
    if (shift > 0 && value >> (64 - shift) != 0) {
        return ERR_RANGE;
    }
    *out_value = value << shift;
    return OK;
}

bool option_is_set(const char *cmdline, const char *name)
{
    return find_word(cmdline, name) != NULL;
}

status_t option_number(const char *cmdline, const char *name, uint64_t *out_value)
{
    const char *rest = find_word(cmdline, name);
    if (rest == NULL) {
        return ERR_NOT_FOUND;
    }
    return *rest == '=' ? parse_number(rest + 1, out_value) : ERR_BAD_ARGUMENT;
}

bool option_clean(char *out, uint64_t capacity, const void *bytes, uint64_t size)
{
    const char *in = bytes;
    while (size > 0 && is_blank(in[0])) {
        in++;
        size--;
    }
    while (size > 0 && is_blank(in[size - 1])) {
        size--;
    }
    bool is_cut = size > capacity - 1;
    uint64_t length = is_cut ? capacity - 1 : size;
    for (uint64_t i = 0; i < length; i++) {
        out[i] = in[i];
        if (is_blank(in[i])) {
            out[i] = ' ';
        }
    }
    out[length] = '\0';
    return is_cut;
}
