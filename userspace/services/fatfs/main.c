/* SPDX-License-Identifier: MIT */
/*
 * fatfs: files of the first FAT file system (userspace/files/fat) on the disk of the service `disk`, to be read only: on the whole disk
 * or in a partition.
 *
 *   patience_ms=N (10000)  how long a driver is waited for at the start
 *
 * A disk that fails gives readers its error; one whose driver ends, a delay (userspace/files/block_client.h). While there is no driver at
 * the start, all are told ERR_IO, and the disk is looked for again and again.
 */
#include <stddef.h>

#include "userspace/files/block_client.h"
#include "userspace/files/fat/fat.h"
#include "userspace/files/server/server.h"
#include "userspace/files/volume/volume.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/log.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"

#define AREA        "fatfs"
#define PATIENCE    (20 * NS_PER_S)
#define PAUSE       (1 * NS_PER_S)
#define LOOK        (1 * NS_PER_S) /* after each, for a driver that was not there at the start */
#define VOLUMES_MAX 128u

static struct block_client disk;
static struct volume volume;
static struct fat fat;

/* What is in the other parts is none of our business; one that cannot be read may be the one that is looked for. */
static status_t find_files(uint64_t patience)
{
    status_t status = block_client_open(&disk, "disk", clock_now() + patience);

    for (unsigned i = 0; status == OK && i < VOLUMES_MAX; i++) {
        status = volume_open(&volume, &disk.device, i);
        if (status == OK) {
            status = fat_open(&fat, &volume.device);
        }
        if (status == OK) {
            (void)log_line(LOG_INFO, AREA, "FAT%u in volume %u: %u clusters of %u bytes", fat.bits,
                           i, fat.clusters, fat.cluster_bytes);
            return OK;
        }
        if (status == ERR_CORRUPT) { /* no FAT */
            status = OK;
        }
    }
    return status != OK ? status : ERR_NOT_FOUND;
}

static void say_none(status_t status)
{
    (void)log_line(status == ERR_NOT_FOUND ? LOG_INFO : LOG_ERROR, AREA, "no files: %s",
                   status == ERR_TIMED_OUT ? "no driver" : status_name(status));
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)log_connect(clock_now() + PATIENCE);
    status_t status = find_files(option_u64("patience_ms", 10000) * NS_PER_MS);
    if (status == ERR_TIMED_OUT) {
        say_none(status);
    }
    while (status == ERR_TIMED_OUT) {
        vfs_refuse(ERR_IO, program_handle("requests"), clock_now() + PAUSE);
        status = find_files(LOOK);
    }
    if (status != OK) {
        say_none(status);
        vfs_serve_none(status, program_handle("requests"));
    }
    vfs_serve(&fat.fs, program_handle("requests"));
}
