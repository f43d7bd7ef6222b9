/* SPDX-License-Identifier: MIT */
/* Files of the volume that the loader itself came from. */
#pragma once

#include "boot/efi/firmware.h"
#include "kernel/abi/handoff.h"

struct file {
    void *bytes; /* page aligned, below 4 GiB, zero-filled to the end of its last page */
    uint64_t size;
};

/* file_open_volume() - find the volume; complains if there is none. Before any file_read(). */
EFI_STATUS file_open_volume(EFI_HANDLE image);

/*
 * file_read() - a whole file into memory that the handoff lists as type.
 *
 * @path  with backslashes, from the root of the volume, ASCII
 * Returns EFI_SUCCESS; EFI_NOT_FOUND, silently: some files are optional; other errors after a complaint.
 */
EFI_STATUS file_read(const char *path, enum handoff_memory_type type, struct file *out_file);

/* file_complain_missing() - for a file that is not optional. Returns EFI_NOT_FOUND. */
EFI_STATUS file_complain_missing(const char *path);

/* file_drop() - give the memory of a file back. */
void file_drop(struct file *file);

/* file_close_volume() - undo file_open_volume(). */
void file_close_volume(void);
