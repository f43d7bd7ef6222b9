# Linked into the programs that use them; here only their host tests.
HOST_TESTS += test_ahci test_virtio_blk test_virtqueue test_pci test_terminal test_font
HOST_test_terminal_SRC := tests/host/test_terminal.c userspace/drivers/screen/terminal.c userspace/drivers/screen/colour.c
HOST_test_font_SRC := tests/host/test_font.c userspace/drivers/screen/font.c userspace/drivers/screen/paint.c \
    userspace/drivers/screen/terminal.c userspace/drivers/screen/colour.c
HOST_test_virtqueue_SRC := tests/host/test_virtqueue.c userspace/drivers/virtio/virtqueue.c
HOST_test_pci_SRC := tests/host/test_pci.c userspace/drivers/pci/pci.c userspace/drivers/pci/direct.c userspace/drivers/pci/window.c
HOST_test_pci_CFLAGS := -iquote tests/host/fake_syscalls
HOST_DISK_SRC := tests/host/disk_support.c $(patsubst %,userspace/drivers/%.c,dma disk/disk pci/pci pci/direct)
HOST_test_virtio_blk_SRC := tests/host/test_virtio_blk.c $(HOST_DISK_SRC) $(patsubst %,userspace/drivers/%.c,virtio/virtio virtio/virtqueue virtio_blk/virtio_blk)
HOST_test_ahci_SRC := tests/host/test_ahci.c $(HOST_DISK_SRC) $(patsubst %,userspace/drivers/%.c,ahci/ahci ahci/port)
HOST_test_ahci_CFLAGS := -iquote tests/host/fake_syscalls -iquote tests/host
HOST_test_virtio_blk_CFLAGS := -iquote tests/host/fake_syscalls -iquote tests/host

# What the service usb is made of, but for what touches the machine (xhci/hardware.c).
USB_SRC := $(patsubst %,userspace/drivers/xhci/%.c,ring context port slot controller) \
    $(patsubst %,userspace/drivers/usb/%.c,descriptor hid repeat device hub host)
HOST_TESTS += test_usb test_usb_host
HOST_test_usb_SRC := tests/host/test_usb.c $(patsubst %,userspace/drivers/xhci/%.c,ring context port) \
    $(patsubst %,userspace/drivers/usb/%.c,descriptor hid repeat)
HOST_test_usb_host_SRC := tests/host/test_usb_host.c tests/host/xhci_model.c $(USB_SRC)
FUZZERS += fuzz_usb
FUZZ_fuzz_usb_SRC := tests/fuzz/fuzz_usb.c $(patsubst %,userspace/drivers/usb/%.c,descriptor hid)
