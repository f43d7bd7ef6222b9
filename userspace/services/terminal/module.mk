USER_PROGRAMS += terminal
USER_terminal_SRC := \
    userspace/services/terminal/main.c \
    userspace/services/terminal/discipline.c \
    userspace/services/terminal/sessions.c \
    userspace/services/terminal/serial_device.c \
    userspace/services/terminal/screen_device.c \
    userspace/services/terminal/key_bytes.c \
    kernel/base/line_editor.c
CFLAGS_kernel/base/line_editor.c += -Ikernel

HOST_TESTS += test_discipline
HOST_test_discipline_SRC := tests/host/test_discipline.c userspace/services/terminal/discipline.c \
    userspace/services/terminal/sessions.c userspace/services/terminal/key_bytes.c kernel/base/line_editor.c \
    userspace/drivers/input/keyboard.c userspace/drivers/input/layout.c
