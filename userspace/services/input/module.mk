USER_PROGRAMS += input
USER_input_SRC := \
    userspace/services/input/main.c \
    userspace/lib/readers.c \
    userspace/services/input/queue.c \
    userspace/services/input/sources.c \
    userspace/drivers/input/keyboard.c \
    userspace/drivers/input/layout.c \
    userspace/drivers/ps2/controller.c \
    userspace/drivers/ps2/scancode.c \
    userspace/drivers/ps2/mouse.c

HOST_TESTS += test_input
HOST_test_input_SRC := \
    tests/host/test_input.c \
    userspace/lib/readers.c \
    userspace/services/input/queue.c \
    userspace/services/input/sources.c \
    userspace/drivers/input/keyboard.c \
    userspace/drivers/input/layout.c \
    userspace/drivers/ps2/scancode.c \
    userspace/drivers/ps2/mouse.c
