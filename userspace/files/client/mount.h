/* SPDX-License-Identifier: MIT */
/*
 * Which file system is where, for this process.
 *
 * The table comes from the environment, MOUNTS=/boot=bootfs:/tmp=ramfs (which is also what there is without the variable). Behind
 * each folder stands a handle that the launcher gave under this name, or else the service of this name, if the manifest lets the program
 * find that. So a launcher decides what its child sees by what it gives it.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

#define MOUNTS_MAX     8u
#define MOUNTS_DEFAULT "/boot=bootfs:/tmp=ramfs:/disk=fatfs"

/* A place in the mounted file systems. */
struct mount_place {
    unsigned mount;
    uint64_t root;  /* handle of the file system's root directory */
    char path[512]; /* from there */
};

/*
 * mount_find() - where a path leads; the file system is attached to at the first use. ERR_NOT_FOUND: nothing is mounted there;
 * ERR_TOO_BIG; what service_find() and the file system give. Context: any thread.
 */
status_t mount_find(const char *path, struct mount_place *out);

/* mount_lost() - the file system of a place has ended: the next mount_find() looks for the one that comes after it. */
void mount_lost(const struct mount_place *place);

/* mount_name() - the folder of a mount, as "/tmp"; NULL: there are not so many. */
const char *mount_name(unsigned index);
