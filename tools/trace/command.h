/* SPDX-License-Identifier: MIT */
/* The subcommands of spoor-trace, and what they share. */
#pragma once

#include <stdio.h>

#include "registry.h"

#define EXIT_GOOD     0
#define EXIT_FINDINGS 1 /* the input can be read, but something about it is wrong */
#define EXIT_UNUSABLE 2 /* wrong usage, or an input that cannot be read at all */

/* Each takes its own name as argv[0] and returns an exit code. */
int command_convert(int argc, char **argv);
int command_dump(int argc, char **argv);
int command_info(int argc, char **argv);
int command_check(int argc, char **argv);
int command_ipc(int argc, char **argv);
int command_report(int argc, char **argv);

/* An input with one session of it. */
struct capture_file {
    struct input input;
    struct session session;
};
MUST_CHECK status_t capture_file_open(struct capture_file *file, const char *path,
                                      unsigned session);
void capture_file_close(struct capture_file *file);

/* print_findings() - each with its rule, and how many more there were. Notes come last. */
void print_findings(FILE *out, const struct finding_list *list);

/* option_number() - a decimal option argument; complains and returns false if it is not one. */
bool option_number(const char *option, const char *text, unsigned long *out);

/* option_seconds() - seconds with a fraction, not negative, as nanoseconds. */
bool option_seconds(const char *option, const char *text, int64_t *out_ns);
