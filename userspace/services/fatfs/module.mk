USER_PROGRAMS += fatfs
USER_fatfs_SRC := userspace/services/fatfs/main.c userspace/files/block_client.c userspace/files/volume/volume.c $(FILES_FAT_SRC) $(FILES_SERVER_SRC)
