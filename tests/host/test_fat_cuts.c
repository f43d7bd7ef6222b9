/* SPDX-License-Identifier: MIT */
/*
 * A machine that stops while it writes to a FAT volume: after each single sector of each operation, fsck.fat finds nothing but what fat.c
 * says (D3), and what was there before is still there. And a disk that fails instead.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/fat_support.h"
#include "userspace/files/server/walk.h"

#define DATA 5000u

static char data[DATA], back[DATA];

enum what { MAKE, FOLDER, WRITE, TRUNCATE, RENAME, REMOVE, REMOVE_FOLDER };

#define MANY 24u

/* Names long and short, in one sector and in two; files that grow, shrink, move, replace others. */
static const struct step {
    enum what what;
    const char *directory, *name; /* WRITE and TRUNCATE: a path */
    const char *to, *new_name;
    unsigned offset, bytes;
} steps[] = {{MAKE, "", "file", "", "", 0, 0},
             {WRITE, "", "file", "", "", 0, DATA},
             {WRITE, "", "file", "", "", 9000, 700}, /* behind the end */
             {WRITE, "", "file", "", "", 4000, 2000},
             {FOLDER, "", "Folder", "", "", 0, 0},
             {RENAME, "", "file", "", "another name, a long one", 0, 0},
             {RENAME, "", "another name, a long one", "Folder", "MOVED.TXT", 0, 0},
             {MAKE, "", "second", "", "", 0, 0},
             {WRITE, "", "second", "", "", 0, 1500},
             {RENAME, "", "second", "Folder", "moved.txt", 0, 0}, /* replaces it */
             {TRUNCATE, "", "Folder/moved.txt", "", "", 600, 0},
             {TRUNCATE, "", "Folder/moved.txt", "", "", 3000, 0},
             {FOLDER, "Folder", "inner", "", "", 0, 0},
             {RENAME, "Folder", "inner", "", "inner, now outside", 0, 0},
             {MAKE, "Folder", VERY_LONG, "", "", 0, 0},
             {REMOVE, "Folder", VERY_LONG, "", "", 0, 0},
             {REMOVE_FOLDER, "", "inner, now outside", "", "", 0, 0},
             {TRUNCATE, "", "Folder/moved.txt", "", "", 0, 0},
             {WRITE, "", "Folder/moved.txt", "", "", 100, 100},
             {REMOVE, "Folder", "moved.txt", "", "", 0, 0}};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* What is called anew in its directory, and how many sectors had been written before and behind. Both entries are in one sector here. */
static struct {
    const struct step *step;
    unsigned before, behind;
} renamed;

static status_t do_step(const struct step *step)
{
    switch (step->what) {
    case MAKE:
        return make_at(step->directory, step->name, FILE_REGULAR);
    case FOLDER:
        return make_at(step->directory, step->name, FILE_DIRECTORY);
    case WRITE:
        return write_at(step->name, step->offset, data, step->bytes);
    case TRUNCATE:
        return fs->ops->truncate(fs, node_at(step->name), step->offset);
    case RENAME:
        return rename_at(step->directory, step->name, step->to, step->new_name);
    case REMOVE:
        return remove_at(step->directory, step->name, FILE_REGULAR);
    default:
        return remove_at(step->directory, step->name, FILE_DIRECTORY);
    }
}

/* All of them, then a directory that grows. Ends with the first error. */
static status_t do_all(void)
{
    char name[40];
    status_t status = OK;

    for (size_t i = 0; status == OK && i < STEPS; i++) {
        unsigned before = written_count;

        status = do_step(&steps[i]);
        if (steps[i].what == RENAME && strcmp(steps[i].directory, steps[i].to) == 0) {
            renamed.step = &steps[i];
            renamed.before = before;
            renamed.behind = written_count;
        }
    }
    for (unsigned i = 0; status == OK && i < MANY; i++) {
        snprintf(name, sizeof(name), "one of many, number %u", i);
        status = make_at("Folder", name, FILE_REGULAR);
    }
    return status == OK ? fs->ops->sync(fs) : status;
}

