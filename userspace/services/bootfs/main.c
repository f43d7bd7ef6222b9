/* SPDX-License-Identifier: MIT */
/*
 * bootfs: the packed files of the boot image (userspace/files/packed), to be read only.
 *
 * What of them is damaged gives ERR_CORRUPT and a line in the log; the rest is served as ever.
 */
#include <stddef.h>

#include "userspace/files/packed/packed_files.h"
#include "userspace/files/server/server.h"
#include "userspace/lib/boot_files.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/codec.h"
#include "userspace/lib/log.h"
#include "userspace/lib/start.h"

#define AREA     "bootfs"
#define PATIENCE (20 * NS_PER_S)

static void report_damage(uint32_t block)
{
    (void)log_line(LOG_ERROR, AREA, "block %u is damaged", block);
}

int main(int argc, char **argv)
{
    static struct packed_files files;
    struct boot_file image;

    (void)argc;
    (void)argv;
    codec_begin();
    (void)log_connect(clock_now() + PATIENCE); /* files are worth more than lines about them */
    status_t status = boot_file_open("packed", &image);
    if (status == OK) {
        status =
            packed_files_open(&files, image.bytes, image.size, codec_unpack_block, report_damage);
    }
    if (status != OK) {
        (void)log_line(LOG_ERROR, AREA, "no files: %s", status_name(status));
        vfs_serve_none(status, program_handle("requests"));
    }
    vfs_serve(&files.fs, program_handle("requests"));
}
