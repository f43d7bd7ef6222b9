/* SPDX-License-Identifier: MIT */
/* free: prints what the machine's memory is used for. */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "kernel/abi/facts.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

static void print(const char *what, uint64_t pages)
{
    printf("%10lu KiB  %s\n", pages * (PAGE_BYTES / 1024), what);
}

int main(int argc, char **argv)
{
    struct memory_facts facts = {0};

    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    status_t status = sys_memory_facts(program_handle("system"), &facts);
    if (status != OK) {
        return command_fail("memory", status);
    }
    print("free", facts.free);
    print("programs", facts.user);
    print("pages of programs, kept by the pager", facts.pager);
    print("page tables", facts.tables);
    print("the kernel's objects", facts.heap);
    print("the kernel's stacks", facts.stacks);
    print("the kernel and its tables", facts.kernel);
    print("trace rings", facts.trace);
    print("firmware, boot image", facts.reserved);
    return 0;
}
