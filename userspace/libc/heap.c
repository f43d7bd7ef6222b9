/* SPDX-License-Identifier: MIT */
/*
 * Memory for malloc: sbrk() over areas.
 *
 * The heap is one range of addresses. When its end moves up, as many chunks as are missing are made as one area and mapped behind
 * the others; pages cost nothing before they are touched. Nothing is given back: free() tries now and then, by moving the end
 * down, and is refused; as that is no failure of the program's, errno stays as it is (B1).
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/start.h"
#include "userspace/libc/errno_of.h"

#define HEAP_BASE   0x600000000000ull
#define HEAP_LIMIT  0x601000000000ull /* 64 GiB: more than memory */
#define CHUNK_BYTES 0x100000ull

static uint64_t end = HEAP_BASE;    /* of what malloc has */
static uint64_t mapped = HEAP_BASE; /* of what is mapped */

static status_t map_up_to(uint64_t wanted)
{
    uint64_t bytes = (wanted - mapped + CHUNK_BYTES - 1) / CHUNK_BYTES * CHUNK_BYTES;
    uint64_t area, address;
    status_t status = sys_area_create(bytes, 0, &area);

    if (status != OK) {
        return status;
    }
    status = sys_area_map(program.self, area, 0, bytes, mapped, PROT_READ | PROT_WRITE, &address);
    (void)sys_handle_close(area); /* the mapping keeps it */
    if (status == OK) {
        mapped += bytes;
    }
    return status;
}

/* Called with malloc's lock held. */
void *sbrk(ptrdiff_t incr)
{
    uint64_t before = end;
    status_t status = OK;

    if (incr < 0) {
        return (void *)-1;
    }
    if ((uint64_t)incr > HEAP_LIMIT - end) {
        errno = ENOMEM;
        return (void *)-1;
    }
    if (end + (uint64_t)incr > mapped) {
        status = map_up_to(end + (uint64_t)incr);
    }
    if (status != OK) {
        errno = errno_of(status);
        return (void *)-1;
    }
    end += (uint64_t)incr;
    return (void *)before;
}
