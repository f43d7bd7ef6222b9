/* SPDX-License-Identifier: MIT */
/* User faults that go to a supervisor. */
#pragma once

#include "arch/frame.h"

/*
 * exception_handled() - ask the supervisor of the current process about a fault in user mode.
 * True: the thread goes on as the frame says now, or is being ended anyway. False: the process has
 * no supervisor, or it wants the process to end. Context: thread, waits for the reply.
 */
bool exception_handled(struct trap_frame *frame, vaddr_t address);
