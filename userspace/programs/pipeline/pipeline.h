/* SPDX-License-Identifier: MIT */
/* The roles of pipeline, each a process. Next to it in the chain is the handle "next". */
#pragma once

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define LONG (clock_now() + 60 * NS_PER_S) /* who waits that long was forgotten */

/* be_client() - gives commands and checks the answers; the exit code. be_server() - parser, store and journal. */
int be_client(uint64_t number, uint64_t commands);
_Noreturn void be_server(void);
