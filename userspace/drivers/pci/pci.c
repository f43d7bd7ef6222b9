/* SPDX-License-Identifier: MIT */
/* The search through PCI configuration space. */
#include "userspace/drivers/pci/pci.h"

#define REG_ID           0x00u
#define REG_CLASS        0x08u /* class, subclass and interface above the revision */
#define REG_HEADER       0x0cu /* header type in bits 16 to 22, bit 23: several functions */
#define REG_STATUS       0x04u /* bit 20: there is a list of capabilities */
#define REG_CAPABILITIES 0x34u
#define HAS_CAPABILITIES (1u << 20)
#define CAPABILITIES_MAX 48u /* the list is in 192 bytes: a longer one goes in circles */

#define EXTENDED_ID(head)   ((head)&0xffff)
#define EXTENDED_NEXT(head) ((head) >> 20 & 0xffc)
#define EXTENDED_MAX        960u /* there is no room for more */

#define BAR_TYPE_MASK 6u
#define BAR_TYPE_64   4u

#define REG_BUSES        0x18u /* of a bridge: secondary bus in bits 8 to 15 */
#define HEADER_TYPE(reg) ((reg) >> 16 & 0x7f)
#define HEADER_MULTI     (1u << 23)
#define TYPE_BRIDGE      1u

#define BUSES     256u
#define FUNCTIONS 8u /* of a device */
#define WALK_END  (BUSES << 8)

/* Buses behind bridges have higher numbers: one that says otherwise would send us round in circles. */
static void note_bridge(struct pci *pci, struct pci_walk *walk, pci_function_t function)
{
    if (HEADER_TYPE(pci_read(pci, function, REG_HEADER)) == TYPE_BRIDGE) {
        unsigned bus = pci_read(pci, function, REG_BUSES) >> 8 & 0xff;

        walk->buses[bus / 64] |= 1ull << bus % 64;
    }
}

static uint32_t next_bus(const struct pci_walk *walk, unsigned bus)
{
    for (bus++; bus < BUSES; bus++) {
        if (walk->buses[bus / 64] >> bus % 64 & 1) {
            return bus << 8;
        }
    }
    return WALK_END;
}

/* Other functions count only where the first says that there are some. */
static uint32_t next_function(struct pci *pci, const struct pci_walk *walk, pci_function_t function,
                              bool exists)
{
    uint32_t next = function + 1u;

    if (function % FUNCTIONS == 0 &&
        (!exists || (pci_read(pci, function, REG_HEADER) & HEADER_MULTI) == 0)) {
        next = function + FUNCTIONS;
    }
    return next >> 8 == (uint32_t)function >> 8 ? next : next_bus(walk, function >> 8);
}

bool pci_next(struct pci *pci, struct pci_walk *walk, pci_function_t *out)
{
    while (walk->next != WALK_END) {
        pci_function_t function = (pci_function_t)walk->next;
        bool exists = pci_read(pci, function, REG_ID) != UINT32_MAX;

        if (exists) {
            note_bridge(pci, walk, function);
        }
        walk->next = next_function(pci, walk, function, exists);
        if (exists) {
            *out = function;
            return true;
        }
    }
    return false;
}

void pci_describe(struct pci *pci, pci_function_t function, struct pci_facts *out)
{
    uint32_t id = pci_read(pci, function, REG_ID);

    out->vendor = (uint16_t)id;
    out->device = (uint16_t)(id >> 16);
    out->class_code = pci_read(pci, function, REG_CLASS) >> 8;
    out->header_type = (uint8_t)HEADER_TYPE(pci_read(pci, function, REG_HEADER));
}

status_t pci_find(struct pci *pci, uint16_t vendor, uint16_t device, pci_function_t *out)
{
    struct pci_walk walk = {0};
    struct pci_facts facts;

    while (pci_next(pci, &walk, out)) {
        pci_describe(pci, *out, &facts);
        if (facts.vendor == vendor && facts.device == device) {
            return OK;
        }
    }
    return ERR_NOT_FOUND;
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

/* An empty list is one head of zeros; there is none where reads give all ones. */
unsigned pci_find_extended(struct pci *pci, pci_function_t function, unsigned id)
{
    unsigned at = PCI_EXTENDED;

    for (unsigned i = 0; at >= PCI_EXTENDED && i < EXTENDED_MAX; i++) {
        uint32_t head = pci_read(pci, function, at);

        if (head == 0 || head == UINT32_MAX) {
            return 0;
        }
        if (EXTENDED_ID(head) == id) {
            return at;
        }
        at = EXTENDED_NEXT(head);
    }
    return 0;
}

unsigned pci_bar_count(const struct pci_facts *facts)
{
    return facts->header_type == 0 ? PCI_BARS : facts->header_type == TYPE_BRIDGE ? 2 : 0;
}

bool pci_bar_is_wide(uint32_t low)
{
    return (low & PCI_BAR_IO) == 0 && (low & BAR_TYPE_MASK) == BAR_TYPE_64;
}

uint64_t pci_bar(struct pci *pci, pci_function_t function, unsigned index)
{
    uint32_t low = pci_read(pci, function, PCI_BAR0 + 4 * index);

    if (low & PCI_BAR_IO) {
        return 0;
    }
    uint64_t high = pci_bar_is_wide(low) ? pci_read(pci, function, PCI_BAR0 + 4 * (index + 1)) : 0;
    return high << 32 | (low & ~0xfu);
}

/* Of all ones that are written to it the lowest that stays says how large it is. */
static uint32_t probe(struct pci *pci, pci_function_t function, unsigned reg)
{
    uint32_t before = pci_read(pci, function, reg);

    pci_write(pci, function, reg, UINT32_MAX);
    uint32_t ones = pci_read(pci, function, reg);
    pci_write(pci, function, reg, before);
    return ones;
}

uint64_t pci_bar_bytes(struct pci *pci, pci_function_t function, unsigned index)
{
    unsigned reg = PCI_BAR0 + 4 * index;
    uint32_t command = pci_read(pci, function, PCI_COMMAND) & 0xffff;

    pci_write(pci, function, PCI_COMMAND, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    uint64_t ones = probe(pci, function, reg);
    bool is_ports = (ones & PCI_BAR_IO) != 0;
    if (pci_bar_is_wide((uint32_t)ones)) {
        ones |= (uint64_t)probe(pci, function, reg + 4) << 32;
    }
    pci_write(pci, function, PCI_COMMAND, command);
    ones &= is_ports ? ~3ull : ~15ull;
    return ones & -ones;
}
