USER_PROGRAMS += names
USER_names_SRC := userspace/services/names/main.c
