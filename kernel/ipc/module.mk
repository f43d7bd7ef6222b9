KERNEL_SRC += kernel/ipc/mailbox.c
