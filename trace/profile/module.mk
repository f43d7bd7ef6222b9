KERNEL_SRC += trace/profile/profile.c trace/profile/stack.c
