/* SPDX-License-Identifier: MIT */
/* FAT12, 16 and 32 written to: one thing each, checked by fsck.fat and mtools. Random traffic: test_fat_model.c. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/fat_support.h"
#include "userspace/files/fat/fat_impl.h"
#include "userspace/files/server/walk.h"
#include "userspace/lib/random.h"

#define DAMAGES 600u

static const char data[9000];

/* As many files as it takes, then a file as large as it gets: nothing is half made, and all comes back. */
static void test_full(void **state)
{
    static char block[64 * 1024];
    uint64_t end = 0;
    uint32_t done, free_before;
    status_t status;

    (void)state;
    volume_make(0);
    assert_int_equal(make_at("", "d", FILE_DIRECTORY), OK);
    assert_int_equal(make_at("", "large", FILE_REGULAR), OK);
    free_before = fat.free;
    while ((status = fs->ops->write(fs, node_at("large"), end, block, sizeof(block), &done)) ==
           OK) {
        end += done;
    }
    assert_int_equal(status, ERR_NO_SPACE);
    assert_true(end > 600 * 1024 && fat.free < 4);
    assert_int_equal(make_at("", "d2", FILE_DIRECTORY), ERR_NO_SPACE);
    assert_int_equal(write_at("large", end + 100000, "x", 1), ERR_NO_SPACE);
    assert_int_equal(fs->ops->truncate(fs, node_at("large"), end + 100000), ERR_NO_SPACE);
    assert_int_equal(fs->ops->truncate(fs, node_at("large"), end - 3000), OK);
    assert_int_equal(write_at("large", end + 100000, "x", 1), ERR_NO_SPACE);
    assert_int_equal(fs->ops->sync(fs), OK);
    volume_check(true);
    assert_int_equal(remove_at("", "large", FILE_REGULAR), OK);
    assert_int_equal(fat.free, free_before);
    char name[16];
    for (unsigned i = 0; status != OK || i < 1000; i++) { /* the root has a fixed size */
        snprintf(name, sizeof(name), "F%u", i);
        status = make_at("", name, FILE_REGULAR);
        if (status != OK) {
            break;
        }
    }
    assert_int_equal(status, ERR_NO_SPACE);
    assert_int_equal(make_at("d", "here is room", FILE_REGULAR), OK);
    assert_int_equal(rename_at("d", "here is room", "", "here not"), ERR_NO_SPACE);
    assert_int_equal(rename_at("d", "here is room", "", "F1"), OK); /* in its place */
    assert_int_equal(fs->ops->sync(fs), OK);
    volume_check(true);
    volume_drop();
}

