/* SPDX-License-Identifier: MIT */
/* A made-up project, the same each time. */
#include "userspace/programs/builder/builder.h"

#include <stdio.h>

#include "kernel/base/crc32c.h"
#include "userspace/lib/random.h"

#define LINE_MAX 48u

unsigned plan_needs(unsigned unit, unsigned needs[NEEDS_MAX])
{
    uint64_t random = random_mix(unit + 1);
    unsigned count = 0, wanted = unit == 0 ? 0 : (unsigned)(random % (NEEDS_MAX + 1));

    for (unsigned i = 0; i < wanted; i++) {
        unsigned need = (unsigned)(random_mix(random + i) % unit);
        bool is_new = true;
        for (unsigned j = 0; j < count; j++) {
            is_new &= needs[j] != need;
        }
        if (is_new) {
            needs[count++] = need;
        }
    }
    return count;
}

unsigned plan_source(unsigned unit, unsigned edition, char text[SOURCE_MAX])
{
    const unsigned lines = 10 + (unsigned)(random_mix(unit) % 60);
    unsigned bytes = 0;

    for (unsigned line = 0; line < lines; line++) {
        bytes += (unsigned)snprintf(text + bytes, LINE_MAX, "unit %u edition %u line %u\n", unit,
                                    edition, line);
    }
    return bytes;
}

uint64_t unit_sum(const char *source, unsigned bytes, const uint64_t *needed, unsigned count)
{
    uint64_t sum = bytes;

    for (unsigned pass = 0; pass < 40; pass++) { /* compilers take their time */
        sum = random_mix(sum ^ crc32c((uint32_t)sum, source, bytes));
    }
    for (unsigned i = 0; i < count; i++) {
        sum = random_mix(sum + needed[i]);
    }
    return sum;
}

void unit_path(const char *name, unsigned unit, char path[PATH_MAX_BYTES])
{
    (void)snprintf(path, PATH_MAX_BYTES, "/tmp/%s%u", name, unit);
}
