/* SPDX-License-Identifier: MIT */
/*
 * Leaving the firmware.
 *
 * ExitBootServices() wants the key of the newest memory map, to prove that the caller has seen it. Timers and other
 * callbacks of the firmware may change the map between our two calls, so a refusal is normal: fetch the map again,
 * try again. After the first try the firmware is half gone, and only GetMemoryMap() and ExitBootServices() may be
 * called (UEFI 2.10, ExitBootServices()). So all memory is taken before: the buffer for the map has room to spare, and
 * so have the arrays that build the handoff's list, which happens after the exit because only then the map is final.
 *
 * Once boot services are gone there is nothing to complain on, so nothing may fail: leave_prepare() has done all of
 * it once on a trial map, and the list of the handoff drops small regions rather than fail.
 */
#include "boot/efi/leave.h"

#include "boot/efi/jump.h"
#include "boot/efi/memory.h"
#include "boot/efi/program.h"
#include "boot/load/memory_map.h"
#include "boot/load/options.h"
#include "boot/load/paging.h"
#include "gen/layout.h"

#define EXIT_ATTEMPTS_MAX  8u
#define SPARE_DESCRIPTORS  64u
#define TABLE_POOL_PAGES   64u
#define DIRECT_MAP_LEAST   (4ull * HUGE_PAGE_BYTES)
#define LOADER_STACK_BYTES PAGE_BYTES

/* The firmware's map, as it returns it: descriptors of descriptor_bytes each, which may be more than the struct. */
struct firmware_map {
    uint8_t *descriptors;
    UINTN capacity_bytes;
    UINTN bytes;
    UINTN descriptor_bytes;
    UINTN key;
};

static struct firmware_map firmware_map;
static struct handoff_memory *regions; /* firmware_map and what the loader put on top */
static unsigned region_capacity;
static uint64_t *edges;
static uint64_t stack_base;

static EFI_STATUS fetch_map(struct firmware_map *map)
{
    UINT32 version;
    map->bytes = map->capacity_bytes;
    return BS->GetMemoryMap(&map->bytes, (EFI_MEMORY_DESCRIPTOR *)map->descriptors, &map->key,
                            &map->descriptor_bytes, &version);
}

static EFI_STATUS take_scratch(void)
{
    struct firmware_map probe = {0};
    EFI_STATUS status = fetch_map(&probe); /* fails by design, with the sizes */
    if (status != EFI_BUFFER_TOO_SMALL) {
        return EFI_ERROR(status) ? status : EFI_DEVICE_ERROR;
    }
    UINTN capacity = probe.bytes / probe.descriptor_bytes + SPARE_DESCRIPTORS;
    region_capacity = capacity + LOADED_REGIONS_MAX;
    uint64_t base;
    uint64_t map_bytes = capacity * probe.descriptor_bytes;
    uint64_t region_bytes = region_capacity * sizeof(struct handoff_memory);
    uint64_t edge_bytes = 2 * region_capacity * sizeof(uint64_t);
    status = memory_take(map_bytes + region_bytes + edge_bytes + 64, HANDOFF_MEMORY_USABLE,
                         BELOW_4_GIB, &base);
    if (EFI_ERROR(status)) {
        return status;
    }
    regions = (struct handoff_memory *)base;
    edges = (uint64_t *)(base + region_bytes);
    firmware_map.descriptors = (uint8_t *)(base + region_bytes + edge_bytes);
    firmware_map.capacity_bytes = map_bytes;
    return EFI_SUCCESS;
}

static enum handoff_memory_type type_of(UINT32 firmware_type)
{
    switch (firmware_type) {
    case EfiLoaderCode:
    case EfiLoaderData: /* what of it is in use lies on top, from memory_loaded() */
    case EfiBootServicesCode:
    case EfiBootServicesData:
    case EfiConventionalMemory:
        return HANDOFF_MEMORY_USABLE;
    case EfiRuntimeServicesCode:
    case EfiRuntimeServicesData:
        return HANDOFF_MEMORY_FIRMWARE;
    case EfiACPIReclaimMemory:
    case EfiACPIMemoryNVS:
        return HANDOFF_MEMORY_ACPI;
    case EfiMemoryMappedIO:
    case EfiMemoryMappedIOPortSpace:
        return HANDOFF_MEMORY_MMIO;
    default: /* persistent, unaccepted, vendors' own and future types */
        return HANDOFF_MEMORY_RESERVED;
    }
}

