KERNEL_SRC += trace/sweep/sweep.c trace/sweep/lanes.c trace/sweep/thunks.c $(GEN)/trace_emit_any.c

HOST_TESTS += test_sweep_lanes
HOST_test_sweep_lanes_SRC := tests/host/test_sweep_lanes.c tests/host/recorder_alone.c tests/host/kernel_support.c trace/sweep/lanes.c $(GEN)/trace_emit_any.c \
                             trace/ring/ring.c trace/ring/write.c trace/ring/switch.c trace/ring/filter.c trace/ring/hook.c \
                             trace/ring/choice.c trace/ring/aggregate.c trace/ring/trigger.c trace/ring/trigger_wish.c trace/ring/history.c trace/ring/burst.c $(GEN)/trace_emit.c $(GEN)/trace_table.c