static void begin(unsigned kind)
{
    volume_make(kind);
    for (unsigned i = 0; i < DATA; i++) {
        data[i] = (char)('a' + i % 23);
    }
    assert_int_equal(make_at("", "keep this.txt", FILE_REGULAR), OK);
    assert_int_equal(write_at("keep this.txt", 0, data, DATA), OK);
    assert_int_equal(fs->ops->sync(fs), OK);
    volume_check(true);
    volume_log();
}

static void check_kept(void)
{
    uint32_t got;

    assert_int_equal(fs->ops->read(fs, node_at("keep this.txt"), 0, back, DATA, &got), OK);
    assert_int_equal(got, DATA);
    assert_memory_equal(back, data, DATA);
}

/* Each file, to its end. */
static void read_all(uint64_t directory)
{
    struct file_entry entry = {.next = 0};
    struct file_facts facts;
    uint32_t got;

    while (fs->ops->list(fs, directory, entry.next, &entry) == OK) {
        if (entry.kind == FILE_DIRECTORY) {
            read_all(entry.node);
            continue;
        }
        assert_int_equal(fs->ops->facts(fs, entry.node, &facts), OK);
        for (uint64_t at = 0; at < facts.size; at += got) {
            assert_int_equal(fs->ops->read(fs, entry.node, at, back, DATA, &got), OK);
        }
    }
}

/* One of its names it has all the time. */
static void check_renamed(unsigned count)
{
    const struct step *step = renamed.step;
    uint64_t node, directory = node_at(step->directory);

    if (count >= renamed.before && count <= renamed.behind) {
        assert_true(walk_to_node(fs, directory, step->name, &node) == OK ||
                    walk_to_node(fs, directory, step->new_name, &node) == OK);
    }
}

static void cut_after_each(unsigned kind)
{
    uint8_t *before;

    begin(kind);
    before = malloc(volume.bytes);
    assert_non_null(before);
    memcpy(before, volume.image, volume.bytes);
    fat.next =
        337; /* of FAT12, entry 341 lies in two sectors: the file that grows would end there */
    assert_int_equal(do_all(), OK);
    volume_check(true);
    assert_in_range(written_count, 100, 2000);
    assert_true(renamed.before < renamed.behind);
    memcpy(volume.image, before, volume.bytes);
    for (unsigned i = 0; i < written_count; i++) {
        memcpy(volume.image + written[i].sector * SECTOR, written[i].data, SECTOR);
        volume_check(false);
        assert_int_equal(volume_open(), OK);
        check_kept();
        check_renamed(i + 1);
        read_all(fs->root);
        (void)fs->ops->usage(fs);
        assert_true(fat.is_counted); /* the table makes sense: it can be written to again */
    }
    assert_false(fat.was_marked);
    volume_check(true);
    free(before);
    volume_drop();
}

static void test_cuts_of_fat12(void **state)
{
    (void)state;
    cut_after_each(0);
}

static void test_cuts_of_fat16(void **state)
{
    (void)state;
    cut_after_each(1);
}

static void test_cuts_of_fat32(void **state)
{
    (void)state;
    cut_after_each(2);
}

/* Each write fails once, as the first of them: it is passed on, nothing is written any more, all can be read. */
static void test_disks_that_fail(void **state)
{
    (void)state;
    begin(0);
    uint8_t *before = malloc(volume.bytes);
    assert_non_null(before);
    memcpy(before, volume.image, volume.bytes);
    assert_int_equal(do_all(), OK);
    for (unsigned i = 0, all = written_count; i < all; i++) {
        memcpy(volume.image, before, volume.bytes);
        volume_log();
        writes_left = ~0u;
        assert_int_equal(volume_open(), OK);
        writes_left = i;
        assert_int_equal(do_all(), ERR_IO);
        writes_left = ~0u;
        assert_int_equal(make_at("", "no more", FILE_REGULAR), ERR_READ_ONLY);
        assert_int_equal(fs->ops->truncate(fs, node_at("keep this.txt"), 0), ERR_READ_ONLY);
        assert_int_equal(fs->ops->sync(fs), ERR_IO);
        assert_int_equal(written_count, i);
        check_kept();
    }
    free(before);
    volume_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_of_fat12),
        cmocka_unit_test(test_cuts_of_fat16),
        cmocka_unit_test(test_cuts_of_fat32),
        cmocka_unit_test(test_disks_that_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
