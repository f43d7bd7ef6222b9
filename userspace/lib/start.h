/* SPDX-License-Identifier: MIT */
/*
 * How a program begins: what its launcher (spawn.h) leaves on its stack, and what the library makes
 * of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

#define HANDLE_NONE 0ull /* no handle has this value: generations start at 1 */

#define START_MAGIC       0x7472617453ull /* "Start" */
#define START_HANDLES_MAX 16u
#define START_NAME_BYTES  16u
#define START_ARGS_MAX    24u

/* A handle that was given to the program, by name. "self" and "console" are always there. */
struct start_handle {
    char name[START_NAME_BYTES];
    uint64_t handle;
};

struct start_info {
    uint64_t magic;
    uint32_t argc;
    uint32_t handle_count;
    char **argv;        /* argv[argc] is NULL; argv[0] is the program's name */
    char **environment; /* NAME=VALUE, NULL after the last */
    struct start_handle handle[START_HANDLES_MAX];
};

/* What the program knows about itself. Constant once main() runs. */
struct program {
    const char *name;
    uint64_t self;    /* process handle with rights manage, wait, map */
    uint64_t console; /* rights read, write */
    bool quiet;       /* argument "quiet": report() is silent */
    const struct start_info *start;
};
extern struct program program;

/* program_handle() - a handle given by name, or HANDLE_NONE. */
uint64_t program_handle(const char *name);

/*
 * program_variable() - the value of a variable of the environment as the launcher gave it, or NULL. What a program of the C library
 * has changed with setenv() getenv() knows.
 */
const char *program_variable(const char *name);

/*
 * program_run() - take over the start information, call main(), end the process with what it
 * returns.
 */
_Noreturn void program_run(const struct start_info *start);

/*
 * start_process() - first C function of the process, called by _start. The library's expects a
 * struct start_info; init, which the kernel starts with a struct init_info, has one of its own
 * (services/init/start.c).
 */
_Noreturn void start_process(const void *info);
