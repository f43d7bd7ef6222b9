/* SPDX-License-Identifier: MIT */
/* Where something goes that is copied or moved. */
#pragma once

#include <stdbool.h>

#include "userspace/files/client/path.h"

/* target_path() - `to`, or if that is a folder the name of `from` in it. False: too long. */
bool target_path(const char *from, const char *to, char out[PATH_BYTES_MAX]);
