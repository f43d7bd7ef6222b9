/* SPDX-License-Identifier: MIT */
/*
 * What the kernel tells init, the only process it starts by itself.
 *
 * init begins with one thread: its segments mapped as the loader placed them, a zeroed stack, rdi = address of a struct
 * init_info at the upper end of that stack, rsp below it, 16-byte aligned minus 8 as after a call. All other registers are 0.
 *
 * The handles carry every right of their type, but the image area cannot be written: programs run in place from it. init
 * passes on to each program only what it needs (userspace/lib/spawn.h).
 */
#pragma once

#include <stdint.h>

#define INIT_CMDLINE_BYTES 1024u
#define INIT_STACK_BYTES   0x10000u

struct init_info {
    uint64_t handle_self_process;
    uint64_t handle_console;
    uint64_t handle_trace;
    uint64_t handle_debug;
    uint64_t handle_system;
    uint64_t
        handle_image_area; /* the boot image (kernel/abi/boot_image.h): duplicate, transfer, read, exec */
    uint64_t handle_framebuffer; /* area of the framebuffer, 0: there is none */
    uint64_t image_address;      /* where it is mapped in init, for reading */
    uint64_t image_bytes;
    uint64_t cpu_count;
    uint64_t boot_id;
    uint32_t framebuffer_width, framebuffer_height; /* pixels */
    uint32_t framebuffer_stride;                    /* pixels per line */
    uint32_t framebuffer_format;                    /* EFI_GRAPHICS_PIXEL_FORMAT: 0 RGBX, 1 BGRX */
    char cmdline[INIT_CMDLINE_BYTES];               /* NUL-terminated */
};