static unsigned collect_regions(void)
{
    unsigned count = 0;
    for (UINTN at = 0; at < firmware_map.bytes; at += firmware_map.descriptor_bytes) {
        const EFI_MEMORY_DESCRIPTOR *from =
            (const EFI_MEMORY_DESCRIPTOR *)(firmware_map.descriptors + at);
        regions[count++] = (struct handoff_memory){
            .base = from->PhysicalStart,
            .bytes = from->NumberOfPages * PAGE_BYTES,
            .type = type_of(from->Type),
        };
    }
    unsigned loaded_count;
    const struct handoff_memory *loaded = memory_loaded(&loaded_count);
    for (unsigned i = 0; i < loaded_count; i++) {
        regions[count++] = loaded[i];
    }
    return count;
}

static status_t build_handoff_map(struct handoff *handoff, uint64_t *out_lost_bytes)
{
    unsigned count = collect_regions();
    return memory_map_build(regions, count, edges, handoff->memory, HANDOFF_MEMORY_MAX,
                            &handoff->memory_count, out_lost_bytes);
}

static EFI_STATUS try_map(struct handoff *handoff)
{
    uint64_t lost_bytes;
    EFI_STATUS status = fetch_map(&firmware_map);
    if (!EFI_ERROR(status) && build_handoff_map(handoff, &lost_bytes) != OK) {
        status = EFI_BUFFER_TOO_SMALL;
    }
    if (EFI_ERROR(status)) {
        return complain(status, "reading the memory map",
                        "it cannot be read or has too many pieces",
                        "report the machine's memory map (memmap in the UEFI shell)");
    }
    if (lost_bytes > 0) {
        Print(L"  warning: the memory map has too many pieces, %ld KiB are left out\n",
              lost_bytes / 1024);
    }
    Print(L"  memory     %ld MiB free, %d regions listed\n",
          memory_map_bytes(handoff->memory, handoff->memory_count, HANDOFF_MEMORY_USABLE) /
              MIB_BYTES,
          handoff->memory_count);
    return EFI_SUCCESS;
}

/* Tables come from chunks, so that a large direct map does not fill the list of taken memory. */
struct table_pool {
    uint64_t next;
    uint64_t end;
};

static uint64_t pool_alloc(void *context)
{
    struct table_pool *pool = context;
    if (pool->next == pool->end) {
        uint64_t bytes = TABLE_POOL_PAGES * PAGE_BYTES;
        /* Below 4 GiB: a starting core loads CR3 in 32-bit mode. */
        if (EFI_ERROR(memory_take_zeroed(bytes, HANDOFF_MEMORY_LOADER, BELOW_4_GIB, &pool->next))) {
            return 0;
        }
        pool->end = pool->next + bytes;
    }
    uint64_t page = pool->next;
    pool->next += PAGE_BYTES;
    return page;
}

static void *pool_pointer(void *context, uint64_t phys)
{
    (void)context; /* boot services run with physical = virtual addresses */
    return (void *)phys;
}

static uint64_t direct_map_bytes(const struct handoff *handoff)
{
    uint64_t end = memory_map_ram_end(handoff->memory, handoff->memory_count);
    end = (end + LARGE_PAGE_BYTES - 1) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
    end = end > DIRECT_MAP_LEAST ? end : DIRECT_MAP_LEAST;
    return end < DIRECT_MAP_BYTES_MAX ? end : DIRECT_MAP_BYTES_MAX;
}

