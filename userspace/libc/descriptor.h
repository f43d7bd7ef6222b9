/* SPDX-License-Identifier: MIT */
/* File descriptors: numbers for the program's streams and for open files. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "userspace/files/client/file.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/stream.h"

#define DESCRIPTORS_MAX 64

enum descriptor_state {
    DESCRIPTOR_FREE,
    DESCRIPTOR_TAKEN,  /* is being opened */
    DESCRIPTOR_STREAM, /* of the program's own */
    DESCRIPTOR_FILE,
};

struct descriptor {
    struct mutex mutex; /* of all that follows, but for FREE to TAKEN */
    enum descriptor_state state;
    int flags; /* of open() */
    enum stream_number stream;
    off_t offset; /* where the next transfer begins */
    struct file file;
};

/* descriptor_take() - the lowest number that is free; -1: none. descriptor_set() - what it is from now on. */
int descriptor_take(void);
void descriptor_set(int number, struct descriptor what);

/* descriptor_lock() - the one of this number, locked; NULL, and errno: it is none. descriptor_unlock() - behind that. */
struct descriptor *descriptor_lock(int number);
void descriptor_unlock(struct descriptor *descriptor);

/* fail() - -1, with errno. fail_at() - of a call with a path; fail_on() - of a call on an open file. */
int fail(int number);
int fail_at(status_t status);
int fail_on(status_t status);
