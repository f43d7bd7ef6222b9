/* SPDX-License-Identifier: MIT */
/*
 * Whose the functions on the PCI buses are, and what their drivers get of them.
 *
 * A driver with the kernel's `system` could map any memory and write any configuration register, the machine would be its. So drivers
 * have none; here is who has, and gives out registers and interrupts of single functions.
 *
 *   O1  A function belongs to at most one client, from its first claim on, and to those that are started in its place. Which ones a client
 *       may claim goes by what they are.
 *   O2  What a client gets lies within registers of functions that are its own, whole pages of memory where it is memory: fewer
 *       registers than a page only where no other function's are on it. Of configuration space it writes the command register, and of that four bits.
 *   O3  Nobody gets a page with a table of MSI-X messages: only this program writes messages, with addresses and values that it has from
 *       the kernel for an interrupt that the client holds.
 *   O4  A function that is claimed, and all functions of a client that begins anew, raise no message and do not access memory until told
 *       to. The interrupts of what was there before are kept until then: a device whose driver was killed goes on, and its vector must
 *       not come to be another device's.
 *
 * If this program ends, too, before the driver is there again, the vector is free while the device still has it: then its last message may
 * come to another driver, which takes it for a hint to look (kernel/irq/interrupt.h).
 *
 * What this does not prevent: a device that may access memory by itself can write to any, where no IOMMU is between; also to where
 * messages go. The kernel takes a vector that is nobody's for the last breath of a device.
 */
#pragma once

#include "userspace/drivers/pci/pci.h"

#define CLAIMS_MAX          32u
#define CLAIMS_CLIENTS_MAX  8u
#define CLAIMS_MESSAGES_MAX 8u /* of a function that drivers use */

/* Who may have what: functions whose class code, masked, is this. */
struct claims_client {
    uint64_t badge;
    uint32_t class_mask, class_code;
};

struct claims_bar {
    uint64_t first, bytes; /* bytes 0: there is none, or it has no place */
    bool is_ports;
};

struct claim {
    pci_function_t function;
    uint64_t badge; /* 0: a free place */
    struct claims_bar bar[PCI_BARS];
    uint64_t table, table_bytes; /* whole pages that the MSI-X table lies in */
    uint64_t interrupt[CLAIMS_MESSAGES_MAX];
};

struct claims {
    struct pci *pci;
    uint64_t system; /* rights ports, physical, interrupts */
    struct claims_client client[CLAIMS_CLIENTS_MAX];
    unsigned client_count;
    struct claim claim[CLAIMS_MAX];
};

/* claims_begin() - O4, for all that a client has. */
void claims_begin(struct claims *claims, uint64_t badge);

/* Operations of userspace/interfaces/bus.toml, by the client with this badge. What they give is of this process. */
status_t claims_take(struct claims *claims, uint64_t badge, pci_function_t function);
status_t claims_command(struct claims *claims, uint64_t badge, pci_function_t function,
                        uint32_t value);
status_t claims_registers(struct claims *claims, uint64_t badge, uint64_t address, uint64_t bytes,
                          uint64_t *out_area, uint64_t *out_bytes);
status_t claims_ports(struct claims *claims, uint64_t badge, uint32_t first, uint32_t count,
                      uint64_t *out_ports);
/* The interrupt stays here, too: O4. */
status_t claims_message(struct claims *claims, uint64_t badge, pci_function_t function,
                        uint32_t message, uint32_t cpu, uint64_t *out_interrupt);
