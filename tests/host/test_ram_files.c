/* SPDX-License-Identifier: MIT */
/* The RAM file system: random traffic against a model, room that ends, everything given back (F1 to F4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/files/ram/ram_files.h"
#include "userspace/files/server/walk.h"
#include "userspace/lib/random.h"

#define FILES     12u
#define FILE_ROOM 20000u
#define STEPS     60000u
#define MANY      3000u
#define HUGE      (700ull * 1024 * 1024) /* three levels of blocks */

static struct ram_files ram;
static struct file_system *const fs = &ram.fs;
static unsigned chunks_out, chunks_left;

static void *alloc_chunk(void)
{
    if (chunks_left == 0) {
        return NULL;
    }
    chunks_left--;
    chunks_out++;
    return malloc(RAM_CHUNK_BYTES); /* with rubbish in it */
}

static void free_chunk(void *chunk)
{
    chunks_out--;
    chunks_left++;
    free(chunk);
}

static const struct ram_memory memory = {alloc_chunk, free_chunk};

static void begin(uint32_t blocks, unsigned chunks)
{
    chunks_out = 0;
    chunks_left = chunks;
    assert_int_equal(ram_files_init(&ram, blocks, &memory), OK);
}

/* F3, for a root without entries. */
static void end(unsigned node_blocks)
{
    assert_int_equal(ram.nodes, 1);
    assert_int_equal(ram.blocks_used, node_blocks);
    for (unsigned i = 0; i < RAM_CHUNKS_MAX; i++) {
        free(ram.chunk[i].memory);
    }
}

static struct file_name name_of(const char *text)
{
    return (struct file_name){text, (uint32_t)strlen(text)};
}

static uint64_t node_at(const char *path)
{
    uint64_t node;

    assert_int_equal(walk_to_node(fs, fs->root, path, &node), OK);
    return node;
}

static status_t make(uint64_t directory, const char *name, enum file_kind kind)
{
    uint64_t node;

    return fs->ops->make(fs, directory, name_of(name), kind, &node);
}

static status_t remove_file(uint64_t directory, const char *name)
{
    return fs->ops->remove(fs, directory, name_of(name), FILE_REGULAR);
}

/* ---- a model: files as arrays ---- */

static struct {
    bool is_there;
    uint32_t size;
    unsigned char data[FILE_ROOM];
} model[FILES];

static void write_both(unsigned i, uint64_t node, uint64_t *seed)
{
    static unsigned char data[9000];
    uint32_t offset = random_next(seed) % (FILE_ROOM - sizeof(data));
    uint32_t bytes = random_next(seed) % sizeof(data), done;

    for (uint32_t at = 0; at < bytes; at++) {
        data[at] = (unsigned char)random_next(seed);
    }
    status_t status = fs->ops->write(fs, node, offset, data, bytes, &done);
    assert_true(status == OK || (status == ERR_NO_SPACE && done == 0));
    if (status == OK && done > 0) {
        memcpy(model[i].data + offset, data, done);
        model[i].size = offset + done > model[i].size ? offset + done : model[i].size;
    }
}

static void truncate_both(unsigned i, uint64_t node, uint64_t *seed)
{
    uint32_t size = random_next(seed) % FILE_ROOM;

    assert_int_equal(fs->ops->truncate(fs, node, size), OK);
    if (size < model[i].size) {
        memset(model[i].data + size, 0, model[i].size - size);
    }
    model[i].size = size;
}

static void compare(unsigned i, uint64_t node, uint64_t *seed)
{
    static unsigned char data[FILE_ROOM];
    uint32_t offset = random_next(seed) % FILE_ROOM, bytes;
    struct file_facts facts;

    assert_int_equal(fs->ops->facts(fs, node, &facts), OK);
    assert_int_equal(facts.size, model[i].size);
    assert_int_equal(fs->ops->read(fs, node, offset, data, sizeof(data), &bytes), OK);
    assert_int_equal(bytes, offset < model[i].size ? model[i].size - offset : 0);
    assert_memory_equal(data, model[i].data + offset, bytes);
}

/* A file goes or comes under its name; or takes the place of another. */
static void change_name(unsigned i, uint64_t *seed)
{
    unsigned other = random_next(seed) % FILES;
    char name[8], other_name[8];
    uint64_t root = fs->root;

    snprintf(name, sizeof(name), "%u", i);
    snprintf(other_name, sizeof(other_name), "%u", other);
    if (!model[i].is_there) {
        status_t status = make(root, name, FILE_REGULAR);
        assert_true(status == OK || status == ERR_NO_SPACE);
        model[i].is_there = status == OK;
        model[i].size = 0;
        memset(model[i].data, 0, FILE_ROOM);
    } else if (random_next(seed) % 2 != 0 && other != i) {
        assert_int_equal(fs->ops->rename(fs, root, name_of(name), root, name_of(other_name)), OK);
        model[other] = model[i];
        model[i].is_there = false;
    } else {
        assert_int_equal(remove_file(root, name), OK);
        model[i].is_there = false;
    }
}

