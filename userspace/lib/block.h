/* SPDX-License-Identifier: MIT */
/* What both sides of the interface `block` know (userspace/interfaces/block.toml). */
#pragma once

#define BLOCK_READ_ONLY 1u /* flags of facts */

#define BLOCK_MODEL_MAX  40u
#define BLOCK_SERIAL_MAX 20u

/* What a disk calls itself: without blanks at the ends, terminated. */
struct block_names {
    char driver[8]; /* virtio, ahci */
    char model[BLOCK_MODEL_MAX + 1];
    char serial[BLOCK_SERIAL_MAX + 1];
};
