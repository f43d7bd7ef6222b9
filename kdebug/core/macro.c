/* SPDX-License-Identifier: MIT */
/* Lines with a name (macro.h). A line is copied before it runs, because it may change itself. */
#include "kdebug/core/macro.h"

#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/command.h"

#define MACROS_MAX 16u

static struct {
    char name[KD_MACRO_NAME_BYTES]; /* "" free */
    char line[KD_MACRO_LINE_BYTES];
} macros[MACROS_MAX];

static unsigned find(const char *name, size_t length)
{
    unsigned i = 0;
    while (i < MACROS_MAX &&
           !(strlen(macros[i].name) == length && strncmp(macros[i].name, name, length) == 0)) {
        i++;
    }
    return i;
}

bool kd_macro_set(const char *name, const char *line, size_t length)
{
    unsigned i = find(name, strlen(name));
    if (strlen(name) >= KD_MACRO_NAME_BYTES || length >= KD_MACRO_LINE_BYTES) {
        return false;
    }
    if (i == MACROS_MAX) {
        i = length == 0 ? i : find("", 0);
        if (i == MACROS_MAX) {
            return false;
        }
    }
    string_copy(macros[i].name, length == 0 ? "" : name, sizeof(macros[i].name));
    memcpy(macros[i].line, line, length);
    macros[i].line[length] = '\0';
    return true;
}

const char *kd_macro_get(const char *name, size_t length)
{
    unsigned i = length == 0 || length >= KD_MACRO_NAME_BYTES ? MACROS_MAX : find(name, length);
    return i == MACROS_MAX ? NULL : macros[i].line;
}

bool kd_macro_number(unsigned i, const char **out_name, const char **out_line)
{
    for (unsigned at = 0; at < MACROS_MAX; at++) {
        if (macros[at].name[0] != '\0' && i-- == 0) {
            *out_name = macros[at].name;
            *out_line = macros[at].line;
            return true;
        }
    }
    return false;
}

void kd_macro_run(const char *name)
{
    char line[KD_MACRO_LINE_BYTES];
    const char *found = kd_macro_get(name, strlen(name));
    if (found != NULL) {
        string_copy(line, found, sizeof(line));
        (void)kd_run_line(line);
    }
}

void kd_macro_enter(const char *reason)
{
    char name[KD_MACRO_NAME_BYTES];
    format_text(name, sizeof(name), "enter.%s", reason);
    kd_macro_run("enter");
    kd_macro_run(name);
}
