/* SPDX-License-Identifier: MIT */
/* Many clients at once, and clients that end without a word. */
#include <stdio.h>
#include <string.h>

#include "gen/interface/vfs_client.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/files/files.h"

#define CLIENTS 4u
#define LEAVERS 3u
#define THREADS 2u
#define ROUNDS  12u
#define BYTES   9000u
#define RECORD  16u /* of the file that all append to */
#define LEFT    6u  /* files that a leaver leaves open */

/* ---- children ---- */

static void work(void *argument)
{
    char path[48], data[BYTES], back[BYTES];
    uint64_t bytes, own = *(const uint64_t *)argument;
    struct file file;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t length = BYTES - round * 300;

        snprintf(path, sizeof(path), "/own/%lx-%u", own, round % 3);
        pattern(data, length, own + round);
        must(file_open(path, OPEN_READ | OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, &file));
        must(file_write(&file, 0, data, length, &bytes));
        must(file_read(&file, 0, back, sizeof(back), &bytes));
        VERIFY(bytes == length && is_pattern(back, length, own + round));
        file_close(&file);
        must(file_open("/own/all", OPEN_WRITE | OPEN_APPEND, &file));
        must(file_write(&file, 0, data, RECORD, &bytes));
        file_close(&file);
    }
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "/own/%lx-%u", own, i);
        must(file_remove(path, FILE_REGULAR));
    }
}

int be_client(void)
{
    static struct thread threads[THREADS];
    static uint64_t own[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        own[i] = clock_now() << 3 | i; /* names that nobody else has */
        must(thread_start(&threads[i], work, &own[i], THREAD_ANYWHERE, "client"));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    return 0;
}

/* Ends with files open, among them one that has no name any more. */
int be_leaver(void)
{
    struct file file;
    char path[48];
    uint64_t bytes, own = clock_now();

    for (unsigned i = 0; i < LEFT; i++) {
        snprintf(path, sizeof(path), "/own/left-%lx-%u", own, i);
        must(file_open(path, OPEN_WRITE | OPEN_CREATE, &file));
        must(file_write(&file, 0, path, sizeof(path), &bytes));
        must(file_remove(path, FILE_REGULAR));
    }
    return 0;
}

/* ---- parent ---- */

static uint64_t make_shared_file(uint64_t root)
{
    uint64_t file, size;
    uint32_t kind;

    must(vfs_open(root, "all", OPEN_READ | OPEN_WRITE | OPEN_CREATE, DEADLINE_FOREVER, &file, &kind,
                  &size));
    return file;
}

/* Until only we are there: a client's end is noticed when it has come, not by a question. */
static void await_silence(uint64_t root, uint32_t wanted_files)
{
    uint64_t used, limit, nodes, deadline = clock_now() + 60 * NS_PER_S;
    uint32_t files, sessions;

    do {
        VERIFY(clock_now() < deadline);
        clock_sleep(NS_PER_MS);
        must(vfs_usage(root, DEADLINE_FOREVER, &used, &limit, &nodes, &files, &sessions));
    } while (sessions > 1);
    VERIFY(files == wanted_files && nodes == 2); /* the root and "all": what had no name is gone */
}

void check_clients(void)
{
    struct own_server server = start_server("kib=4096", 0);
    uint64_t processes[CLIENTS + LEAVERS], alive, root, shared, size, node, changed;
    uint32_t kind;

    must(sys_mailbox_create("alive", strlen("alive"), &alive));
    must(vfs_attach(server.mailbox, alive, DEADLINE_FOREVER, &root));
    shared = make_shared_file(root);
    for (unsigned i = 0; i < CLIENTS + LEAVERS; i++) {
        processes[i] = start_client(&server, i < CLIENTS ? "role=client" : "role=leaver", i + 10);
    }
    for (unsigned i = 0; i < CLIENTS + LEAVERS; i++) {
        VERIFY(process_end(processes[i]) == 0);
    }
    await_silence(root, 2);
    must(vfs_stat(root, "all", DEADLINE_FOREVER, &kind, &size, &node, &changed));
    VERIFY(size == CLIENTS * THREADS * ROUNDS * RECORD); /* nobody wrote over another's record */
    must(sys_handle_close(shared));
    must(sys_handle_close(
        alive)); /* our own session ends, too: sooner or later the handle names nothing */
    status_t status = OK;
    while (status == OK) {
        status = vfs_stat(root, "", DEADLINE_FOREVER, &kind, &size, &node, &changed);
    }
    expect(status, ERR_BAD_HANDLE, "after the session");
    must(sys_handle_close(root));
    end_server(&server);
}
