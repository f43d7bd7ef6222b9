/* SPDX-License-Identifier: MIT */
/*
 * fatfs: files of the first FAT file system (userspace/files/fat) on the disk of the service `disk`: on the whole disk or in a partition.
 *
 *   patience_ms=N (10000)  how long a driver is waited for at the start
 *   write=0|1 (1)          may anything be written? It is not enough that this process could: the handle of the disk can.
 *
 * What was written and acknowledged is with the disk; when a file is closed, on sync and at an orderly end the disk is told to flush, and
 * the volume is marked clean. Times are those of the service `time` when this one started; if it gives none, all is of 1980-01-01.
 *
 * A disk that fails gives readers its error; one whose driver ends, a delay (userspace/files/block_client.h). While there is no driver at
 * the start, all are told ERR_IO, and the disk is looked for again and again.
 */
#include <assert.h>
#include <stddef.h>

#include "gen/interface/time_client.h"
#include "userspace/files/block_client.h"
#include "userspace/files/fat/fat.h"
#include "userspace/files/server/open_files.h"
#include "userspace/files/server/server.h"
#include "userspace/files/volume/volume.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/log.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/lib/start.h"

#define AREA        "fatfs"
#define PATIENCE    (20 * NS_PER_S)
#define PAUSE       (1 * NS_PER_S)
#define LOOK        (1 * NS_PER_S) /* after each, for a driver that was not there at the start */
#define TIME_WAIT   (2 * NS_PER_S)
#define VOLUMES_MAX 128u

static_assert(FAT_HELD_MAX >= OPEN_FILES_MAX, "all that is open can be held");

static struct block_client disk;
static struct volume volume;
static struct fat fat;

static void say_what(unsigned index)
{
    (void)log_line(LOG_INFO, AREA, "FAT%u in volume %u: %u clusters of %u bytes%s", fat.bits, index,
                   fat.clusters, fat.cluster_bytes, fat.fs.ops->write != NULL ? "" : ", read only");
    if (fat.was_marked) {
        (void)log_line(LOG_WARNING, AREA, "somebody was writing here and did not finish");
    }
}

/* What is in the other parts is none of our business; one that cannot be read may be the one that is looked for. */
static status_t find_files(uint64_t patience)
{
    status_t status = block_client_open(&disk, "disk", clock_now() + patience);

    if (option_u64("write", 1) == 0) {
        disk.device.write = NULL;
    }
    for (unsigned i = 0; status == OK && i < VOLUMES_MAX; i++) {
        status = volume_open(&volume, &disk.device, i);
        if (status == OK) {
            status = fat_open(&fat, &volume.device);
        }
        if (status == OK) {
            say_what(i);
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

/* No clock, or none that answers: nobody waits for the date of a file. */
static void find_time(void)
{
    uint64_t service, utc, deadline = clock_now() + TIME_WAIT;
    status_t status = service_find("time", deadline, &service);

    if (status == OK) {
        status = time_now(service, deadline, &utc);
    }
    uint64_t now = clock_now();
    fat.utc_at_start = status == OK && utc > now ? utc - now : 0;
}

static void finish(void)
{
    (void)fat.fs.ops->sync(&fat.fs);
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
    if (fat.fs.ops->write != NULL) {
        find_time();
        service_at_stop(finish);
    }
    vfs_serve(&fat.fs, program_handle("requests"));
}
