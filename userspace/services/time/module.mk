USER_PROGRAMS += time
USER_time_SRC := userspace/services/time/main.c userspace/drivers/rtc/rtc.c userspace/drivers/rtc/calendar.c userspace/drivers/hpet/hpet.c

HOST_TESTS += test_rtc
HOST_test_rtc_SRC := tests/host/test_rtc.c userspace/drivers/rtc/rtc.c userspace/drivers/rtc/calendar.c
HOST_test_rtc_CFLAGS := -iquote tests/host/fake_syscalls

HOST_TESTS += test_hpet
HOST_test_hpet_SRC := tests/host/test_hpet.c userspace/drivers/hpet/hpet.c
HOST_test_hpet_CFLAGS := -iquote tests/host/fake_syscalls
