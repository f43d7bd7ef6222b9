/* SPDX-License-Identifier: MIT */
/* Configuration space in memory, one bus of it at a time: for pci.c. Host tests have a window.c of their own. */
#pragma once

#include "userspace/drivers/pci/pci.h"

/* pci_window_open() - find out where it is: nowhere, if the machine has none or the handle has no right physical. */
void pci_window_open(struct pci *pci);
void pci_window_close(struct pci *pci);

/* pci_window_at() - a register, NULL: not in memory. */
volatile uint32_t *pci_window_at(struct pci *pci, pci_function_t function, unsigned reg);
