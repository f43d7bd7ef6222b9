/* SPDX-License-Identifier: MIT */
/* Packed files as tools/image/packed.py makes them: read back whole and in pieces, and damaged in every byte (K1, K2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lz4.h>

#include "kernel/base/crc32c.h"
#include "userspace/files/packed/packed_files.h"
#include "userspace/files/server/walk.h"
#include "userspace/lib/random.h"

#define LARGE   100000u /* bytes of a file that packs well but for its middle */
#define DAMAGES 3000u

static struct packed_files packed;
static struct file_system *const fs = &packed.fs;
static char folder[] = "/tmp/test_packed.XXXXXX";
static char large[LARGE];
static char *image;
static uint64_t image_bytes;
static unsigned reports;

static bool unpack(const void *bytes, uint32_t count, void *out, uint32_t out_bytes)
{
    if (count == out_bytes) {
        memcpy(out, bytes, count);
        return true;
    }
    return LZ4_decompress_safe(bytes, out, (int)count, (int)out_bytes) == (int)out_bytes;
}

static void report(uint32_t block)
{
    (void)block;
    reports++;
}

static void write_file(const char *name, const void *data, size_t bytes)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

static int make_image(void **state)
{
    char command[1024], path[512];
    uint64_t seed = 3;

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (char)(i > 30000 && i < 60000 ? random_next(&seed) : i / 100);
    }
    write_file("large", large, LARGE);
    write_file("empty", "", 0);
    write_file("small", "small", 5);
    snprintf(command, sizeof(command),
             "cd %s && %s %s/tools/image/packed.py out d/e/large=large d/small=small z=small "
             "empty=empty d/f/b=small d/f/a=empty",
             folder, "/usr/bin/python3", getcwd(path, sizeof(path)));
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/out", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    image = malloc(LARGE);
    image_bytes = fread(image, 1, LARGE, file);
    fclose(file);
    assert_true(image_bytes > 30000 && image_bytes < 60000); /* packed where that helps */
    return 0;
}

static int remove_image(void **state)
{
    char command[64];

    (void)state;
    free(image);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static status_t open_copy(const char *bytes, uint64_t count)
{
    reports = 0;
    return packed_files_open(&packed, bytes, count, unpack, report);
}

static uint64_t node_at(const char *path)
{
    uint64_t node;

    assert_int_equal(walk_to_node(fs, fs->root, path, &node), OK);
    return node;
}

static void test_names(void **state)
{
    static const char *const wanted[] = {"e", "f", "small"};
    struct file_entry entry;
    struct file_facts facts;
    uint64_t cursor = 0, node;

    (void)state;
    assert_int_equal(open_copy(image, image_bytes), OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fs->ops->list(fs, node_at("d"), cursor, &entry), OK);
        assert_string_equal(entry.name, wanted[i]);
        cursor = entry.next;
    }
    assert_int_equal(fs->ops->list(fs, node_at("d"), cursor, &entry), ERR_NOT_FOUND);
    assert_int_equal(fs->ops->list(fs, node_at("z"), 0, &entry), ERR_NOT_DIRECTORY);
    assert_int_equal(fs->ops->facts(fs, node_at("d/e/large"), &facts), OK);
    assert_true(facts.size == LARGE && facts.kind == FILE_REGULAR);
    assert_int_equal(fs->ops->facts(fs, node_at("d/f"), &facts), OK);
    assert_int_equal(facts.kind, FILE_DIRECTORY);
    assert_int_equal(walk_to_node(fs, fs->root, "d/smal", &node), ERR_NOT_FOUND);
    assert_int_equal(walk_to_node(fs, fs->root, "d/smalls", &node), ERR_NOT_FOUND);
    assert_int_equal(walk_to_node(fs, fs->root, "z/x", &node), ERR_NOT_DIRECTORY);
    assert_null(fs->ops->write);
}

