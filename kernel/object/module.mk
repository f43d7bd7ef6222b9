KERNEL_SRC += kernel/object/object.c kernel/object/handle.c kernel/object/lease.c kernel/object/quota.c

HOST_TESTS += test_handle test_handle_random test_quota
HOST_test_handle_SRC := tests/host/test_handle.c tests/host/kernel_support.c kernel/object/handle.c \
                        kernel/object/lease.c kernel/object/object.c kernel/object/quota.c
HOST_test_handle_CFLAGS := -include tests/host/trace_sites_on.h
HOST_test_handle_random_SRC := tests/host/test_handle_random.c tests/host/kernel_support.c kernel/object/handle.c \
                               kernel/object/lease.c kernel/object/object.c kernel/object/quota.c
HOST_test_handle_random_CFLAGS := -include tests/host/trace_sites_on.h
HOST_test_quota_SRC := tests/host/test_quota.c tests/host/kernel_support.c kernel/object/quota.c
HOST_test_quota_CFLAGS := -include tests/host/trace_sites_on.h
