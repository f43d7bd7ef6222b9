/* SPDX-License-Identifier: MIT */
/*
 * ramfs: files in memory (userspace/files/ram), for whoever the manifest says. They are gone when it ends.
 *
 *   kib=N (12288)   the most that files, names and what holds them together may take
 *
 * Memory comes in chunks as files grow and goes back when they shrink. When there is none, because of the limit, the account of this
 * process or the machine, clients get ERR_NO_SPACE.
 */
#include <stddef.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/files/ram/ram_files.h"
#include "userspace/files/server/server.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"

#define KIB_PER_BLOCK (RAM_BLOCK_BYTES / 1024)

static struct ram_files files;

static void *alloc_chunk(void)
{
    uint64_t area, address = 0;

    if (sys_area_create(RAM_CHUNK_BYTES, 0, &area) != OK) {
        return NULL;
    }
    status_t status =
        sys_area_map(program.self, area, 0, RAM_CHUNK_BYTES, 0, PROT_READ | PROT_WRITE, &address);
    (void)sys_handle_close(area); /* the mapping keeps it */
    return status == OK ? (void *)address : NULL;
}

static void free_chunk(void *chunk)
{
    must(sys_area_unmap(program.self, (uint64_t)chunk, RAM_CHUNK_BYTES));
}

int main(int argc, char **argv)
{
    static const struct ram_memory memory = {alloc_chunk, free_chunk};
    uint64_t blocks = option_u64("kib", 12288) / KIB_PER_BLOCK;

    (void)argc;
    (void)argv;
    must(ram_files_init(&files, (uint32_t)blocks, &memory));
    vfs_serve(&files.fs, program_handle("requests"));
}
