/* SPDX-License-Identifier: MIT */
/* The two programs the loader loads: the kernel, and init out of the boot image. */
#pragma once

#include "boot/efi/firmware.h"
#include "boot/load/elf.h"
#include "boot/load/paging.h"
#include "kernel/abi/handoff.h"

#define KERNEL_PATH "\\spoor\\kernel.elf"
#define IMAGE_PATH  "\\spoor\\boot.img"

/*
 * program_load_kernel() - read the kernel and put it into one run of memory.
 *
 * @out_kernel  its segments; the bytes of the file are gone when the function returns
 * Fills kernel_phys and kernel_bytes. Complains on errors.
 */
EFI_STATUS program_load_kernel(struct handoff *handoff, struct elf_file *out_kernel);

/* program_load_init() - read the boot image, load init from it. Fills image_* and init_*. Complains on errors. */
EFI_STATUS program_load_init(struct handoff *handoff);

/* program_map_kernel() - each segment of the kernel with its own rights. */
status_t program_map_kernel(struct paging *paging, const struct elf_file *kernel,
                            uint64_t kernel_phys);
