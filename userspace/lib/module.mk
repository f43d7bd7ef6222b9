# The library that every user program is linked with. The ELF reader is the loader's, the checksum the kernel's.
USER_LIB_SRC += \
    userspace/lib/entry.asm \
    userspace/lib/start.c \
    userspace/lib/start_process.c \
    userspace/lib/string.c \
    userspace/lib/format.c \
    userspace/lib/stdio.c \
    userspace/lib/check.c \
    userspace/lib/option.c \
    userspace/lib/thread.c \
    userspace/lib/boot_files.c \
    userspace/lib/boot_image_map.c \
    userspace/lib/spawn.c \
    kernel/base/crc32c.c \
    boot/load/elf.c
CFLAGS_kernel/base/crc32c.c := -Ikernel
