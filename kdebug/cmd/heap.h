/* SPDX-License-Identifier: MIT */
/* What commands share that look at the kernel heap. */
#pragma once

#include "base/types.h"

/* kd_heap_has() - an address of the direct map that lies in a slab of some cache. */
bool kd_heap_has(vaddr_t address);

/* kd_heap_show() - the object there, and in debug builds who allocated and who freed it. Raises if it is in no cache. */
void kd_heap_show(vaddr_t address);
