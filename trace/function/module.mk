KERNEL_SRC += trace/function/function.c trace/function/pattern.c trace/function/slow.c

HOST_TESTS += test_function_pattern
HOST_test_function_pattern_SRC := tests/host/test_function_pattern.c trace/function/pattern.c
