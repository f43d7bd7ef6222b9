KERNEL_SRC += kernel/init/main.c kernel/init/options.c kernel/init/unequal_clocks.c kernel/init/start_init.c kernel/init/selftest.c kernel/init/selfbench.c

HOST_TESTS += test_options
HOST_test_options_SRC := tests/host/test_options.c kernel/init/options.c trace/ring/choice.c $(GEN)/trace_table.c
