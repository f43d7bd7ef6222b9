KERNEL_SRC += kernel/trap/trap.c kernel/trap/fault.c kernel/trap/exception.c
