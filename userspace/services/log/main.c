/* SPDX-License-Identifier: MIT */
/*
 * log: lines of programs on the console, by area and level (userspace/interfaces/log.toml).
 *
 *     [    3.141592 cpu1 t23] warning disk: sector 5 is slow
 *
 * Time, core and thread are of the moment of writing, so lines of several programs can come in another order than their times.
 * A line is on the console before its writer goes on: what the service has taken, its end does not lose. Levels are forgotten then.
 */
#include <stdio.h>
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/log_server.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/log.h"
#include "userspace/lib/format.h"
#include "userspace/lib/readers.h"
#include "userspace/lib/start.h"
#include "userspace/services/log/history.h"

#define AREAS_MAX  32u
#define LINE_BYTES (LOG_WRITE_TEXT_MAX + 100u)

struct area {
    uint64_t name; /* 0: a free place; the first is of all areas that have none */
    uint32_t level;
};

static struct area areas[AREAS_MAX] = {{0, LOG_INFO}};
static uint64_t shown, hidden;

static struct readers readers; /* who wait for the next line */

static const char *const level_names[LOG_LEVELS] = {"error", "warning", "info", "debug"};

/* The place of an area; NULL: it has none. */
static struct area *find_area(uint64_t name)
{
    for (unsigned i = 0; i < AREAS_MAX; i++) {
        if (areas[i].name == name) {
            return &areas[i];
        }
    }
    return NULL;
}

static struct area *find_free(void)
{
    for (unsigned i = 1; i < AREAS_MAX; i++) {
        if (areas[i].name == 0) {
            return &areas[i];
        }
    }
    return NULL;
}

/* What is no letter is shown as one that is none: nobody sends the terminal commands. */
static void area_text(uint64_t area, char text[LOG_AREA_LETTERS + 1])
{
    memcpy(text, &area, LOG_AREA_LETTERS);
    text[LOG_AREA_LETTERS] = '\0';
    for (char *letter = text; *letter != '\0'; letter++) {
        *letter = *letter > ' ' && *letter < 0x7f ? *letter : '?';
    }
}

static void clean_text(char *to, const char *from, size_t bytes)
{
    (void)string_copy(to, from, bytes);
    for (; *to != '\0'; to++) {
        *to = *to >= ' ' && *to < 0x7f ? *to : '?';
    }
}

/* ---- readers ---- */

/* False: there is nothing for it yet. */
static bool answer_reader(const struct reader *reader)
{
    static char text[LOG_READ_TEXT_MAX];
    uint64_t next, missed;
    uint64_t bytes = history_read(reader->from, text, sizeof(text), &next, &missed);

    if (bytes > 0) {
        (void)log_read_answer(program_handle("requests"), reader->token, OK, text, bytes, next,
                              missed);
    }
    return bytes > 0;
}

status_t log_on_read(const struct interface_request *request, uint64_t from)
{
    uint64_t over = readers_add(&readers, request->in.token, from);

    if (over != 0) {
        (void)log_read_answer(program_handle("requests"), over, ERR_BUSY, NULL, 0, 0, 0);
    }
    readers_answer(&readers, answer_reader);
    return OK;
}

/* ---- lines ---- */

static void show(const char *line, uint64_t bytes)
{
    shown++;
    (void)sys_console_write(program.console, line, bytes);
    history_add(line, bytes);
    readers_answer(&readers, answer_reader);
}

status_t log_on_write(const struct interface_request *request, const char *text, uint64_t area,
                      uint32_t level, uint64_t time, uint32_t cpu, uint32_t thread)
{
    const struct area *known = find_area(area);
    char name[LOG_AREA_LETTERS + 1], clean[LOG_WRITE_TEXT_MAX + 1], line[LINE_BYTES];

    (void)request;
    if (level >= LOG_LEVELS) {
        return ERR_BAD_ARGUMENT;
    }
    if (level > (known != NULL ? known->level : areas[0].level)) {
        hidden++;
        return OK;
    }
    area_text(area, name);
    clean_text(clean, text, sizeof(clean));
    show(line,
         format_text(line, sizeof(line), "[%5lu.%06lu cpu%u t%u] %s %s: %s\n", time / NS_PER_S,
                     time % NS_PER_S / NS_PER_US, cpu, thread, level_names[level], name, clean));
    return OK;
}

status_t log_on_set_level(const struct interface_request *request, uint64_t area, uint32_t level)
{
    struct area *known = find_area(area);

    (void)request;
    known = known != NULL ? known : find_free();
    if (level >= LOG_LEVELS) {
        return ERR_BAD_ARGUMENT;
    }
    if (known == NULL) {
        return ERR_TABLE_FULL;
    }
    *known = (struct area){area, level};
    return OK;
}

status_t log_on_count(const struct interface_request *request, uint64_t *out_shown,
                      uint64_t *out_hidden)
{
    (void)request;
    *out_shown = shown;
    *out_hidden = hidden;
    return OK;
}

int main(int argc, char **argv)
{
    static char buffer[LOG_RECEIVES];
    static const struct interface *const interfaces[] = {&log_interface, &lifecycle_interface};
    const struct interface_server server = {
        program_handle("requests"), 2, interfaces, buffer, sizeof(buffer), NULL};

    (void)argc;
    (void)argv;
    interface_serve(&server);
}
