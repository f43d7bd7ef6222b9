/* SPDX-License-Identifier: MIT */
/* Contents of buffers: cheap to make, and no two places have the same. */
#include <string.h>

#include "userspace/programs/ipcload/ipcload.h"

#define STEP 0x9e3779b97f4a7c15ull

void payload_fill(uint8_t *buffer, uint64_t bytes, uint64_t seed)
{
    uint64_t *word = (uint64_t *)buffer;

    for (uint64_t i = 0; i < bytes / 8; i++) {
        word[i] = seed += STEP;
    }
    seed += STEP;
    memcpy(buffer + bytes / 8 * 8, &seed, bytes % 8);
}

bool payload_is_good(const uint8_t *buffer, uint64_t bytes, uint64_t seed)
{
    const uint64_t *word = (const uint64_t *)buffer;

    for (uint64_t i = 0; i < bytes / 8; i++) {
        seed += STEP;
        if (word[i] != seed) {
            return false;
        }
    }
    seed += STEP;
    return memcmp(buffer + bytes / 8 * 8, &seed, bytes % 8) == 0;
}
