/* SPDX-License-Identifier: MIT */
/*
 * Packing (pack.h): at each place look whether its next four bytes were seen before, by a table of the
 * last place for each hash of four bytes; take the repeat as long as it is, else go one byte on.
 */
#include "kdebug/core/pack.h"

#include "base/string.h"

#define HASH_BITS  10u
#define HASH_PRIME 2654435761u /* Knuth, TAOCP vol. 3, 6.4: the golden ratio of 2^32 */
#define MORE       15u         /* of a half byte: the number goes on */

static uint16_t last_seen[1u << HASH_BITS]; /* place + 1; 0: never */

struct output {
    uint8_t *to;
    size_t bytes, room;
    bool is_full;
};

static void put(struct output *out, uint8_t byte)
{
    if (out->bytes == out->room) {
        out->is_full = true;
        return;
    }
    out->to[out->bytes++] = byte;
}

static void put_more(struct output *out, size_t number)
{
    if (number < MORE) {
        return;
    }
    for (number -= MORE; number >= UINT8_MAX; number -= UINT8_MAX) {
        put(out, UINT8_MAX);
    }
    put(out, (uint8_t)number);
}

/* Plain bytes, and a repeat behind them unless its length is 0. */
static void put_sequence(struct output *out, const uint8_t *plain, size_t count, size_t distance,
                         size_t length)
{
    size_t repeat = length == 0 ? 0 : length - PACK_REPEAT_MIN;
    put(out, (uint8_t)(MIN(count, MORE) << 4 | MIN(repeat, MORE)));
    put_more(out, count);
    for (size_t i = 0; i < count; i++) {
        put(out, plain[i]);
    }
    if (length != 0) {
        put(out, (uint8_t)distance);
        put(out, (uint8_t)(distance >> 8));
        put_more(out, repeat);
    }
}

/* The place before `at` where the same four bytes stand; `at` itself: none is known. Remembers at. */
static size_t find_before(const uint8_t *from, size_t at)
{
    uint32_t word, other;
    memcpy(&word, from + at, sizeof(word));
    uint16_t *slot = &last_seen[word * HASH_PRIME >> (32 - HASH_BITS)];
    size_t before = *slot;
    *slot = (uint16_t)(at + 1);
    if (before == 0) {
        return at;
    }
    memcpy(&other, from + before - 1, sizeof(other));
    return other == word ? before - 1 : at;
}

size_t kd_pack(const uint8_t *from, size_t bytes, uint8_t *to)
{
    struct output out = {.to = to, .room = bytes == 0 ? 0 : bytes - 1};
    size_t at = 0, plain = 0; /* [plain, at) is not yet put out */
    memset(last_seen, 0, sizeof(last_seen));
    while (at + PACK_REPEAT_MIN <= bytes && !out.is_full) {
        size_t before = find_before(from, at);
        size_t length = 0;
        while (before < at && at + length < bytes && from[before + length] == from[at + length]) {
            length++;
        }
        if (length < PACK_REPEAT_MIN) {
            at++;
            continue;
        }
        put_sequence(&out, from + plain, at - plain, at - before, length);
        at += length;
        plain = at;
    }
    put_sequence(&out, from + plain, bytes - plain, 0, 0);
    return out.is_full ? 0 : out.bytes;
}
