/* SPDX-License-Identifier: MIT */
/* FAT12, 16 and 32 written to: random traffic against a model, read back by mtools and checked by fsck.fat. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/fat_support.h"
#include "userspace/files/server/walk.h"
#include "userspace/lib/random.h"

#define FILES     10u
#define FILE_ROOM 20000u
#define STEPS     4000u

static unsigned char data[9000], back[FILE_ROOM + 10];

/* ---- a model: files as arrays, in one of two directories ---- */

static const char *const names[FILES] = {"a",
                                         "B.TXT",
                                         "lower.txt",
                                         "a longer name.text",
                                         "UPPER",
                                         "gr\xc3\xbc\xc3\x9f \xe2\x98\x83.dat",
                                         "a longer name.tex2",
                                         "a longer name, again.text",
                                         ".hidden",
                                         "with+plus=and,comma;too"};
static const char *const places[2] = {"", "A folder"};

static struct {
    bool is_there;
    uint32_t size;
    uint64_t held; /* 0: it is not */
    unsigned char data[FILE_ROOM];
} model[2][FILES];

static uint64_t place_node(unsigned place)
{
    return node_at(places[place]);
}

static void write_both(unsigned place, unsigned i, uint64_t node, uint64_t *seed)
{
    uint32_t offset = random_next(seed) % (FILE_ROOM - sizeof(data));
    uint32_t bytes = random_next(seed) % sizeof(data), done;

    for (uint32_t at = 0; at < bytes; at++) {
        data[at] = (unsigned char)random_next(seed);
    }
    assert_int_equal(fs->ops->write(fs, node, offset, data, bytes, &done), OK);
    assert_int_equal(done, bytes);
    if (bytes > 0) {
        memcpy(model[place][i].data + offset, data, bytes);
        model[place][i].size =
            offset + bytes > model[place][i].size ? offset + bytes : model[place][i].size;
    }
}

static void truncate_both(unsigned place, unsigned i, uint64_t node, uint64_t *seed)
{
    uint32_t size = random_next(seed) % FILE_ROOM;

    assert_int_equal(fs->ops->truncate(fs, node, size), OK);
    if (size < model[place][i].size) {
        memset(model[place][i].data + size, 0, model[place][i].size - size);
    }
    model[place][i].size = size;
}

static void compare(unsigned place, unsigned i, uint64_t node)
{
    uint32_t bytes;
    struct file_facts facts;

    assert_int_equal(fs->ops->facts(fs, node, &facts), OK);
    assert_int_equal(facts.size, model[place][i].size);
    assert_int_equal(fs->ops->read(fs, node, 0, back, sizeof(back), &bytes), OK);
    assert_int_equal(bytes, facts.size);
    assert_memory_equal(back, model[place][i].data, bytes);
}

static void let_go(unsigned place, unsigned i)
{
    if (model[place][i].held != 0) {
        fs->ops->release(fs, model[place][i].held);
        model[place][i].held = 0;
    }
}

/* Somewhere else, perhaps over another one. */
static void move_both(unsigned place, unsigned i, uint64_t *seed)
{
    unsigned to = random_next(seed) % 2, other = random_next(seed) % FILES;

    if (to == place && other == i) {
        return;
    }
    assert_int_equal(fs->ops->rename(fs, place_node(place), name_of(names[i]), place_node(to),
                                     name_of(names[other])),
                     OK);
    if (model[to][other].held != 0) { /* whoever has it open has it still */
        compare(to, other, model[to][other].held);
        let_go(to, other);
    }
    model[to][other] = model[place][i];
    model[place][i].is_there = false;
    model[place][i].held = 0;
}

