USER_PROGRAMS += tracer
USER_tracer_SRC := \
    userspace/services/tracer/main.c \
    userspace/services/tracer/command.c \
    userspace/services/tracer/consumer.c \
    userspace/services/tracer/capture_writer.c \
    userspace/drivers/dma.c \
    userspace/drivers/dma_open.c \
    userspace/drivers/pci/msi.c \
    userspace/drivers/pci/pci.c \
    userspace/drivers/pci/direct.c \
    userspace/drivers/pci/window.c \
    userspace/drivers/uart/uart.c \
    userspace/drivers/uart/chip.c \
    userspace/drivers/virtio/virtqueue.c \
    userspace/drivers/virtio/virtio.c \
    userspace/drivers/virtio_console/virtio_console.c

HOST_TESTS += test_consumer
HOST_test_consumer_SRC := \
    tests/host/test_consumer.c \
    userspace/services/tracer/command.c \
    userspace/services/tracer/consumer.c \
    userspace/services/tracer/capture_writer.c \
    userspace/lib/option.c \
    kernel/base/crc32c.c
