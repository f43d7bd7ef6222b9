/* SPDX-License-Identifier: MIT */
/*
 * Finding services by name. A program has the handle "supervisor" if the manifest says that it needs a service.
 *
 * A mailbox dies with the process that serves it: calls give ERR_PEER_CLOSED then, and whether the call was carried out nobody knows.
 * Who can repeat it, finds the service again and does.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

/*
 * service_find() - a handle to send to who serves under a name, once somebody does. ERR_NO_RIGHTS: the manifest does not say that
 * this program needs it; ERR_TIMED_OUT; ERR_NOT_FOUND: there is no name service, or it was given up, or stopped by somebody who may, which
 * nothing says will be undone: so that is not waited for. Also across ends of the name service itself.
 */
status_t service_find(const char *name, uint64_t deadline, uint64_t *out_mailbox);

/* service_find_again() - the same, after a call gave ERR_PEER_CLOSED: *mailbox is closed and becomes the new one. */
status_t service_find_again(const char *name, uint64_t deadline, uint64_t *mailbox);
