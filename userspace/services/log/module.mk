USER_PROGRAMS += log
USER_log_SRC := userspace/services/log/main.c userspace/services/log/history.c userspace/lib/readers.c

HOST_TESTS += test_history
HOST_test_history_SRC := tests/host/test_history.c userspace/services/log/history.c
