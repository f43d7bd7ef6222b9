KERNEL_SRC += kernel/object/object.c kernel/object/handle.c kernel/object/lease.c

HOST_TESTS += test_handle
HOST_test_handle_SRC := tests/host/test_handle.c tests/host/kernel_support.c kernel/object/handle.c \
                        kernel/object/lease.c kernel/object/object.c