static status_t build_tables(struct handoff *handoff, const struct elf_file *kernel,
                             bool has_huge_pages)
{
    static struct table_pool pool;
    static const struct paging_source source = {&pool, pool_alloc, pool_pointer};
    struct paging paging;
    uint64_t jump_page = (uint64_t)jump_to_kernel / PAGE_BYTES * PAGE_BYTES;
    status_t status = paging_create(&paging, &source, has_huge_pages);
    if (status == OK) {
        status = program_map_kernel(&paging, kernel, handoff->kernel_phys);
    }
    if (status == OK) {
        status = paging_map(&paging, DIRECT_MAP_BASE, 0, handoff->direct_map_bytes,
                            PAGING_WRITE | PAGING_GLOBAL);
    }
    if (status == OK) {
        status = paging_fill_slot(&paging, KERNEL_STACKS_BASE);
    }
    if (status == OK) {
        status = paging_map(&paging, jump_page, jump_page, PAGE_BYTES, PAGING_EXEC);
    }
    if (status == OK && EFI_ERROR(memory_mark(jump_page, PAGE_BYTES, HANDOFF_MEMORY_LOADER))) {
        status = ERR_NO_MEMORY;
    }
    if (status == OK) {
        handoff->pml4 = paging.root;
        Print(L"  tables     %d pages, direct map %ld MiB with %a pages\n", paging.table_count,
              handoff->direct_map_bytes / MIB_BYTES, has_huge_pages ? "1 GiB" : "2 MiB");
    }
    return status;
}

EFI_STATUS leave_prepare(struct handoff *handoff, const struct elf_file *kernel,
                         bool has_huge_pages)
{
    EFI_STATUS status = take_scratch();
    if (!EFI_ERROR(status)) {
        status =
            memory_take_zeroed(LOADER_STACK_BYTES, HANDOFF_MEMORY_LOADER, BELOW_4_GIB, &stack_base);
    }
    if (EFI_ERROR(status)) {
        return complain(status, "preparing to leave the firmware",
                        "there is not enough free memory below 4 GiB",
                        "give the machine more memory");
    }
    status = try_map(handoff);
    if (EFI_ERROR(status)) {
        return status;
    }
    handoff->direct_map_bytes = direct_map_bytes(handoff);
    status_t built = build_tables(handoff, kernel, has_huge_pages);
    if (built != OK) {
        return complain(EFI_OUT_OF_RESOURCES, "building page tables", status_name(built),
                        "give the machine more memory");
    }
    return EFI_SUCCESS;
}

/* @stale  use a wrong key on the first try: the test of the retry path, `boot_test_stale_key` */
static EFI_STATUS exit_boot_services(EFI_HANDLE image, struct handoff *handoff, bool stale)
{
    EFI_STATUS status = EFI_ABORTED;
    for (unsigned attempt = 1; attempt <= EXIT_ATTEMPTS_MAX; attempt++) {
        status = fetch_map(&firmware_map);
        if (EFI_ERROR(status)) {
            break;
        }
        UINTN key = stale && attempt == 1 ? firmware_map.key + 1 : firmware_map.key;
        handoff->exit_attempts = attempt;
        status = BS->ExitBootServices(image, key);
        if (!EFI_ERROR(status)) {
            break;
        }
    }
    return status;
}

EFI_STATUS leave_firmware(EFI_HANDLE image, struct handoff *handoff, const struct elf_file *kernel)
{
    Print(L"  entering the kernel at 0x%lx\n", kernel->entry);
    bool stale = option_is_set(handoff->cmdline, "boot_test_stale_key");
    EFI_STATUS status = exit_boot_services(image, handoff, stale);
    if (EFI_ERROR(status)) {
        return complain(status, "leaving the firmware", "ExitBootServices() refused every time",
                        "reset the machine and try again; update its firmware");
    }
    __asm__ volatile("cli" ::: "memory");
    uint64_t lost_bytes;
    if (build_handoff_map(handoff, &lost_bytes) != OK) {
        /* The trial map fitted; without a list the kernel would find no memory and say so. */
        handoff->memory_count = 0;
    }
    jump_to_kernel(handoff->pml4, DIRECT_MAP_BASE + (uint64_t)handoff, kernel->entry,
                   DIRECT_MAP_BASE + stack_base + LOADER_STACK_BYTES);
}
