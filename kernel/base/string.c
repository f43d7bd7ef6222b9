/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions.
 *
 * Blocks move 8 bytes at a time (rep movsq, rep stosq). Emulators count every iteration, so the
 * byte forms are never used: the last 1 to 7 bytes of a block of at least 8 are covered by one
 * unaligned word that overlaps what is done already.
 *
 * gcc may turn a loop into a call of the very function that contains it; KEEP_LOOP() in the body
 * stops that.
 */
#include "base/string.h"

#define WORD        sizeof(uint64_t)
#define KEEP_LOOP() __asm__ volatile("" ::: "memory")

/* A word at any alignment, allowed to alias everything. */
struct PACKED __attribute__((may_alias)) loose_word {
    uint64_t value;
};

static uint64_t load_word(const void *at)
{
    return ((const struct loose_word *)at)->value;
}

static void store_word(void *at, uint64_t value)
{
    ((struct loose_word *)at)->value = value;
}

static void copy_words(void *to, const void *from, size_t words)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
}

static void copy_few_bytes(uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = from[i];
        KEEP_LOOP();
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    if (bytes < WORD) {
        copy_few_bytes(to, from, bytes);
        return to;
    }
    copy_words(to, from, bytes / WORD);
    if (bytes % WORD != 0) {
        size_t last = bytes - WORD;
        store_word((uint8_t *)to + last, load_word((const uint8_t *)from + last));
    }
    return to;
}

/* From the end down. The first bytes are read before anything is written, because the words may
 * overwrite them. */
static void copy_backward(uint8_t *to, const uint8_t *from, size_t bytes)
{
    while (bytes >= WORD) {
        bytes -= WORD;
        store_word(to + bytes, load_word(from + bytes));
        KEEP_LOOP();
    }
    while (bytes > 0) {
        bytes--;
        to[bytes] = from[bytes];
        KEEP_LOOP();
    }
}

/* Upwards is safe with overlap when `to` lies below: a word is read before it or anything after
 * it is written, but the overlapping last word of memcpy() is not, so the rest goes byte by
 * byte. */
static void copy_forward(uint8_t *to, const uint8_t *from, size_t bytes)
{
    size_t words = bytes / WORD;
    copy_words(to, from, words);
    copy_few_bytes(to + words * WORD, from + words * WORD, bytes % WORD);
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to - (uintptr_t)from >= bytes) {
        copy_forward(to, from, bytes); /* apart, or `to` below `from` */
    } else {
        copy_backward(to, from, bytes);
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *at = to;
    uint64_t pattern = (uint8_t)value * 0x0101010101010101ull;
    if (bytes < WORD) {
        for (size_t i = 0; i < bytes; i++) {
            at[i] = (uint8_t)value;
            KEEP_LOOP();
        }
        return to;
    }
    void *cursor = to;
    size_t words = bytes / WORD;
    __asm__ volatile("rep stosq" : "+D"(cursor), "+c"(words) : "a"(pattern) : "memory");
    store_word(at + bytes - WORD, pattern);
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *left = a, *right = b;
    while (bytes >= WORD && load_word(left) == load_word(right)) {
        left += WORD;
        right += WORD;
        bytes -= WORD;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (left[i] != right[i]) {
            return left[i] - right[i];
        }
    }
    return 0;
}

size_t strlen(const char *s)
{
    size_t length = 0;
    while (s[length] != '\0') {
        length++;
        KEEP_LOOP();
    }
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (a[i] != b[i] || a[i] == '\0') {
            return (uint8_t)a[i] - (uint8_t)b[i];
        }
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) {
            return (char *)s;
        }
        if (*s == '\0') {
            return NULL;
        }
    }
}

size_t string_copy(char *to, const char *from, size_t bytes)
{
    size_t length = strlen(from);
    if (bytes > 0) {
        size_t kept = MIN(length, bytes - 1);
        memcpy(to, from, kept);
        to[kept] = '\0';
    }
    return length;
}
