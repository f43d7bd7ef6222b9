/* SPDX-License-Identifier: MIT */
/*
 * trace: which categories of events are recorded, and captures into files. A capture is what `spoor convert` reads
 * (trace/format/README.md); of what it writes meanwhile only switches are recorded.
 */
#include <stdio.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "gen/trace_schema.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/trace.h"
#include "userspace/files/client/file.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"
#include "userspace/services/tracer/consumer.h"

#define SHIP_EVERY (50 * NS_PER_MS)

static uint64_t trace;

/* ---- categories ---- */

/* The next line "category BIT NAME" of the schema. False: no more. */
static bool next_category(const char **at, unsigned *bit, char name[16])
{
    static const char word[] = "category ";

    for (const char *line = *at; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
        if (strncmp(line, word, strlen(word)) != 0) {
            continue;
        }
        const char *number = line + strlen(word), *end = strchr(number, ' ');
        uint64_t value;
        if (!number_parse(number, (unsigned)(end - number), &value) || value > 63) {
            continue;
        }
        *bit = (unsigned)value;
        size_t length = (size_t)(strchr(line, '\n') - end) - 1;
        length = length < 15 ? length : 15;
        memcpy(name, end + 1, length);
        name[length] = '\0';
        *at = strchr(line, '\n') + 1;
        return true;
    }
    return false;
}

static uint64_t category(const char *wanted)
{
    const char *at = TRACE_SCHEMA_TEXT;
    char name[16];
    unsigned bit;

    while (next_category(&at, &bit, name)) {
        if (strcmp(name, wanted) == 0) {
            return 1ull << bit;
        }
    }
    complain("there is no category '%s'; `trace` lists them", wanted);
    return 0;
}

static int list(void)
{
    const char *at = TRACE_SCHEMA_TEXT;
    char name[16];
    unsigned bit;
    uint64_t on, unused;
    status_t status = sys_trace_control(trace, TRACE_CONTROL_ENABLE, 0, &on, &unused);

    if (status != OK) {
        return command_fail("trace", status);
    }
    while (next_category(&at, &bit, name)) {
        printf("%-3s %s\n", (on >> bit & 1) != 0 ? "on" : "off", name);
    }
    return 0;
}

static int change(int argc, char **argv, unsigned operation)
{
    uint64_t mask = 0, first, second;

    for (int i = 2; i < argc; i++) {
        uint64_t one = category(argv[i]);
        if (one == 0) {
            return COMMAND_WRONG;
        }
        mask |= one;
    }
    status_t status = sys_trace_control(trace, operation, mask, &first, &second);
    return status == OK ? 0 : command_fail("trace", status);
}

/* ---- captures ---- */

static struct file file;
static uint64_t written;

static status_t send(struct transport *transport, const struct transport_piece *pieces,
                     unsigned count)
{
    (void)transport;
    for (unsigned i = 0; i < count; i++) {
        uint64_t bytes;
        status_t status = file_write(&file, written, pieces[i].bytes, pieces[i].length, &bytes);

        written += bytes;
        if (status != OK || bytes < pieces[i].length) {
            return status != OK ? status : ERR_NO_SPACE;
        }
    }
    return OK;
}

static status_t open_rings(struct consumer *consumer, struct transport *transport)
{
    uint64_t physical, bytes, area, address, unused;
    status_t status = sys_trace_control(trace, TRACE_CONTROL_INFO, 0, &physical, &bytes);

    if (status == OK && bytes == 0) {
        return ERR_NOT_FOUND;
    }
    if (status == OK) {
        status = sys_trace_map(trace, &area);
    }
    if (status == OK) {
        status = sys_area_map(program.self, area, 0, bytes, 0, PROT_READ, &address);
    }
    if (status == OK) {
        status = sys_trace_control(trace, TRACE_CONTROL_EXEMPT, 1, &unused, &unused);
    }
    return status == OK ? consumer_open(consumer, (const void *)address, bytes, 0, transport)
                        : status;
}

/* For so long, or just what the rings hold. */
static status_t ship(struct consumer *consumer, uint64_t seconds, bool from_oldest)
{
    uint64_t end = clock_now() + seconds * NS_PER_S;
    status_t status = consumer_begin(consumer, from_oldest);

    while (status == OK && clock_now() < end) {
        clock_sleep(SHIP_EVERY);
        status = consumer_ship(consumer);
    }
    return status == OK ? consumer_end(consumer) : status;
}

static int capture(const char *path, uint64_t seconds, bool from_oldest)
{
    static struct consumer consumer;
    static struct transport transport = {.name = "file", .send = send};
    status_t status = file_open(path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, &file);

    if (status != OK) {
        return command_fail(path, status);
    }
    status = open_rings(&consumer, &transport);
    if (status == OK) {
        status = ship(&consumer, seconds, from_oldest);
    }
    if (status != OK) {
        return command_fail(path, status);
    }
    printf("%lu bytes, %lu sub-buffers overwritten before they could be read\n", written,
           consumer.overwritten);
    return 0;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    trace = program_handle("trace");
    if (argc == 1) {
        return list();
    }
    if (argc > 2 && strcmp(word, "on") == 0) {
        return change(argc, argv, TRACE_CONTROL_ENABLE);
    }
    if (argc > 2 && strcmp(word, "off") == 0) {
        return change(argc, argv, TRACE_CONTROL_DISABLE);
    }
    if (argc == 3 && strcmp(word, "save") == 0) {
        return capture(argv[2], 0, true);
    }
    if (argc == 4 && strcmp(word, "record") == 0) {
        return capture(argv[3], command_number(argv[2]), false);
    }
    command_usage();
}
