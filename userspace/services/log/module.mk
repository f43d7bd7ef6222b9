USER_PROGRAMS += log
USER_log_SRC := userspace/services/log/main.c
