/* SPDX-License-Identifier: MIT */
/* PCI configuration space and the search through it. */
#include "userspace/drivers/pci/pci.h"

#include <stdbool.h>

#include "gen/syscall_user.h"

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_PORTS   8u
#define DATA_OFFSET    4u
#define ADDRESS_ENABLE 0x80000000u

#define REG_ID           0x00u
#define REG_HEADER       0x0cu /* header type in bits 16 to 22, bit 23: several functions */
#define REG_STATUS       0x04u /* bit 20: there is a list of capabilities */
#define REG_CAPABILITIES 0x34u
#define HAS_CAPABILITIES (1u << 20)
#define CAPABILITIES_MAX 48u /* the list is in 192 bytes: a longer one goes in circles */

#define BAR_TYPE_MASK 6u
#define BAR_TYPE_64   4u

#define REG_BUSES        0x18u /* of a bridge: secondary bus in bits 8 to 15 */
#define HEADER_TYPE(reg) ((reg) >> 16 & 0x7f)
#define HEADER_MULTI     (1u << 23)
#define TYPE_BRIDGE      1u

#define DEVICES   32u
#define FUNCTIONS 8u
#define BUS_DEPTH 8u /* bridges behind bridges that the search follows */

status_t pci_open(struct pci *pci, uint64_t system)
{
    return sys_ports_create(system, CONFIG_ADDRESS, CONFIG_PORTS, &pci->ports);
}

void pci_close(struct pci *pci)
{
    (void)sys_handle_close(pci->ports);
}

static void select_register(struct pci *pci, pci_function_t function, unsigned reg)
{
    (void)sys_ports_write(pci->ports, 0, 4,
                          ADDRESS_ENABLE | (uint32_t)function << 8 | (reg & 0xfc));
}

uint32_t pci_read(struct pci *pci, pci_function_t function, unsigned reg)
{
    uint64_t value = UINT32_MAX;

    select_register(pci, function, reg);
    (void)sys_ports_read(pci->ports, DATA_OFFSET, 4, &value);
    return (uint32_t)value;
}

void pci_write(struct pci *pci, pci_function_t function, unsigned reg, uint32_t value)
{
    select_register(pci, function, reg);
    (void)sys_ports_write(pci->ports, DATA_OFFSET, 4, value);
}

static status_t search_bus(struct pci *pci, unsigned bus, uint32_t id, unsigned depth,
                           pci_function_t *out);

/* Is it this function, or something behind it? */
static status_t search_function(struct pci *pci, pci_function_t function, uint32_t id,
                                unsigned depth, pci_function_t *out)
{
    if (pci_read(pci, function, REG_ID) == id) {
        *out = function;
        return OK;
    }
    if (depth == 0 || HEADER_TYPE(pci_read(pci, function, REG_HEADER)) != TYPE_BRIDGE) {
        return ERR_NOT_FOUND;
    }
    unsigned secondary = pci_read(pci, function, REG_BUSES) >> 8 & 0xff;
    bool is_beyond = secondary > (unsigned)function >>
                     8; /* or a misconfigured bridge sends us round in circles */
    return is_beyond ? search_bus(pci, secondary, id, depth - 1, out) : ERR_NOT_FOUND;
}

static status_t search_bus(struct pci *pci, unsigned bus, uint32_t id, unsigned depth,
                           pci_function_t *out)
{
    for (unsigned device = 0; device < DEVICES; device++) {
        pci_function_t first = (pci_function_t)(bus << 8 | device << 3);

        if (pci_read(pci, first, REG_ID) == UINT32_MAX) {
            continue;
        }
        unsigned functions = (pci_read(pci, first, REG_HEADER) & HEADER_MULTI) ? FUNCTIONS : 1;
        for (unsigned i = 0; i < functions; i++) {
            if (search_function(pci, (pci_function_t)(first + i), id, depth, out) == OK) {
                return OK;
            }
        }
    }
    return ERR_NOT_FOUND;
}

status_t pci_find(struct pci *pci, uint16_t vendor, uint16_t device, pci_function_t *out)
{
    return search_bus(pci, 0, (uint32_t)device << 16 | vendor, BUS_DEPTH, out);
}

unsigned pci_find_capability(struct pci *pci, pci_function_t function, unsigned id)
{
    if ((pci_read(pci, function, REG_STATUS) & HAS_CAPABILITIES) == 0) {
        return 0;
    }
    unsigned at = pci_read(pci, function, REG_CAPABILITIES) & 0xfc;
    for (unsigned i = 0; at != 0 && i < CAPABILITIES_MAX; i++) {
        uint32_t head = pci_read(pci, function, at);

        if ((head & 0xff) == id) {
            return at;
        }
        at = head >> 8 & 0xfc;
    }
    return 0;
}

uint64_t pci_bar(struct pci *pci, pci_function_t function, unsigned index)
{
    uint32_t low = pci_read(pci, function, PCI_BAR0 + 4 * index);

    if (low & PCI_BAR_IO) {
        return 0;
    }
    uint64_t high = (low & BAR_TYPE_MASK) == BAR_TYPE_64
                        ? pci_read(pci, function, PCI_BAR0 + 4 * (index + 1))
                        : 0;
    return high << 32 | (low & ~0xfu);
}
