USER_PROGRAMS += usb
USER_usb_SRC := \
    userspace/services/usb/main.c \
    userspace/services/usb/feeder.c \
    userspace/drivers/xhci/hardware.c \
    userspace/drivers/dma.c \
    userspace/drivers/dma_open.c \
    userspace/drivers/mmio.c \
    userspace/drivers/pci/pci.c \
    userspace/drivers/pci/remote.c \
    $(USB_SRC)

# The command that prints what is there.
USER_PROGRAMS += lsusb
USER_lsusb_SRC := userspace/programs/commands/lsusb.c $(COMMAND_SRC)