static void change_name(unsigned place, unsigned i, uint64_t *seed)
{
    if (!model[place][i].is_there) {
        assert_int_equal(make_at(places[place], names[i], FILE_REGULAR), OK);
        memset(&model[place][i], 0, sizeof(model[place][i]));
        model[place][i].is_there = true;
    } else if (random_next(seed) % 2 != 0) {
        move_both(place, i, seed);
    } else {
        assert_int_equal(remove_at(places[place], names[i], FILE_REGULAR), OK);
        model[place][i].is_there = false;
        if (model[place][i].held != 0) {
            compare(place, i, model[place][i].held);
        }
        let_go(place, i);
    }
}

static void do_something(unsigned place, unsigned i, uint64_t *seed)
{
    unsigned what = random_next(seed) % 10;
    uint64_t node = 0;
    status_t status = fs->ops->find(fs, place_node(place), name_of(names[i]), &node);

    assert_int_equal(status, model[place][i].is_there ? OK : ERR_NOT_FOUND);
    if (status == OK && model[place][i].held != 0) {
        assert_int_equal(node, model[place][i].held);
    }
    if (what < 3 || status != OK) {
        change_name(place, i, seed);
    } else if (what == 3) {
        truncate_both(place, i, node, seed);
    } else if (what == 4 && model[place][i].held == 0) {
        fs->ops->hold(fs, node);
        model[place][i].held = node;
    } else if (what < 8) {
        write_both(place, i, node, seed);
    } else {
        compare(place, i, node);
    }
}

/* All that is there, as mtools see it. */
static void compare_outside(void)
{
    char path[200];

    for (unsigned i = 0; i < 2 * FILES; i++) {
        unsigned place = i / FILES, n = i % FILES;
        int size = (int)model[place][n].size;

        snprintf(path, sizeof(path), "%s/%s", places[place], names[n]);
        int status = volume_run("mcopy -n -i image '::%s' out 2>/dev/null && cat out", path);
        if ((status == 0) != model[place][n].is_there) {
            fail_msg("%s: %d", path, status);
        }
        if (status == 0) {
            assert_memory_equal(volume_output, model[place][n].data, (size_t)size);
            assert_int_equal(volume_run("test $(stat -c %%s out) = %d && rm out", size), 0);
        }
    }
}

static void remove_all(uint32_t *out_free)
{
    for (unsigned i = 0; i < 2 * FILES; i++) {
        let_go(i / FILES, i % FILES);
        if (model[i / FILES][i % FILES].is_there) {
            assert_int_equal(remove_at(places[i / FILES], names[i % FILES], FILE_REGULAR), OK);
        }
    }
    assert_int_equal(remove_at("", "A folder", FILE_DIRECTORY), OK);
    assert_int_equal(fs->ops->sync(fs), OK);
    *out_free = fat.free;
}

static void run_random(unsigned kind)
{
    uint64_t seed = kind + 1;
    uint32_t free_before, free_after;

    memset(model, 0, sizeof(model));
    volume_make(kind);
    assert_int_equal(make_at("", "A folder", FILE_DIRECTORY), OK);
    free_before = fat.free + 1;
    for (unsigned step = 0; step < STEPS; step++) {
        do_something(random_next(&seed) % 2, random_next(&seed) % FILES, &seed);
        if (step % 1000 == 999) {
            for (unsigned i = 0; i < 2 * FILES; i++) {
                let_go(i / FILES, i % FILES);
            }
            assert_int_equal(fs->ops->sync(fs), OK);
            volume_check(true);
            compare_outside();
            assert_int_equal(volume_open(), OK);
        }
    }
    remove_all(&free_after);
    volume_check(true);
    assert_in_range(free_after, free_before - (kind == 2 ? 10 : 0),
                    free_before); /* the root of FAT32 grows */
    volume_drop();
}

static void test_random_fat12(void **state)
{
    (void)state;
    run_random(0);
}

static void test_random_fat16(void **state)
{
    (void)state;
    run_random(1);
}

static void test_random_fat32(void **state)
{
    (void)state;
    run_random(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_fat12),
        cmocka_unit_test(test_random_fat16),
        cmocka_unit_test(test_random_fat32),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
