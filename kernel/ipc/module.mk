KERNEL_SRC += kernel/ipc/mailbox.c
# No array here that could be overrun; a canary would cost every message.
CFLAGS_kernel/ipc/mailbox.c := -fno-stack-protector
