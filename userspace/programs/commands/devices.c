/* SPDX-License-Identifier: MIT */
/*
 * devices: lists what is on the PCI buses: place, vendor and device, class, where its registers are, how it can interrupt, and what else
 * PCI Express devices say that they can.
 *
 *     00:1f.2 8086:2922 010601 SATA controller (AHCI), ports 4 c040, memory 5 80006000, MSI
 *     01:00.0 8086:10d3 020000 Ethernet controller, memory 0 81840000, ports 2 6000, MSI, MSI-X, AER, serial number
 */
#include <stdio.h>

#include "userspace/drivers/pci/class.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

#define LINE_MAX 240

static unsigned add_registers(struct pci *pci, pci_function_t function,
                              const struct pci_facts *facts, char *line, unsigned length)
{
    for (unsigned i = 0; i < pci_bar_count(facts) && length < LINE_MAX; i++) {
        uint32_t low = pci_read(pci, function, PCI_BAR0 + 4 * i);

        if (low & PCI_BAR_IO) {
            length +=
                (unsigned)snprintf(line + length, LINE_MAX - length, ", ports %u %x", i, low & ~3u);
        } else if (pci_bar(pci, function, i) != 0) {
            length += (unsigned)snprintf(line + length, LINE_MAX - length, ", memory %u %lx", i,
                                         pci_bar(pci, function, i));
            i += pci_bar_is_wide(low); /* the next one is its upper half */
        }
    }
    return length < LINE_MAX ? length : LINE_MAX - 1;
}

static unsigned add_extended(struct pci *pci, pci_function_t function, char *line, unsigned length)
{
    static const struct {
        unsigned id;
        const char *name;
    } known[] = {{PCI_EXTENDED_AER, "AER"},
                 {PCI_EXTENDED_SERIAL, "serial number"},
                 {PCI_EXTENDED_ACS, "ACS"},
                 {PCI_EXTENDED_ARI, "ARI"},
                 {PCI_EXTENDED_SR_IOV, "SR-IOV"}};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]) && length < LINE_MAX; i++) {
        if (pci_find_extended(pci, function, known[i].id) != 0) {
            length += (unsigned)snprintf(line + length, LINE_MAX - length, ", %s", known[i].name);
        }
    }
    return length < LINE_MAX ? length : LINE_MAX - 1;
}

static void describe(struct pci *pci, pci_function_t function, char line[LINE_MAX])
{
    struct pci_facts facts;

    pci_describe(pci, function, &facts);
    unsigned length =
        (unsigned)snprintf(line, LINE_MAX, "%02x:%02x.%x %04x:%04x %06x %s", function >> 8,
                           function >> 3 & 31, function & 7, facts.vendor, facts.device,
                           facts.class_code, pci_class_name(facts.class_code));
    length = add_registers(pci, function, &facts, line, length);
    length += (unsigned)snprintf(
        line + length, LINE_MAX - length, "%s%s",
        pci_find_capability(pci, function, PCI_CAPABILITY_MSI) ? ", MSI" : "",
        pci_find_capability(pci, function, PCI_CAPABILITY_MSIX) ? ", MSI-X" : "");
    (void)add_extended(pci, function, line, length < LINE_MAX ? length : LINE_MAX - 1);
}

/* ERR_NOT_FOUND: that was all. Drivers wait for the ports: they are not kept while something is printed, which Ctrl-Z makes long. */
static status_t next_line(struct pci_walk *walk, char line[LINE_MAX])
{
    struct pci pci;
    pci_function_t function;
    status_t status = pci_open(&pci, program_handle("system"));

    if (status != OK) {
        return status;
    }
    if (pci_next(&pci, walk, &function)) {
        describe(&pci, function, line);
    } else {
        status = ERR_NOT_FOUND;
    }
    pci_close(&pci);
    return status;
}

int main(int argc, char **argv)
{
    struct pci_walk walk = {0};
    char line[LINE_MAX];
    status_t status;

    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    while ((status = next_line(&walk, line)) == OK) {
        printf("%s\n", line);
    }
    return status == ERR_NOT_FOUND ? 0 : command_fail("PCI", status);
}
