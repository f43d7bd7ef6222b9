/* SPDX-License-Identifier: MIT */
/*
 * Writes at random places while the driver is killed: what was answered is there in the end, whatever was not.
 *
 * Each sector holds what was written to it last, by its number of writes, which is all that has to be remembered.
 */
#include <stdatomic.h>
#include <string.h>

#include "gen/interface/supervisor_client.h"
#include "kernel/abi/services.h"
#include "kernel/base/crc32c.h"
#include "userspace/lib/check.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/sectors/sectors.h"

#define SECTORS_MAX 4096u
#define COUNT_MAX   64u /* sectors of a write */
#define FLUSHES     8u  /* one in so many */

static uint32_t generation[SECTORS_MAX];
static atomic_bool is_over;
static atomic_ulong rounds_done;

static void write_some(uint64_t *seed)
{
    uint64_t sector = random_next(seed) % disk.device.sectors;
    uint64_t left = disk.device.sectors - sector;
    uint32_t count = (uint32_t)(1 + random_next(seed) % (left < COUNT_MAX ? left : COUNT_MAX));

    for (uint32_t i = 0; i < count; i++) {
        fill(part + (uint64_t)i * disk.device.sector_bytes, sector + i, ++generation[sector + i]);
    }
    must(block_client_write(&disk, sector, count, part));
    if (random_next(seed) % FLUSHES == 0) {
        must(block_client_flush(&disk));
    }
}

/* Also while it is being killed: what is read is what was written last. */
static void read_some(uint64_t *seed)
{
    static char wanted[SECTOR_BYTES_MAX];
    uint64_t sector = random_next(seed) % disk.device.sectors;

    must(block_client_read(&disk, sector, 1, part));
    fill(wanted, sector, generation[sector]);
    VERIFY(memcmp(part, wanted, disk.device.sector_bytes) == 0);
}

/* Each second time the service that it has its device of goes first. */
static void kill_driver(void *kills)
{
    uint64_t supervisor = program_handle("supervisor"), seen = 0;
    uint32_t state, starts, reached;

    for (uint64_t i = 0; i < *(uint64_t *)kills; i++) {
        must(supervisor_status(supervisor, "disk", DEADLINE_FOREVER, &state, &starts));
        if (i % 2 != 0) {
            must(supervisor_kill(supervisor, "bus", DEADLINE_FOREVER));
        }
        must(supervisor_kill(supervisor, "disk", DEADLINE_FOREVER));
        must(supervisor_await(supervisor, SERVICE_RUNNING, starts + 1, "disk", DEADLINE_FOREVER,
                              &reached, &starts));
        seen = atomic_load(&rounds_done);
        while (atomic_load(&rounds_done) < seen + 2) { /* it works again, and is at work */
            (void)sys_thread_yield();
        }
    }
    atomic_store(&is_over, true);
}

void be_loaded(uint64_t rounds, uint64_t kills)
{
    static struct thread killer;
    uint64_t seed = 5, done = 0;
    uint32_t crc = 0;

    VERIFY(disk.device.sectors <= SECTORS_MAX);
    for (uint64_t sector = 0; sector < disk.device.sectors; sector++) {
        fill(part, sector, 0);
        must(block_client_write(&disk, sector, 1, part));
    }
    must(thread_start(&killer, kill_driver, &kills, THREAD_ANYWHERE, "killer"));
    for (; done < rounds || !atomic_load(&is_over); done++) {
        write_some(&seed);
        read_some(&seed);
        atomic_fetch_add(&rounds_done, 1);
    }
    thread_join(&killer);
    for (uint64_t sector = 0; sector < disk.device.sectors; sector++) {
        fill(part, sector, generation[sector]);
        crc = crc32c(crc, part, disk.device.sector_bytes);
    }
    must(block_client_flush(&disk));
    report("loaded %lu kills, wrote %lu bytes %08x", kills,
           disk.device.sectors * disk.device.sector_bytes, crc);
}
