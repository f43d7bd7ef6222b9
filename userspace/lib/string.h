/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings: the part of the standard's <string.h> that programs use here. The code is
 * kernel/base/string.c.
 */
#pragma once

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t bytes);
char *strchr(const char *s, int c);

/*
 * string_copy() - copy up to bytes - 1 characters and terminate. Returns strlen(from). bytes > 0.
 */
size_t string_copy(char *to, const char *from, size_t bytes);
