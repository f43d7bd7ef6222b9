KERNEL_SRC += trace/ring/ring.c

HOST_TESTS += test_ring
HOST_test_ring_SRC := tests/host/test_ring.c tests/host/kernel_support.c trace/ring/ring.c \
                      $(GEN)/trace_emit.c $(GEN)/trace_table.c
