KERNEL_SRC += kernel/irq/console.c kernel/irq/ports.c
