USER_PROGRAMS += builder
USER_builder_SRC := $(patsubst %,userspace/programs/builder/%.c,main make compile plan) $(FILES_CLIENT_SRC)
