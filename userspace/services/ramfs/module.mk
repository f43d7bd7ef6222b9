USER_PROGRAMS += ramfs
USER_ramfs_SRC := userspace/services/ramfs/main.c $(FILES_RAM_SRC) $(FILES_SERVER_SRC)
