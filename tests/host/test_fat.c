/* SPDX-License-Identifier: MIT */
/* FAT12, 16 and 32 as dosfstools and mtools write them: read back, and damaged at random (D1, D2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/files/fat/fat.h"
#include "userspace/files/server/walk.h"
#include "userspace/lib/random.h"

#define LARGE   150000u
#define MANY    200u /* files of one directory */
#define DAMAGES 2000u
#define STEPS   3000u /* a damaged tree may have circles */

static const struct {
    unsigned bits, kib, sectors_per_cluster;
} kinds[] = {{12, 1440, 1}, {16, 20000, 4}, {32, 36000, 1}};

static char folder[] = "/tmp/test_fat.XXXXXX";
static char large[LARGE], back[LARGE + 100];
static uint8_t *image[3];
static unsigned current; /* of kinds[] */
static bool is_broken;   /* the device */

static struct fat fat;
static struct file_system *const fs = &fat.fs;

static status_t read_sectors(struct block_device *device, uint64_t sector, uint32_t count,
                             void *data)
{
    assert_true(count > 0 && sector < device->sectors && count <= device->sectors - sector);
    if (is_broken) {
        return ERR_TIMED_OUT;
    }
    memcpy(data, image[current] + sector * device->sector_bytes,
           (size_t)count * device->sector_bytes);
    return OK;
}

static struct block_device device = {.read = read_sectors};

/* ---- images ---- */

static void run(const char *format, ...)
{
    char command[1024];
    va_list arguments;

    va_start(arguments, format);
    int length =
        snprintf(command, sizeof(command), "cd %s && LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 ", folder);
    vsnprintf(command + length, sizeof(command) - (size_t)length, format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fail_msg("failed: %s", command);
    }
}

static void make_image(unsigned kind)
{
    char path[64];
    size_t bytes = (size_t)kinds[kind].kib * 1024;

    run("/usr/sbin/mkfs.fat -F %u -s %u -n LABEL -C image %u >/dev/null", kinds[kind].bits,
        kinds[kind].sectors_per_cluster, kinds[kind].kib);
    run("mcopy -i image large ::first && mcopy -i image small ::small && mdel -i image ::first");
    run("mmd -i image ::dir ::dir/inner ::many && mcopy -i image many/* ::many");
    run("mcopy -i image small '::A rather long name, with a comma.text'"); /* into the hole */
    run("mcopy -i image large ::dir/inner/large && mcopy -i image empty ::empty");
    run("mcopy -i image small '::dir/gr\xc3\xbc\xc3\x9f \xe2\x98\x83\xe2\x98\x83.txt'");
    run("mcopy -i image small ::UPPER.TXT && mdel -i image ::many/file_number_7_");
    snprintf(path, sizeof(path), "%s/image", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    image[kind] = malloc(bytes);
    assert_int_equal(fread(image[kind], 1, bytes, file), bytes);
    fclose(file);
    run("rm image");
}

static int make_images(void **state)
{
    char path[64];
    uint64_t seed = 9;

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (char)random_next(&seed);
    }
    snprintf(path, sizeof(path), "%s/large", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(large, 1, LARGE, file), LARGE);
    fclose(file);
    run("mkdir many && printf small >small && touch empty && for i in $(seq %u); do echo $i "
        ">many/file_number_${i}_; done",
        MANY);
    for (unsigned kind = 0; kind < 3; kind++) {
        make_image(kind);
    }
    return 0;
}

static int remove_images(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        free(image[kind]);
    }
    run("rm -r %s", folder);
    return 0;
}

static status_t open_image(unsigned kind, uint32_t sector_bytes)
{
    current = kind;
    device.sector_bytes = sector_bytes;
    device.sectors = (uint64_t)kinds[kind].kib * 1024 / sector_bytes;
    return fat_open(&fat, &device);
}

static uint64_t node_at(const char *path)
{
    uint64_t node;

    if (walk_to_node(fs, fs->root, path, &node) != OK) {
        fail_msg("%u: no %s", kinds[current].bits, path);
    }
    return node;
}

static void check_file(const char *path, const void *data, uint32_t bytes)
{
    struct file_facts facts;
    uint64_t node = node_at(path);
    uint32_t got;

    assert_int_equal(fs->ops->facts(fs, node, &facts), OK);
    assert_true(facts.kind == FILE_REGULAR && facts.size == bytes);
    assert_int_equal(fs->ops->read(fs, node, 0, back, sizeof(back), &got), OK);
    assert_int_equal(got, bytes);
    assert_memory_equal(back, data, bytes);
}

