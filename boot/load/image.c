/* SPDX-License-Identifier: MIT */
/* Reader of the boot image. Refuses a bad image once, as a whole; looking up a file then cannot fail halfway. */
#include "boot/load/image.h"

#include <stddef.h>

#include "gen/layout.h"

/* Two steps of four bits: a table of 16 words instead of 256, and no start-up code. Source: ISO 3309, reflected. */
uint32_t image_crc32(const void *bytes, uint64_t size)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *next = bytes;
    uint32_t crc = ~0u;
    for (uint64_t i = 0; i < size; i++) {
        crc ^= next[i];
        crc = nibble[crc & 15] ^ crc >> 4;
        crc = nibble[crc & 15] ^ crc >> 4;
    }
    return ~crc;
}

static const struct boot_image_header *header_of(const void *bytes)
{
    return bytes;
}

unsigned image_count(const void *bytes)
{
    return header_of(bytes)->count;
}

const struct boot_image_entry *image_entry(const void *bytes, unsigned index)
{
    return (const struct boot_image_entry *)(header_of(bytes) + 1) + index;
}

static bool is_name_valid(const char *name)
{
    for (unsigned i = 0; i < BOOT_IMAGE_NAME_BYTES; i++) {
        if (name[i] == '\0') {
            return i > 0;
        }
    }
    return false;
}

static enum image_error check_entry(const struct boot_image_entry *entry, uint64_t table_end,
                                    uint64_t size)
{
    if (!is_name_valid(entry->name)) {
        return IMAGE_BAD_NAME;
    }
    bool is_placed = entry->offset % PAGE_BYTES == 0 && entry->offset >= table_end;
    if (!is_placed || entry->offset > size || entry->bytes > size - entry->offset) {
        return IMAGE_BAD_FILE;
    }
    return IMAGE_OK;
}

enum image_error image_check(const void *bytes, uint64_t size)
{
    const struct boot_image_header *header = bytes;
    if (size < sizeof(*header)) {
        return IMAGE_TOO_SHORT;
    }
    if (header->magic != BOOT_IMAGE_MAGIC) {
        return IMAGE_NO_MAGIC;
    }
    if (header->bytes != size) {
        return IMAGE_CUT;
    }
    /* A 32-bit count times 64 bytes: cannot overflow. */
    uint64_t table_end =
        sizeof(*header) + (uint64_t)header->count * sizeof(struct boot_image_entry);
    if (table_end > size) {
        return IMAGE_BAD_TABLE;
    }
    if (header->crc32 != image_crc32(header + 1, size - sizeof(*header))) {
        return IMAGE_BAD_CHECKSUM;
    }
    for (unsigned i = 0; i < header->count; i++) {
        enum image_error error = check_entry(image_entry(bytes, i), table_end, size);
        if (error != IMAGE_OK) {
            return error;
        }
    }
    return IMAGE_OK;
}

static bool is_same_name(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct boot_image_entry *image_find(const void *bytes, const char *name)
{
    for (unsigned i = 0; i < image_count(bytes); i++) {
        const struct boot_image_entry *entry = image_entry(bytes, i);
        if (is_same_name(entry->name, name)) {
            return entry;
        }
    }
    return NULL;
}

const char *image_error_text(enum image_error error)
{
    static const char *const text[IMAGE_ERRORS] = {
        [IMAGE_OK] = "it is fine",
        [IMAGE_TOO_SHORT] = "it is shorter than its header",
        [IMAGE_NO_MAGIC] = "it is no boot image",
        [IMAGE_CUT] = "it has another length than its header says",
        [IMAGE_BAD_TABLE] = "it ends before its list of files",
        [IMAGE_BAD_CHECKSUM] = "it is damaged (its checksum differs)",
        [IMAGE_BAD_NAME] = "it has a file without a valid name",
        [IMAGE_BAD_FILE] = "it has a file that lies outside the image or is not page aligned",
    };
    return (unsigned)error < IMAGE_ERRORS ? text[error] : "it is damaged";
}
