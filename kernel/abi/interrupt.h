/* SPDX-License-Identifier: MIT */
/* Flags of interrupt_create. */
#pragma once

#define INTERRUPT_ISA                                                                              \
    1u /* `line` is an ISA line: the firmware's tables say where it leads and how it behaves */
#define INTERRUPT_LEVEL 2u /* active until the device is served; else an edge */
#define INTERRUPT_LOW   4u /* active low */
