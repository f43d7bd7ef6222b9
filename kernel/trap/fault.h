/* SPDX-License-Identifier: MIT */
/* Page faults and other exceptions. */
#pragma once

#include "arch/frame.h"

/* fault_page() - #PF: served by the space, landed in the copy layer, or the end of the process; in the kernel: kdebug. */
void fault_page(struct trap_frame *frame);

/* fault_exception() - any other exception: the end of the process, a landing in the copy layer, or kdebug. */
void fault_exception(struct trap_frame *frame);
