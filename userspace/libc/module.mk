# The layer under newlib. Only if that is there: see tools/newlib.sh.
NEWLIB := $(BUILD)/third_party/newlib
HAS_NEWLIB := $(wildcard $(NEWLIB)/lib/libc.a)
LIBC_LAYER_SRC := $(patsubst %,userspace/libc/%.c,errno_of heap locks reent system)
LIBC_SRC += $(LIBC_LAYER_SRC)
