/* SPDX-License-Identifier: MIT */
#include "userspace/programs/shell/variables.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "userspace/lib/start.h"
#include "userspace/lib/stream.h"

static char variables[VARIABLES_MAX][VARIABLE_BYTES];
static unsigned variable_count;
static char last_code[12] = "0";

static bool has_name(const char *text, const char *name)
{
    size_t length = strlen(name);

    return strncmp(text, name, length) == 0 && text[length] == '=';
}

static char *find(const char *name)
{
    for (unsigned i = 0; i < variable_count; i++) {
        if (has_name(variables[i], name)) {
            return variables[i];
        }
    }
    return NULL;
}

void variables_begin(void)
{
    const char *here = program_variable("PWD");

    variable_count = 0;
    (void)variable_set("PWD",
                       here != NULL ? here : "/"); /* the first: there is always room for it */
    for (char *const *at = program.start->environment; *at != NULL; at++) {
        if (!has_name(*at, STREAM_VARIABLE) && !has_name(*at, "PWD") &&
            strlen(*at) < VARIABLE_BYTES && variable_count < VARIABLES_MAX) {
            string_copy(variables[variable_count++], *at, VARIABLE_BYTES);
        }
    }
    variable_set_code(0);
}

const char *variable_get(const char *name)
{
    const char *text = find(name);

    if (strcmp(name, "?") == 0) {
        return last_code;
    }
    return text != NULL ? text + strlen(name) + 1 : NULL;
}

status_t variable_set(const char *name, const char *value)
{
    char *text = find(name);

    if (strlen(name) + strlen(value) + 2 > VARIABLE_BYTES) {
        return ERR_TOO_BIG;
    }
    if (text == NULL && variable_count == VARIABLES_MAX) {
        return ERR_TABLE_FULL;
    }
    text = text != NULL ? text : variables[variable_count++];
    snprintf(text, VARIABLE_BYTES, "%s=%s", name, value);
    return OK;
}

void variable_unset(const char *name)
{
    char *text = find(name);

    if (text != NULL) {
        memmove(text, variables[--variable_count], VARIABLE_BYTES);
    }
}

void variable_set_code(unsigned code)
{
    snprintf(last_code, sizeof(last_code), "%u", code);
}

const char *variable_text(unsigned index)
{
    return index < variable_count ? variables[index] : NULL;
}
