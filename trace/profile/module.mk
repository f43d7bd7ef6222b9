KERNEL_SRC += trace/profile/profile.c trace/profile/stack.c

HOST_TESTS += test_profile
HOST_test_profile_SRC = tests/host/test_profile.c tests/host/recorder_alone.c trace/profile/profile.c $(RECORDER_HOST_SRC)
