KERNEL_SRC += kernel/sync/spinlock.c kernel/sync/shared_lock.c kernel/sync/lock_check.c kernel/sync/lock_order.c kernel/sync/rendezvous.c

HOST_TESTS += test_spinlock
HOST_test_spinlock_SRC := tests/host/test_spinlock.c kernel/sync/spinlock.c kernel/sync/lock_check.c kernel/sync/lock_order.c
HOST_test_spinlock_CFLAGS := -include tests/host/trace_sites_on.h
HOST_test_spinlock_LIBS := -lpthread

HOST_TESTS += test_shared_lock
HOST_test_shared_lock_SRC = tests/host/test_shared_lock.c kernel/sync/shared_lock.c $(MM_TEST_SRC)
HOST_test_shared_lock_CFLAGS = $(MM_TEST_CFLAGS)
HOST_test_shared_lock_LIBS = $(MM_TEST_LIBS)
