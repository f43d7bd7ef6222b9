/* SPDX-License-Identifier: MIT */
/*
 * Deflate (deflate.h): repeats become (length, distance), and what is left gets short codes for what is frequent (Huffman).
 *
 * All is done twice by the same functions: first symbols are counted, then, with the codes made of the counts, written. So no list of
 * symbols has to be kept. Repeats are looked for along a chain of places with the same hash of three bytes, newest first; one is
 * taken only if the next place does not have a longer one.
 * Source: RFC 1951, sections 3.2.2 (codes), 3.2.5 (repeats), 3.2.7 (codes of lengths).
 */
#include "kdebug/core/deflate.h"

#include "base/string.h"

#define REPEAT_MIN     3u
#define REPEAT_MAX     258u
#define HASH_BITS      12u
#define CHAIN_MAX      48u /* places looked at; more finds little */
#define END            256u
#define FIRST_LENGTH   257u
#define LITERALS       286u /* bytes, END, lengths */
#define DISTANCES      30u
#define RUNS           19u /* lengths of codes, and runs of them */
#define CODE_BITS_MAX  15u
#define RUN_BITS_MAX   7u
#define BLOCK_DYNAMIC  2u
#define RUN_AGAIN      16u
#define RUN_ZEROS      17u
#define RUN_MANY_ZEROS 18u

/* Of one kind of symbols. */
struct code {
    uint32_t count[LITERALS];
    uint16_t bits[LITERALS]; /* first bit lowest */
    uint8_t length[LITERALS];
};
static struct code literals, distances, runs;

struct repeat {
    size_t length, distance;
};

static uint16_t newest[1u << HASH_BITS]; /* place + 1; 0: none */
static uint16_t older[DEFLATE_BYTES_MAX];

static struct {
    uint8_t *to;
    size_t bytes, room;
    uint32_t waiting; /* bits not yet there */
    unsigned waiting_bits;
    bool is_counting;
} out;

static void put_bits(uint32_t value, unsigned count)
{
    if (out.is_counting) {
        return;
    }
    out.waiting |= value << out.waiting_bits;
    for (out.waiting_bits += count; out.waiting_bits >= 8; out.waiting_bits -= 8) {
        if (out.bytes < out.room) {
            out.to[out.bytes] = (uint8_t)out.waiting;
        }
        out.bytes++;
        out.waiting >>= 8;
    }
}

static void put_symbol(struct code *code, unsigned symbol)
{
    if (out.is_counting) {
        code->count[symbol]++;
    }
    put_bits(code->bits[symbol], code->length[symbol]);
}

/* ---- repeats ---- */

