/* SPDX-License-Identifier: MIT */
/* Names for what PCI functions are. Source: PCI Code and ID Assignment Specification 1.11. */
#pragma once

#include <stdint.h>

/* pci_class_name() - of a class code, as exactly as is known; never NULL. */
const char *pci_class_name(uint32_t class_code);
