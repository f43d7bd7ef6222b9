/* SPDX-License-Identifier: MIT */
/* devices: prints all functions of all PCI devices. */
#include <stdio.h>

#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

/* Source: PCI Code and ID Assignment Specification, "Class Codes". */
static const char *const classes[] = {
    "old",           "storage", "network", "display", "multimedia", "memory",     "bridge",
    "communication", "system",  "input",   "docking", "processor",  "serial bus", "wireless"};

#define CAPABILITY_MSI  0x05u
#define CAPABILITY_MSIX 0x11u

static void print(struct pci *pci, pci_function_t function)
{
    struct pci_facts facts;

    pci_describe(pci, function, &facts);
    unsigned class = facts.class_code >> 16;
    printf("%02x:%02x.%x %04x:%04x %06x %-13s%s%s\n", function >> 8, function >> 3 & 31,
           function & 7, facts.vendor, facts.device, facts.class_code,
           class < sizeof(classes) / sizeof(classes[0]) ? classes[class] : "other",
           pci_find_capability(pci, function, CAPABILITY_MSI) != 0 ? " MSI" : "",
           pci_find_capability(pci, function, CAPABILITY_MSIX) != 0 ? " MSI-X" : "");
}

int main(int argc, char **argv)
{
    struct pci pci;
    struct pci_walk walk = {0};
    pci_function_t function;

    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    status_t status = pci_open(&pci, program_handle("system"));
    if (status != OK) {
        return command_fail("PCI", status);
    }
    while (pci_next(&pci, &walk, &function)) {
        print(&pci, function);
    }
    pci_close(&pci);
    return 0;
}
