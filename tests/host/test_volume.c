/* SPDX-License-Identifier: MIT */
/* Partition tables as sgdisk and sfdisk lay them out, and wrong ones. */
#include "userspace/files/volume/volume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/lib/random.h"

#define SECTORS 100u
#define BYTES   512u

static uint8_t content[SECTORS][BYTES];
static bool is_broken;

static status_t read_sectors(struct block_device *device, uint64_t sector, uint32_t count,
                             void *data)
{
    assert_true(count > 0 && sector < device->sectors && count <= device->sectors - sector);
    if (is_broken) {
        return ERR_IO;
    }
    memcpy(data, content[sector], (size_t)count * BYTES);
    return OK;
}

static status_t write_sectors(struct block_device *device, uint64_t sector, uint32_t count,
                              const void *data)
{
    assert_true(count > 0 && sector < device->sectors && count <= device->sectors - sector);
    memcpy(content[sector], data, (size_t)count * BYTES);
    return OK;
}

static status_t flush_sectors(struct block_device *device)
{
    (void)device;
    return ERR_IO;
}

static struct block_device disk = {read_sectors, SECTORS, BYTES, write_sectors, flush_sectors};
static struct volume volume;

static void put(unsigned sector, unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(content[sector] + offset, &value, bytes);
}

static void put_mbr(unsigned entry, uint8_t type, uint32_t first, uint32_t count)
{
    put(0, 446 + 16 * entry + 4, type, 1);
    put(0, 446 + 16 * entry + 8, first, 4);
    put(0, 446 + 16 * entry + 12, count, 4);
}

/* Entries of 128 bytes from sector 2 on, as everybody has them. */
static void put_gpt(unsigned entry, uint64_t first, uint64_t last)
{
    unsigned sector = 2 + entry / 4, offset = entry % 4 * 128;

    put(sector, offset, 0xc12a7328f81f11d2, 8);
    put(sector, offset + 32, first, 8);
    put(sector, offset + 40, last, 8);
}

static int setup(void **state)
{
    (void)state;
    memset(content, 0, sizeof(content));
    for (unsigned i = 40; i < SECTORS; i++) {
        content[i][0] = (uint8_t)i;
    }
    put(0, 510, 0xaa55, 2);
    is_broken = false;
    return 0;
}

static void set_gpt(void)
{
    put_mbr(0, 0xee, 1, SECTORS - 1);
    memcpy(content[1], "EFI PART", 8);
    put(1, 72, 2, 8);
    put(1, 80, 128, 4);
    put(1, 84, 128, 4);
}

static void check(unsigned index, uint64_t first, uint64_t count)
{
    uint8_t data[BYTES];

    assert_int_equal(volume_open(&volume, &disk, index), OK);
    assert_int_equal(volume.device.sectors, count);
    assert_int_equal(volume.device.read(&volume.device, count - 1, 1, data), OK);
    assert_memory_equal(data, content[first + count - 1], BYTES);
}

static void number_0_is_the_whole_disk(void **state)
{
    (void)state;
    memset(content[0], 0, BYTES);
    check(0, 0, SECTORS);
    assert_int_equal(volume_open(&volume, &disk, 1), ERR_NOT_FOUND);
}

static void entries_of_an_mbr(void **state)
{
    (void)state;
    put_mbr(0, 0x0c, 40, 10);
    put_mbr(2, 0x83, 50, SECTORS - 50);
    check(1, 40, 10);
    check(2, 50, 50);
    assert_int_equal(volume_open(&volume, &disk, 3), ERR_NOT_FOUND);
    put_mbr(2, 0x83, 50, SECTORS - 49);
    assert_int_equal(volume_open(&volume, &disk, 2), ERR_CORRUPT);
    put_mbr(2, 0x83, SECTORS, 1);
    assert_int_equal(volume_open(&volume, &disk, 2), ERR_CORRUPT);
    put_mbr(2, 0x83, 50, 0);
    assert_int_equal(volume_open(&volume, &disk, 2), ERR_CORRUPT);
}

/* A part that is written to lies where it is read; of a disk that is not written to, no part is. */
static void parts_are_written_to(void **state)
{
    static const uint8_t data[BYTES] = "new";

    (void)state;
    put_mbr(0, 0x0c, 40, 10);
    assert_int_equal(volume_open(&volume, &disk, 1), OK);
    assert_int_equal(volume.device.write(&volume.device, 9, 1, data), OK);
    assert_memory_equal(content[49], data, BYTES);
    assert_int_equal(block_device_flush(&volume.device), ERR_IO);
    disk.write = NULL;
    assert_int_equal(volume_open(&volume, &disk, 1), OK);
    assert_null(volume.device.write);
    disk.write = write_sectors;
}

static void entries_of_a_gpt(void **state)
{
    (void)state;
    set_gpt();
    put_gpt(0, 40, 49);
    put_gpt(6, 50, 99);
    check(1, 40, 10);
    check(2, 50, 50);
    assert_int_equal(volume_open(&volume, &disk, 3), ERR_NOT_FOUND);
    put_gpt(7, 60, 50); /* ends before it begins */
    assert_int_equal(volume_open(&volume, &disk, 3), ERR_CORRUPT);
    put(1, 72, SECTORS, 8);
    assert_int_equal(volume_open(&volume, &disk, 1), ERR_CORRUPT);
    put(1, 84, 100, 4); /* not so many go into a sector */
    assert_int_equal(volume_open(&volume, &disk, 1), ERR_NOT_FOUND);
    is_broken = true;
    assert_int_equal(volume_open(&volume, &disk, 1), ERR_IO);
}

/* Whatever the tables say: nothing is read that does not exist. */
static void damaged_tables(void **state)
{
    uint64_t seed = 3;

    for (unsigned i = 0; i < 3000; i++) {
        setup(state);
        set_gpt();
        put_gpt(1, 40, 49);
        for (unsigned j = 0; j < 4; j++) {
            content[random_next(&seed) % 3]
                   [i % 2 ? random_next(&seed) % BYTES : random_next(&seed) % 128] =
                       (uint8_t)random_next(&seed);
        }
        for (unsigned index = 0; index < 4; index++) {
            if (volume_open(&volume, &disk, index) == OK) {
                assert_true(volume.first + volume.device.sectors <= SECTORS);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(number_0_is_the_whole_disk, setup),
        cmocka_unit_test_setup(entries_of_an_mbr, setup),
        cmocka_unit_test_setup(parts_are_written_to, setup),
        cmocka_unit_test_setup(entries_of_a_gpt, setup),
        cmocka_unit_test_setup(damaged_tables, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
