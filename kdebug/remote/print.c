/* SPDX-License-Identifier: MIT */
/*
 * What gdb's dprintf says, if the stub is to say it (stub.h): the formats of C for numbers, characters, addresses and text.
 *
 * The format comes from gdb and the arguments from the machine, so neither is trusted: what is no conversion is printed as it
 * stands, and one without an argument prints nothing.
 */
#include "base/format.h"
#include "base/string.h"
#include "kdebug/remote/stub.h"

#define NUMBER_BYTES 32u
#define WIDTH_MAX    64u
#define TEXT_MAX     128u
#define LINE_BYTES   256u

struct conversion {
    bool is_left, has_zeros;
    unsigned width;
    unsigned longs; /* l, ll, z, j, t: 64 bits; else 32 */
    char letter;    /* '\0': the format ends in it */
};

static const char *parse(const char *at, struct conversion *out)
{
    *out = (struct conversion){.letter = '\0'};
    for (; *at != '\0' && strchr("-0 +#", *at) != NULL; at++) {
        out->is_left |= *at == '-';
        out->has_zeros |= *at == '0';
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        out->width = MIN(out->width * 10 + (unsigned)(*at - '0'), WIDTH_MAX);
    }
    for (; *at != '\0' && strchr(".0123456789hlzjt", *at) != NULL; at++) {
        out->longs += strchr("lzjt", *at) != NULL;
    }
    out->letter = *at;
    return *at == '\0' ? at : at + 1;
}

/* What is said goes as few packets. */
static char line[LINE_BYTES];
static size_t line_bytes;

static void flush(void)
{
    kd_remote_tell(line, line_bytes);
    line_bytes = 0;
}

static void put(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        line[line_bytes++] = text[i];
        if (line_bytes == LINE_BYTES) {
            flush();
        }
    }
}

static void pad(char with, unsigned width, size_t length)
{
    for (size_t i = length; i < width; i++) {
        put(&with, 1);
    }
}

static void tell(const struct conversion *conversion, const char *text, size_t length)
{
    if (!conversion->is_left) {
        pad(conversion->has_zeros ? '0' : ' ', conversion->width, length);
    }
    put(text, length);
    if (conversion->is_left) {
        pad(' ', conversion->width, length);
    }
}

static void tell_number(const struct conversion *conversion, uint64_t value)
{
    char text[NUMBER_BYTES];
    bool is_short = conversion->longs == 0;
    unsigned long long bits = is_short && conversion->letter != 'p' ? (uint32_t)value : value;
    switch (conversion->letter) {
    case 'd':
    case 'i':
        format_text(text, sizeof(text), "%lld",
                    is_short ? (long long)(int32_t)bits : (long long)bits);
        break;
    case 'u':
        format_text(text, sizeof(text), "%llu", bits);
        break;
    case 'p':
        format_text(text, sizeof(text), "0x%llx", bits);
        break;
    default:
        format_text(text, sizeof(text), "%llx", bits);
        break;
    }
    tell(conversion, text, strlen(text));
}

static void tell_text(const struct conversion *conversion, uint64_t address,
                      bool (*read_memory)(uint64_t address, void *to, size_t bytes))
{
    char text[TEXT_MAX];
    size_t length = 0;
    while (length < TEXT_MAX && read_memory(address + length, &text[length], 1) &&
           text[length] != '\0') {
        length++;
    }
    tell(conversion, text, length);
}

/* gdb sends the format as it was typed. Returns what follows the escape. */
static const char *put_escaped(const char *at)
{
    static const char letters[] = "ntrae", meanings[] = "\n\t\r\a\033";
    const char *letter = *at == '\0' ? NULL : strchr(letters, *at);
    if (letter != NULL) {
        put(&meanings[letter - letters], 1);
    } else {
        put(at, *at != '\0');
    }
    return at + (*at != '\0');
}

void kd_remote_print(const char *format, const uint64_t *arguments, unsigned count,
                     bool (*read_memory)(uint64_t address, void *to, size_t bytes))
{
    struct conversion conversion;
    unsigned used = 0;
    for (const char *at = format; *at != '\0';) {
        const char *begin = at;
        if (*at == '\\') {
            at = put_escaped(at + 1);
            continue;
        }
        if (*at++ != '%') {
            put(begin, 1);
            continue;
        }
        at = parse(at, &conversion);
        uint64_t value = used < count ? arguments[used] : 0;
        bool is_known = conversion.letter != '\0' && strchr("diuxXpcs", conversion.letter) != NULL;
        used += is_known;
        char c = (char)value;
        if (conversion.letter == '%') {
            put("%", 1);
        } else if (!is_known) {
            put(begin, (size_t)(at - begin));
        } else if (used > count) {
            continue;
        } else if (conversion.letter == 's') {
            tell_text(&conversion, value, read_memory);
        } else if (conversion.letter == 'c') {
            tell(&conversion, &c, 1);
        } else {
            tell_number(&conversion, value);
        }
    }
    flush();
}
