/* SPDX-License-Identifier: MIT */
/* Reader of the boot image (kernel/abi/boot_image.h). Never reads outside the bytes it is given. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/boot_image.h"

enum image_error {
    IMAGE_OK = 0,
    IMAGE_TOO_SHORT,    /* smaller than its header */
    IMAGE_NO_MAGIC,     /* not a boot image */
    IMAGE_CUT,          /* header.bytes and the size of the file differ */
    IMAGE_BAD_TABLE,    /* entries reach past the end */
    IMAGE_BAD_CHECKSUM, /* CRC-32 differs */
    IMAGE_BAD_NAME,     /* a name is empty or not terminated */
    IMAGE_BAD_FILE,     /* a file is not page aligned, or reaches past the end */
    IMAGE_ERRORS,
};

/*
 * image_check() - everything that image_find() relies on.
 *
 * @bytes, @size  the whole image, aligned to 8
 * Returns IMAGE_OK or the first reason found. Cost: one pass over all bytes for the checksum.
 */
enum image_error image_check(const void *bytes, uint64_t size) __attribute__((warn_unused_result));

/* image_find() - the entry of a file in an image that image_check() passed; NULL: no such file. */
const struct boot_image_entry *image_find(const void *bytes, const char *name);

/* image_count() / image_entry() - list the files of an image that image_check() passed; index < count. */
unsigned image_count(const void *bytes);
const struct boot_image_entry *image_entry(const void *bytes, unsigned index);

/* image_error_text() - what is wrong, as a sentence: "it is no boot image". Never NULL. */
const char *image_error_text(enum image_error error);

/* image_crc32() - CRC-32 as zlib computes it (reflected, polynomial 0xedb88320). */
uint32_t image_crc32(const void *bytes, uint64_t size);
