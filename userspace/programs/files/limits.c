/* SPDX-License-Identifier: MIT */
/* Full file systems: a clear error, nothing broken, and room again when something is removed. */
#include <stdio.h>
#include <string.h>

#include "userspace/lib/check.h"
#include "userspace/lib/spawn.h"
#include "userspace/programs/files/files.h"

#define PART       60000u
#define OPEN_LIMIT 64u /* with the root: files of a session */

#define ACCOUNT_BYTES (4096ull * 4096) /* of ramfs in the manifest */

static char part[PART];

/* Write until there is no room; returns how many bytes went in. */
static uint64_t fill(const char *path)
{
    struct file file;
    struct file_info info;
    uint64_t bytes, size = 0;
    status_t status;

    must(file_open(path, OPEN_WRITE | OPEN_CREATE, &file));
    do {
        status = file_write(&file, size, part, PART, &bytes);
        size += bytes;
    } while (status == OK);
    expect(status, ERR_NO_SPACE, path);
    must(file_stat_open(&file, &info));
    VERIFY(info.size == size);
    file_close(&file);
    return size;
}

static unsigned fill_with_names(void)
{
    struct file file;
    char path[32];
    unsigned count = 0;
    status_t status;

    do {
        snprintf(path, sizeof(path), "/own/%u", count);
        status = file_open(path, OPEN_WRITE | OPEN_CREATE, &file);
        if (status == OK) {
            file_close(&file);
            count++;
        }
    } while (status == OK);
    expect(status, ERR_NO_SPACE, path);
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/own/%u", i);
        must(file_remove(path, FILE_REGULAR));
    }
    return count;
}

static void check_open_limit(void)
{
    static struct file files[OPEN_LIMIT];
    unsigned count = 0;

    while (count < OPEN_LIMIT &&
           file_open("/own/one", OPEN_WRITE | OPEN_CREATE, &files[count]) == OK) {
        count++;
    }
    VERIFY(count == OPEN_LIMIT - 1);
    EXPECT(file_open("/own/one", OPEN_WRITE, &files[count]), ERR_TABLE_FULL);
    while (count > 0) {
        file_close(&files[--count]);
    }
    must(file_remove("/own/one", FILE_REGULAR));
}

/* Twice: what is removed gives its room back, all of it. */
int be_hoarder(void)
{
    uint64_t size = fill("/own/full");
    VERIFY(size > PART);
    EXPECT(file_make_directory("/own/full/x"), ERR_NOT_DIRECTORY);
    must(file_remove("/own/full", FILE_REGULAR));
    VERIFY(fill("/own/full") == size);
    must(file_remove("/own/full", FILE_REGULAR));
    return 0;
}

int be_filler(void)
{
    struct file_info info;

    check_open_limit();
    VERIFY(be_hoarder() == 0);
    unsigned names = fill_with_names();
    VERIFY(names > 100 && fill_with_names() == names);
    must(file_stat("/own", &info));
    VERIFY(info.kind == FILE_DIRECTORY);
    return 0;
}

void check_full(void)
{
    struct own_server server = start_server("kib=512", 0);

    VERIFY(process_end(start_client(&server, "role=filler", 10)) == 0);
    end_server(&server);
}

/* The limit is its account's: the server does not end of it. */
void check_quota(void)
{
    struct own_server server = start_server("kib=1000000", 600);

    VERIFY(process_end(start_client(&server, "role=hoarder", 10)) == 0);
    end_server(&server);
}

/* The service may hold more than its account allows here (ramfs= on the command line): the account counts. */
void check_account(void)
{
    uint64_t size = fill("/tmp/full");

    VERIFY(size > ACCOUNT_BYTES / 2 && size < ACCOUNT_BYTES);
    must(file_remove("/tmp/full", FILE_REGULAR));
}
