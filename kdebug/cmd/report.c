/* SPDX-License-Identifier: MIT */
/*
 * report: all that a bug report needs, in one go and for programs.
 *
 *     === spoor report begin 13
 *     === spoor report section cores
 *     (what 'cpus' prints)
 *     === spoor report end cores 412 89abcdef
 *     ...
 *     === spoor report done
 *
 * Length and CRC-32C are of the text between, with LF. A section that came damaged is asked for
 * again by its name. What a section cannot show it says, and the next one follows: the kernel may
 * be in any state.
 */
#include "base/crc32c.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "kdebug/core/terminal.h"

#define NAME_MAX 32u

static const struct section {
    const char *name, *line;
    bool is_live;
} sections[] = {
    {"version", "version", false},      {"stop", "self", true},
    {"cores", "cpus", false},           {"registers", "cpus | regs", false},
    {"backtraces", "bt all", false},    {"threads", "threads", false},
    {"waits", "waits", false},          {"processes", "processes", false},
    {"locks", "locks held", false},     {"memory", "mem", false},
    {"objects", "objects", false},      {"invariants", "check", true},
    {"trace", "trace last 200", false}, {"log", "log 100", false},
};

static struct {
    uint64_t bytes;
    uint32_t crc;
} text; /* of the section that is being printed */

static void see(char c)
{
    text.bytes++;
    text.crc = crc32c(text.crc, &c, 1);
}

/* False: ^C. Anything else that goes wrong is part of the report. */
static bool print_section(const struct section *section)
{
    kd_print("=== spoor report section %s\n", section->name);
    text.bytes = text.crc = 0;
    kd_raised.cause = KD_CAUSE_NONE;
    kd_terminal_tap(see);
    bool fine = kd_run_line(section->line);
    kd_terminal_tap(NULL);
    kd_print("=== spoor report end %s %llu %08x\n", section->name, (unsigned long long)text.bytes,
             text.crc);
    return fine || kd_raised.cause != KD_CAUSE_QUIT;
}

static bool is_wanted(const struct section *section, const char *name)
{
    return (kd_target->live || !section->is_live) &&
           (*name == '\0' || strcmp(section->name, name) == 0);
}

static void run_report(struct kd_call *call)
{
    char name[NAME_MAX] = "";
    unsigned count = 0;
    kd_arg_word(call, name, sizeof(name));
    kd_arg_done(call);
    for (unsigned i = 0; i < ARRAY_COUNT(sections); i++) {
        count += is_wanted(&sections[i], name);
    }
    if (count == 0) {
        kd_fail("no section '%s'", name);
    }
    kd_print("=== spoor report begin %u\n", count);
    for (unsigned i = 0; i < ARRAY_COUNT(sections); i++) {
        if (is_wanted(&sections[i], name) && !print_section(&sections[i])) {
            return;
        }
    }
    kd_print("=== spoor report done\n");
}
KD_COMMAND(report, .usage = "[SECTION]",
           .help = "all that a bug report needs, in sections with checksums for programs",
           .flags = KD_READS, .run = run_report);