static unsigned log2_of(size_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

static uint16_t *slot_of(const uint8_t *at)
{
    uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
    return &newest[word * 2654435761u >> (32 - HASH_BITS)]; /* as in pack.c */
}

static void remember(const uint8_t *from, size_t bytes, size_t at)
{
    if (at + REPEAT_MIN <= bytes) {
        uint16_t *slot = slot_of(from + at);
        older[at] = *slot;
        *slot = (uint16_t)(at + 1);
    }
}

/* The longest repeat at a place, of what is remembered; length 0: none. */
static struct repeat find_repeat(const uint8_t *from, size_t bytes, size_t at)
{
    struct repeat best = {0, 0};
    if (at + REPEAT_MIN > bytes) {
        return best;
    }
    size_t most = MIN(bytes - at, REPEAT_MAX);
    size_t before = *slot_of(from + at);
    for (unsigned i = 0; before != 0 && i < CHAIN_MAX && best.length < most; i++) {
        const uint8_t *there = from + before - 1;
        size_t length = 0;
        while (length < most && there[length] == from[at + length]) {
            length++;
        }
        if (length >= REPEAT_MIN && length > best.length) {
            best = (struct repeat){length, at - (before - 1)};
        }
        before = older[before - 1];
    }
    return best;
}

static void put_repeat(struct repeat repeat)
{
    size_t length = repeat.length - REPEAT_MIN, distance = repeat.distance - 1;
    unsigned more = length < 8 ? 0 : log2_of(length) - 2;
    if (repeat.length == REPEAT_MAX) {
        put_symbol(&literals, LITERALS - 1);
    } else {
        put_symbol(&literals, FIRST_LENGTH + 4 * more + (unsigned)(length >> more));
        put_bits(length & ((1u << more) - 1), more);
    }
    more = distance < 4 ? 0 : log2_of(distance) - 1;
    put_symbol(&distances, 2 * more + (unsigned)(distance >> more));
    put_bits(distance & ((1u << more) - 1), more);
}

static void put_content(const uint8_t *from, size_t bytes)
{
    memset(newest, 0, sizeof(newest));
    struct repeat here = {0, 0};
    for (size_t at = 0; at < bytes;) {
        remember(from, bytes, at);
        struct repeat next = find_repeat(from, bytes, at + 1);
        if (here.length < REPEAT_MIN || here.length < next.length) {
            put_symbol(&literals, from[at++]);
            here = next;
            continue;
        }
        put_repeat(here);
        for (size_t end = at + here.length; ++at < end;) {
            remember(from, bytes, at);
        }
        here = find_repeat(from, bytes, at);
    }
    put_symbol(&literals, END);
}

/* ---- codes ---- */

/* The two lightest nodes that are in no pair. False: there are no two. */
static bool find_lightest(const uint32_t *weight, unsigned nodes, unsigned low[2])
{
    unsigned found = 0;
    for (unsigned i = 0; i < nodes; i++) {
        if (weight[i] == 0) {
            continue;
        }
        if (found == 0 || weight[i] < weight[low[0]]) {
            low[1] = found == 0 ? i : low[0];
            low[0] = i;
        } else if (found == 1 || weight[i] < weight[low[1]]) {
            low[1] = i;
        }
        found++;
    }
    return found >= 2;
}

/* The lengths of the shortest codes. Returns the longest. */
static unsigned measure(struct code *code, unsigned symbols)
{
    static uint32_t weight[2 * LITERALS]; /* of symbols, then of pairs; 0: in a pair, or unused */
    static uint16_t parent[2 * LITERALS]; /* 0: none */
    unsigned nodes = symbols, longest = 0;
    memset(parent, 0, sizeof(parent));
    memcpy(weight, code->count, symbols * sizeof(*weight));
    for (unsigned low[2]; find_lightest(weight, nodes, low); nodes++) {
        weight[nodes] = weight[low[0]] + weight[low[1]];
        parent[low[0]] = parent[low[1]] = (uint16_t)nodes;
        weight[low[0]] = weight[low[1]] = 0;
    }
    for (unsigned i = 0; i < symbols; i++) {
        unsigned length = 0;
        for (unsigned node = i; parent[node] != 0; node = parent[node]) {
            length++;
        }
        code->length[i] = (uint8_t)(code->count[i] != 0 && length == 0 ? 1 : length);
        longest = MAX(longest, length);
    }
    return longest;
}

/* Codes for the symbols that were counted. What is too long gets shorter when the rare ones count more. */
static void make_code(struct code *code, unsigned symbols, unsigned limit)
{
    while (measure(code, symbols) > limit) {
        for (unsigned i = 0; i < symbols; i++) {
            code->count[i] = (code->count[i] + 1) / 2;
        }
    }
    unsigned next = 0;
    for (unsigned length = 1; length <= limit; length++, next <<= 1) {
        for (unsigned i = 0; i < symbols; i++) {
            if (code->length[i] != length) {
                continue;
            }
            unsigned bits = next++, turned = 0;
            for (unsigned bit = 0; bit < length; bit++) {
                turned |= (bits >> bit & 1) << (length - 1 - bit);
            }
            code->bits[i] = (uint16_t)turned;
        }
    }
}

/* Equal lengths from a place on, at most so many. */
static unsigned run_of(const uint8_t *lengths, unsigned at, unsigned count, unsigned most)
{
    unsigned run = 1;
    while (run < most && at + run < count && lengths[at + run] == lengths[at]) {
        run++;
    }
    return run;
}

static void put_lengths(const uint8_t *lengths, unsigned count)
{
    for (unsigned at = 0; at < count;) {
        bool is_again = at > 0 && lengths[at] == lengths[at - 1];
        unsigned run = run_of(lengths, at, count, lengths[at] == 0 ? 138 : 6);
        if (lengths[at] == 0 && run >= 11) {
            put_symbol(&runs, RUN_MANY_ZEROS);
            put_bits(run - 11, 7);
        } else if (lengths[at] == 0 && run >= 3) {
            put_symbol(&runs, RUN_ZEROS);
            put_bits(run - 3, 3);
        } else if (is_again && run >= 3) {
            put_symbol(&runs, RUN_AGAIN);
            put_bits(run - 3, 2);
        } else {
            put_symbol(&runs, lengths[at]);
            run = 1;
        }
        at += run;
    }
}

static void put_head(const uint8_t *lengths)
{
    static const uint8_t order[RUNS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                        11, 4,  12, 3, 13, 2, 14, 1, 15};
    put_bits(1, 1); /* the last block */
    put_bits(BLOCK_DYNAMIC, 2);
    put_bits(LITERALS - 257, 5);
    put_bits(DISTANCES - 1, 5);
    put_bits(RUNS - 4, 4);
    for (unsigned i = 0; i < RUNS; i++) {
        put_bits(runs.length[order[i]], 3);
    }
    put_lengths(lengths, LITERALS + DISTANCES);
}

size_t kd_deflate(const uint8_t *from, size_t bytes, uint8_t *to)
{
    uint8_t lengths[LITERALS + DISTANCES];
    out = (typeof(out)){.to = to, .room = bytes, .is_counting = true};
    memset(&literals, 0, sizeof(literals));
    memset(&distances, 0, sizeof(distances));
    memset(&runs, 0, sizeof(runs));
    put_content(from, bytes);
    make_code(&literals, LITERALS, CODE_BITS_MAX);
    make_code(&distances, DISTANCES, CODE_BITS_MAX);
    memcpy(lengths, literals.length, LITERALS);
    memcpy(lengths + LITERALS, distances.length, DISTANCES);
    put_lengths(lengths, LITERALS + DISTANCES);
    make_code(&runs, RUNS, RUN_BITS_MAX);
    out.is_counting = false;
    put_head(lengths);
    put_content(from, bytes);
    put_bits(0, (8 - out.waiting_bits) % 8);
    return out.bytes < bytes ? out.bytes : 0;
}
