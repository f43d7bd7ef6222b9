/* SPDX-License-Identifier: MIT */
/* Statuses of the system as errno has them. */
#pragma once

#include "gen/errors.h"

/* errno_of() - the errno of a status that is not OK; EIO for what the standard has no word for. */
int errno_of(status_t status);

/* errno_of_file() - of a call that has to do with a file: a file system that has ended is a device that failed. */
int errno_of_file(status_t status);