static void run_random(uint32_t blocks, unsigned chunks)
{
    uint64_t seed = blocks;
    char name[8];

    memset(model, 0, sizeof(model));
    begin(blocks, chunks);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = random_next(&seed) % FILES, what = random_next(&seed) % 8;
        uint64_t node = 0;

        snprintf(name, sizeof(name), "%u", i);
        status_t status = fs->ops->find(fs, fs->root, name_of(name), &node);
        assert_int_equal(status, model[i].is_there ? OK : ERR_NOT_FOUND);
        if (what == 0 || status != OK) {
            change_name(i, &seed);
        } else if (what == 1) {
            truncate_both(i, node, &seed);
        } else if (what < 5) {
            write_both(i, node, &seed);
        } else {
            compare(i, node, &seed);
        }
    }
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%u", i);
        assert_int_equal(remove_file(fs->root, name), model[i].is_there ? OK : ERR_NOT_FOUND);
    }
    end(1);
}

static void test_random(void **state)
{
    (void)state;
    run_random(1000, 1000);
}

static void test_random_full_by_limit(void **state)
{
    (void)state;
    run_random(20, 1000);
}

static void test_random_out_of_memory(void **state)
{
    (void)state;
    chunks_left = 1;
    run_random(1000, 1);
    assert_int_equal(ram_files_init(&ram, 0, &memory), ERR_NO_SPACE);
}

/* ---- one thing each ---- */

static void test_large_files_are_trees(void **state)
{
    uint32_t done;
    char byte = 'x', back[3];

    (void)state;
    begin(100, 10);
    assert_int_equal(make(fs->root, "huge", FILE_REGULAR), OK);
    uint64_t node = node_at("huge");
    for (uint64_t at = 5; at < HUGE; at = at * 7 + 4093) {
        assert_int_equal(fs->ops->write(fs, node, at, &byte, 1, &done), OK);
    }
    for (uint64_t at = 5; at < HUGE; at = at * 7 + 4093) {
        assert_int_equal(fs->ops->read(fs, node, at - 1, back, 2, &done), OK);
        assert_true(back[0] == 0 && back[1] == 'x');
    }
    assert_int_equal(fs->ops->write(fs, node, RAM_FILE_MAX, &byte, 1, &done), ERR_TOO_BIG);
    assert_int_equal(fs->ops->write(fs, node, ~0ull, &byte, 1, &done), ERR_TOO_BIG);
    assert_int_equal(fs->ops->write(fs, node, RAM_FILE_MAX - 1, &byte, 1, &done), OK);
    assert_int_equal(fs->ops->truncate(fs, node, RAM_FILE_MAX + 1), ERR_TOO_BIG);
    assert_int_equal(fs->ops->truncate(fs, node, 6), OK);
    assert_int_equal(fs->ops->truncate(fs, node, 100), OK);
    assert_int_equal(fs->ops->read(fs, node, 5, back, 3, &done), OK);
    assert_true(back[0] == 'x' && back[1] == 0 && back[2] == 0);
    assert_int_equal(remove_file(fs->root, "huge"), OK);
    end(1);
}

/* F1: what was cut off, or not begun, leaves no blocks behind. */
static void test_full(void **state)
{
    static char data[64 * RAM_BLOCK_BYTES];
    uint32_t done;

    (void)state;
    begin(6, 10); /* one of nodes, one index, four of data */
    assert_int_equal(make(fs->root, "a", FILE_REGULAR), OK);
    assert_int_equal(make(fs->root, "b", FILE_REGULAR), OK);
    assert_int_equal(fs->ops->write(fs, node_at("a"), 0, data, sizeof(data), &done), OK);
    assert_int_equal(done, 4 * RAM_BLOCK_BYTES);
    assert_int_equal(fs->ops->write(fs, node_at("a"), done, data, 1, &done), ERR_NO_SPACE);
    assert_int_equal(fs->ops->write(fs, node_at("b"), 0, data, 1, &done), ERR_NO_SPACE);
    assert_int_equal(fs->ops->truncate(fs, node_at("a"), 3 * RAM_BLOCK_BYTES), OK);
    assert_int_equal(fs->ops->write(fs, node_at("b"), 1ull << 30, data, 1, &done), ERR_NO_SPACE);
    assert_int_equal(ram.blocks_used, 5);
    assert_int_equal(fs->ops->write(fs, node_at("b"), 0, data, 1, &done), OK);
    assert_int_equal(remove_file(fs->root, "a"), OK);
    assert_int_equal(remove_file(fs->root, "b"), OK);
    end(1);
}