static void test_what_is_refused(void **state)
{
    static const char *const bad[] = {"a:b",
                                      "what?",
                                      "dot.",
                                      "blank ",
                                      "tab\t",
                                      "\xff\xfe",
                                      "\xed\xa0\x80",
                                      "\xf9\x84\x80\x80",
                                      "\xff\x84\x80\x80"};

    (void)state;
    volume_make(1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(make_at("", bad[i], FILE_REGULAR), ERR_BAD_ARGUMENT);
    }
    assert_int_equal(written_count, 0);
    assert_int_equal(make_at("", "a", FILE_DIRECTORY), OK);
    assert_int_equal(make_at("a", "b", FILE_DIRECTORY), OK);
    assert_int_equal(make_at("a/b", "c", FILE_DIRECTORY), OK);
    assert_int_equal(make_at("", "f", FILE_REGULAR), OK);
    assert_int_equal(make_at("", "F", FILE_REGULAR), ERR_EXISTS);
    assert_int_equal(rename_at("", "a", "a/b/c", "d"), ERR_BAD_ARGUMENT);
    assert_int_equal(rename_at("", "a", "a", "d"), ERR_BAD_ARGUMENT);
    assert_int_equal(rename_at("", "f", "", "a"), ERR_IS_DIRECTORY);
    assert_int_equal(rename_at("a", "b", "", "f"), ERR_NOT_DIRECTORY);
    assert_int_equal(rename_at("a", "b", "", "a"), ERR_NOT_EMPTY);
    assert_int_equal(rename_at("", "none", "", "x"), ERR_NOT_FOUND);
    assert_int_equal(remove_at("", "a", FILE_DIRECTORY), ERR_NOT_EMPTY);
    assert_int_equal(remove_at("", "a", FILE_REGULAR), ERR_IS_DIRECTORY);
    assert_int_equal(remove_at("", "f", FILE_DIRECTORY), ERR_NOT_DIRECTORY);
    assert_int_equal(write_at("f", 0xffffffff, "x", 1), ERR_TOO_BIG);
    assert_int_equal(fs->ops->truncate(fs, node_at("f"), 1ull << 32), ERR_TOO_BIG);
    volume_log(); /* more zeroes than one request may cost: */
    assert_int_equal(write_at("f", (16 << 20) + 1, "x", 1), ERR_TOO_BIG);
    assert_int_equal(fs->ops->truncate(fs, node_at("f"), 0xffffffff), ERR_TOO_BIG);
    assert_int_equal(written_count, 0);
    assert_int_equal(write_at("f", 16 << 20, "x", 1), ERR_NO_SPACE);
    assert_int_equal(rename_at("", "f", "", "f"), OK);
    assert_int_equal(rename_at("", "f", "", "F"), OK);
    assert_int_equal(make_at("", "lower.txt", FILE_REGULAR), OK);
    assert_int_equal(rename_at("", "lower.txt", "", "LOWER~1.TXT"), OK); /* its own other name */
    assert_int_equal(rename_at("a/b", "c", "", "c"), OK);                /* its ".." changes */
    assert_int_equal(rename_at("", "a", "c", "a"), OK);
    assert_int_equal(fs->ops->sync(fs), OK);
    volume_check(true);
    assert_int_equal(volume_run("mdir -b -/ -i image ::"), 0);
    assert_non_null(strstr(volume_output, "::/c/a/b/\n"));
    assert_non_null(strstr(volume_output, "::/F\n"));
    assert_int_equal(volume_run("mattrib +r -i image ::F"), 0);
    assert_int_equal(volume_open(), OK);
    assert_int_equal(write_at("F", 0, "x", 1), ERR_READ_ONLY);
    assert_int_equal(remove_at("", "F", FILE_REGULAR), ERR_READ_ONLY);
    volume_drop();
}

/* A directory that is moved without a cluster, or without "..", keeps its name; nothing else is written over. */
static void test_a_directory_that_makes_no_sense(void **state)
{
    (void)state;
    for (unsigned is_cluster = 0; is_cluster < 2; is_cluster++) {
        for (unsigned kind = 0; kind < KINDS; kind++) {
            volume_make(kind);
            assert_int_equal(make_at("", "to", FILE_DIRECTORY), OK);
            assert_int_equal(make_at("", "BAD", FILE_DIRECTORY), OK);
            assert_int_equal(fs->ops->sync(fs), OK);
            uint64_t entry = node_at("BAD");
            uint64_t cluster = volume.image[entry + 26];
            uint8_t *dots = volume.image + fat.data + (cluster - 2) * fat.cluster_bytes + 32;
            assert_memory_equal(dots, "..  ", 4);
            if (is_cluster) {
                memset(dots, 'x', 32);
            } else {
                volume.image[entry + 26] = 0;
            }
            assert_int_equal(volume_open(), OK);
            volume_log();
            assert_int_equal(rename_at("", "BAD", "to", "BAD"), ERR_CORRUPT);
            assert_int_equal(written_count, 0);
            assert_int_equal(node_at("BAD"), entry);
            assert_int_equal(rename_at("", "BAD", "", "WORSE"), OK); /* that it can */
            volume_drop();
        }
    }
}

