/* SPDX-License-Identifier: MIT */
/*
 * Arguments of the form key=value, in any order. Numbers in decimal or 0x hexadecimal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * options_set() - which arguments the functions below look at. program_run() calls it with
 * main()'s.
 */
void options_set(int argc, char *const *argv);

/* option_text() - the value of a key, or the given one. The last of several wins. */
const char *option_text(const char *key, const char *otherwise);

/* option_u64() - the same for a number. A value that is no number counts as not given. */
uint64_t option_u64(const char *key, uint64_t otherwise);

/* option_flag() - is there an argument "key" or "key=N" with N not 0? */
bool option_flag(const char *key);

/*
 * number_parse() - the whole text [text, text + length) as a number. False, and *out unchanged, if
 * it is none.
 */
bool number_parse(const char *text, unsigned length, uint64_t *out);
