/* SPDX-License-Identifier: MIT */
/*
 * sectors: uses the disk, and says what it saw. It always prints the facts, then does in this order what it is told:
 *
 *   none              there is no disk; nothing else then
 *   scan=N            reads all sectors so often, and does not look at them
 *   read              all sectors, and prints their checksum (CRC-32C)
 *   write             all sectors, reads them back and prints the checksum
 *   limits            asks for what is refused
 *   bad=N             sector N cannot be read or written, all others can
 *   load=N kills=N    be_loaded()
 *   gone              reads until the disk does not answer any more
 */
#include "userspace/programs/sectors/sectors.h"

#include <string.h>

#include "gen/interface/block_client.h"
#include "kernel/base/crc32c.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/stdio.h"

#define LOOK (5 * NS_PER_MS)

struct block_client disk;
char part[PART_BYTES];

static void expect(status_t got, status_t wanted, const char *what)
{
    if (got != wanted) {
        die("%s: %s, not %s", what, status_name(got), status_name(wanted));
    }
}
#define EXPECT(call, wanted) expect(call, wanted, #call)

void fill(void *to, uint64_t sector, uint64_t generation)
{
    uint64_t state = random_mix(sector << 32 | generation), *word = to;

    for (unsigned i = 0; i < disk.device.sector_bytes / sizeof(*word); i++) {
        word[i] = random_next(&state);
    }
}

static uint32_t part_sectors(uint64_t from)
{
    uint64_t most = PART_BYTES / disk.device.sector_bytes, left = disk.device.sectors - from;

    return (uint32_t)(left < most ? left : most);
}

static void read_all(const char *what, bool is_checked)
{
    static char wanted[SECTOR_BYTES_MAX];
    const uint32_t size = disk.device.sector_bytes;
    uint32_t crc = 0;

    for (uint64_t sector = 0; sector < disk.device.sectors;) {
        uint32_t count = part_sectors(sector);

        must(block_client_read(&disk, sector, count, part));
        crc = crc32c(crc, part, (uint64_t)count * size);
        for (uint32_t i = 0; is_checked && i < count; i++) {
            fill(wanted, sector + i, 0);
            VERIFY(memcmp(part + (uint64_t)i * size, wanted, size) == 0);
        }
        sector += count;
    }
    report("%s %lu bytes %08x", what, disk.device.sectors * size, crc);
}

static void scan_all(void)
{
    for (uint64_t sector = 0, count; sector < disk.device.sectors; sector += count) {
        count = part_sectors(sector);
        must(block_client_read(&disk, sector, (uint32_t)count, part));
    }
}

static void write_all(void)
{
    for (uint64_t sector = 0; sector < disk.device.sectors;) {
        uint32_t count = part_sectors(sector);

        for (uint32_t i = 0; i < count; i++) {
            fill(part + (uint64_t)i * disk.device.sector_bytes, sector + i, 0);
        }
        must(block_client_write(&disk, sector, count, part));
        sector += count;
    }
    must(block_client_flush(&disk));
    read_all("wrote", true);
}

/* Whatever is refused, the next request is served. */
static void check_limits(void)
{
    const uint32_t size = disk.device.sector_bytes;
    const uint64_t end = disk.device.sectors;
    uint64_t bytes, reads, writes, flushes, failures, resets;

    EXPECT(block_read(disk.service, end, 1, DEADLINE_FOREVER, part, size, &bytes), ERR_RANGE);
    EXPECT(block_read(disk.service, end - 1, 2, DEADLINE_FOREVER, part, 2 * size, &bytes),
           ERR_RANGE);
    EXPECT(block_read(disk.service, ~0ull, 2, DEADLINE_FOREVER, part, size, &bytes), ERR_RANGE);
    EXPECT(block_read(disk.service, 0, 0, DEADLINE_FOREVER, part, size, &bytes), ERR_RANGE);
    EXPECT(block_read(disk.service, 0, PART_BYTES / size + 1, DEADLINE_FOREVER, part, size, &bytes),
           ERR_RANGE);
    EXPECT(block_write(disk.service, part, size, end, DEADLINE_FOREVER), ERR_RANGE);
    EXPECT(block_write(disk.service, part, size - 1, 0, DEADLINE_FOREVER), ERR_RANGE);
    EXPECT(block_write(disk.service, part, 0, 0, DEADLINE_FOREVER), ERR_RANGE);
    must(block_client_read(&disk, end - 1, 1, part));
    EXPECT(block_write(disk.service, part, size, end - 1, DEADLINE_FOREVER),
           disk.is_read_only ? ERR_READ_ONLY : OK);
    must(block_client_flush(&disk));
    must(
        block_count(disk.service, DEADLINE_FOREVER, &reads, &writes, &flushes, &failures, &resets));
    VERIFY(failures == 0 && resets == 0);
}

static void check_bad(uint64_t bad)
{
    uint64_t reads, writes, flushes, failures, resets;

    for (unsigned i = 0; i < 3; i++) {
        EXPECT(block_client_read(&disk, bad - 1, 3, part), ERR_IO);
        EXPECT(block_client_read(&disk, bad, 1, part), ERR_IO);
        must(block_client_read(&disk, bad - 1, 1, part));
        EXPECT(block_client_write(&disk, bad, 1, part), ERR_IO);
        must(block_client_write(&disk, bad + 1, 1, part));
    }
    must(
        block_count(disk.service, DEADLINE_FOREVER, &reads, &writes, &flushes, &failures, &resets));
    report("%lu failures", failures);
}

/* Somebody pulls it out meanwhile. */
static void wait_gone(void)
{
    status_t status;

    report("waiting");
    while ((status = block_client_read(&disk, 0, 1, part)) == OK) {
        clock_sleep(LOOK);
    }
    report("gone: %s", status_name(status));
    EXPECT(block_client_write(&disk, 0, 1, part), ERR_IO);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (option_flag("none")) {
        EXPECT(block_client_open(&disk, "disk", DEADLINE_FOREVER), ERR_NOT_FOUND);
        EXPECT(block_client_read(&disk, 0, 1, part), ERR_NOT_FOUND);
        return 0;
    }
    must(block_client_open(&disk, "disk", DEADLINE_FOREVER));
    report("%s '%s' '%s' %lu sectors of %u bytes%s", disk.names.driver, disk.names.serial,
           disk.names.model, disk.device.sectors, disk.device.sector_bytes,
           disk.is_read_only ? ", read only" : "");
    for (uint64_t i = 0; i < option_u64("scan", 0); i++) {
        scan_all();
    }
    if (option_flag("read")) {
        read_all("read", false);
    }
    if (option_flag("write")) {
        write_all();
    }
    if (option_flag("limits")) {
        check_limits();
    }
    if (option_u64("bad", 0) != 0) {
        check_bad(option_u64("bad", 0));
    }
    if (option_u64("load", 0) != 0) {
        be_loaded(option_u64("load", 0), option_u64("kills", 0));
    }
    if (option_flag("gone")) {
        wait_gone();
    }
    return 0;
}
