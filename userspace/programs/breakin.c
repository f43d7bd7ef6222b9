/* SPDX-License-Identifier: MIT */
/*
 * breakin: enters kdebug by system call, with the handle that allows it, and says when it is back.
 */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/start.h"

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("breakin: entering kdebug\n");
    must(sys_debug_enter(program_handle("debug")));
    printf("breakin: back\n");
    return 0;
}
