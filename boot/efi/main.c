/* SPDX-License-Identifier: MIT */
/*
 * The boot loader, a UEFI application: from firmware to kernel as one list of steps.
 *
 * Each step either succeeds or has complained and returns an error; then all memory is given back and the firmware gets
 * control again, so that its boot menu can try something else.
 */
#include "boot/efi/file.h"
#include "boot/efi/firmware.h"
#include "boot/efi/leave.h"
#include "boot/efi/machine.h"
#include "boot/efi/memory.h"
#include "boot/efi/program.h"
#include "boot/efi/trace_region.h"
#include "boot/load/options.h"
#include "gen/layout.h"

#define CMDLINE_PATH "\\spoor\\cmdline.txt"
#define AP_PAGE_LAST 0x9ffffull /* below the VGA window, reachable by a start-up IPI */

static EFI_STATUS create_handoff(uint64_t loader_tsc, struct handoff **out_handoff)
{
    uint64_t base;
    EFI_STATUS status =
        memory_take_zeroed(sizeof(struct handoff), HANDOFF_MEMORY_LOADER, BELOW_4_GIB, &base);
    if (!EFI_ERROR(status)) {
        /* Page 0 stays out of use: a physical address of 0 means "none" everywhere. */
        status = memory_mark(0, PAGE_BYTES, HANDOFF_MEMORY_RESERVED);
    }
    if (EFI_ERROR(status)) {
        return complain(status, "starting", "there is not enough free memory below 4 GiB",
                        "give the machine more memory");
    }
    struct handoff *handoff = (struct handoff *)base;
    handoff->magic = HANDOFF_MAGIC;
    handoff->version = HANDOFF_VERSION;
    handoff->bytes = sizeof(*handoff);
    handoff->loader_tsc = loader_tsc;
    *out_handoff = handoff;
    return EFI_SUCCESS;
}

static EFI_STATUS read_cmdline(struct handoff *handoff)
{
    struct file file;
    EFI_STATUS status = file_read(CMDLINE_PATH, HANDOFF_MEMORY_LOADER, &file);
    if (status == EFI_NOT_FOUND) {
        return EFI_SUCCESS;
    }
    if (EFI_ERROR(status)) {
        return status;
    }
    if (option_clean(handoff->cmdline, sizeof(handoff->cmdline), file.bytes, file.size)) {
        Print(L"  warning: %a is longer than %d characters, the rest is ignored\n", CMDLINE_PATH,
              HANDOFF_CMDLINE_BYTES - 1);
    }
    file_drop(&file);
    Print(L"  cmdline    %a\n", handoff->cmdline[0] != 0 ? handoff->cmdline : "(empty)");
    return EFI_SUCCESS;
}

static void take_ap_page(struct handoff *handoff)
{
    if (EFI_ERROR(memory_take_zeroed(PAGE_BYTES, HANDOFF_MEMORY_LOADER, AP_PAGE_LAST,
                                     &handoff->ap_page))) {
        handoff->ap_page = 0;
        warn("no page is free below 640 KiB, so the other cores cannot be started");
    }
}

static EFI_STATUS boot(EFI_HANDLE image, uint64_t loader_tsc)
{
    bool has_huge_pages;
    struct handoff *handoff = NULL;
    struct elf_file kernel;
    trace_region_take();
    EFI_STATUS status = machine_check_cpu(&has_huge_pages);
    if (!EFI_ERROR(status)) {
        status = create_handoff(loader_tsc, &handoff);
    }
    if (!EFI_ERROR(status)) {
        status = file_open_volume(image);
    }
    if (!EFI_ERROR(status)) {
        status = read_cmdline(handoff);
    }
    if (EFI_ERROR(status)) {
        return status;
    }
    trace_region_move(handoff->cmdline);
    trace_region_report(handoff);
    status = program_load_kernel(handoff, &kernel);
    if (!EFI_ERROR(status)) {
        status = program_load_init(handoff);
    }
    if (EFI_ERROR(status)) {
        return status;
    }
    file_close_volume();
    take_ap_page(handoff);
    machine_describe(handoff);
    status = leave_prepare(handoff, &kernel, has_huge_pages);
    return EFI_ERROR(status) ? status : leave_firmware(image, handoff, &kernel);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
    uint64_t loader_tsc = machine_tsc();
    InitializeLib(image, system_table);
    BS->SetWatchdogTimer(0, 0, 0, NULL);
    Print(L"\nSpoor boot loader\n");
    EFI_STATUS status = boot(image, loader_tsc);
    file_close_volume();
    memory_give_back_all();
    return status;
}
