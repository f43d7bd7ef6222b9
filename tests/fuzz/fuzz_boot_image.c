/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a boot image: no read outside. The magic, the length and the checksum are made right first, because
 * chance would never find them.
 */
#include "boot/load/image.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const void *image)
{
    for (unsigned i = 0; i < image_count(image); i++) {
        const struct boot_image_entry *entry = image_entry(image, i);
        const volatile uint8_t *bytes = (const uint8_t *)image + entry->offset;
        for (uint64_t at = 0; at < entry->bytes; at++) {
            (void)bytes[at];
        }
        if (image_find(image, entry->name) == NULL) {
            __builtin_trap();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *image = malloc(size > 0 ? size : 1);
    if (image == NULL) {
        return 0;
    }
    memcpy(image, data, size);
    struct boot_image_header *header = (struct boot_image_header *)image;
    if (size >= sizeof(*header)) {
        header->magic = BOOT_IMAGE_MAGIC;
        header->bytes = size;
        header->crc32 = image_crc32(header + 1, size - sizeof(*header));
    }
    if (image_check(image, size) == IMAGE_OK) {
        read_all(image);
    }
    free(image);
    return 0;
}
