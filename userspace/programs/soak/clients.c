/* SPDX-License-Identifier: MIT */
/* Clients of services that are ended: what they ask is asked again, what they find they use. */
#include <stdatomic.h>
#include <stddef.h>

#include "gen/interface/block_client.h"
#include "gen/interface/input_client.h"
#include "gen/interface/screen_client.h"
#include "gen/interface/serial_client.h"
#include "gen/syscall_user.h"
#include "kernel/base/crc32c.h"
#include "userspace/lib/find.h"
#include "userspace/lib/log.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/soak/soak.h"

#define PAUSE (2 * NS_PER_MS)

#define DISK_PARTS      16u
#define DISK_SECTORS    8u
#define DISK_SECTOR_MAX 4096u

static atomic_bool is_over;
static atomic_ulong answers;

/* One use each; what a machine without the device answers is an answer, too. */
static status_t use_serial(uint64_t service)
{
    static const char bytes[32] = "soak\r\n";
    uint64_t received, sent, overruns, dropped;
    status_t status = serial_write(service, bytes, sizeof(bytes), LONG);

    return status != OK ? status
                        : serial_count(service, LONG, &received, &sent, &overruns, &dropped);
}

static status_t use_input(uint64_t service)
{
    uint32_t devices;

    return input_devices(service, LONG, &devices);
}

static status_t use_screen(uint64_t service)
{
    uint32_t columns, rows;
    status_t status = screen_write(service, "soak\r\n", 6, LONG);

    return status != OK ? status : screen_size(service, LONG, &columns, &rows);
}

/* Only read: it may be somebody's. What is there does not change. */
static status_t use_disk(uint64_t service)
{
    static char data[DISK_SECTORS * DISK_SECTOR_MAX];
    static uint64_t first[DISK_PARTS], part;
    uint64_t bytes = 0, which = part++ % DISK_PARTS;
    status_t status =
        block_read(service, which * DISK_SECTORS, DISK_SECTORS, LONG, data, sizeof(data), &bytes);

    if (status == OK) {
        uint64_t sum = bytes << 32 | crc32c(0, data, bytes);
        first[which] = first[which] == 0 ? sum : first[which];
        VERIFY(sum == first[which]);
    }
    return status;
}

static status_t use_log(uint64_t service)
{
    (void)service;
    return log_line(LOG_DEBUG, "soak", "a line that nobody sees");
}

static struct {
    const char *name;
    status_t (*use)(uint64_t service);
    struct thread thread;
} clients[] = {{.name = "serial", .use = use_serial},
               {.name = "input", .use = use_input},
               {.name = "screen", .use = use_screen},
               {.name = "disk", .use = use_disk},
               {.name = "log", .use = use_log}};
#define CLIENTS (sizeof(clients) / sizeof(clients[0]))

static void run(void *argument)
{
    const unsigned which = (unsigned)(uintptr_t)argument;
    uint64_t service;

    must(service_find(clients[which].name, LONG, &service));
    while (!atomic_load(&is_over)) {
        status_t status = clients[which].use(service);

        if (status == ERR_PEER_CLOSED) {
            must(service_find_again(clients[which].name, LONG, &service));
        } else if (status == OK || status == ERR_NOT_FOUND) {
            atomic_fetch_add(&answers, 1);
        } else {
            die("%s: %s", clients[which].name, status_name(status));
        }
        clock_sleep(PAUSE);
    }
    /* Nobody is ended any more: whoever kept a handle of one that was, has another now. */
    (void)clients[which].use(service);
    must(sys_handle_close(service));
}

void clients_start(void)
{
    static bool is_connected;

    if (!is_connected) { /* its handle stays */
        must(log_connect(LONG));
        is_connected = true;
    }
    atomic_store(&answers, 0);
    atomic_store(&is_over, false);
    for (unsigned i = 0; i < CLIENTS; i++) {
        must(thread_start(&clients[i].thread, run, (void *)(uintptr_t)i, THREAD_ANYWHERE,
                          clients[i].name));
    }
}

uint64_t clients_stop(void)
{
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        thread_join(&clients[i].thread);
    }
    return atomic_load(&answers);
}
