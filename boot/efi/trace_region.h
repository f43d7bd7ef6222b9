/* SPDX-License-Identifier: MIT */
/* The memory of the trace rings, which must survive a warm reset. */
#pragma once

#include "boot/efi/firmware.h"
#include "kernel/abi/handoff.h"

/* trace_region_take() - the region at its default place, before anything else can be put there. Contents stay. */
void trace_region_take(void);

/* trace_region_move() - heed `trace_at=` and `trace_size=` of the command line. Warns about what it cannot do. */
void trace_region_move(const char *cmdline);

/* trace_region_report() - say where it is, and put it into the handoff. */
void trace_region_report(struct handoff *handoff);
