/* SPDX-License-Identifier: MIT */
/* The table of programs and handles. */
#include "userspace/services/init/manifest.h"

#include <stdbool.h>
#include <string.h>

#include "gen/objects.h"

#define RIGHTS_IMAGE (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_AREA_READ | RIGHT_AREA_EXEC)
#define RIGHTS_NONE  0u

#define PRIORITY_HIGHEST 31u

struct manifest_row {
    const char *program;
    const char *handle;
    uint32_t rights;
};

/* syscheck gets the powerful objects without the rights to use them, but for making harmless specimens. */
static const struct manifest_row rows[] = {
    {"tracer", "trace", RIGHT_TRACE_CONTROL | RIGHT_TRACE_READ},
    {"tracer", "system", RIGHT_SYSTEM_PORTS | RIGHT_SYSTEM_PHYSICAL | RIGHT_SYSTEM_INTERRUPTS},
    {"bench", "image", RIGHTS_IMAGE},
    {"bench", "trace", RIGHT_TRACE_CONTROL | RIGHT_TRANSFER},
    {"switching", "trace", RIGHT_TRACE_CONTROL},
    {"irqload", "system", RIGHT_SYSTEM_PORTS | RIGHT_SYSTEM_PHYSICAL | RIGHT_SYSTEM_INTERRUPTS},
    {"pager", "system", RIGHT_SYSTEM_PAGER},
    {"paging", "system", RIGHT_TRANSFER | RIGHT_SYSTEM_PAGER},
    {"paging", "image", RIGHTS_IMAGE},
    {"breakin", "debug", RIGHT_DEBUG_ENTER},
    {"life", "image", RIGHTS_IMAGE},
    {"times", "trace", RIGHT_TRACE_CONTROL},
    {"memory", "trace", RIGHT_TRACE_CONTROL},
    {"memory", "image", RIGHTS_IMAGE},
    {"life", "debug", RIGHT_DEBUG_ENTER},
    {"syscheck", "image", RIGHTS_IMAGE},
    {"syscheck", "trace", RIGHTS_NONE},
    {"syscheck", "debug", RIGHTS_NONE},
    {"syscheck", "system",
     RIGHT_DUPLICATE | RIGHT_SYSTEM_PORTS | RIGHT_SYSTEM_INTERRUPTS | RIGHT_SYSTEM_PAGER},
    {"*", "image", RIGHTS_IMAGE},
};

static unsigned collect(const char *name, struct spawn_grant *out)
{
    unsigned count = 0;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]) && count < MANIFEST_GRANTS_MAX; i++) {
        if (strcmp(rows[i].program, name) == 0) {
            out[count++] = (struct spawn_grant){rows[i].handle, program_handle(rows[i].handle), 0,
                                                rows[i].rights};
        }
    }
    return count;
}

unsigned manifest_ceiling(const char *program_name)
{
    bool trusted = strcmp(program_name, "sched") == 0 || strcmp(program_name, "bench") == 0;

    return trusted ? PRIORITY_HIGHEST : 0;
}

/* syscheck compares its account before and after, so nobody else may use it. */
const struct spawn_quota *manifest_quota(const char *program_name)
{
    static const struct spawn_quota own = {
        .handles = 1ull << 32, .threads = 1ull << 32, .memory = 1ull << 58, .pins = 1ull << 52};

    return strcmp(program_name, "syscheck") == 0 ? &own : NULL;
}

unsigned manifest_grants(const char *program_name, struct spawn_grant *out)
{
    unsigned count = collect(program_name, out);

    return count > 0 ? count : collect("*", out);
}
