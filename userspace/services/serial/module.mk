USER_PROGRAMS += serial
USER_serial_SRC := \
    userspace/services/serial/main.c \
    userspace/drivers/uart/serial.c \
    userspace/drivers/uart/chip.c

HOST_TESTS += test_serial
HOST_test_serial_SRC := tests/host/test_serial.c userspace/drivers/uart/serial.c userspace/drivers/uart/chip.c
HOST_test_serial_CFLAGS := -iquote tests/host/fake_syscalls
