/* SPDX-License-Identifier: MIT */
/*
 * Messages as interrupts of a PCI function: MSI-X where the function has it, else MSI. One message.
 *
 * Source: PCI Local Bus Specification 3.0, "MSI Capability and MSI-X Capability Structures".
 */
#pragma once

#include "userspace/drivers/pci/pci.h"

/*
 * msi_enable() - make the function raise an interrupt by message, on a core, and not by its line any more.
 * @system  with rights interrupts and, for MSI-X, physical
 * OK and the interrupt's handle; ERR_NOT_SUPPORTED: it cannot; what the system calls give.
 */
status_t msi_enable(struct pci *pci, uint64_t system, pci_function_t function, uint32_t cpu,
                    uint64_t *out_interrupt);
