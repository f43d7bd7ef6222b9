/* SPDX-License-Identifier: MIT */
/* Which handles each program gets. What is not listed here, a program does not have. */
#pragma once

#include "userspace/lib/spawn.h"

#define MANIFEST_GRANTS_MAX 4u

/*
 * manifest_grants() - the handles for a program of this name, besides those that all get.
 * Returns how many of out[MANIFEST_GRANTS_MAX] were filled in. Cannot fail; a program not listed
 * gets the image to start others from and nothing else.
 */
unsigned manifest_grants(const char *program_name, struct spawn_grant *out);

/* manifest_quota() - the limits of its account; NULL: it shares that of init. */
const struct spawn_quota *manifest_quota(const char *program_name);

/* manifest_ceiling() - the highest priority its threads may have; 0: what every process may. */
unsigned manifest_ceiling(const char *program_name);
