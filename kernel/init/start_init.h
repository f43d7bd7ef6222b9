/* SPDX-License-Identifier: MIT */
/* Starting init, the one process that the kernel makes by itself. */
#pragma once

#include "base/types.h"

struct handoff;

/* start_init() - make init from the segments that the loader put in place, with every singleton's handle. Panics with the reason
 * if it cannot. Context: boot core, idle thread, after all cores have started. */
void start_init(const struct handoff *handoff);
