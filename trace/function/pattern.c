/* SPDX-License-Identifier: MIT */
/* Names of functions and the patterns that choose them. Pure code, also built on the host. */
#include "base/string.h"
#include "trace/function/function.h"

/* Of the name without what gcc appends to specialised copies. */
static size_t stem_length(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot == NULL ? strlen(name) : (size_t)(dot - name);
}

/* The newest '*' takes one more character whenever what follows it does not fit: so no recursion. */
static bool matches(const char *pattern, size_t pattern_bytes, const char *name, size_t bytes)
{
    size_t at = 0, star = SIZE_MAX, taken = 0;
    for (size_t i = 0; i < bytes;) {
        if (at < pattern_bytes && pattern[at] == '*') {
            star = at++;
            taken = i;
        } else if (at < pattern_bytes && pattern[at] == name[i]) {
            at++;
            i++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            i = ++taken;
        } else {
            return false;
        }
    }
    while (at < pattern_bytes && pattern[at] == '*') {
        at++;
    }
    return at == pattern_bytes;
}

bool function_pattern_matches(const char *pattern, size_t length, const char *name)
{
    bool is_all = length == strlen("all") && strncmp(pattern, "all", length) == 0;
    return is_all || matches(pattern, length, name, stem_length(name));
}
