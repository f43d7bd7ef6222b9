# The layer under newlib. Only if that is there: see tools/newlib.sh.
NEWLIB := $(BUILD)/third_party/newlib
HAS_NEWLIB := $(wildcard $(NEWLIB)/lib/libc.a)
LIBC_LAYER_SRC := $(patsubst %,userspace/libc/%.c,descriptor directory errno_of files heap locks names reent system)
LIBC_SRC += $(LIBC_LAYER_SRC)
