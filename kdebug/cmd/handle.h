/* SPDX-License-Identifier: MIT */
/* Going through handle tables of the target. */
#pragma once

#include "kdebug/core/lookup.h"
#include "object/handle.h"

/* kd_each_handle() - visit each open handle of a process until visit returns false. May end the
 * command. */
void kd_each_handle(vaddr_t process,
                    bool (*visit)(vaddr_t entry, const struct handle_entry *copy, void *context),
                    void *context);
