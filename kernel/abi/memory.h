/* SPDX-License-Identifier: MIT */
/* Flags of areas and mappings, shared by the kernel and user space. */
#pragma once

#define PROT_READ  1u
#define PROT_WRITE 2u
#define PROT_EXEC  4u

/* With PROT_*, when something is mapped. */
#define MAP_GUARD 8u /* keep the page below free too, its use is a stack overflow */
#define MAP_PRESENT                                                                                \
    16u /* what the area has already, up to a multiple of 64 KiB, is shown at once: no faults there */
#define MAP_FLAGS (MAP_GUARD | MAP_PRESENT)

#define AREA_CONTIGUOUS 1u /* one physically contiguous run, allocated and zeroed at once */
#define AREA_RING       2u /* can be mapped twice back to back: what wraps around is contiguous */
#define AREA_BELOW_4G   4u /* contiguous: where 32-bit devices reach */
#define AREA_HUGE       8u /* contiguous, 1 GiB: mapped with one page of 1 GiB where aligned */

/* How given physical memory is accessed. */
#define AREA_UNCACHED        0u
#define AREA_WRITE_COMBINING 1u
#define AREA_CACHED          2u
