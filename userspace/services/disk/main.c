/* SPDX-License-Identifier: MIT */
/*
 * disk: the sectors of one disk, behind userspace/interfaces/block.toml, whatever drives it.
 *
 *   handles    requests, supervisor (to find bus and log), dma
 *   arguments  which=any|virtio|ahci|SERIAL (any: the first that the machine was not booted from)
 *
 * Requests are served one at a time. What comes and goes is copied once, by the kernel, between the client's memory and the memory
 * that the device reads and writes. When the device turns out to be another disk than before, this process ends without an answer: the
 * next one begins with what is there, and those who had the old one open see the difference (files/block_client.h).
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "gen/interface/block_server.h"
#include "gen/interface/lifecycle_server.h"
#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/disk/disk.h"
#include "userspace/drivers/dma.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/log.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"
#include "userspace/lib/user_trace.h"
#include "userspace/services/disk/find.h"

#define AREA      "disk"
#define PATIENCE  (20 * NS_PER_S)
#define DATA_MAX  BLOCK_WRITE_DATA_MAX
#define FAILED    16u             /* id in the trace; those of operations come before */
#define DMA_BYTES (256 * 1024ull) /* what comes, what goes, and the driver's own */

static_assert(DATA_MAX == BLOCK_READ_DATA_MAX, "one size both ways");
static_assert(sizeof(struct block_names) == BLOCK_FACTS_NAMES_MAX, "the interface says how long");

static struct disk *disk; /* NULL: there is none */
static struct dma_piece in, out;
static struct {
    uint64_t reads, writes, flushes, failures;
} counts;

static uint32_t track;

static const char *const names_of_operations[] = {
    [DISK_READ] = "disk read", [DISK_WRITE] = "disk write", [DISK_FLUSH] = "disk flush"};

/* In the timeline: what the device takes of the request. Each failure is a line: the disk may have more to come. */
static status_t carry_out(enum disk_operation operation, uint64_t sector, uint64_t count,
                          uint64_t physical, uint64_t *times)
{
    USER_SPAN_BEGIN(track, operation + 1);
    status_t status = operation == DISK_FLUSH
                          ? disk_flush(disk)
                          : disk_transfer(disk, operation, sector, (uint32_t)count, physical);
    USER_SPAN_END(track);
    ++*times;
    if (status == ERR_CHANGED) {
        (void)log_line(LOG_ERROR, AREA, "there is another disk in place of '%s'",
                       disk->names.serial);
        die("another disk");
    }
    if (status == ERR_IO) {
        counts.failures++;
        USER_INSTANT(track, FAILED, sector);
        (void)log_line(LOG_WARNING, AREA, "%s at sector %lu failed",
                       names_of_operations[operation] + strlen("disk "), sector);
    }
    return status;
}

static void open_trace(void)
{
    track = user_trace_open();
    for (uint32_t i = DISK_READ; i <= DISK_FLUSH; i++) {
        user_trace_name(i + 1, names_of_operations[i]);
    }
    user_trace_name(FAILED, "disk failed");
}

status_t block_on_facts(const struct interface_request *request, void *names, uint64_t *names_bytes,
                        uint64_t *out_sectors, uint32_t *out_sector_bytes, uint32_t *out_flags)
{
    (void)request;
    if (disk == NULL) {
        return ERR_NOT_FOUND;
    }
    memcpy(names, &disk->names, sizeof(disk->names));
    *names_bytes = sizeof(disk->names);
    *out_sectors = disk->sectors;
    *out_sector_bytes = disk->sector_bytes;
    *out_flags = disk->is_read_only ? BLOCK_READ_ONLY : 0;
    return OK;
}

/* `data` is `out`, where the device puts it. */
status_t block_on_read(const struct interface_request *request, uint64_t sector, uint32_t count,
                       void *data, uint64_t *data_bytes)
{
    (void)request;
    if (disk == NULL) {
        return ERR_NOT_FOUND;
    }
    VERIFY(data == out.memory);
    if (count > DATA_MAX / disk->sector_bytes) {
        return ERR_RANGE;
    }
    *data_bytes = (uint64_t)count * disk->sector_bytes;
    return carry_out(DISK_READ, sector, count, out.physical, &counts.reads);
}

/* `data` is `in`, where the kernel has put it. */
status_t block_on_write(const struct interface_request *request, const void *data,
                        uint64_t data_bytes, uint64_t sector)
{
    (void)request;
    if (disk == NULL) {
        return ERR_NOT_FOUND;
    }
    VERIFY(data == in.memory);
    if (data_bytes % disk->sector_bytes != 0) {
        return ERR_RANGE;
    }
    return carry_out(DISK_WRITE, sector, data_bytes / disk->sector_bytes, in.physical,
                     &counts.writes);
}

status_t block_on_flush(const struct interface_request *request)
{
    (void)request;
    return disk == NULL ? ERR_NOT_FOUND : carry_out(DISK_FLUSH, 0, 0, 0, &counts.flushes);
}

status_t block_on_count(const struct interface_request *request, uint64_t *out_reads,
                        uint64_t *out_writes, uint64_t *out_flushes, uint64_t *out_failures,
                        uint64_t *out_resets)
{
    (void)request;
    if (disk == NULL) {
        return ERR_NOT_FOUND;
    }
    *out_reads = counts.reads;
    *out_writes = counts.writes;
    *out_flushes = counts.flushes;
    *out_failures = counts.failures;
    *out_resets = disk->resets;
    return OK;
}

/* Whoever asked it to stop may be about to switch the machine off. */
static void finish(void)
{
    if (disk != NULL) {
        (void)disk_flush(disk);
    }
}

static void open_disk(const char *which)
{
    static struct dma dma;
    status_t status = dma_open(&dma, DMA_BYTES);

    if (status == OK) {
        status = disk_find(which, HANDLE_NONE, &dma, &disk);
    }
    if (status == ERR_BUSY) {
        die("others keep the PCI buses"); /* the next one tries again */
    }
    if (status != OK) {
        (void)log_line(status == ERR_NOT_FOUND ? LOG_INFO : LOG_ERROR, AREA, "no disk %s: %s",
                       which, status_name(status));
        return;
    }
    in = dma_take(&dma, DATA_MAX + PAGE_BYTES, PAGE_BYTES); /* one byte more than may come */
    out = dma_take(&dma, DATA_MAX, PAGE_BYTES);
    (void)log_line(LOG_INFO, AREA, "%s '%s' (%s): %lu sectors of %u bytes%s%s", disk->names.driver,
                   disk->names.serial, disk->names.model, disk->sectors, disk->sector_bytes,
                   disk->is_read_only ? ", read only" : "",
                   disk->interrupt == HANDLE_NONE ? ", polled" : "");
}

int main(int argc, char **argv)
{
    static const struct interface *const interfaces[] = {&block_interface, &lifecycle_interface};
    static char nothing[BLOCK_RECEIVES];

    (void)argc;
    (void)argv;
    (void)log_connect(clock_now() + PATIENCE);
    open_trace();
    open_disk(option_text("which", "any"));
    service_at_stop(finish);
    const struct interface_server server = {program_handle("requests"),
                                            2,
                                            interfaces,
                                            disk != NULL ? in.memory : nothing,
                                            BLOCK_RECEIVES,
                                            disk != NULL ? out.memory : nothing};
    interface_serve(&server);
}
