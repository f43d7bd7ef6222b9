/* SPDX-License-Identifier: MIT */
/* Memory and string functions. */
#include <string.h>

#include <stdint.h>

/* Or gcc recognises what these loops do and makes them calls of themselves, also with -ffreestanding. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

static void copy_forward(char *to, const char *from, size_t bytes)
{
    size_t words = bytes / 8;
    size_t rest = bytes % 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
    while (rest-- > 0) {
        *to++ = *from++;
    }
}

static void copy_backward(char *to, const char *from, size_t bytes)
{
    while (bytes % 8 != 0) {
        bytes--;
        to[bytes] = from[bytes];
    }
    while (bytes > 0) {
        uint64_t word;

        bytes -= 8;
        __builtin_memcpy(&word, from + bytes, 8); /* one unaligned load and store */
        __builtin_memcpy(to + bytes, &word, 8);
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    copy_forward(to, from, bytes);
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to - (uintptr_t)from < bytes) {
        copy_backward(to, from, bytes);
    } else {
        copy_forward(to, from, bytes);
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    char *end = to;
    size_t words = bytes / 8;
    size_t rest = bytes % 8;

    __asm__ volatile("rep stosq"
                     : "+D"(end), "+c"(words)
                     : "a"((uint8_t)value * 0x0101010101010101ull)
                     : "memory");
    while (rest-- > 0) {
        *end++ = (char)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a;
    const unsigned char *y = b;

    for (size_t i = 0; i < bytes; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

size_t strlen(const char *s)
{
    size_t length = 0;

    while (s[length] != '\0') {
        length++;
    }
    return length;
}

size_t strnlen(const char *s, size_t bytes)
{
    size_t length = 0;

    while (length < bytes && s[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (a[i] != b[i] || a[i] == '\0') {
            return (unsigned char)a[i] - (unsigned char)b[i];
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
    size_t kept = length < bytes ? length : bytes - 1;

    memcpy(to, from, kept);
    to[kept] = '\0';
    return length;
}
