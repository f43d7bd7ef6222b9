/* SPDX-License-Identifier: MIT */
/*
 * Registers of AHCI, and what the two halves of the driver know of each other.
 *
 * Source: Serial ATA AHCI 1.3.1, "HBA Memory Registers", "System Memory Structures".
 */
#pragma once

#include "userspace/drivers/ahci/ahci.h"

#define HBA_BYTES 0x1100u /* with all ports */

#define HBA_CAPABILITIES 0x00u
#define HBA_CONTROL      0x04u
#define HBA_INTERRUPTS   0x08u
#define HBA_PORTS        0x0cu
#define HBA_MORE         0x24u
#define HBA_HANDOFF      0x28u

#define CONTROL_RESET      (1u << 0)
#define CONTROL_INTERRUPTS (1u << 1)
#define CONTROL_AHCI       (1u << 31)
#define MORE_HANDOFF       (1u << 0)
#define HANDOFF_FIRMWARE   (1u << 0)
#define HANDOFF_SYSTEM     (1u << 1)

#define PORTS_MAX  32u
#define PORT_FIRST 0x100u /* its registers */
#define PORT_BYTES 0x80u

#define PORT_LIST       0x00u
#define PORT_RECEIVED   0x08u
#define PORT_INTERRUPTS 0x10u
#define PORT_ENABLE     0x14u
#define PORT_COMMAND    0x18u
#define PORT_TASK       0x20u
#define PORT_SIGNATURE  0x24u
#define PORT_STATUS     0x28u
#define PORT_LINK       0x2cu
#define PORT_ERRORS     0x30u
#define PORT_ISSUE      0x38u

#define COMMAND_START     (1u << 0)
#define COMMAND_SPIN_UP   (1u << 1)
#define COMMAND_POWER     (1u << 2)
#define COMMAND_RECEIVE   (1u << 4)
#define COMMAND_RECEIVING (1u << 14)
#define COMMAND_RUNNING   (1u << 15)

#define TASK_ERROR    (1u << 0)
#define TASK_REQUEST  (1u << 3)
#define TASK_FAULT    (1u << 5)
#define TASK_BUSY     (1u << 7)
#define TASK_AT_WORK  (TASK_BUSY | TASK_REQUEST)
#define TASK_TROUBLE  (TASK_ERROR | TASK_FAULT)
#define SIGNATURE_ATA 0x00000101u

#define STATUS_DETECT(status) ((status)&0xf)
#define DETECT_NOTHING        0u
#define DETECT_READY          3u
#define LINK_RESET            1u
#define ERRORS_EXCHANGED      (1u << 26) /* a drive has come, perhaps another one */

/* Ended well, ended with a transfer by the processor; and all that is an error. */
#define INTERRUPT_DONE   (1u << 0 | 1u << 1 | 1u << 5)
#define INTERRUPT_FAILED (1u << 30 | 1u << 29 | 1u << 28 | 1u << 27 | 1u << 24 | 1u << 22)

/* Entry of the command list: where the command is. */
struct ahci_header {
    uint32_t
        what; /* words of the command; bit 6: the device reads memory; entries of the table in bits 16 to 31 */
    uint32_t moved; /* bytes, so far */
    uint64_t table;
    uint32_t reserved[4];
};

#define HEADER_WORDS   5u
#define HEADER_WRITE   (1u << 6)
#define HEADER_ENTRIES 16

struct ahci_entry {
    uint64_t physical;
    uint32_t reserved;
    uint32_t last_byte;
};

struct ahci_table {
    uint8_t command[64];
    uint8_t packet[16];
    uint8_t reserved[48];
    struct ahci_entry entry[1];
};

#define LIST_BYTES     1024u
#define RECEIVED_BYTES 256u
#define IDENTITY_BYTES 512u

uint32_t ahci_port_read(const struct ahci *ahci, uint32_t reg);
void ahci_port_write(const struct ahci *ahci, uint32_t reg, uint32_t value);

/* ahci_await() - until all these bits of a register of the port are as wanted, for some ms at most. */
bool ahci_await(const struct ahci *ahci, uint32_t reg, uint32_t mask, uint32_t value, unsigned ms);

/* ahci_ports() - a bit for each that there is, and whose registers are mapped: a controller of few has no room for all. */
uint32_t ahci_ports(const struct mmio *registers);

/* ahci_reset() - take the controller from the firmware, reset it with all its ports. OK or ERR_IO. */
status_t ahci_reset(const struct mmio *registers);

/* ahci_has_disk() - whether a disk answers at the port; it can receive then, and is not started. */
bool ahci_has_disk(struct ahci *ahci);

/* ahci_start() - let the port take commands. ERR_IO: it does not. */
status_t ahci_start(struct ahci *ahci);

/* ahci_stop() - it takes none any more, and has forgotten those it had. False: it does not obey. */
bool ahci_stop(struct ahci *ahci);

/* ahci_stop_receiving() - nothing that the drive says is written to memory any more. */
void ahci_stop_receiving(struct ahci *ahci);

/* ahci_reset_link() - reset the drive. OK; ERR_IO: none answers. */
status_t ahci_reset_link(struct ahci *ahci);
