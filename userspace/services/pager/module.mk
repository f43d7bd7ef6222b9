USER_PROGRAMS += pager
USER_pager_SRC := \
    userspace/services/pager/main.c \
    userspace/services/pager/store.c \
    userspace/services/pager/far.c \
    userspace/services/pager/give.c \
    userspace/files/block_client.c \
    userspace/lib/codec.c
USER_pager_LIBS := -L/usr/lib/x86_64-linux-gnu -l:liblz4.a

HOST_TESTS += test_store test_give
HOST_test_store_SRC := tests/host/test_store.c userspace/services/pager/store.c
HOST_test_give_SRC := tests/host/test_give.c userspace/services/pager/give.c userspace/services/pager/store.c
HOST_test_give_CFLAGS := -iquote tests/host/fake_syscalls
