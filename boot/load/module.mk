BOOT_SRC += boot/load/elf.c boot/load/paging.c boot/load/memory_map.c boot/load/image.c boot/load/options.c \
            boot/load/calendar.c boot/load/cpu_check.c

HOST_TESTS += test_elf test_boot_paging test_memory_map test_boot_image test_boot_options
HOST_test_elf_SRC := tests/host/test_elf.c boot/load/elf.c
HOST_test_boot_paging_SRC := tests/host/test_boot_paging.c boot/load/paging.c
HOST_test_memory_map_SRC := tests/host/test_memory_map.c boot/load/memory_map.c
HOST_test_boot_image_SRC := tests/host/test_boot_image.c boot/load/image.c
HOST_test_boot_options_SRC := tests/host/test_boot_options.c boot/load/options.c boot/load/calendar.c \
                              boot/load/cpu_check.c

FUZZERS += fuzz_elf fuzz_boot_image
FUZZ_fuzz_elf_SRC := tests/fuzz/fuzz_elf.c boot/load/elf.c
FUZZ_fuzz_boot_image_SRC := tests/fuzz/fuzz_boot_image.c boot/load/image.c
