/* SPDX-License-Identifier: MIT */
/* UTF-8, byte by byte (RFC 3629). What is not well-formed becomes U+FFFD, and nothing of what follows it is lost. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xfffdu

struct utf8 {
    uint32_t character; /* so far */
    uint32_t least;     /* what is lower could have been shorter */
    uint8_t missing;    /* bytes */
};

/*
 * utf8_next() - one byte more. True: *out is a character. A byte that begins another character before this one was whole ends it as a
 * replacement and must be given again: utf8_is_cut() says so beforehand.
 */
static inline bool utf8_is_cut(const struct utf8 *decoder, uint8_t byte)
{
    return decoder->missing != 0 && (byte & 0xc0) != 0x80;
}

static inline bool utf8_begin(struct utf8 *decoder, uint8_t byte, uint32_t *out)
{
    *out = byte < 0x80 ? byte : UTF8_REPLACEMENT;
    if (byte < 0xc2 || byte > 0xf4) {
        return true;
    }
    decoder->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    decoder->character = byte & (0x3fu >> decoder->missing);
    decoder->least = decoder->missing == 1 ? 0x80 : decoder->missing == 2 ? 0x800 : 0x10000;
    return false;
}

static inline bool utf8_next(struct utf8 *decoder, uint8_t byte, uint32_t *out)
{
    if (utf8_is_cut(decoder, byte)) {
        decoder->missing = 0;
        *out = UTF8_REPLACEMENT;
        return true;
    }
    if (decoder->missing == 0) {
        return utf8_begin(decoder, byte, out);
    }
    decoder->character = decoder->character << 6 | (byte & 0x3fu);
    decoder->missing--;
    uint32_t character = decoder->character;
    bool is_good = character >= decoder->least && character <= 0x10ffff &&
                   (character < 0xd800 || character > 0xdfff);
    *out = is_good ? character : UTF8_REPLACEMENT;
    return decoder->missing == 0;
}
