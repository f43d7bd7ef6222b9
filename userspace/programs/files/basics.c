/* SPDX-License-Identifier: MIT */
/* One client: every operation, right and wrong. */
#include <stdio.h>
#include <string.h>

#include "gen/interface/vfs_client.h"
#include "userspace/files/client/mount.h"
#include "userspace/lib/check.h"
#include "userspace/lib/start.h"
#include "userspace/programs/files/files.h"

#define LARGE   300000u
#define ENTRIES 250u

static char large[LARGE], back[LARGE];
static char paths[2][128];

/* folder/name; two can be in use at a time. */
static const char *in(const char *folder, const char *name)
{
    static unsigned turn;
    char *path = paths[turn++ % 2];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static uint64_t size_of(const struct file *file)
{
    struct file_info info;

    must(file_stat_open(file, &info));
    return info.size;
}

static void check_contents(const char *folder)
{
    struct file file, again;
    uint64_t bytes;

    pattern(large, LARGE, 7);
    must(file_open(in(folder, "large"), OPEN_READ | OPEN_WRITE | OPEN_CREATE, &file));
    must(file_write(&file, 0, large, LARGE, &bytes));
    VERIFY(bytes == LARGE && size_of(&file) == LARGE);
    must(file_open(in(folder, "./large"), OPEN_READ, &again));
    must(file_read(&again, 0, back, LARGE, &bytes));
    VERIFY(bytes == LARGE && is_pattern(back, LARGE, 7));
    must(file_read(&again, LARGE - 5, back, 100, &bytes));
    VERIFY(bytes == 5 && memcmp(back, large + LARGE - 5, 5) == 0);
    must(file_read(&again, LARGE + 5, back, 100, &bytes));
    VERIFY(bytes == 0);
    EXPECT(file_write(&again, 0, "x", 1, &bytes), ERR_NO_RIGHTS);
    must(file_truncate(&file, 10));
    must(file_write(&file, 5000, "end", 3, &bytes)); /* what lies between is zero */
    must(file_read(&again, 0, back, LARGE, &bytes));
    VERIFY(bytes == 5003 && memcmp(back, large, 10) == 0 && back[10] == 0 && back[4999] == 0);
    must(file_sync(&file));
    file_close(&again);
    file_close(&file);
    EXPECT(file_read(&file, 0, back, 1, &bytes), ERR_BAD_HANDLE);
}

static void check_flags(const char *folder)
{
    const char *path = in(folder, "large");
    struct file file;
    uint64_t bytes;

    EXPECT(file_open(path, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, &file), ERR_EXISTS);
    EXPECT(file_open(path, OPEN_READ | OPEN_DIRECTORY, &file), ERR_NOT_DIRECTORY);
    EXPECT(file_open(path, OPEN_READ | OPEN_TRUNCATE, &file), ERR_BAD_ARGUMENT);
    EXPECT(file_open(path, 1u << 20, &file), ERR_BAD_ARGUMENT);
    must(file_open(path, OPEN_WRITE | OPEN_TRUNCATE, &file));
    VERIFY(size_of(&file) == 0);
    EXPECT(file_read(&file, 0, back, 1, &bytes), ERR_NO_RIGHTS);
    file_close(&file);
    for (unsigned i = 0; i < 3; i++) {
        must(file_open(path, OPEN_WRITE | OPEN_APPEND, &file));
        must(file_write(&file, 0, "more", 4, &bytes));
        VERIFY(size_of(&file) == 4 * (i + 1));
        file_close(&file);
    }
    EXPECT(file_open(in(folder, "none"), OPEN_READ, &file), ERR_NOT_FOUND);
    EXPECT(file_open("/nowhere/x", OPEN_READ, &file), ERR_NOT_FOUND);
    EXPECT(file_open(folder, OPEN_READ | OPEN_WRITE, &file), ERR_IS_DIRECTORY);
    must(file_remove(path, FILE_REGULAR));
}

static void check_names(const char *folder)
{
    struct file file, other;
    struct file_info info;
    uint64_t bytes;

    must(file_make_directory(in(folder, "a")));
    EXPECT(file_make_directory(in(folder, "a")), ERR_EXISTS);
    EXPECT(file_make_directory(in(folder, "b/c")), ERR_NOT_FOUND);
    must(file_make_directory(in(folder, "a/b")));
    must(file_open(in(folder, "a/b/file"), OPEN_READ | OPEN_WRITE | OPEN_CREATE, &file));
    EXPECT(file_make_directory(in(folder, "a/b/file/c")), ERR_NOT_DIRECTORY);
    EXPECT(file_remove(in(folder, "a/b"), FILE_DIRECTORY), ERR_NOT_EMPTY);
    EXPECT(file_remove(in(folder, "a/b"), FILE_REGULAR), ERR_IS_DIRECTORY);
    EXPECT(file_remove(in(folder, "a/b/file"), FILE_DIRECTORY), ERR_NOT_DIRECTORY);
    EXPECT(file_rename(in(folder, "a"), in(folder, "a/b/a")), ERR_BAD_ARGUMENT);
    EXPECT(file_rename(in(folder, "none"), in(folder, "a/x")), ERR_NOT_FOUND);
    must(file_rename(in(folder, "a/b/file"), in(folder, "a/moved")));
    EXPECT(file_stat(in(folder, "a/b/file"), &info), ERR_NOT_FOUND);
    must(file_stat(in(folder, "a/b/../moved"), &info)); /* taken out before anybody sees it */
    VERIFY(info.kind == FILE_REGULAR && info.size == 0);
    must(file_open(in(folder, "a/over"), OPEN_WRITE | OPEN_CREATE, &other));
    must(file_rename(in(folder, "a/moved"), in(folder, "a/over")));
    must(file_write(&other, 0, "no name", 7, &bytes)); /* it lost its name, not its life */
    must(file_write(&file, 0, "file", 4, &bytes));
    must(file_stat(in(folder, "a/over"), &info));
    VERIFY(info.size == 4);
    must(file_remove(in(folder, "a/over"), FILE_REGULAR));
    must(file_read(&file, 0, back, 10, &bytes));
    VERIFY(bytes == 4 && memcmp(back, "file", 4) == 0);
    file_close(&file);
    file_close(&other);
    must(file_remove(in(folder, "a/b"), FILE_DIRECTORY));
    must(file_remove(in(folder, "a"), FILE_DIRECTORY));
    EXPECT(file_remove(folder, FILE_DIRECTORY), ERR_BAD_ARGUMENT);
}

static void check_limits(const char *folder)
{
    char name[400];
    struct file file;

    memset(name, 'n', sizeof(name));
    memcpy(name, folder, strlen(folder));
    name[strlen(folder)] = '/';
    name[399] = '\0';
    EXPECT(file_open(name, OPEN_WRITE | OPEN_CREATE, &file), ERR_TOO_BIG);
    name[strlen(folder) + 1 + 175] = '\0';
    must(file_open(name, OPEN_WRITE | OPEN_CREATE, &file));
    EXPECT(file_truncate(&file, 1ull << 40), ERR_TOO_BIG);
    file_close(&file);
    must(file_remove(name, FILE_REGULAR));
}

/* The server itself knows no way up: a client that does not clean its paths gets nowhere. */
static void check_no_way_up(const char *folder)
{
    struct mount_place place;
    struct file inner = {.handle = HANDLE_NONE};
    struct file_info info;

    must(mount_find(folder, &place));
    must(file_make_directory(in(folder, "jail")));
    must(file_open(in(folder, "jail"), OPEN_READ | OPEN_DIRECTORY, &inner));
    uint32_t kind;
    uint64_t handle, size;
    EXPECT(vfs_open(inner.handle, "../x", OPEN_READ, DEADLINE_FOREVER, &handle, &kind, &size),
           ERR_BAD_ARGUMENT);
    EXPECT(vfs_open(inner.handle, "x", OPEN_WRITE | OPEN_CREATE, DEADLINE_FOREVER, &handle, &kind,
                    &size),
           ERR_NO_RIGHTS);                                   /* opened for reading only */
    EXPECT(vfs_gone(inner.handle, 0, DEADLINE_FOREVER), OK); /* nobody hears it */
    must(file_stat_open(&inner, &info));
    EXPECT(sys_handle_duplicate(inner.handle, RIGHT_MAILBOX_SEND, 99, &handle), ERR_NO_RIGHTS);
    file_close(&inner);
    must(file_remove(in(folder, "jail"), FILE_DIRECTORY));
}

void check_basics(const char *folder)
{
    check_contents(folder);
    check_flags(folder);
    check_names(folder);
    check_limits(folder);
    check_no_way_up(folder);
}

/* ---- lists ---- */

static unsigned count_entries(const struct file *directory, bool remove_on_the_way,
                              const char *folder)
{
    static char entries[4096];
    uint64_t cursor = 0, bytes;
    unsigned count = 0;

    for (;;) {
        must(directory_read(directory, &cursor, entries, sizeof(entries), &bytes));
        if (bytes == 0) {
            return count;
        }
        for (uint64_t at = 0; at < bytes;) {
            const struct vfs_entry *entry = (const struct vfs_entry *)(entries + at);
            char name[64] = {0};

            memcpy(name, entry->name, entry->name_bytes);
            if (remove_on_the_way) {
                must(file_remove(in(folder, name), entry->kind));
            }
            at += entry->entry_bytes;
            count++;
        }
    }
}

/* More than one message's worth; and while they are listed they go. */
void check_listing(const char *folder)
{
    char list[64], name[64];
    struct file directory, file;

    snprintf(list, sizeof(list), "%s/list", folder);
    must(file_make_directory(list));
    for (unsigned i = 0; i < ENTRIES; i++) {
        snprintf(name, sizeof(name), "an_entry_with_number_%u", i);
        must(file_open(in(list, name), OPEN_WRITE | OPEN_CREATE, &file));
        file_close(&file);
    }
    must(file_open(list, OPEN_READ | OPEN_DIRECTORY, &directory));
    VERIFY(count_entries(&directory, false, list) == ENTRIES);
    VERIFY(count_entries(&directory, true, list) == ENTRIES);
    VERIFY(count_entries(&directory, false, list) == 0);
    file_close(&directory);
    must(file_remove(list, FILE_DIRECTORY));
}
