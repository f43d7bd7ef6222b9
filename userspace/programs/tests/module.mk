USER_PROGRAMS += tests
USER_tests_SRC := $(patsubst %,userspace/programs/tests/%.c,main handles ipc memory threads processes drivers planted)