/* A read that fails during a move is the end of writing or changes nothing, and never leaves two names. */
static void test_reads_that_fail_during_a_move(void **state)
{
    uint64_t old_node, new_node;
    status_t status = ERR_IO;

    (void)state;
    for (unsigned reads = 0; status != OK; reads++) {
        volume_make(0);
        assert_int_equal(make_at("", "to", FILE_DIRECTORY), OK);
        assert_int_equal(make_at("", "moved", FILE_DIRECTORY), OK);
        assert_int_equal(fs->ops->sync(fs), OK);
        assert_int_equal(volume_open(), OK);
        uint64_t directory = node_at("to");
        reads_left = reads;
        status = fs->ops->rename(fs, fs->root, name_of("moved"), directory, name_of("moved"));
        reads_left = ~0u;
        bool is_stopped = fat.is_stopped;
        bool is_old = walk_to_node(fs, fs->root, "moved", &old_node) == OK;
        bool is_new = walk_to_node(fs, fs->root, "to/moved", &new_node) == OK;
        assert_true(status == OK ? is_new && !is_old : !is_new && (is_old || is_stopped));
        volume_log();
        (void)make_at("", "later", FILE_REGULAR);
        assert_true(!is_stopped || written_count == 0);
        volume_drop();
    }
}

/* The label is no file: one may have its name. */
static void test_a_file_named_like_the_volume(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        volume_make(kind);
        assert_int_equal(volume_run("mlabel -s -i image :: | grep -q LABEL"), 0);
        assert_int_equal(make_at("", "LABEL", FILE_REGULAR), OK);
        assert_int_equal(make_at("", "LABEL", FILE_REGULAR), ERR_EXISTS);
        assert_int_equal(write_at("LABEL", 0, data, 10), OK);
        assert_int_equal(fs->ops->sync(fs), OK);
        volume_check(true);
        assert_int_equal(volume_run("mlabel -s -i image :: | grep -q LABEL"), 0);
        assert_int_equal(remove_at("", "LABEL", FILE_REGULAR), OK);
        volume_drop();
    }
}

/* One file in all clusters that there are. */
static void test_a_file_that_fills_the_volume(void **state)
{
    static char block[64 * 1024];
    uint64_t end = 0;
    uint32_t done;

    (void)state;
    volume_make(1);
    assert_int_equal(make_at("", "large", FILE_REGULAR), OK);
    while (fs->ops->write(fs, node_at("large"), end, block, sizeof(block), &done) == OK) {
        end += done;
    }
    assert_int_equal(fat.free, 0);
    assert_int_equal(end, (uint64_t)fat.clusters * fat.cluster_bytes);
    assert_int_equal(fs->ops->truncate(fs, node_at("large"), end - 1), OK);
    assert_int_equal(write_at("large", end - 1, "x", 1), OK);
    assert_int_equal(fs->ops->sync(fs), OK);
    volume_check(true);
    volume_drop();
}

/* Numbers of clusters end before those that mean something else. */
static void test_the_largest_volume(void **state)
{
    const uint32_t most = 0x0ffffff5, tables = 2 * 0x200000;

    (void)state;
    volume_make(2);
    uint32_t reserved = fat_get16(volume.image + 14);
    fat_put32(volume.image + 36, tables / 2);
    for (uint32_t more = 0; more < 2; more++) {
        fat_put32(volume.image + 32, reserved + tables + most + more);
        volume_device.sectors = 1ull << 32;
        status_t status = volume_open();
        assert_int_equal(status, more ? ERR_CORRUPT : OK);
        assert_int_equal(fat.clusters, most + more);
    }
    volume_drop();
}

