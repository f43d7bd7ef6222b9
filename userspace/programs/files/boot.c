/* SPDX-License-Identifier: MIT */
/* The packed files of the boot image: whole, and damaged. What is in them is for the host to compare. */
#include <stdio.h>
#include <string.h>

#include "kernel/base/crc32c.h"
#include "userspace/lib/check.h"
#include "userspace/programs/files/files.h"

#define PIECE 7001u /* not a divisor of anything */

/* Read to the end in pieces. OK, or why not. */
static status_t sum_up(const char *path, uint64_t *out_bytes, uint32_t *out_checksum)
{
    static char data[PIECE];
    struct file file;
    uint64_t got;
    status_t status;

    *out_bytes = *out_checksum = 0;
    must(file_open(path, OPEN_READ, &file));
    do {
        status = file_read(&file, *out_bytes, data, PIECE, &got);
        *out_checksum = crc32c(*out_checksum, data, status == OK ? got : 0);
        *out_bytes += got;
    } while (status == OK && got == PIECE);
    file_close(&file);
    return status;
}

static void show(const char *path)
{
    struct file_info info;
    uint64_t bytes;
    uint32_t checksum;

    must(file_stat(path, &info));
    must(sum_up(path, &bytes, &checksum));
    VERIFY(info.kind == FILE_REGULAR && info.size == bytes);
    printf("files: %s %lu bytes %08x\n", path, bytes, checksum);
}

void check_boot(void)
{
    struct file file;
    struct file_info info;

    show("/boot/LICENSE");
    show("/boot/doc/syscalls.md");
    must(file_stat("/boot/doc", &info));
    VERIFY(info.kind == FILE_DIRECTORY);
    must(file_open("/boot/doc", OPEN_READ | OPEN_DIRECTORY, &file));
    file_close(&file);
    EXPECT(file_open("/boot/none", OPEN_READ, &file), ERR_NOT_FOUND);
    EXPECT(file_open("/boot/LICENSE/none", OPEN_READ, &file), ERR_NOT_DIRECTORY);
    EXPECT(file_open("/boot/LICENSE", OPEN_WRITE, &file), ERR_READ_ONLY);
    EXPECT(file_open("/boot/new", OPEN_READ | OPEN_CREATE, &file), ERR_READ_ONLY);
    EXPECT(file_make_directory("/boot/new"), ERR_READ_ONLY);
    EXPECT(file_remove("/boot/LICENSE", FILE_REGULAR), ERR_READ_ONLY);
    EXPECT(file_rename("/boot/LICENSE", "/boot/new"), ERR_READ_ONLY);
    EXPECT(file_rename("/boot/LICENSE", "/tmp/new"), ERR_NOT_SUPPORTED);
}

/* One file has a damaged block: it is refused for ever, and nobody else notices. */
void check_damage(void)
{
    uint64_t bytes;
    uint32_t checksum;

    for (unsigned i = 0; i < 2; i++) {
        EXPECT(sum_up("/boot/LICENSE", &bytes, &checksum), ERR_CORRUPT);
        VERIFY(bytes == 0);
    }
    show("/boot/doc/syscalls.md");
}
