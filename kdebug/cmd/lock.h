/* SPDX-License-Identifier: MIT */
/* Locks as kdebug sees them. */
#pragma once

#include "base/types.h"

/* kd_lock_is_shared() - some core shares the struct shared_lock at this address. */
bool kd_lock_is_shared(vaddr_t lock);
