USER_PROGRAMS += time
USER_time_SRC := userspace/services/time/main.c userspace/drivers/rtc/rtc.c userspace/drivers/rtc/calendar.c

HOST_TESTS += test_rtc
HOST_test_rtc_SRC := tests/host/test_rtc.c userspace/drivers/rtc/rtc.c userspace/drivers/rtc/calendar.c
HOST_test_rtc_CFLAGS := -iquote tests/host/fake_syscalls
