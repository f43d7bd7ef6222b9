/* SPDX-License-Identifier: MIT */
#include "kdebug/core/search.h"

#include "base/string.h"
#include "gen/layout.h"

#define WINDOW_BYTES 2048u

static uint64_t to_page_end(uint64_t address)
{
    return PAGE_BYTES - address % PAGE_BYTES;
}

/* A window, or what of it lies in the first page; how many bytes could be read. */
static uint64_t read_some(kd_space_t space, uint64_t address, uint64_t length, uint8_t *to)
{
    uint64_t count = MIN(length, (uint64_t)WINDOW_BYTES);
    if (kd_read(space, address, to, count) == OK) {
        return count;
    }
    count = MIN(count, to_page_end(address));
    return kd_read(space, address, to, count) == OK ? count : 0;
}

/* Where the pattern begins in the window; `count` if it does not. */
static uint64_t find_pattern(const uint8_t *window, uint64_t count, const uint8_t *pattern,
                             size_t bytes)
{
    for (uint64_t i = 0; i + bytes <= count; i++) {
        if (window[i] == pattern[0] && memcmp(window + i, pattern, bytes) == 0) {
            return i;
        }
    }
    return count;
}

/* Windows overlap by one byte less than the pattern. */
bool kd_search(kd_space_t space, uint64_t *address, uint64_t length, const uint8_t *pattern,
               size_t bytes)
{
    uint8_t window[WINDOW_BYTES];
    while (length >= bytes) {
        uint64_t count = read_some(space, *address, length, window);
        uint64_t found = find_pattern(window, count, pattern, bytes);
        if (found < count) {
            *address += found;
            return true;
        }
        uint64_t step = count >= bytes ? count - (bytes - 1) : MIN(length, to_page_end(*address));
        *address += step;
        length -= step;
    }
    return false;
}
