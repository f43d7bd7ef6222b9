/* SPDX-License-Identifier: MIT */
/* The boot image in one's own address space. */
#include <stddef.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/boot_files.h"
#include "userspace/lib/start.h"

static const void *mapped_image;
static uint64_t mapped_bytes;

/* Not meant for several threads at once: programs look their files up before they start any. */
static status_t map_image(void)
{
    uint64_t area = program_handle("image");
    uint64_t address, bytes, physical;

    if (area == HANDLE_NONE) {
        return ERR_NOT_FOUND;
    }
    status_t status = sys_area_query(area, &bytes, &physical);
    if (status != OK) {
        return status;
    }
    status = sys_area_map(program.self, area, 0, bytes, 0, PROT_READ, &address);
    if (status == OK) {
        mapped_image = (const void *)address;
        mapped_bytes = bytes;
    }
    return status;
}

void boot_image_set(const void *image, uint64_t image_bytes)
{
    mapped_image = image;
    mapped_bytes = image_bytes;
}

status_t boot_file_open(const char *name, struct boot_file *out)
{
    status_t status = mapped_image == NULL ? map_image() : OK;

    return status == OK ? boot_file_find(mapped_image, mapped_bytes, name, out) : status;
}
