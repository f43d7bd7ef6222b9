/* SPDX-License-Identifier: MIT */
/* Symbols of user programs (programs.h). */
#include "programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct program {
    const char *name;
    struct symbols symbols;
    struct program *next;
};

/* Names come out of a capture: only what can be the plain name of a file is looked for. */
static bool is_plain(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static void load(struct program *program, const char *folder)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, program->name);
    bool fits = length > 0 && (size_t)length < sizeof(path);
    if (fits && is_plain(program->name) && access(path, R_OK) == 0 &&
        symbols_load(&program->symbols, NULL, path) != OK) {
        symbols_free(&program->symbols); /* its complaint is enough: addresses stay numbers */
    }
}

const struct symbol *programs_find(struct programs *programs, const char *name, uint64_t address)
{
    if (programs->folder == NULL) {
        return NULL;
    }
    struct program *program = programs->first;
    while (program != NULL && strcmp(program->name, name) != 0) {
        program = program->next;
    }
    if (program == NULL) {
        program = xcalloc(1, sizeof(*program));
        program->name = name;
        program->next = programs->first;
        programs->first = program;
        load(program, programs->folder);
    }
    return symbols_at(&program->symbols, address);
}

void programs_free(struct programs *programs)
{
    while (programs->first != NULL) {
        struct program *program = programs->first;
        programs->first = program->next;
        symbols_free(&program->symbols);
        free(program);
    }
}
