/* SPDX-License-Identifier: MIT */
/* The table behind pci_class_name(): the more exact lines first. */
#include "userspace/drivers/pci/class.h"

struct class_name {
    uint32_t code, mask;
    const char *name;
};

#define INTERFACE(code, name)                                                                      \
    {                                                                                              \
        code, 0xffffff, name                                                                       \
    }
#define SUBCLASS(code, name)                                                                       \
    {                                                                                              \
        (code) << 8, 0xffff00, name                                                                \
    }
#define CLASS(code, name)                                                                          \
    {                                                                                              \
        (uint32_t)(code) << 16, 0xff0000, name                                                     \
    }

static const struct class_name names[] = {
    INTERFACE(0x010601, "SATA controller (AHCI)"),
    INTERFACE(0x010802, "NVMe controller"),
    INTERFACE(0x0c0300, "USB controller (UHCI)"),
    INTERFACE(0x0c0310, "USB controller (OHCI)"),
    INTERFACE(0x0c0320, "USB controller (EHCI)"),
    INTERFACE(0x0c0330, "USB controller (xHCI)"),
    SUBCLASS(0x0100, "SCSI controller"),
    SUBCLASS(0x0101, "IDE controller"),
    SUBCLASS(0x0106, "SATA controller"),
    SUBCLASS(0x0200, "Ethernet controller"),
    SUBCLASS(0x0300, "VGA controller"),
    SUBCLASS(0x0403, "audio device"),
    SUBCLASS(0x0600, "host bridge"),
    SUBCLASS(0x0601, "ISA bridge"),
    SUBCLASS(0x0604, "PCI bridge"),
    SUBCLASS(0x0780, "communication controller"),
    SUBCLASS(0x0c05, "SMBus controller"),
    CLASS(0x00, "device without a class"),
    CLASS(0x01, "mass storage controller"),
    CLASS(0x02, "network controller"),
    CLASS(0x03, "display controller"),
    CLASS(0x04, "multimedia device"),
    CLASS(0x05, "memory controller"),
    CLASS(0x06, "bridge"),
    CLASS(0x07, "communication controller"),
    CLASS(0x08, "system device"),
    CLASS(0x09, "input device"),
    CLASS(0x0c, "serial bus controller"),
    CLASS(0x0d, "wireless controller"),
};

const char *pci_class_name(uint32_t class_code)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((class_code & names[i].mask) == names[i].code) {
            return names[i].name;
        }
    }
    return "device";
}