/* Short names beside the long ones: unique, also when hundreds begin alike; and times. */
static void test_short_names_and_times(void **state)
{
    char name[64];

    (void)state;
    volume_make(2);
    fat.utc_at_start = 1709210096ull * 1000000000; /* 2024-02-29 12:34:56 */
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "measurements of day %u.text", i);
        assert_int_equal(make_at("", name, FILE_REGULAR), OK);
    }
    assert_int_equal(fs->ops->sync(fs), OK);
    volume_check(true); /* it looks for short names that are there twice */
    assert_int_equal(volume_run("mdir -i image ::"), 0);
    assert_non_null(
        strstr(volume_output, "MEASUR~1 TEX         0 2024-02-29  12:34  measurements"));
    assert_non_null(strstr(volume_output, "MEASUR~4 TEX"));
    assert_null(strstr(volume_output, "MEASUR~5"));
    volume_drop();
}

/* What lies behind the end of a directory does not come to light when the end moves (S2). */
static void test_rubbish_behind_the_end(void **state)
{
    struct file_entry entry;

    (void)state;
    volume_make(0);
    for (unsigned i = 0; i < 60; i++) { /* the first entry is the label, the second the end */
        memcpy(volume.image + fat.root + (2 + i) * FAT_ENTRY_BYTES, "RUBBISH BIN\x20", 12);
    }
    assert_int_equal(volume_open(), OK);
    for (unsigned i = 0; i < 10; i++) {
        char name[32];

        snprintf(name, sizeof(name), "a name of some parts %u", i);
        assert_int_equal(make_at("", name, FILE_REGULAR), OK);
        unsigned count = 0;
        entry.next = 0;
        while (fs->ops->list(fs, fs->root, entry.next, &entry) == OK) {
            count++;
        }
        assert_int_equal(count, i + 1);
    }
    volume_drop(); /* fsck.fat looks behind the end, too */
}

/* Only an orderly end takes the mark away, and it does not if it was found. */
static void test_the_mark(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        volume_make(kind);
        assert_int_equal(make_at("", "f", FILE_REGULAR), OK);
        assert_int_equal(volume_open(), OK);
        assert_true(fat.was_marked);
        assert_int_equal(volume_run("/usr/sbin/fsck.fat -n image | grep -q 'Dirty bit is set'"), 0);
        assert_int_equal(make_at("", "g", FILE_REGULAR), OK);
        assert_int_equal(fs->ops->sync(fs), OK);
        assert_int_equal(volume_open(), OK);
        assert_true(fat.was_marked);
        volume_run("/usr/sbin/fsck.fat -a image >/dev/null");
        assert_int_equal(volume_open(), OK);
        assert_false(fat.was_marked);
        fs->ops->hold(fs, node_at("f"));
        uint64_t held = node_at("f");
        assert_int_equal(write_at("f", 0, "data", 4), OK);
        assert_int_equal(remove_at("", "f", FILE_REGULAR), OK);
        assert_int_equal(fs->ops->sync(fs), OK);
        assert_true(fat.is_marked); /* its cluster would be lost */
        fs->ops->release(fs, held);
        assert_int_equal(fs->ops->sync(fs), OK);
        assert_false(fat.is_marked);
        volume_check(true);
        volume_drop();
    }
}

/* A loss of power finds the mark, whatever else was written; and after sync all (D4). */
static void test_flushes(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        volume_make(kind);
        assert_int_equal(make_at("", "f", FILE_REGULAR), OK);
        assert_int_equal(flushes, 1);
        assert_int_equal(flushed_at, kind == 0 ? 1 : 3); /* the mark: boot sector, both tables */
        assert_int_equal(write_at("f", 0, data, sizeof(data)), OK);
        assert_int_equal(flushes, 1);
        assert_int_equal(fs->ops->sync(fs), OK);
        assert_int_equal(flushed_at, written_count);
        assert_int_equal(flushes, 3); /* before the mark goes, and behind it */
        assert_int_equal(fs->ops->sync(fs), OK);
        assert_int_equal(flushes, 3);
        volume_drop();
    }
}

