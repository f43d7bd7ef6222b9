/* SPDX-License-Identifier: MIT */
/* Looking up key=value arguments. */
#include "userspace/lib/option.h"

#include <string.h>

static int option_count;
static char *const *options;

void options_set(int argc, char *const *argv)
{
    option_count = argc;
    options = argv;
}

const char *option_text(const char *key, const char *otherwise)
{
    size_t length = strlen(key);

    for (int i = option_count - 1; i > 0; i--) {
        if (strncmp(options[i], key, length) == 0 && options[i][length] == '=') {
            return options[i] + length + 1;
        }
    }
    return otherwise;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return 99;
}

bool number_parse(const char *text, unsigned length, uint64_t *out)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
        length -= 2;
    }
    for (unsigned i = 0; i < length; i++) {
        int digit = digit_value(text[i]);
        if (digit >= (int)base || value > (UINT64_MAX - (uint64_t)digit) / base) {
            return false;
        }
        value = value * base + (uint64_t)digit;
    }
    if (length == 0) {
        return false;
    }
    *out = value;
    return true;
}

uint64_t option_u64(const char *key, uint64_t otherwise)
{
    const char *text = option_text(key, NULL);
    uint64_t value = otherwise;

    if (text != NULL && !number_parse(text, (unsigned)strlen(text), &value)) {
        return otherwise;
    }
    return value;
}

bool option_flag(const char *key)
{
    for (int i = 1; i < option_count; i++) {
        if (strcmp(options[i], key) == 0) {
            return true;
        }
    }
    return option_u64(key, 0) != 0;
}
