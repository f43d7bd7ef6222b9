/* SPDX-License-Identifier: MIT */
/* A byte stream to and from the host, whatever the device behind it. */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

/*
 * Bytes to send. With a physical address the device may read them in place, without it the driver
 * copies them.
 */
struct transport_piece {
    const void *bytes;
    uint64_t length;
    uint64_t physical; /* of contiguous memory, or 0 */
};

struct transport {
    const char *name;
    uint64_t
        interrupt; /* handle of what says that something has come, HANDLE_NONE: look from time to time */
    /*
     * Send pieces in order; returns when the device no longer needs them. OK, or ERR_PEER_CLOSED:
     * the device is broken.
     */
    status_t (*send)(struct transport *transport, const struct transport_piece *pieces,
                     unsigned count);
    /*
     * Fetch what has come from the host, up to 'bytes'. Returns how many; 0: nothing there. Does
     * not wait.
     */
    unsigned (*receive)(struct transport *transport, char *buffer, unsigned bytes);
};
