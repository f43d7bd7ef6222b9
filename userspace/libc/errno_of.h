/* SPDX-License-Identifier: MIT */
/* Statuses of the system as errno has them. */
#pragma once

#include "gen/errors.h"

/* errno_of() - the errno of a status that is not OK; EIO for what the standard has no word for. */
int errno_of(status_t status);
