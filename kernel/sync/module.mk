KERNEL_SRC += kernel/sync/spinlock.c kernel/sync/lock_check.c kernel/sync/rendezvous.c

HOST_TESTS += test_spinlock
HOST_test_spinlock_SRC := tests/host/test_spinlock.c kernel/sync/spinlock.c kernel/sync/lock_check.c
HOST_test_spinlock_LIBS := -lpthread
