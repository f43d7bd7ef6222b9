/* SPDX-License-Identifier: MIT */
/* Registers of the controller. Source: xHCI, "Register Interface" and "xHCI Extended Capabilities". */
#pragma once

/* Capability registers, from the beginning of the BAR. */
#define CAP_LENGTH      0x00u /* of these, in the lowest byte */
#define CAP_STRUCTURAL1 0x04u
#define CAP_STRUCTURAL2 0x08u
#define CAP_PARAMETERS1 0x10u
#define CAP_DOORBELLS   0x14u
#define CAP_RUNTIME     0x18u
#define CAP_ALL_GONE    0xffffffffu /* what a controller that is no longer there reads as */

#define STRUCTURAL1_SLOTS(r)    ((r)&0xff)
#define STRUCTURAL1_PORTS(r)    ((r) >> 24)
#define STRUCTURAL2_SCRATCH(r)  (((r) >> 21 & 0x1f) << 5 | (r) >> 27)
#define PARAMETERS1_ADDRESS_64  (1u << 0)
#define PARAMETERS1_CONTEXT_64  (1u << 2)
#define PARAMETERS1_EXTENDED(r) ((r) >> 16 << 2) /* first extended capability, from the beginning */

/* Operational registers. */
#define OP_COMMAND       0x00u
#define OP_STATUS        0x04u
#define OP_PAGE_SIZE     0x08u
#define OP_COMMAND_RING  0x18u
#define OP_CONTEXTS      0x30u
#define OP_CONFIG        0x38u
#define OP_PORT(port)    (0x400u + 0x10u * ((port)-1)) /* ports count from 1 */
#define OP_REGISTERS_END OP_PORT(256u)

#define COMMAND_RUN        (1u << 0)
#define COMMAND_RESET      (1u << 1)
#define COMMAND_INTERRUPTS (1u << 2)
#define STATUS_HALTED      (1u << 0)
#define STATUS_BROKEN      ((1u << 2) | (1u << 12)) /* of the system around it, of itself */
#define STATUS_INTERRUPT   (1u << 3)
#define STATUS_NOT_READY   (1u << 11)
#define PAGE_SIZE_4K       1u
#define COMMAND_RING_CYCLE 1u

/* Runtime registers of the first interrupter. */
#define RUN_MANAGEMENT  0x20u
#define RUN_MODERATION  0x24u
#define RUN_TABLE_SIZE  0x28u
#define RUN_TABLE       0x30u
#define RUN_DEQUEUE     0x38u
#define MANAGEMENT_ON   3u /* pending, cleared by writing it; enabled */
#define DEQUEUE_HANDLED 8u

/* Extended capabilities. */
#define EXTENDED_ID(r)   ((r)&0xff)
#define EXTENDED_NEXT(r) (((r) >> 8 & 0xff) << 2)
#define EXTENDED_LEGACY  1u
#define LEGACY_FIRMWARE  (1u << 16)
#define LEGACY_OURS      (1u << 24)
#define LEGACY_CONTROL   4u
#define LEGACY_CONTROL_KEEP                                                                        \
    0xe1feeu /* reserved bits; all that raises a firmware interrupt is cleared */
#define LEGACY_CONTROL_DONE 0xe0000000u
