/* SPDX-License-Identifier: MIT */
/* The files of the boot image in the target (kernel/abi/boot_image.h): programs with their symbols, for those who debug them. */
#pragma once

#include "base/types.h"
#include "kernel/abi/boot_image.h"

struct kd_file {
    char name[BOOT_IMAGE_NAME_BYTES];
    paddr_t base; /* its bytes, contiguous */
    uint64_t bytes;
};

/* Where the image lies in physical memory; bytes 0: there is none. Written by kdebug_use_files(). */
struct kd_files {
    paddr_t base;
    uint64_t bytes;
};
extern struct kd_files kd_files;

/* kd_file_at() / kd_file_named() - False: there is none, or the image is damaged there. */
bool kd_file_at(unsigned index, struct kd_file *out);
bool kd_file_named(const char *name, struct kd_file *out);

/* kd_file_holding() - the one that this physical address lies in. */
bool kd_file_holding(paddr_t pa, struct kd_file *out);

/* kd_file_read() - from an offset, as much as there is, `bytes` at most. Returns how much; 0: its end, or no memory. */
size_t kd_file_read(const struct kd_file *file, uint64_t offset, void *to, size_t bytes);
