# The library that every user program is linked with. What is not about user space is shared: the ELF reader with the loader,
# strings, formatting and checksum with the kernel.
USER_LIB_SRC += \
    userspace/lib/entry.asm \
    userspace/lib/start.c \
    userspace/lib/start_process.c \
    userspace/lib/stdio.c \
    userspace/lib/stream.c \
    userspace/lib/check.c \
    userspace/lib/exit.c \
    userspace/lib/option.c \
    userspace/lib/thread.c \
    userspace/lib/mutex.c \
    userspace/lib/channel.c \
    userspace/lib/boot_files.c \
    userspace/lib/boot_image_map.c \
    userspace/lib/spawn.c \
    userspace/lib/interface.c \
    userspace/lib/service.c \
    userspace/lib/find.c \
    userspace/lib/log.c \
    userspace/lib/user_trace.c \
    userspace/lib/test.c \
    kernel/base/string.c \
    kernel/base/format.c \
    kernel/base/crc32c.c \
    boot/load/elf.c
CFLAGS_kernel/base/string.c += -Ikernel
CFLAGS_kernel/base/format.c += -Ikernel
CFLAGS_kernel/base/crc32c.c += -Ikernel

HOST_TESTS += test_option test_boot_files test_spawn test_interface
HOST_test_option_SRC := tests/host/test_option.c userspace/lib/option.c
HOST_test_boot_files_SRC := tests/host/test_boot_files.c userspace/lib/boot_files.c
HOST_test_spawn_SRC := tests/host/test_spawn.c userspace/lib/spawn.c userspace/lib/boot_files.c boot/load/elf.c
HOST_test_interface_SRC := tests/host/test_interface.c userspace/lib/interface.c
HOST_test_interface_CFLAGS := -iquote tests/host/fake_syscalls
HOST_test_spawn_CFLAGS := -iquote tests/host/fake_syscalls