static unsigned count_entries(const char *path)
{
    struct file_entry entry = {0};
    uint64_t directory = node_at(path);
    unsigned count = 0;
    status_t status;

    while ((status = fs->ops->list(fs, directory, entry.next, &entry)) == OK) {
        count++;
    }
    assert_int_equal(status, ERR_NOT_FOUND);
    return count;
}

/* ---- tests ---- */

static void check_tree(void)
{
    uint64_t node;

    check_file("dir/inner/large", large, LARGE);
    check_file("small", "small", 5);
    check_file("empty", "", 0);
    check_file("A rather long name, with a comma.text", "small", 5);
    check_file("a RATHER long name, with a comma.TEXT", "small", 5);
    check_file("ARATHE~1.TEX", "small", 5);
    check_file("dir/gr\xc3\xbc\xc3\x9f \xe2\x98\x83\xe2\x98\x83.txt", "small", 5);
    check_file("upper.txt", "small", 5);
    check_file("many/file_number_200_", "200\n", 4);
    assert_int_equal(count_entries(""), 6);
    assert_int_equal(count_entries("dir"), 2);
    assert_int_equal(count_entries("many"), MANY - 1);
    assert_int_equal(walk_to_node(fs, fs->root, "many/file_number_7_", &node), ERR_NOT_FOUND);
    assert_int_equal(walk_to_node(fs, fs->root, "first", &node), ERR_NOT_FOUND);
    assert_int_equal(walk_to_node(fs, fs->root, "LABEL", &node), ERR_NOT_FOUND);
    assert_int_equal(walk_to_node(fs, fs->root, "small/x", &node), ERR_NOT_DIRECTORY);
    assert_int_equal(walk_to_node(fs, fs->root, "dir/../small", &node), ERR_BAD_ARGUMENT);
    assert_null(fs->ops->write);
}

static void test_trees(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        for (uint32_t sector_bytes = 512; sector_bytes <= 4096; sector_bytes *= 8) {
            assert_int_equal(open_image(kind, sector_bytes), OK);
            assert_int_equal(fat.bits, kinds[kind].bits); /* D2 */
            check_tree();
        }
    }
}

static void test_reads_anywhere(void **state)
{
    uint64_t seed = 2;
    uint32_t got;

    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        assert_int_equal(open_image(kind, 512), OK);
        uint64_t node = node_at("dir/inner/large");
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t at = random_next(&seed) % (LARGE + 1000);
            uint32_t wanted = (uint32_t)(random_next(&seed) % 9000);
            uint64_t there = at < LARGE ? LARGE - at : 0;

            assert_int_equal(fs->ops->read(fs, node, at, back, wanted, &got), OK);
            assert_int_equal(got, there < wanted ? there : wanted);
            assert_memory_equal(back, large + (at < LARGE ? at : 0), got);
        }
        assert_int_equal(fs->ops->read(fs, node, ~0ull, back, 10, &got), OK);
        assert_int_equal(got, 0);
    }
}

static void test_errors_of_the_device(void **state)
{
    uint32_t got;

    (void)state;
    assert_int_equal(open_image(0, 512), OK);
    uint64_t node = node_at("dir/inner/large");
    is_broken = true;
    assert_int_equal(fs->ops->read(fs, node, 0, back, LARGE, &got), ERR_TIMED_OUT);
    assert_int_equal(open_image(0, 512), ERR_TIMED_OUT);
    is_broken = false;
    assert_int_equal(open_image(0, 512), OK);
    check_tree();
}

static void test_no_fat(void **state)
{
    uint8_t boot[512];

    (void)state;
    assert_int_equal(open_image(0, 512), OK);
    device.sectors = 100; /* shorter than the volume */
    assert_int_equal(fat_open(&fat, &device), ERR_CORRUPT);
    device.sectors = 0;
    assert_int_equal(fat_open(&fat, &device), ERR_CORRUPT);
    memcpy(boot, image[0], sizeof(boot));
    static const unsigned zeroed[] = {12, 13, 14, 16, 17, 22, 510};
    for (size_t i = 0; i < sizeof(zeroed) / sizeof(zeroed[0]); i++) {
        image[0][zeroed[i]] = 0;
        assert_int_equal(open_image(0, 512), ERR_CORRUPT);
        memcpy(image[0], boot, sizeof(boot));
    }
}