/* What is damaged, or of larger sectors, is not written to. */
static void test_volumes_that_are_not_written_to(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        volume_make(kind);
        volume_log();
        memset(volume.image + fat.table + 300, 0xf1, 4); /* no such cluster */
        assert_int_equal(make_at("", "f", FILE_REGULAR), ERR_CORRUPT);
        assert_int_equal(make_at("", "d", FILE_DIRECTORY), ERR_CORRUPT);
        assert_int_equal(written_count, 0);
        volume_device.sector_bytes = 1024;
        volume_device.sectors /= 2;
        (void)volume_open();
        volume_device.sector_bytes = SECTOR;
        assert_null(fs->ops->write);
        volume_drop();
    }
}

/* Some bytes of the boot sector, the table, a directory. */
static void damage(unsigned count, uint64_t table, uint64_t first, uint64_t *seed)
{
    while (count-- > 0) {
        uint64_t at[3] = {random_next(seed) % 90, table + random_next(seed) % 60,
                          first + random_next(seed) % 4096};

        volume.image[at[random_next(seed) % 3]] = (uint8_t)random_next(seed);
    }
}

static void change_all(void)
{
    uint64_t node;

    (void)make_at("", "another one, with parts", FILE_REGULAR);
    if (walk_to_node(fs, fs->root, "folder", &node) == OK) {
        (void)make_at("folder", "directory", FILE_DIRECTORY);
        (void)rename_at("folder", "a file in it", "", "out of it");
        (void)rename_at("", "folder", "", "a folder");
        (void)remove_at("", "another one, with parts", FILE_REGULAR);
    }
    if (walk_to_node(fs, fs->root, "out of it", &node) == OK) {
        (void)write_at("out of it", 30000, data, 3000);
        (void)fs->ops->truncate(fs, node, 700);
        (void)remove_at("", "out of it", FILE_REGULAR);
    }
    (void)fs->ops->sync(fs);
}

/* Whatever the bytes say, nothing outside of the volume is read or written (the device looks), and it comes to an end (D1). */
static void test_random_damage(void **state)
{
    uint64_t seed = 11;
    unsigned changed = 0;

    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        volume_make(kind);
        assert_int_equal(make_at("", "folder", FILE_DIRECTORY), OK);
        assert_int_equal(make_at("folder", "a file in it", FILE_REGULAR), OK);
        assert_int_equal(write_at("folder/a file in it", 0, data, sizeof(data)), OK);
        uint64_t first = fat.root_entries > 0 ? fat.root : fat.data, table = fat.table;
        uint8_t *kept = malloc(volume.bytes);
        assert_non_null(kept);
        memcpy(kept, volume.image, volume.bytes);
        for (unsigned i = 0; i < DAMAGES; i++) {
            volume_log();
            damage(1 + i % 4, table, first, &seed);
            if (volume_open() == OK && fs->ops->write != NULL) {
                change_all();
            }
            changed += written_count > 0;
            for (unsigned k = 0; k < written_count; k++) {
                memcpy(volume.image + written[k].sector * SECTOR, kept + written[k].sector * SECTOR,
                       SECTOR);
            }
            memcpy(volume.image, kept, first + 8192);
        }
        free(kept);
        volume_drop();
    }
    assert_in_range(changed, DAMAGES / 2, KINDS * DAMAGES - 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_a_directory_that_makes_no_sense),
        cmocka_unit_test(test_reads_that_fail_during_a_move),
        cmocka_unit_test(test_a_file_named_like_the_volume),
        cmocka_unit_test(test_a_file_that_fills_the_volume),
        cmocka_unit_test(test_the_largest_volume),
        cmocka_unit_test(test_short_names_and_times),
        cmocka_unit_test(test_rubbish_behind_the_end),
        cmocka_unit_test(test_the_mark),
        cmocka_unit_test(test_flushes),
        cmocka_unit_test(test_volumes_that_are_not_written_to),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
