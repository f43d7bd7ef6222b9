/* SPDX-License-Identifier: MIT */
/* macro: lines with a name (core/macro.h). */
#include "kdebug/core/macro.h"

#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"

static void list_macros(void)
{
    const char *name, *line;
    for (unsigned i = 0; kd_macro_number(i, &name, &line); i++) {
        kd_print("%-16s  %s\n", name, line);
    }
}

/* Quotes around the whole keep ';' and '|' in it for later. */
static size_t take_line(struct kd_call *call, const char **out)
{
    size_t length = kd_arg_rest(call, out);
    bool is_quoted = length >= 2 && (**out == '"' || **out == '\'') && (*out)[length - 1] == **out;
    *out += is_quoted;
    return is_quoted ? length - 2 : length;
}

static void run_macro(struct kd_call *call)
{
    char name[KD_MACRO_NAME_BYTES];
    const char *line, *at = call->args;
    if (!kd_arg_word(call, name, sizeof(name))) {
        list_macros();
        return;
    }
    const struct kd_command *command = kd_command_named(name, strlen(name));
    if (command != NULL && strcmp(command->name, name) == 0) {
        kd_fail_at(at, "'%s' is a command", name);
    }
    size_t length = take_line(call, &line);
    if (!kd_macro_set(name, line, length)) {
        kd_fail_at(at, length == 0 ? "no such macro" : "too long, or too many");
    }
}
KD_COMMAND(macro, .usage = "[NAME [\"LINE\"]]",
           .help =
               "give a line a name, take it away, list all; 'enter' and 'enter.REASON' run on the "
               "way in",
           .run = run_macro);
