/* SPDX-License-Identifier: MIT */
/*
 * Starting programs from the boot image. A process that wants to needs the handle "image".
 *
 * Text and read-only data are mapped in place from the image; writable data and the stack are one
 * new area. The new process gets the handles "self" and "console" and those granted, and finds all
 * of them by name (start.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot/load/elf.h"
#include "gen/errors.h"
#include "userspace/lib/start.h"

#define SPAWN_STACK_TOP   0x7fff00000000ull
#define SPAWN_STACK_BYTES 0x10000ull   /* unless the program file says how much it wants, */
#define SPAWN_STACK_MAX   0x1000000ull /* up to so much (user.ld) */

/* A program file that has been looked at and found good; can be started any number of times. */
struct program_file {
    struct elf_file elf;
    uint64_t offset; /* in the boot image */
    uint64_t stack_bytes;
};

/* A handle to pass on. rights: a subset of what the handle has. */
struct spawn_grant {
    const char *name;
    uint64_t handle;
    uint64_t badge;
    uint32_t rights;
};

/* An account of its own (kernel/abi/quota.h): how much it may have. Who starts a program pays for its first stack
 * and its data. */
struct spawn_quota {
    uint64_t handles, threads, memory, pins; /* the last two in pages */
};

struct spawn {
    const char *name; /* of the process, its first thread, and argv[0] */
    const char *const *args;
    unsigned arg_count; /* "quiet" is passed on without being asked, but see args_only */
    unsigned grant_count;
    const struct spawn_grant *grants;
    uint64_t thread_flags;           /* thread.h */
    unsigned priority_ceiling;       /* of the process; 0: what a new process has */
    const struct spawn_quota *quota; /* NULL: it shares the account of the caller */
    const char *const
        *environment; /* NAME=VALUE, NULL after the last; NULL: what the caller was given */
    bool args_only;   /* nothing is passed on without being asked */
    status_t (*prepare)(uint64_t process); /* before it has a thread; or NULL */
};

/*
 * program_open() - find a program in the boot image and check it. OK; ERR_NOT_FOUND; ERR_CORRUPT
 * the image or the ELF file makes no sense; what mapping the image may give.
 */
status_t program_open(const char *file, struct program_file *out);

/*
 * program_spawn() - make a process from a program file and start it. OK and its handle with every
 * right; ERR_TOO_BIG for too many or too long arguments or variables; what the system calls give. On an error no
 * process is left behind.
 */
status_t program_spawn(const struct program_file *file, const struct spawn *spawn,
                       uint64_t *out_process);

/*
 * process_end() - how a process ended, after waiting for that: its exit code, or 0x10000 + vector
 * if an exception ended it. Closes the handle. Ends the caller if the wait fails.
 */
uint64_t process_end(uint64_t process);
#define PROCESS_END_EXCEPTION 0x10000u
