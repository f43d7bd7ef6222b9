/* SPDX-License-Identifier: MIT */
/* What commands share that look at physical memory. */
#pragma once

#include "mm/frame_impl.h"

/* kd_fetch_frame() - the frame table's entry of an address. False: no RAM there. Raises if the table cannot be read. */
bool kd_fetch_frame(paddr_t pa, struct frame *out);

/* kd_frame_show() - whose a frame is, and the run it belongs to. Raises if it is no RAM. */
void kd_frame_show(paddr_t pa);
