/* SPDX-License-Identifier: MIT */
/* Paths as text. No system calls. */
#pragma once

#include <stddef.h>

#include "gen/errors.h"

#define PATH_BYTES_MAX 512u /* with the NUL */

/*
 * path_clean() - the same path from "/" on: no "//", no ".", no "..", no "/" at the end ("/" itself is ""). A relative one begins at
 * "/" (here.h knows of another place); ".." there stays there. ERR_TOO_BIG: longer than PATH_BYTES_MAX.
 */
status_t path_clean(const char *path, char out[PATH_BYTES_MAX]);

/* path_below() - what is left of a clean path behind a folder, without the slash between them; NULL: it is not in there. */
const char *path_below(const char *path, const char *folder);
