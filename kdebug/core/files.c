/* SPDX-License-Identifier: MIT */
/* The files of the boot image (files.h). The loader has checked the image; since then it may have been overwritten, so nothing in it is
 * believed that would lead outside. */
#include "kdebug/core/files.h"

#include "base/string.h"
#include "kdebug/core/kdebug.h"
#include "kdebug/core/target.h"

struct kd_files kd_files;

void kdebug_use_files(paddr_t base, uint64_t bytes)
{
    kd_files = (struct kd_files){.base = base, .bytes = bytes};
}

static bool read_image(uint64_t offset, void *to, size_t bytes)
{
    struct kd_files files;
    return kd_read_kernel(KD_GLOBAL(kd_files), &files, sizeof(files)) == OK &&
           offset <= files.bytes && bytes <= files.bytes - offset &&
           kd_read(KD_SPACE_PHYSICAL, files.base + offset, to, bytes) == OK;
}

bool kd_file_at(unsigned index, struct kd_file *out)
{
    struct kd_files files;
    struct boot_image_header header;
    struct boot_image_entry entry;
    if (!read_image(0, &header, sizeof(header)) || header.magic != BOOT_IMAGE_MAGIC ||
        index >= header.count ||
        !read_image(sizeof(header) + (uint64_t)index * sizeof(entry), &entry, sizeof(entry)) ||
        kd_read_kernel(KD_GLOBAL(kd_files), &files, sizeof(files)) != OK ||
        entry.offset > files.bytes || entry.bytes > files.bytes - entry.offset) {
        return false;
    }
    entry.name[BOOT_IMAGE_NAME_BYTES - 1] = '\0';
    memcpy(out->name, entry.name, sizeof(out->name));
    out->base = files.base + entry.offset;
    out->bytes = entry.bytes;
    return true;
}

bool kd_file_named(const char *name, struct kd_file *out)
{
    for (unsigned index = 0; kd_file_at(index, out); index++) {
        if (strcmp(out->name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool kd_file_holding(paddr_t pa, struct kd_file *out)
{
    for (unsigned index = 0; kd_file_at(index, out); index++) {
        if (pa >= out->base && pa - out->base < out->bytes) {
            return true;
        }
    }
    return false;
}

size_t kd_file_read(const struct kd_file *file, uint64_t offset, void *to, size_t bytes)
{
    if (offset >= file->bytes) {
        return 0;
    }
    bytes = MIN(bytes, file->bytes - offset);
    return kd_read(KD_SPACE_PHYSICAL, file->base + offset, to, bytes) == OK ? bytes : 0;
}
