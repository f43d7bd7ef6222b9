/* SPDX-License-Identifier: MIT */
/* gnu-efi, and how the loader talks to the person in front of the machine. The folder boot/efi alone sees EFI types. */
#pragma once

/* Firmware functions get gcc's ms_abi, so calls are plain and type checked, without uefi_call_wrapper(). */
#ifndef GNU_EFI_USE_MS_ABI
#define GNU_EFI_USE_MS_ABI 1
#endif

#include <efi.h>
#include <efilib.h>

#include <stdbool.h>
#include <stdint.h>

#define MIB_BYTES 0x100000ull

/*
 * complain() - say why the loader gives up, on every console of the firmware (screen and serial).
 *
 * @task    what was being done: "reading \spoor\kernel.elf"
 * @why     a sentence: "it is no ELF file"
 * @remedy  what to do about it
 * Returns status, so that `return complain(...)` reads well.
 */
EFI_STATUS complain(EFI_STATUS status, const char *task, const char *why, const char *remedy);

/* warn() - something is not as it should be, but the system starts. */
void warn(const char *text);