static void test_held_nodes_stay(void **state)
{
    uint32_t done;
    char back[4];

    (void)state;
    begin(100, 10);
    assert_int_equal(make(fs->root, "d", FILE_DIRECTORY), OK);
    assert_int_equal(make(node_at("d"), "f", FILE_REGULAR), OK);
    uint64_t file = node_at("d/f"), directory = node_at("d");
    fs->ops->hold(fs, file);
    fs->ops->hold(fs, directory);
    assert_int_equal(fs->ops->write(fs, file, 0, "held", 4, &done), OK);
    assert_int_equal(remove_file(directory, "f"), OK);
    assert_int_equal(fs->ops->remove(fs, fs->root, name_of("d"), FILE_DIRECTORY), OK);
    assert_int_equal(make(directory, "new", FILE_REGULAR), ERR_NOT_FOUND);
    assert_int_equal(fs->ops->read(fs, file, 0, back, 4, &done), OK);
    assert_memory_equal(back, "held", 4);
    assert_int_equal(ram.nodes, 3);
    fs->ops->release(fs, file);
    fs->ops->release(fs, directory);
    end(1);
}

static void test_renames_that_are_refused(void **state)
{
    (void)state;
    begin(100, 10);
    uint64_t root = fs->root;
    assert_int_equal(make(root, "a", FILE_DIRECTORY), OK);
    assert_int_equal(make(node_at("a"), "b", FILE_DIRECTORY), OK);
    assert_int_equal(make(root, "f", FILE_REGULAR), OK);
    uint64_t a = node_at("a"), b = node_at("a/b");
    assert_int_equal(fs->ops->rename(fs, root, name_of("a"), b, name_of("c")), ERR_BAD_ARGUMENT);
    assert_int_equal(fs->ops->rename(fs, root, name_of("a"), a, name_of("c")), ERR_BAD_ARGUMENT);
    assert_int_equal(fs->ops->rename(fs, root, name_of("f"), root, name_of("a")), ERR_IS_DIRECTORY);
    assert_int_equal(fs->ops->rename(fs, a, name_of("b"), root, name_of("f")), ERR_NOT_DIRECTORY);
    assert_int_equal(fs->ops->rename(fs, a, name_of("b"), root, name_of("a")), ERR_NOT_EMPTY);
    assert_int_equal(fs->ops->rename(fs, root, name_of("x"), root, name_of("y")), ERR_NOT_FOUND);
    assert_int_equal(fs->ops->rename(fs, root, name_of("f"), root, name_of("f")), OK);
    assert_int_equal(fs->ops->rename(fs, root, name_of("f"), b, name_of("g")), OK);
    assert_int_equal(node_at("a/b/g"), node_at("/a//./b/g"));
    assert_int_equal(walk_to_node(fs, root, "a/../f", &a), ERR_BAD_ARGUMENT);
    assert_int_equal(walk_to_node(fs, root, "..", &a), ERR_BAD_ARGUMENT);
    assert_int_equal(walk_to_node(fs, root, "a/b/g/x", &a), ERR_NOT_DIRECTORY);
    assert_int_equal(remove_file(b, "g"), OK);
    assert_int_equal(fs->ops->remove(fs, node_at("a"), name_of("b"), FILE_DIRECTORY), OK);
    assert_int_equal(fs->ops->remove(fs, root, name_of("a"), FILE_DIRECTORY), OK);
    end(1);
}

/* Every second one goes while they are listed, and new ones come; all others come exactly once. */
static void test_list_while_it_changes(void **state)
{
    static bool seen[MANY];
    static struct file_entry entry;
    uint64_t cursor = 0;
    char name[16];

    (void)state;
    begin(1000, 100);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%u", i);
        assert_int_equal(make(fs->root, name, FILE_REGULAR), OK);
    }
    while (fs->ops->list(fs, fs->root, cursor, &entry) == OK && atoi(entry.name) < (int)MANY) {
        unsigned i = (unsigned)atoi(entry.name);

        assert_false(seen[i]);
        seen[i] = true;
        cursor = entry.next;
        snprintf(name, sizeof(name), "%u", i / 2 * 2);
        (void)remove_file(fs->root, name);
        snprintf(name, sizeof(name), "%u", MANY + i);
        assert_int_equal(make(fs->root, name, FILE_REGULAR), OK);
    }
    for (unsigned i = 0; i < 2 * MANY; i++) {
        assert_true(i >= MANY || seen[i]);
        snprintf(name, sizeof(name), "%u", i);
        (void)remove_file(fs->root, name);
    }
    assert_int_equal(fs->ops->list(fs, fs->root, 0, &entry), ERR_NOT_FOUND);
    end(ram.blocks_used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_full_by_limit),
        cmocka_unit_test(test_random_out_of_memory),
        cmocka_unit_test(test_large_files_are_trees),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_held_nodes_stay),
        cmocka_unit_test(test_renames_that_are_refused),
        cmocka_unit_test(test_list_while_it_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
