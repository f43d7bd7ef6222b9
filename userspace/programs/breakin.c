/* SPDX-License-Identifier: MIT */
/*
 * breakin: enters kdebug by system call, with the handle that allows it, and says when it is back. With `cores` a thread
 * of its own does so on each core, one after the other.
 */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

static void enter(void *unused)
{
    (void)unused;
    printf("breakin: entering kdebug\n");
    must(sys_debug_enter(program_handle("debug")));
    printf("breakin: back\n");
}

int main(int argc, char **argv)
{
    uint64_t cpu, count;
    (void)argc;
    (void)argv;
    if (!option_flag("cores")) {
        enter(NULL);
        return 0;
    }
    must(sys_cpu_info(&cpu, &count));
    for (uint64_t core = 0; core < count; core++) {
        struct thread thread;
        must(thread_start(&thread, enter, NULL, THREAD_CORE(core), "enter"));
        thread_join(&thread);
    }
    return 0;
}
