KERNEL_SRC += trace/ring/ring.c trace/ring/write.c

HOST_TESTS += test_ring
HOST_test_ring_SRC := tests/host/test_ring.c tests/host/kernel_support.c trace/ring/ring.c trace/ring/write.c \
                      $(GEN)/trace_emit.c $(GEN)/trace_table.c
