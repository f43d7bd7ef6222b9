USER_PROGRAMS += init
USER_init_SRC := \
    userspace/services/init/start.c \
    userspace/services/init/main.c \
    userspace/services/init/manifest.c \
    userspace/services/init/workload.c \
    userspace/services/init/pager_start.c \
    userspace/services/init/tracer_client.c
