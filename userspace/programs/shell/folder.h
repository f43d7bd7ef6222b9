/* SPDX-License-Identifier: MIT */
/* Reading directories, of which "/" holds where file systems are mounted. */
#pragma once

#include <stdbool.h>

#include "gen/errors.h"

/* folder_list() - call back for each entry, in the order that the file system gives. What opening and reading it gives. */
status_t folder_list(const char *path,
                     void (*entry)(const char *name, bool is_folder, void *argument),
                     void *argument);
