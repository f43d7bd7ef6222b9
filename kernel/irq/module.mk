KERNEL_SRC += kernel/irq/console.c kernel/irq/interrupt.c kernel/irq/ports.c
