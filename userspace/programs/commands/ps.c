/* SPDX-License-Identifier: MIT */
/* ps: prints all processes. */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "kernel/abi/facts.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

int main(int argc, char **argv)
{
    static const char *const states[] = {"new", "alive", "stopped", "ending", "ended"};
    struct process_facts facts = {0};
    uint64_t id = 0;
    status_t status;

    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    printf("  PID STATE   THREADS HANDLES      KIB    TIME ms NAME\n");
    while ((status = sys_process_facts(program_handle("system"), (uint32_t)id, &facts, &id)) ==
           OK) {
        printf("%5u %-7s %7u %7u %8lu %10lu %s\n", facts.id, states[facts.state], facts.threads,
               facts.handles, facts.resident * (PAGE_BYTES / 1024), facts.time / NS_PER_MS,
               facts.name);
        id++;
    }
    return status == ERR_NOT_FOUND ? 0 : command_fail("processes", status);
}
