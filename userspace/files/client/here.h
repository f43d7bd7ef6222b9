/* SPDX-License-Identifier: MIT */
/* The current folder, which relative paths begin at. At first what the variable PWD says, or "/". */
#pragma once

#include "userspace/files/client/path.h"

/* path_here() - a path made absolute and clean (path.h). ERR_TOO_BIG. Context: any thread. */
status_t path_here(const char *path, char out[PATH_BYTES_MAX]);

/* path_set_here() - a clean path; nobody looks whether it exists. */
void path_set_here(const char *clean);
