/* SPDX-License-Identifier: MIT */
/* The last steps: page tables, exit of boot services, jump. */
#pragma once

#include "boot/efi/firmware.h"
#include "boot/load/elf.h"
#include "kernel/abi/handoff.h"

/*
 * leave_prepare() - take all memory that the last steps need and build the page tables.
 * Afterwards nothing may be allocated. Fills pml4 and direct_map_bytes. Complains on errors.
 */
EFI_STATUS leave_prepare(struct handoff *handoff, const struct elf_file *kernel,
                         bool has_huge_pages);

/*
 * leave_firmware() - exit boot services, complete the memory map, enter the kernel.
 * Returns only if the firmware refuses to let go, after a complaint.
 */
EFI_STATUS leave_firmware(EFI_HANDLE image, struct handoff *handoff, const struct elf_file *kernel);
