USER_PROGRAMS += soak
USER_soak_SRC := $(patsubst %,userspace/programs/soak/%.c,main load killer clients account)
