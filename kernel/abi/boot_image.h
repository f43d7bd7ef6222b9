/* SPDX-License-Identifier: MIT */
/*
 * The boot image: the files that user space starts from, packed by tools/image, passed by the loader to init.
 * Layout: header, then count entries, then the files, each at a page-aligned offset. All little endian.
 */
#pragma once

#include <stdint.h>

#define BOOT_IMAGE_MAGIC      0x31474d49524f4f50ull /* "POORIMG1" */
#define BOOT_IMAGE_NAME_BYTES 48u

struct boot_image_header {
    uint64_t magic;
    uint32_t count;
    uint32_t crc32; /* zlib CRC-32 of everything from the first entry to the end of the image */
    uint64_t bytes; /* whole image */
    uint64_t reserved;
};

struct boot_image_entry {
    char name[BOOT_IMAGE_NAME_BYTES]; /* NUL-terminated, "init" is the first program */
    uint64_t offset;                  /* from the start of the image */
    uint64_t bytes;
};
