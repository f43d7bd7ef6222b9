/* SPDX-License-Identifier: MIT */
/* Commands about kdebug itself: help, version, echo. */
#include "base/string.h"
#include "gen/trace_schema.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "trace/ring/layout.h"

#define USAGE_COLUMNS 32u

static const char *flag_words(uint32_t flags, char *to, size_t bytes)
{
    static const struct {
        uint32_t flag;
        const char *word;
    } words[] = {{KD_READS, "reads"},     {KD_WRITES, "writes"}, {KD_IO, "io"},
                 {KD_RESUMES, "resumes"}, {KD_LIVE, "live"},     {KD_GIVES, "gives"},
                 {KD_TAKES, "takes"},     {KD_STAGE, "stage"}};
    to[0] = '\0';
    size_t length = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(words); i++) {
        if (flags & words[i].flag) {
            length += string_copy(to + length, length == 0 ? "" : " ", bytes - length);
            length += string_copy(to + length, words[i].word, bytes - length);
        }
    }
    return to;
}

/* The command whose name comes next after `name` in the alphabet; NULL at the end. There are few,
 * so this is quick enough. */
static const struct kd_command *next_command(const char *name)
{
    const struct kd_command *best = NULL;
    for (const struct kd_command *command = kdebug_commands_start; command < kdebug_commands_end;
         command++) {
        if (strcmp(command->name, name) > 0 &&
            (best == NULL || strcmp(command->name, best->name) < 0)) {
            best = command;
        }
    }
    return best;
}

/* A '|' would end a cell of the table. */
static void print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        kd_print(*text == '|' ? "\\%c" : "%c", *text);
    }
}

/* However long: kd_print() cuts. */
static void print_whole(const char *text)
{
    kd_print_text(text, strlen(text));
}

static void print_manual(void)
{
    char flags[64];
    kd_print("| command | what it does | class |\n|---|---|---|\n");
    for (const struct kd_command *command = next_command(""); command != NULL;
         command = next_command(command->name)) {
        kd_print("| `%s", command->name);
        print_cell(*command->usage == '\0' ? "" : " ");
        print_cell(command->usage);
        kd_print("` | ");
        print_whole(command->help);
        kd_print(" | %s |\n", flag_words(command->flags, flags, sizeof(flags)));
    }
}

static void run_help(struct kd_call *call)
{
    char name[32];
    if (kd_arg_accept(call, "-manual")) {
        print_manual();
        return;
    }
    if (kd_arg_word(call, name, sizeof(name))) {
        char flags[64];
        const struct kd_command *command = kd_command_named(name, strlen(name));
        if (command == NULL) {
            kd_fail("no command '%s'", name);
        }
        kd_print("%s ", command->name);
        print_whole(command->usage);
        kd_print("\n    ");
        print_whole(command->help);
        kd_print("\n    %s\n", flag_words(command->flags, flags, sizeof(flags)));
        return;
    }
    for (const struct kd_command *command = next_command(""); command != NULL;
         command = next_command(command->name)) {
        bool fits = strlen(command->usage) <= USAGE_COLUMNS;
        kd_print("  %-10s ", command->name);
        print_whole(command->usage);
        kd_print("%*s%s", fits ? (int)(USAGE_COLUMNS + 1 - strlen(command->usage)) : 1, "",
                 fits ? "" : "\n      ");
        print_whole(command->help);
        kd_print("\n");
    }
    kd_print(
        "values: A | B      text: A ! grep [-v] TEXT, head [N], tail [N], count, z      several: "
        "A ; B      ^C stops\n");
}
KD_COMMAND(help, .usage = "[COMMAND | -manual]", .help = "list the commands, or explain one",
           .run = run_help);

static void run_version(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("Spoor kdebug, %u cores, %u symbols, trace schema %016llx\n", kd_target->cpu_count(),
             kd_symbols_count(), (unsigned long long)TRACE_SCHEMA_HASH);
    struct trace_region region;
    uint64_t address = kd_target->trace_region();
    if (address != 0 && kd_read_kernel(address, &region, sizeof(region)) == OK) {
        kd_print("boot %016llx, kernel %016llx, command line: %s\n",
                 (unsigned long long)region.boot_id, (unsigned long long)region.kernel_id,
                 region.cmdline);
    }
}
KD_COMMAND(version, .usage = "", .help = "say what is running here", .flags = KD_READS,
           .run = run_version);

static void run_echo(struct kd_call *call)
{
    const char *text;
    size_t bytes = kd_arg_rest(call, &text);
    kd_print_text(text, bytes);
    kd_print("\n");
}
KD_COMMAND(echo, .usage = "TEXT", .help = "print the text: marks for scripts", .run = run_echo);
