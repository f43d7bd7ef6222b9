KERNEL_SRC += trace/ring/ring.c trace/ring/remake.c trace/ring/offset.c trace/ring/write.c trace/ring/switch.c trace/ring/filter.c trace/ring/hook.c trace/ring/choice.c \
              trace/ring/aggregate.c trace/ring/cost.c trace/ring/trigger.c trace/ring/trigger_wish.c trace/ring/trigger_text.c trace/ring/history.c \
              trace/ring/burst.c

# The recorder as the kernel runs it, for host tests.
RECORDER_HOST_SRC := tests/host/kernel_support.c trace/ring/ring.c trace/ring/write.c trace/ring/switch.c trace/ring/filter.c \
                     trace/ring/hook.c trace/ring/choice.c trace/ring/aggregate.c trace/ring/trigger.c trace/ring/trigger_wish.c \
                     trace/ring/history.c trace/ring/burst.c $(GEN)/trace_emit.c $(GEN)/trace_table.c

HOST_TESTS += test_ring
HOST_test_ring_SRC := tests/host/test_ring.c $(RECORDER_HOST_SRC)

HOST_TESTS += test_ring_threads test_ring_tsan
HOST_test_ring_threads_SRC := tests/host/test_ring_threads.c tests/host/recorder_alone.c $(RECORDER_HOST_SRC)
HOST_test_ring_tsan_SRC := $(HOST_test_ring_threads_SRC)
HOST_test_ring_tsan_CFLAGS := -fno-sanitize=all -fsanitize=thread
HOST_test_ring_tsan_LIBS := -fno-sanitize=all -fsanitize=thread

HOST_TESTS += test_slow_readers
HOST_test_slow_readers_SRC := tests/host/test_slow_readers.c tests/host/recorder_alone.c $(RECORDER_HOST_SRC) \
                              userspace/services/tracer/consumer.c userspace/services/tracer/capture_writer.c kernel/base/crc32c.c

HOST_TESTS += test_trace_filter
HOST_test_trace_filter_SRC := tests/host/test_trace_filter.c trace/ring/filter.c $(GEN)/trace_table.c

HOST_TESTS += test_aggregate
HOST_test_aggregate_SRC := tests/host/test_aggregate.c trace/ring/aggregate.c $(GEN)/trace_table.c

HOST_TESTS += test_trigger
HOST_test_trigger_SRC := tests/host/test_trigger.c trace/ring/trigger_wish.c trace/ring/trigger_text.c trace/ring/history.c trace/ring/filter.c \
                         $(GEN)/trace_table.c

HOST_TESTS += test_burst test_burst_tsan
HOST_test_burst_SRC := tests/host/test_burst.c trace/ring/burst.c
HOST_test_burst_tsan_SRC := $(HOST_test_burst_SRC)
HOST_test_burst_tsan_CFLAGS := -fno-sanitize=all -fsanitize=thread
HOST_test_burst_tsan_LIBS := -fno-sanitize=all -fsanitize=thread

HOST_TESTS += test_trigger_fire
HOST_test_trigger_fire_SRC := tests/host/test_trigger_fire.c $(RECORDER_HOST_SRC)
