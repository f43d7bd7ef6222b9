/* SPDX-License-Identifier: MIT */
/* Facts about the machine: CPU, ACPI root, screen, time, a number for this boot. */
#include "boot/efi/machine.h"

#include <cpuid.h>

#include "boot/load/calendar.h"
#include "boot/load/cpu_check.h"

#define IA32_ARCH_CAPABILITIES 0x10au
#define HYPERVISOR_LEAF        0x40000000u
#define HYPERVISOR_BIT         (1u << 31)  /* CPUID 1 ECX */
#define TCG_SIGNATURE          0x54474354u /* "TCGT", EBX of the hypervisor leaf under QEMU's TCG */

static uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static uint64_t read_cr4(void)
{
    uint64_t cr4;
    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    return cr4;
}

static void read_cpu_words(struct cpu_words *out)
{
    uint32_t a, b, c, d;
    *out = (struct cpu_words){.cr4 = read_cr4()};
    __cpuid(0, a, b, c, d);
    CopyMem(&out->vendor[0], &b, 4);
    CopyMem(&out->vendor[4], &d, 4);
    CopyMem(&out->vendor[8], &c, 4);
    if (a >= 7) {
        __cpuid_count(7, 0, a, b, c, out->leaf7_edx);
    }
    __cpuid(1, a, b, c, out->leaf1_edx);
    if (c & HYPERVISOR_BIT) {
        __cpuid(HYPERVISOR_LEAF, a, b, c, d);
        out->is_emulated = b == TCG_SIGNATURE;
    }
    __cpuid(0x80000000u, a, b, c, d);
    uint32_t extended_last = a;
    __cpuid(0x80000001u, a, b, c, out->extended1_edx);
    if (extended_last >= 0x80000021u) {
        __cpuid(0x80000021u, out->extended21_eax, b, c, d);
    }
    if (cpu_has_arch_capabilities(out)) {
        out->arch_capabilities = read_msr(IA32_ARCH_CAPABILITIES);
    }
}

EFI_STATUS machine_check_cpu(bool *out_has_huge_pages)
{
    struct cpu_words words;
    read_cpu_words(&words);
    const char *missing = cpu_find_missing(&words);
    if (missing != NULL) {
        return complain(EFI_UNSUPPORTED, "checking the processor", missing,
                        "change the firmware's set-up, or use another machine (QEMU: -cpu max)");
    }
    if (cpu_needs_kpti(&words)) {
        warn("this processor leaks kernel memory to user mode (Meltdown); Spoor has no page-table "
             "isolation");
    }
    if (cpu_needs_retpolines(&words)) {
        warn("this processor needs retpolines against Spectre v2; Spoor is built without");
    }
    *out_has_huge_pages = cpu_has_huge_pages(&words);
    return EFI_SUCCESS;
}

static uint64_t find_rsdp(void)
{
    EFI_GUID wanted[] = {ACPI_20_TABLE_GUID, ACPI_TABLE_GUID}; /* better first */
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        for (UINTN j = 0; j < ST->NumberOfTableEntries; j++) {
            EFI_CONFIGURATION_TABLE *table = &ST->ConfigurationTable[j];
            if (CompareGuid(&table->VendorGuid, &wanted[i]) == 0) {
                return (uint64_t)table->VendorTable;
            }
        }
    }
    return 0;
}

static void find_framebuffer(struct handoff_framebuffer *out)
{
    EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop = NULL;
    if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, (void **)&gop)) || gop->Mode == NULL ||
        gop->Mode->Info == NULL) {
        return;
    }
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = gop->Mode->Info;
    bool is_linear = info->PixelFormat == PixelRedGreenBlueReserved8BitPerColor ||
                     info->PixelFormat == PixelBlueGreenRedReserved8BitPerColor;
    if (!is_linear) {
        warn("the screen has no framebuffer of 32-bit RGB pixels; it will not be used");
        return;
    }
    *out = (struct handoff_framebuffer){
        .base = gop->Mode->FrameBufferBase,
        .bytes = gop->Mode->FrameBufferSize,
        .width = info->HorizontalResolution,
        .height = info->VerticalResolution,
        .stride = info->PixelsPerScanLine,
        .format = info->PixelFormat,
    };
}

static void read_time(struct handoff *handoff)
{
    EFI_TIME time;
    if (EFI_ERROR(RT->GetTime(&time, NULL))) {
        warn("the firmware knows no time of day");
        return;
    }
    struct calendar date = {
        .year = time.Year,
        .month = time.Month,
        .day = time.Day,
        .hour = time.Hour,
        .minute = time.Minute,
        .second = time.Second,
        .nanosecond = time.Nanosecond,
        .utc_offset_minutes = time.TimeZone == EFI_UNSPECIFIED_TIMEZONE ? 0 : time.TimeZone,
    };
    handoff->unix_tsc = machine_tsc();
    handoff->unix_ns = calendar_unix_ns(&date);
}

/* Finaliser of the splitmix64 generator: every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

static uint64_t make_boot_id(const struct handoff *handoff)
{
    EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
    EFI_RNG_PROTOCOL *rng = NULL;
    uint64_t id = 0;
    if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, (void **)&rng)) ||
        EFI_ERROR(rng->GetRNG(rng, NULL, sizeof(id), (UINT8 *)&id))) {
        id = mix(handoff->unix_ns ^ mix(handoff->loader_tsc) ^ machine_tsc());
    }
    return id != 0 ? id : 1; /* 0 means "no boot" in the trace */
}

void machine_describe(struct handoff *handoff)
{
    handoff->rsdp = find_rsdp();
    if (handoff->rsdp == 0) {
        warn("the firmware has no ACPI tables");
    }
    find_framebuffer(&handoff->framebuffer);
    read_time(handoff);
    handoff->boot_id = make_boot_id(handoff);
}
