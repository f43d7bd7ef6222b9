/* SPDX-License-Identifier: MIT */
/* A SATA disk behind an AHCI controller, with 48-bit addresses. Theory: ahci.c. */
#pragma once

#include "userspace/drivers/disk/disk.h"
#include "userspace/drivers/dma.h"
#include "userspace/drivers/mmio.h"

struct ahci {
    struct disk disk;
    struct mmio registers;
    unsigned port;
    struct dma_piece list, received, table, identity; /* what the controller reads and writes */
    uint32_t wanted_bytes; /* that the command in progress moves; 0: not counted */
    bool is_running;
    bool is_known;   /* disk says who it is */
    bool has_failed; /* the last command ended with an error, as opposed to not at all */
};

/*
 * ahci_open() - reset the controller, set one of the machine's SATA disks up.
 * @index  which, from 0: by controller, then by port
 * @dma    its memory is taken from here, when the controller has been reset
 * OK; ERR_NOT_FOUND: there are not so many; ERR_NOT_SUPPORTED: too old; ERR_IO: it does not answer. Nothing is left behind on an error.
 */
status_t ahci_open(struct ahci *ahci, uint64_t system, unsigned index, struct dma *dma);

/* ahci_stop_all() - stop all controllers of the machine, whatever they do for a driver that is no more; one that does not obey is kept
 * from memory. The status of pci_open(). */
status_t ahci_stop_all(uint64_t system);

/* ahci_close() - stop it and give it back. */
void ahci_close(struct ahci *ahci);