/* Characters that take two units, and halves of them; mtools cannot write those. */
static void test_pairs_of_units(void **state)
{
    static const uint8_t pair[] = {0x3d, 0xd8, 0x3e, 0xdc};
    struct file_entry entry = {0};

    (void)state;
    assert_int_equal(open_image(0, 512), OK);
    uint64_t node = node_at("dir/gr\xc3\xbc\xc3\x9f \xe2\x98\x83\xe2\x98\x83.txt");
    uint8_t *units = image[0] + node - 32 + 14, kept[4]; /* 5 and 6 of the long name */
    memcpy(kept, units, 4);
    memcpy(units, pair, 4);
    assert_int_equal(open_image(0, 512), OK);
    assert_int_equal(node_at("dir/gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xbe.txt"), node);
    memcpy(units + 2, pair, 2);
    assert_int_equal(open_image(0, 512), OK);
    assert_int_equal(node_at("dir/gr\xc3\xbc\xc3\x9f ?\?.txt"), node);
    units[2] = '/'; /* no name for a path: it goes by its short one */
    units[3] = 0;
    assert_int_equal(open_image(0, 512), OK);
    assert_int_equal(fs->ops->list(fs, node_at("dir"), 0, &entry), OK);
    assert_int_equal(fs->ops->list(fs, node_at("dir"), entry.next, &entry), OK);
    assert_true(entry.node == node && entry.name[0] == 'G');
    memcpy(units, kept, 4);
}

/* A chain that is a circle, and one that ends too early. */
static void test_bad_chains(void **state)
{
    uint8_t *kept = malloc((size_t)kinds[1].kib * 1024);
    struct file_entry entry = {0};
    unsigned count = 0;
    uint32_t got;

    (void)state;
    memcpy(kept, image[1], (size_t)kinds[1].kib * 1024);
    assert_int_equal(open_image(1, 512), OK);
    uint64_t file = node_at("dir/inner/large"), directory = node_at("many");
    uint32_t of_file = (uint32_t)(kept[file + 26] | kept[file + 27] << 8);
    uint32_t of_directory = (uint32_t)(kept[directory + 26] | kept[directory + 27] << 8);
    memset(image[1] + fat.table + (size_t)of_file * 2, 0xff, 2);
    memcpy(image[1] + fat.table + (size_t)of_directory * 2, kept + directory + 26, 2);
    assert_int_equal(open_image(1, 512), OK);
    assert_int_equal(fs->ops->read(fs, file, 0, back, LARGE, &got), ERR_CORRUPT);
    assert_int_equal(fs->ops->read(fs, file, 0, back, fat.cluster_bytes, &got), OK);
    while (fs->ops->list(fs, directory, entry.next, &entry) == OK) {
        count++;
    }
    assert_in_range(count, 1, 65536); /* it came to an end */
    memcpy(image[1], kept, (size_t)kinds[1].kib * 1024);
    free(kept);
}

static void read_all(uint64_t directory, unsigned *steps)
{
    struct file_entry entry = {0};
    uint32_t got;

    while (*steps > 0 && fs->ops->list(fs, directory, entry.next, &entry) == OK) {
        (*steps)--;
        assert_true(strlen(entry.name) > 0 && strchr(entry.name, '/') == NULL);
        if (entry.kind == FILE_DIRECTORY) {
            read_all(entry.node, steps);
        } else {
            (void)fs->ops->read(fs, entry.node, 0, back, 8000, &got);
        }
    }
}

/* Where it hurts: boot sector, table, directories. */
static uint64_t place_to_damage(unsigned kind, uint64_t *seed)
{
    switch (random_next(seed) % 4) {
    case 0:
        return random_next(seed) % 90;
    case 1:
        return fat.table + random_next(seed) % 3000;
    case 2:
        return (fat.bits == 32 ? fat.data : fat.root) + random_next(seed) % 2000;
    default:
        return fat.data + random_next(seed) % (kind == 0 ? 200000 : 600000);
    }
}

static void test_random_damage(void **state)
{
    uint64_t seed = 4, places[8];
    uint8_t before[8];
    unsigned opened = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * DAMAGES; i++) {
        unsigned kind = i % 3, count = 1 + i / 3 % 8, steps = STEPS;

        assert_int_equal(open_image(kind, 512), OK);
        for (unsigned k = 0; k < count; k++) {
            places[k] = place_to_damage(kind, &seed);
            before[k] = image[kind][places[k]];
            image[kind][places[k]] = (uint8_t)random_next(&seed);
        }
        if (open_image(kind, 512) == OK) {
            opened++;
            read_all(fs->root, &steps);
        }
        while (count-- > 0) {
            image[kind][places[count]] = before[count];
        }
    }
    assert_in_range(opened, DAMAGES, 3 * DAMAGES - 1);
    for (unsigned kind = 0; kind < 3; kind++) { /* all was put back */
        assert_int_equal(open_image(kind, 512), OK);
        check_tree();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_reads_anywhere),
        cmocka_unit_test(test_errors_of_the_device),
        cmocka_unit_test(test_no_fat),
        cmocka_unit_test(test_pairs_of_units),
        cmocka_unit_test(test_bad_chains),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, make_images, remove_images);
}
