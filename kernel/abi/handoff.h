/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader hands to the kernel: one versioned structure, in memory that the loader marked
 * HANDOFF_MEMORY_LOADER. All addresses are physical unless a name says "virt".
 *
 * State at the jump to the kernel's entry: long mode, interrupts off, rdi = address of the structure in the direct
 * map, rsp = top of a small stack in the direct map (one page, HANDOFF_MEMORY_LOADER), CR3 = page tables built by the
 * loader, all below 4 GiB: the direct map, the kernel image (W^X), KERNEL_STACKS_BASE with its PML4 slot filled (an
 * empty page-directory-pointer table), and an identity map of the loader's last code page, which the kernel drops.
 * CR0.WP and EFER.NXE are on. GDT and IDT are the firmware's, in memory that is not mapped any more and listed as
 * usable: the kernel loads its own before it loads a segment register or allocates a frame.
 */
#pragma once

#include <stdint.h>

#define HANDOFF_MAGIC   0x726f6f7053ull /* "Spoor" */
#define HANDOFF_VERSION 2u

enum handoff_memory_type {
    HANDOFF_MEMORY_RESERVED = 0, /* do not touch */
    HANDOFF_MEMORY_USABLE,       /* free now */
    HANDOFF_MEMORY_LOADER,       /* page tables, this structure: keep */
    HANDOFF_MEMORY_KERNEL,       /* the kernel image */
    HANDOFF_MEMORY_IMAGE,        /* the boot image and init's segments */
    HANDOFF_MEMORY_TRACE,        /* the ring region */
    HANDOFF_MEMORY_ACPI,         /* ACPI tables and ACPI NVS; readable, never free */
    HANDOFF_MEMORY_FIRMWARE,     /* UEFI run-time services */
    HANDOFF_MEMORY_MMIO,
};

struct handoff_memory {
    uint64_t base;
    uint64_t bytes;
    uint32_t type; /* enum handoff_memory_type */
    uint32_t reserved;
};

/* One loaded segment of init: bytes are in place, zero-filled up to memory_bytes, all page aligned. */
#define HANDOFF_SEGMENT_READ  1u
#define HANDOFF_SEGMENT_WRITE 2u
#define HANDOFF_SEGMENT_EXEC  4u
#define HANDOFF_SEGMENTS_MAX  8u
struct handoff_segment {
    uint64_t virt;
    uint64_t phys;
    uint64_t memory_bytes;
    uint32_t flags;
    uint32_t reserved;
};

struct handoff_framebuffer {
    uint64_t base; /* 0: there is none */
    uint64_t bytes;
    uint32_t width, height; /* pixels */
    uint32_t stride;        /* pixels per line */
    uint32_t format;        /* EFI_GRAPHICS_PIXEL_FORMAT: 0 RGBX, 1 BGRX */
};

#define HANDOFF_CMDLINE_BYTES 1024u
#define HANDOFF_MEMORY_MAX    512u

struct handoff {
    uint64_t magic;
    uint32_t version;
    uint32_t bytes;      /* sizeof(struct handoff) of the loader */
    uint64_t boot_id;    /* random, tells boots apart in the trace region */
    uint64_t unix_ns;    /* wall clock when the loader asked, 0 if unknown */
    uint64_t unix_tsc;   /* TSC at that moment */
    uint64_t loader_tsc; /* TSC when the loader began */
    uint64_t pml4;
    uint64_t kernel_phys; /* of KERNEL_IMAGE_BASE; contiguous */
    uint64_t kernel_bytes;
    uint64_t direct_map_bytes; /* mapped from physical 0 */
    uint64_t rsdp;             /* ACPI 2.0 root pointer */
    uint64_t trace_base;       /* ring region, not cleared */
    uint64_t trace_bytes;      /* 0: none could be had */
    uint64_t previous_base;    /* ring region of the boot before, as it left it */
    uint64_t previous_bytes;   /* 0: there is none */
    uint64_t image_base;       /* boot image as read from the file */
    uint64_t image_bytes;
    uint64_t ap_page;    /* one page below 1 MiB for the start code of the other cores */
    uint64_t init_entry; /* virtual address in init */
    uint32_t init_segments;
    uint32_t memory_count;
    uint32_t
        exit_attempts; /* calls of ExitBootServices; more than 1: the firmware changed its map in between */
    uint32_t reserved;
    struct handoff_segment init_segment[HANDOFF_SEGMENTS_MAX];
    struct handoff_framebuffer framebuffer;
    char cmdline[HANDOFF_CMDLINE_BYTES];              /* NUL-terminated */
    struct handoff_memory memory[HANDOFF_MEMORY_MAX]; /* sorted, merged, no overlap */
};
