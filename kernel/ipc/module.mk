KERNEL_SRC += kernel/ipc/mailbox.c kernel/ipc/call.c kernel/ipc/receive.c kernel/ipc/kernel_call.c kernel/ipc/message_load.c kernel/ipc/message_handles.c kernel/ipc/pins.c kernel/ipc/event.c kernel/ipc/event_wait.c \
    kernel/ipc/futex.c kernel/ipc/futex_wait.c
# No array here that could be overrun; a canary would cost every message.
CFLAGS_kernel/ipc/call.c := -fno-stack-protector
CFLAGS_kernel/ipc/receive.c := -fno-stack-protector
CFLAGS_kernel/ipc/message_load.c := -fno-stack-protector
KERNEL_SRC += kernel/ipc/direct.c
# Early exits are frequent there: a frame made before them would cost every message with a buffer.
CFLAGS_kernel/ipc/direct.c = $(CFLAGS_ENTRY) -fshrink-wrap
CFLAGS_kernel/ipc/event_wait.c = $(CFLAGS_ENTRY)
CFLAGS_kernel/ipc/futex_wait.c = $(CFLAGS_ENTRY)

HOST_TESTS += test_pins
HOST_test_pins_SRC := tests/host/test_pins.c tests/host/kernel_support.c kernel/ipc/pins.c kernel/object/quota.c
HOST_test_pins_CFLAGS := -include tests/host/trace_sites_on.h
