/* SPDX-License-Identifier: MIT */
/* The supervisor of services: a thread of init that speaks userspace/interfaces/supervisor.toml. */
#pragma once

#include <stdbool.h>

#include "userspace/lib/spawn.h"
#include "userspace/services/init/manifest.h"

/*
 * supervisor_start_all() - read the manifest, begin to supervise, start what always runs and what the command line asks for
 * (services=NAME,... and options that the manifest names). Says what is wrong and goes on without it.
 */
void supervisor_start_all(void);

/*
 * supervisor_enter_program() - a program is about to be launched: its handles as the manifest has them, and what it needs is started.
 * @number  of the program, below the 64 of a run
 * Returns how many of out[MANIFEST_GRANTS_MAX] were filled in.
 */
unsigned supervisor_enter_program(const char *name, unsigned number, struct spawn_grant *out);

/* supervisor_admit() - the same for a program that another one starts. Context: the supervisor's thread. */
unsigned supervisor_admit(const struct manifest_program *listed, uint64_t badge,
                          struct spawn_grant *out);

/* supervisor_is_ending() - a shutdown has begun. Context: the supervisor's thread. */
bool supervisor_is_ending(void);

/* supervisor_stop_all() - stop what is not to stay to the end. Comes back when it has ended. */
void supervisor_stop_all(void);

/* supervisor_mailbox_of() - a handle to send to a service, which the caller closes. ERR_NOT_FOUND: it was never started;
 * ERR_PEER_CLOSED: it does not run any more. */
status_t supervisor_mailbox_of(const char *name, uint64_t *out);
