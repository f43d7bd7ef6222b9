/* SPDX-License-Identifier: MIT */
/* The memory and string functions gcc may call, and a few more. movsq/stosq inside: emulators
 * count every iteration. */
#pragma once

#include "base/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t bytes);
char *strchr(const char *s, int c);
/* string_copy() - copy up to bytes - 1 characters and terminate. Returns strlen(from). */
size_t string_copy(char *to, const char *from, size_t bytes);

/* page_zero() / page_copy() - one 4 KiB page, aligned. Cost: 512 iterations of stosq / movsq. */
static inline void page_zero(void *page)
{
    size_t count = 512;
    __asm__ volatile("rep stosq" : "+D"(page), "+c"(count) : "a"(0) : "memory");
}

static inline void page_copy(void *to, const void *from)
{
    size_t count = 512;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count)::"memory");
}
