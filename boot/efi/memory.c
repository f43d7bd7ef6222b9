/* SPDX-License-Identifier: MIT */
/*
 * Pages from the firmware.
 *
 * Everything is allocated as EfiLoaderData, and what it is for is kept in a list of our own, laid over the firmware's map
 * at the end. (UEFI lets a loader invent memory types from 0x80000000 on, which would save the list, but there are
 * firmwares that corrupt their own table when one does.)
 */
#include "boot/efi/memory.h"

#include "gen/layout.h"

struct taken {
    uint64_t base; /* as the firmware gave it */
    uint64_t pages;
};

static struct handoff_memory loaded[LOADED_REGIONS_MAX];
static struct taken taken[LOADED_REGIONS_MAX]; /* same index; pages = 0: only marked */
static unsigned loaded_count;

static uint64_t pages_of(uint64_t bytes)
{
    return bytes / PAGE_BYTES + (bytes % PAGE_BYTES != 0);
}

static EFI_STATUS add_entry(uint64_t base, uint64_t bytes, uint32_t type, struct taken from)
{
    if (loaded_count == LOADED_REGIONS_MAX) {
        return EFI_OUT_OF_RESOURCES;
    }
    loaded[loaded_count] = (struct handoff_memory){.base = base, .bytes = bytes, .type = type};
    taken[loaded_count] = from;
    loaded_count++;
    return EFI_SUCCESS;
}

static EFI_STATUS take(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE kind, uint64_t pages, uint64_t *base)
{
    EFI_PHYSICAL_ADDRESS address = *base;
    EFI_STATUS status = BS->AllocatePages(how, kind, pages, &address);
    if (!EFI_ERROR(status)) {
        *base = address;
    }
    return status;
}

/* Enter a fresh allocation in the list; give it back if the list is full. */
static EFI_STATUS keep(uint64_t base, uint64_t pages, enum handoff_memory_type type,
                       uint64_t *out_base)
{
    EFI_STATUS status = add_entry(base, pages * PAGE_BYTES, type, (struct taken){base, pages});
    if (EFI_ERROR(status)) {
        BS->FreePages(base, pages);
        return status;
    }
    *out_base = base;
    return EFI_SUCCESS;
}

EFI_STATUS memory_take(uint64_t bytes, enum handoff_memory_type type, uint64_t max_address,
                       uint64_t *out_base)
{
    uint64_t base = max_address;
    uint64_t pages = pages_of(bytes);
    EFI_STATUS status = take(AllocateMaxAddress, EfiLoaderData, pages, &base);
    return EFI_ERROR(status) ? status : keep(base, pages, type, out_base);
}

EFI_STATUS memory_take_zeroed(uint64_t bytes, enum handoff_memory_type type, uint64_t max_address,
                              uint64_t *out_base)
{
    EFI_STATUS status = memory_take(bytes, type, max_address, out_base);
    if (!EFI_ERROR(status)) {
        BS->SetMem((void *)*out_base, pages_of(bytes) * PAGE_BYTES, 0);
    }
    return status;
}

/* The firmware knows no alignment: take align bytes more, then give both ends back. */
EFI_STATUS memory_take_aligned(uint64_t bytes, uint64_t align, enum handoff_memory_type type,
                               uint64_t max_address, uint64_t *out_base)
{
    uint64_t base = max_address;
    uint64_t pages = pages_of(bytes);
    uint64_t slack = align / PAGE_BYTES - 1;
    EFI_STATUS status = take(AllocateMaxAddress, EfiLoaderData, pages + slack, &base);
    if (EFI_ERROR(status)) {
        return status;
    }
    uint64_t aligned = (base + align - 1) & ~(align - 1);
    uint64_t before = (aligned - base) / PAGE_BYTES;
    if (before > 0) {
        BS->FreePages(base, before);
    }
    if (slack > before) {
        BS->FreePages(aligned + pages * PAGE_BYTES, slack - before);
    }
    return keep(aligned, pages, type, out_base);
}

EFI_STATUS memory_take_reserved(uint64_t base, uint64_t bytes, enum handoff_memory_type type,
                                uint64_t *out_base)
{
    EFI_ALLOCATE_TYPE how = base != 0 ? AllocateAddress : AllocateMaxAddress;
    uint64_t address = base != 0 ? base : BELOW_4_GIB;
    uint64_t pages = pages_of(bytes);
    EFI_STATUS status = take(how, EfiReservedMemoryType, pages, &address);
    return EFI_ERROR(status) ? status : keep(address, pages, type, out_base);
}

static void remove_entry(unsigned index)
{
    if (taken[index].pages > 0) {
        BS->FreePages(taken[index].base, taken[index].pages);
    }
    loaded_count--;
    loaded[index] = loaded[loaded_count];
    taken[index] = taken[loaded_count];
}

void memory_give_back(uint64_t base)
{
    for (unsigned i = 0; i < loaded_count; i++) {
        if (loaded[i].base == base) {
            remove_entry(i);
            return;
        }
    }
}

void memory_give_back_all(void)
{
    while (loaded_count > 0) {
        remove_entry(loaded_count - 1);
    }
}

EFI_STATUS memory_mark(uint64_t base, uint64_t bytes, enum handoff_memory_type type)
{
    return add_entry(base, bytes, type, (struct taken){base, 0});
}

const struct handoff_memory *memory_loaded(unsigned *out_count)
{
    *out_count = loaded_count;
    return loaded;
}
