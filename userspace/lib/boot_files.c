/* SPDX-License-Identifier: MIT */
/* Finding files in the boot image. */
#include "userspace/lib/boot_files.h"

#include <stddef.h>
#include <string.h>

#include "gen/layout.h"
#include "kernel/abi/boot_image.h"

status_t boot_file_find(const void *image, uint64_t image_bytes, const char *name,
                        struct boot_file *out)
{
    const struct boot_image_header *header = image;
    const struct boot_image_entry *entry = (const struct boot_image_entry *)(header + 1);

    if (image_bytes < sizeof(*header) || header->magic != BOOT_IMAGE_MAGIC ||
        header->bytes > image_bytes || header->bytes < sizeof(*header) ||
        header->count > (header->bytes - sizeof(*header)) / sizeof(*entry)) {
        return ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < header->count; i++) {
        if (strncmp(entry[i].name, name, BOOT_IMAGE_NAME_BYTES) != 0) {
            continue;
        }
        if (entry[i].offset > header->bytes || entry[i].bytes > header->bytes - entry[i].offset ||
            entry[i].offset % PAGE_BYTES != 0) {
            return ERR_CORRUPT;
        }
        *out = (struct boot_file){(const char *)image + entry[i].offset, entry[i].bytes,
                                  entry[i].offset};
        return OK;
    }
    return ERR_NOT_FOUND;
}
