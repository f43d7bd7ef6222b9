/* SPDX-License-Identifier: MIT */
/* The manifest: which services there are, and which handles each process gets. What is not listed there, it does not have. */
#pragma once

#include "userspace/lib/spawn.h"
#include "userspace/services/init/manifest_file.h"

#define MANIFEST_GRANTS_MAX    7u /* 3 of them are not listed: requests, supervisor, dma */
#define MANIFEST_ARGUMENTS_MAX 4u
#define MANIFEST_VALUE_BYTES   48u

/* manifest_open() - find it in the boot image and check it. ERR_NOT_FOUND, ERR_CORRUPT: then there are no services, and
 * programs get nothing. */
status_t manifest_open(void);

unsigned manifest_service_count(void);
const struct manifest_service *manifest_service(unsigned index);

/* manifest_program() - the record of a program, or that of all that have none; NULL: there is no manifest. */
const struct manifest_program *manifest_program(const char *name);

/* manifest_is_service() - a program that is of no use but as a service. */
bool manifest_is_service(const char *name);

/* manifest_grants() - init's handles that a record names. Returns how many of out[MANIFEST_GRANTS_MAX] were filled in. */
unsigned manifest_grants(unsigned first, unsigned count, struct spawn_grant *out);

/* manifest_quota() - the limits of a program's account; NULL: it shares that of init. */
const struct spawn_quota *manifest_quota(const struct manifest_program *listed,
                                         struct spawn_quota *room);

/* manifest_service_quota() - the same for a service; written to *room if it has limits. */
const struct spawn_quota *manifest_service_quota(const struct manifest_service *service,
                                                 struct spawn_quota *room);

/* manifest_arguments() - a service's arguments: texts that live in text[], and pointers to them. Returns how many. */
unsigned manifest_arguments(const struct manifest_service *service,
                            char text[MANIFEST_ARGUMENTS_MAX][MANIFEST_VALUE_BYTES],
                            const char *args[MANIFEST_ARGUMENTS_MAX]);
