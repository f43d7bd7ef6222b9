USER_PROGRAMS += init
USER_init_SRC := \
    userspace/services/init/start.c \
    userspace/services/init/main.c \
    userspace/services/init/manifest.c \
    userspace/services/init/running.c \
    userspace/services/init/run_words.c \
    userspace/services/init/workload.c \
    userspace/services/init/supervisor.c \
    userspace/services/init/service.c \
    userspace/services/init/service_trace.c \
    userspace/services/init/directory.c \
    userspace/services/init/tracer_client.c

BOOT_FILES += manifest=$(BUILD)/gen/manifest

HOST_TESTS += test_run_words
HOST_test_run_words_SRC := tests/host/test_run_words.c userspace/services/init/run_words.c
