# Parts that file system services and their clients are made of.
FILES_SERVER_SRC := $(patsubst %,userspace/files/server/%.c,server open_files walk)
FILES_RAM_SRC := $(patsubst %,userspace/files/ram/%.c,ram_files blocks)
FILES_PACKED_SRC := userspace/files/packed/packed_files.c
FILES_FAT_SRC := $(patsubst %,userspace/files/fat/%.c,fat fat_change fat_contents fat_directory fat_entry fat_held fat_name fat_sectors fat_slots fat_state fat_table)
FILES_CLIENT_SRC := $(patsubst %,userspace/files/client/%.c,file mount path here)

HOST_TESTS += test_volume test_block_client
HOST_test_block_client_SRC := tests/host/test_block_client.c userspace/files/block_client.c
HOST_test_block_client_CFLAGS := -iquote tests/host/fake_syscalls
HOST_test_volume_SRC := tests/host/test_volume.c userspace/files/volume/volume.c
HOST_TESTS += test_ram_files test_open_files test_path test_packed_files test_fat test_fat_write test_fat_model test_fat_cuts
HOST_test_ram_files_SRC := tests/host/test_ram_files.c $(FILES_RAM_SRC) userspace/files/server/walk.c
HOST_test_open_files_SRC := tests/host/test_open_files.c userspace/files/server/open_files.c
HOST_test_path_SRC := tests/host/test_path.c userspace/files/client/path.c
HOST_test_packed_files_SRC := tests/host/test_packed_files.c $(FILES_PACKED_SRC) userspace/files/server/walk.c kernel/base/crc32c.c
HOST_test_packed_files_LIBS := -llz4
HOST_test_fat_SRC := tests/host/test_fat.c $(FILES_FAT_SRC) userspace/files/server/walk.c
FILES_FAT_TEST_SRC := tests/host/fat_support.c $(FILES_FAT_SRC) userspace/files/server/walk.c
HOST_test_fat_write_SRC := tests/host/test_fat_write.c $(FILES_FAT_TEST_SRC)
HOST_test_fat_model_SRC := tests/host/test_fat_model.c $(FILES_FAT_TEST_SRC)
HOST_test_fat_cuts_SRC := tests/host/test_fat_cuts.c $(FILES_FAT_TEST_SRC)
