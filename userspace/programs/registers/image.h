/* SPDX-License-Identifier: MIT */
/* The registers of a user thread beyond the general ones, as a picture in memory. */
#pragma once

#include <stdint.h>

/* The offsets are known to image.asm. */
struct register_image {
    uint8_t vector[16][32]; /* ymm0-15; without AVX the upper halves stay as they are */
    int64_t x87[4];         /* st(0) to st(3) */
    uint32_t mxcsr;
    uint16_t control; /* of the x87 */
};

/* image_load() / image_store() - into the registers and back; storing empties the x87 stack.
 * The _avx forms do all of ymm0-15, the others xmm0-15. */
void image_load(const struct register_image *image);
void image_store(struct register_image *image);
void image_load_avx(const struct register_image *image);
void image_store_avx(struct register_image *image);

/* image_control() - only the control words, which change nothing else. */
void image_control(struct register_image *image);

/* has_avx() - the CPU has it and the kernel has switched it on. */
int has_avx(void);
