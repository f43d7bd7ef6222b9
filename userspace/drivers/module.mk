# Linked into the programs that use them; here only their host tests.
HOST_TESTS += test_virtqueue test_pci test_terminal test_font
HOST_test_terminal_SRC := tests/host/test_terminal.c userspace/drivers/screen/terminal.c userspace/drivers/screen/colour.c
HOST_test_font_SRC := tests/host/test_font.c userspace/drivers/screen/font.c userspace/drivers/screen/paint.c \
    userspace/drivers/screen/terminal.c userspace/drivers/screen/colour.c
HOST_test_virtqueue_SRC := tests/host/test_virtqueue.c userspace/drivers/virtio_console/virtqueue.c
HOST_test_pci_SRC := tests/host/test_pci.c userspace/drivers/pci/pci.c
HOST_test_pci_CFLAGS := -iquote tests/host/fake_syscalls
