KERNEL_SRC += kernel/irq/console.c kernel/irq/interrupt.c kernel/irq/ports.c

HOST_TESTS += test_interrupt test_ports
HOST_test_interrupt_SRC := tests/host/test_interrupt.c tests/host/kernel_support.c kernel/irq/interrupt.c kernel/object/object.c
HOST_test_interrupt_CFLAGS := -include tests/host/trace_sites_on.h

HOST_test_ports_SRC := tests/host/test_ports.c tests/host/kernel_support.c kernel/irq/ports.c kernel/object/object.c
