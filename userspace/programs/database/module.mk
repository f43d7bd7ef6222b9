USER_PROGRAMS += database
USER_database_SRC := $(patsubst %,userspace/programs/database/%.c,main tree page) userspace/programs/paging/squeeze.c
