/* SPDX-License-Identifier: MIT */
/* Volumes of FAT for tests: see fat_support.h. */
#include "tests/host/fat_support.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "userspace/files/server/walk.h"

const struct fat_volume volume_kinds[KINDS] = {
    {12, 720, 2, NULL, 0}, {16, 2500, 1, NULL, 0}, {32, 34000, 1, NULL, 0}};

struct fat_volume volume;
struct fat fat;
struct file_system *const fs = &fat.fs;
struct written *written;
unsigned written_count, writes_left = ~0u, reads_left = ~0u, flushes, flushed_at;
char volume_output[65536];

static char folder[] = "/tmp/test_fat_write.XXXXXX";
static unsigned written_room;

/* ---- the device ---- */

static void check_range(const struct block_device *device, uint64_t sector, uint32_t count)
{
    assert_true(count > 0 && sector < device->sectors && count <= device->sectors - sector);
}

static status_t read_sectors(struct block_device *device, uint64_t sector, uint32_t count,
                             void *data)
{
    check_range(device, sector, count);
    if (reads_left != ~0u && reads_left-- == 0) {
        return ERR_IO;
    }
    memcpy(data, volume.image + sector * SECTOR, (size_t)count * SECTOR);
    return OK;
}

static void note(uint64_t sector)
{
    if (written_count == written_room) {
        written_room = written_room * 2 + 1000;
        written = realloc(written, written_room * sizeof(*written));
        assert_non_null(written);
    }
    written[written_count].sector = sector;
    memcpy(written[written_count++].data, volume.image + sector * SECTOR, SECTOR);
}

static status_t write_sectors(struct block_device *device, uint64_t sector, uint32_t count,
                              const void *data)
{
    check_range(device, sector, count);
    for (uint32_t i = 0; i < count; i++) {
        if (writes_left == 0) {
            return ERR_IO;
        }
        writes_left -= writes_left != ~0u;
        memcpy(volume.image + (sector + i) * SECTOR, (const char *)data + (size_t)i * SECTOR,
               SECTOR);
        note(sector + i);
    }
    return OK;
}

static status_t flush_device(struct block_device *device)
{
    (void)device;
    flushes++;
    flushed_at = written_count;
    return OK;
}

struct block_device volume_device = {
    .read = read_sectors, .sector_bytes = SECTOR, .write = write_sectors, .flush = flush_device};

/* ---- volumes ---- */

int volume_run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    int length = snprintf(command, sizeof(command),
                          "cd %s && export LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1; ", folder);

    va_start(arguments, format);
    vsnprintf(command + length, sizeof(command) - (size_t)length, format, arguments);
    va_end(arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    volume_output[fread(volume_output, 1, sizeof(volume_output) - 1, pipe)] = '\0';
    return WEXITSTATUS(pclose(pipe));
}

void volume_make(unsigned kind)
{
    char path[64];

    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    volume = volume_kinds[kind];
    volume.bytes = (size_t)volume.kib * 1024;
    assert_int_equal(volume_run("/usr/sbin/mkfs.fat -F %u -s %u -n LABEL -i 12345678 -C image %u",
                                volume.bits, volume.sectors_per_cluster, volume.kib),
                     0);
    snprintf(path, sizeof(path), "%s/image", folder);
    int fd = open(path, O_RDWR);
    volume.image = mmap(NULL, volume.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(volume.image, MAP_FAILED);
    close(fd);
    volume_device.sectors = volume.bytes / SECTOR;
    writes_left = reads_left = ~0u;
    volume_log();
    assert_int_equal(volume_open(), OK);
    assert_int_equal(fat.bits, volume.bits);
}

status_t volume_open(void)
{
    return fat_open(&fat, &volume_device);
}

void volume_log(void)
{
    written_count = flushes = flushed_at = 0;
}

void volume_drop(void)
{
    munmap(volume.image, volume.bytes);
    assert_int_equal(volume_run("rm -r %s", folder), 0);
    free(written);
    written = NULL;
    written_count = written_room = 0;
}

/* ---- fsck.fat ---- */

/* Is what stands between the quotes a part of it? */
static bool is_of_very_long_name(const char *line)
{
    char part[256];

    return sscanf(line, "%*[^\"]\"%255[^\"]\"", part) == 1 && strstr(VERY_LONG, part) != NULL;
}

/* Lines that it prints when a machine has stopped: the mark, lost clusters, those behind the end of a file, tables that differ, what is free. */
static bool is_expected(const char *line)
{
    static const char *const begins[] = {
        "fsck.fat ",
        "Dirty bit is set.",
        " Automatically removing dirty bit.",
        "Reclaimed ",
        "FATs differ but appear to be intact.",
        "  Using first FAT.",
        "Using first FAT.",
        "Free cluster summary ",
        "  Auto-correcting.",
        "  File size is ",
        "    Truncating file to ",
        "  Truncating file to ",
        "There are differences between boot sector and its backup.",
        "This is mostly harmless.",
        "  65:01/00",
        "  Not automatically fixing this.",
        "Leaving filesystem unchanged.",
        "*** Filesystem was changed ***",
        "The changes have not yet been written",
        "  (Maybe the start bit is missing",
        "  Not auto-correcting this.",
        "  Auto-deleting.",
        "/",
        "image: "};

    if (strncmp(line, "Long filename fragment ", 23) == 0 ||
        strncmp(line, "Orphaned long file name part ", 29) == 0) {
        return is_of_very_long_name(line);
    }
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (strncmp(line, begins[i], strlen(begins[i])) == 0) {
            return strstr(line, "cluster chain length is") == NULL || strstr(line, "is > ") != NULL;
        }
    }
    return false;
}

void volume_check(bool is_strict)
{
    static char whole[sizeof(volume_output)];
    int status = volume_run("/usr/sbin/fsck.fat -n image 2>&1");

    memcpy(whole, volume_output, sizeof(whole));
    if (is_strict && status != 0) {
        fail_msg("fsck.fat: %d\n%s", status, whole);
    }
    for (char *line = strtok(volume_output, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (!is_expected(line)) {
            fail_msg("fsck.fat: '%s' in\n%s", line, whole);
        }
    }
}

/* ---- names ---- */

struct file_name name_of(const char *text)
{
    return (struct file_name){text, (uint32_t)strlen(text)};
}

uint64_t node_at(const char *path)
{
    uint64_t node;

    if (walk_to_node(fs, fs->root, path, &node) != OK) {
        fail_msg("no %s", path);
    }
    return node;
}

status_t make_at(const char *directory, const char *name, enum file_kind kind)
{
    uint64_t node;

    return fs->ops->make(fs, node_at(directory), name_of(name), kind, &node);
}

status_t remove_at(const char *directory, const char *name, enum file_kind kind)
{
    return fs->ops->remove(fs, node_at(directory), name_of(name), kind);
}

status_t rename_at(const char *from, const char *old_name, const char *to, const char *new_name)
{
    return fs->ops->rename(fs, node_at(from), name_of(old_name), node_at(to), name_of(new_name));
}

status_t write_at(const char *path, uint64_t offset, const void *data, uint32_t bytes)
{
    uint32_t done;
    status_t status = fs->ops->write(fs, node_at(path), offset, data, bytes, &done);

    return status == OK && done < bytes ? ERR_NO_SPACE : status;
}
