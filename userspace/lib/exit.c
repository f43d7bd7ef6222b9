/* SPDX-License-Identifier: MIT */
/* The end of a program without a C library, which has an exit() of its own. */
#include <stdlib.h>

#include "gen/syscall_user.h"

void exit(int code)
{
    sys_process_exit((uint32_t)code);
}
