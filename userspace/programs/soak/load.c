/* SPDX-License-Identifier: MIT */
/* The mix: programs of the boot image, started by init as a shell has them started, each with what the manifest gives it. */
#include <string.h>

#include "gen/interface/supervisor_client.h"
#include "gen/objects.h"
#include "userspace/lib/random.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/stdio.h"
#include "userspace/lib/stream.h"
#include "userspace/programs/soak/soak.h"

#define WORDS_MAX 6u

struct program_line {
    const char *word[WORDS_MAX];
    bool is_optional; /* not every build has it */
};

static const struct program_line mix[] = {
    {{"ipcload", "calls=150", "clients=2", "servers=2", "quiet"}, false},
    {{"builder", "units=10", "jobs=3", "quiet"}, false},
    {{"pipeline", "clients=2", "commands=40", "quiet"}, false},
    {{"churn", "processes=18", "quiet"}, false},
    {{"touch", "rounds=4", "quiet"}, false},
    {{"hog", "threads=2", "steps=3000000", "quiet"}, false},
    {{"database", "mib=1", "operations=60", "quiet"}, false},
    {{"libc_files", "quiet"}, true},
    {{"libc", "rounds=60", "quiet"}, true},
    {{"lua", "/boot/lua/text.lua", "quiet"}, true},
};
#define MIX (sizeof(mix) / sizeof(mix[0]))

static const struct program_line short_one = {{"sleeper", "sleeps=1", "threads=1", "quiet"}, false};

/* HANDLE_NONE: this build is without it. */
static uint64_t start(const struct program_line *line)
{
    static const char variable[] = "GIVEN=at_boot";
    const uint32_t rights = stream_rights('c');
    char words[SUPERVISOR_RUN_WORDS_MAX];
    uint64_t bytes = 0, process;
    unsigned i = 0;

    for (; i < WORDS_MAX && line->word[i] != NULL; i++) {
        memcpy(words + bytes, line->word[i], strlen(line->word[i]) + 1);
        bytes += strlen(line->word[i]) + 1;
    }
    memcpy(words + bytes, variable, sizeof(variable));
    bytes += sizeof(variable);
    status_t status = supervisor_run(
        program_handle("supervisor"), words, bytes, RUN_SHAPE(STREAM_KINDS('c', 'c', 'c'), i - 1),
        program.console, program.console, program.console, rights, rights, rights, LONG, &process);
    if (status == ERR_NOT_FOUND && line->is_optional) {
        return HANDLE_NONE;
    }
    if (status != OK) {
        die("%s: %s", line->word[0], status_name(status));
    }
    return process;
}

static void await_end(const struct program_line *line, uint64_t process)
{
    uint64_t code = process == HANDLE_NONE ? 0 : process_end(process);

    if (code != 0) {
        die("%s ended with %lx", line->word[0], code);
    }
}

/* In another order each time. */
void load_run(uint64_t *random)
{
    uint64_t process[MIX];
    unsigned order[MIX];

    for (unsigned i = 0; i < MIX; i++) {
        unsigned other = (unsigned)(random_next(random) % (i + 1));
        order[i] = i;
        order[i] = order[other];
        order[other] = i;
    }
    for (unsigned i = 0; i < MIX; i++) {
        process[order[i]] = start(&mix[order[i]]);
    }
    for (unsigned i = 0; i < MIX; i++) {
        await_end(&mix[i], process[i]);
    }
}

/* init keeps what has ended until it starts another: afterwards it keeps this one, and nothing else. */
void load_run_one(void)
{
    await_end(&short_one, start(&short_one));
}
