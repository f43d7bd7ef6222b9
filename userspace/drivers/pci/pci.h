/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space: enough to find a device and switch it on.
 *
 * In memory where the machine has it so (PCI Express), 4 KiB a function. Else, or for who may not map that, through the ports 0xcf8 and
 * 0xcfc, which reach the first 256 bytes of each.
 *
 * Source: PCI Local Bus Specification 3.0, "Configuration Mechanism" and "Configuration Space Organization"; PCI Express Base
 * Specification 3.0, "PCI Express Enhanced Configuration Access Mechanism (ECAM)", "PCI Express Extended Capabilities".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

#define PCI_COMMAND 0x04u
#define PCI_BAR0    0x10u

#define PCI_COMMAND_MEMORY     (1u << 1)
#define PCI_COMMAND_IO         (1u << 0)
#define PCI_COMMAND_BUS_MASTER (1u << 2)
#define PCI_COMMAND_NO_INTX    (1u << 10)

#define PCI_CAPABILITY_MSI  0x05u
#define PCI_CAPABILITY_MSIX 0x11u

/* In the extended list. */
#define PCI_EXTENDED_AER    0x01u /* advanced error reporting */
#define PCI_EXTENDED_SERIAL 0x03u
#define PCI_EXTENDED_ACS    0x0du /* access control services */
#define PCI_EXTENDED_ARI    0x0eu /* more than 8 functions */
#define PCI_EXTENDED_SR_IOV 0x10u

#define PCI_BARS   6u
#define PCI_BAR_IO 1u /* the BAR is of I/O ports */

#define PCI_EXTENDED 0x100u /* from this register on: only in memory */

struct pci {
    uint64_t ports;
    uint64_t system;
    uint64_t memory; /* physical, of bus 0; 0: there is none, or not for us */
    uint32_t first_bus, last_bus;
    uint64_t window; /* one bus of it, mapped; 0: none */
    uint32_t window_bus;
};

/* A function of a device: bus << 8 | device << 3 | function. */
typedef uint16_t pci_function_t;

/* What a function is. */
struct pci_facts {
    uint16_t vendor, device;
    uint32_t class_code; /* class << 16 | subclass << 8 | programming interface */
    uint8_t header_type; /* 0: a device, 1: a bridge */
};

/* How far a walk over all functions has got. All zero: it begins. */
struct pci_walk {
    uint32_t next;
    uint64_t buses[4]; /* a bit for each that is behind a bridge */
};

/*
 * pci_open() - take the configuration ports; close them soon, since only one process has them at a time. @system with right
 * ports, and perhaps physical. ERR_BUSY: another process does not give them back. pci_open_within() - for who has them waits so long.
 */
status_t pci_open(struct pci *pci, uint64_t system);
status_t pci_open_within(struct pci *pci, uint64_t system, uint64_t ns); /* not in remote.c */
void pci_close(struct pci *pci);

/*
 * pci_read() / pci_write() - 32 bits at a register divisible by 4, below 4096. Reads of nothing give all ones.
 */
uint32_t pci_read(struct pci *pci, pci_function_t function, unsigned reg);
void pci_write(struct pci *pci, pci_function_t function, unsigned reg, uint32_t value);

/* pci_next() - the next function of a walk over all buses behind all bridges. False: that was all. */
bool pci_next(struct pci *pci, struct pci_walk *walk, pci_function_t *out);

/* pci_describe() - what a function that exists is. */
void pci_describe(struct pci *pci, pci_function_t function, struct pci_facts *out);

/*
 * pci_claim() - before anything else is done with a function: have it, silent. Who has `system` has all of them. Otherwise what the service
 * `bus` says (userspace/interfaces/bus.toml).
 */
status_t pci_claim(struct pci *pci, pci_function_t function);

/* pci_ports() - ports of a function that is claimed. What the system call or the service gives. */
status_t pci_ports(struct pci *pci, uint32_t first, uint32_t count, uint64_t *out_ports);

/*
 * pci_find() - the first function with these ids, on any bus behind any bridge. OK or
 * ERR_NOT_FOUND.
 */
status_t pci_find(struct pci *pci, uint16_t vendor, uint16_t device, pci_function_t *out);

/* pci_find_capability() - register of a capability in the function's list, 0: it has none. */
unsigned pci_find_capability(struct pci *pci, pci_function_t function, unsigned id);

/* pci_find_extended() - the same in the list from PCI_EXTENDED on. 0: it has none, or that cannot be read. */
unsigned pci_find_extended(struct pci *pci, pci_function_t function, unsigned id);

/* pci_bar_count() - how many a function of this kind has. */
unsigned pci_bar_count(const struct pci_facts *facts);

/* pci_bar_is_wide() - does this register of a memory BAR have its upper half in the next one? */
bool pci_bar_is_wide(uint32_t low);

/* pci_bar() - where a memory BAR lies; 0: it is of ports, or not set up. */
uint64_t pci_bar(struct pci *pci, pci_function_t function, unsigned index);

/* pci_bar_bytes() - how large it is, of ports or memory; 0: it is not there. The function answers to nothing meanwhile. */
uint64_t pci_bar_bytes(struct pci *pci, pci_function_t function, unsigned index);
