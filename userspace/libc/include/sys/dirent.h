/* SPDX-License-Identifier: MIT */
/* What the C library's <dirent.h> wants of a system: directories that are being read. */
#pragma once

#include <sys/types.h>

#define DT_UNKNOWN 0
#define DT_DIR     4
#define DT_REG     8

#define NAME_MAX 255

struct dirent {
    ino_t d_ino;
    unsigned char d_type;
    char d_name[NAME_MAX + 1];
};

typedef struct directory DIR; /* userspace/libc/directory.c */
