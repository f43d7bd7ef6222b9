/* SPDX-License-Identifier: MIT */
/* A file to read from any place; a pipe becomes one by being spooled to an unlinked temporary file. */
#pragma once

#include "util.h"

struct input {
    const char *name; /* for messages */
    int fd;           /* -1: bytes in memory */
    const uint8_t *memory;
    uint64_t bytes;
};

/*
 * input_open() - open a file, or standard input for "-".
 *
 * Why a pipe is spooled: lanes must be merged by time, and the sub-buffer of a quiet core may come last in the stream.
 * Holding everything before it would need memory without bound; disk has room.
 *
 * Returns OK; ERR_NOT_FOUND after a complaint that says why it cannot be read.
 */
MUST_CHECK status_t input_open(struct input *input, const char *path);

/* input_from_memory() - read bytes that the caller keeps; for tests and fuzzers. Cannot fail. */
void input_from_memory(struct input *input, const void *bytes, uint64_t count);

/* input_read() - up to count bytes from offset; returns how many there are, fewer only at the end or on an error. */
size_t input_read(const struct input *input, uint64_t offset, void *to, size_t count);

void input_close(struct input *input);
