USER_PROGRAMS += bootfs
USER_bootfs_SRC := userspace/services/bootfs/main.c userspace/lib/codec.c $(FILES_PACKED_SRC) $(FILES_SERVER_SRC)
USER_bootfs_LIBS := -L/usr/lib/x86_64-linux-gnu -l:liblz4.a

BOOT_FILES += packed=$(O)/files.img
BOOT_TREE += LICENSE=LICENSE services/manifest.toml=userspace/services/manifest.toml \
    $(foreach page,errors events interfaces syscalls,doc/$(page).md=$(BUILD)/gen/doc/$(page).md)
