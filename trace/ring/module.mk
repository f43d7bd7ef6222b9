KERNEL_SRC += trace/ring/ring.c trace/ring/write.c trace/ring/switch.c trace/ring/filter.c trace/ring/hook.c trace/ring/choice.c

HOST_TESTS += test_ring
HOST_test_ring_SRC := tests/host/test_ring.c tests/host/kernel_support.c trace/ring/ring.c trace/ring/write.c \
                      trace/ring/switch.c trace/ring/filter.c trace/ring/hook.c trace/ring/choice.c \
                      $(GEN)/trace_emit.c $(GEN)/trace_table.c

HOST_TESTS += test_trace_filter
HOST_test_trace_filter_SRC := tests/host/test_trace_filter.c trace/ring/filter.c $(GEN)/trace_table.c