static void test_contents(void **state)
{
    static char back[LARGE + 10];
    uint64_t seed = 1, node;
    uint32_t bytes;

    (void)state;
    assert_int_equal(open_copy(image, image_bytes), OK);
    node = node_at("d/e/large");
    assert_int_equal(fs->ops->read(fs, node, 0, back, sizeof(back), &bytes), OK);
    assert_int_equal(bytes, LARGE);
    assert_memory_equal(back, large, LARGE);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t at = random_next(&seed) % (LARGE + 100);
        uint32_t wanted = (uint32_t)(random_next(&seed) % 40000);
        uint64_t there = at < LARGE ? LARGE - at : 0;

        assert_int_equal(fs->ops->read(fs, node, at, back, wanted, &bytes), OK);
        assert_int_equal(bytes, there < wanted ? there : wanted);
        assert_memory_equal(back, large + (at < LARGE ? at : 0), bytes);
    }
    assert_int_equal(fs->ops->read(fs, node_at("empty"), 0, back, 10, &bytes), OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(fs->ops->read(fs, node_at("d/f/b"), 3, back, 10, &bytes), OK);
    assert_true(bytes == 2 && memcmp(back, "ll", 2) == 0);
    assert_int_equal(reports, 0);
}

/* K2: the damaged block is refused, again and again; the others are as they were. */
static void test_a_damaged_block(void **state)
{
    static char back[LARGE];
    char *copy = malloc(image_bytes);
    uint32_t bytes;

    (void)state;
    memcpy(copy, image, image_bytes);
    assert_int_equal(open_copy(copy, image_bytes), OK);
    uint64_t node = node_at("d/e/large");
    copy[packed.block[packed.node[node].first + 2].offset + 17] ^= 1;
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(fs->ops->read(fs, node, 2 * PACKED_BLOCK_BYTES, back, 1, &bytes),
                         ERR_CORRUPT);
        assert_int_equal(reports, i);
    }
    assert_int_equal(fs->ops->read(fs, node, 0, back, LARGE, &bytes), ERR_CORRUPT);
    assert_int_equal(fs->ops->read(fs, node, 0, back, 2 * PACKED_BLOCK_BYTES, &bytes), OK);
    assert_int_equal(fs->ops->read(fs, node, 3 * PACKED_BLOCK_BYTES, back, LARGE, &bytes), OK);
    assert_int_equal(bytes, LARGE - 3 * PACKED_BLOCK_BYTES);
    free(copy);
}

static void read_all(uint64_t directory)
{
    static char back[LARGE];
    struct file_entry entry = {0};
    uint32_t bytes;

    while (fs->ops->list(fs, directory, entry.next, &entry) == OK) {
        if (entry.kind == FILE_DIRECTORY) {
            read_all(entry.node);
        } else {
            (void)fs->ops->read(fs, entry.node, 0, back, sizeof(back), &bytes);
        }
    }
}

/* With a checksum that is right, as somebody who wants to do harm would write it: never beyond the image. */
static void seal(char *copy, uint64_t bytes)
{
    struct packed_header *header = (struct packed_header *)copy;
    uint64_t tables = sizeof(*header) + (uint64_t)header->node_count * sizeof(struct packed_node) +
                      (uint64_t)header->block_count * sizeof(struct packed_block) +
                      header->name_bytes;

    header->checksum = 0;
    header->checksum = tables <= bytes ? crc32c(0, copy, tables) : 0;
}

static void test_random_damage(void **state)
{
    uint64_t seed = 5, tables = 900;
    unsigned opened = 0;

    (void)state;
    for (unsigned i = 0; i < DAMAGES; i++) {
        uint64_t bytes = i % 8 == 0 ? random_next(&seed) % image_bytes : image_bytes;
        char *copy = malloc(bytes + 1);

        memcpy(copy, image, bytes);
        for (unsigned k = 0; k <= i % 4 && bytes > tables; k++) {
            copy[random_next(&seed) % (i % 2 != 0 ? tables : bytes)] = (char)random_next(&seed);
        }
        if (i % 2 != 0 && bytes > sizeof(struct packed_header)) {
            seal(copy, bytes);
        }
        if (open_copy(copy, bytes) == OK) {
            opened++;
            read_all(fs->root);
        }
        free(copy);
    }
    assert_in_range(opened, DAMAGES / 20, DAMAGES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_a_damaged_block),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, make_image, remove_image);
}
