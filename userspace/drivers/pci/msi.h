/* SPDX-License-Identifier: MIT */
/*
 * Messages as interrupts of a PCI function: MSI-X where the function has it, else MSI with one message.
 *
 * Source: PCI Local Bus Specification 3.0, "MSI Capability and MSI-X Capability Structures".
 */
#pragma once

#include "userspace/drivers/pci/pci.h"

/* Whose messages, and how to reach their table. */
struct msi {
    struct pci *pci;
    uint64_t system; /* handle with rights interrupts and, for MSI-X, physical */
    pci_function_t function;
};

/*
 * msi_enable() - make the function raise an interrupt by message, on a core, and not by its line any more.
 * @message  which of the function's messages, from 0
 * OK and the interrupt's handle; ERR_NOT_SUPPORTED: it has no such message; what the system calls give.
 */
status_t msi_enable(const struct msi *msi, uint32_t message, uint32_t cpu, uint64_t *out_interrupt);

/*
 * msi_silence() - no message any more, of either sort: what the table has is masked and forgotten. The function must answer to memory
 * accesses.
 */
void msi_silence(const struct msi *msi);

/* msi_table() - where in physical memory a function has its table of messages. False: it has none that is reached. */
bool msi_table(const struct msi *msi, uint64_t *out_address, uint64_t *out_bytes);

/* msi_steer() - raise it on another core from now on. Errors as above. */
status_t msi_steer(const struct msi *msi, uint32_t message, uint64_t interrupt, uint32_t cpu);
