/* SPDX-License-Identifier: MIT */
/* The files of the boot image (kernel/abi/boot_image.h). */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

struct boot_file {
    const void *bytes; /* where it is mapped */
    uint64_t size;
    uint64_t offset; /* in the image, page aligned */
};

/*
 * boot_file_find() - a file of an image in memory. ERR_CORRUPT if the image makes no sense (magic,
 * count, sizes, alignment), ERR_NOT_FOUND if it has no such file. The checksum is the loader's
 * business.
 */
status_t boot_file_find(const void *image, uint64_t image_bytes, const char *name,
                        struct boot_file *out);

/*
 * boot_file_open() - the same in the image that this process was given (handle "image"), mapped at
 * first use.
 */
status_t boot_file_open(const char *name, struct boot_file *out);

/* boot_image_set() - the image is mapped already (init, by the kernel). */
void boot_image_set(const void *image, uint64_t image_bytes);
