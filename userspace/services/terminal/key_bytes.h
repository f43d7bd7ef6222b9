/* SPDX-License-Identifier: MIT */
/* What a key sends: as xterm does, so that programs need to know one kind of terminal only. */
#pragma once

#include "userspace/lib/input.h"

#define KEY_BYTES_MAX 8u

/* key_bytes() - the bytes that an event sends, into room for KEY_BYTES_MAX; 0: none. */
unsigned key_bytes(const struct input_event *event, char *out);
