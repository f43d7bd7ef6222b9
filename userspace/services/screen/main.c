/* SPDX-License-Identifier: MIT */
/*
 * screen: the terminal on the machine's framebuffer (userspace/interfaces/screen.toml). It shows the lines of the log as they come,
 * or, from the first time that somebody writes, what is sent to it. Nothing it shows exists only here: killed, the next one paints the
 * log's history again.
 *
 *   handles    framebuffer, image (the font), requests, supervisor (to find the log)
 *   arguments  mode=WIDTH,HEIGHT,STRIDE,FORMAT   of the framebuffer, as the loader found it; none: there is no screen
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/log_client.h"
#include "gen/interface/screen_server.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/drivers/screen/paint.h"
#include "userspace/lib/boot_files.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define FONT_FILE "font.psf"
#define CELLS     (TERMINAL_COLUMNS_MAX * TERMINAL_ROWS_MAX)

static struct font font;
static struct painter painter;
static struct terminal terminal;
static struct cell cells[CELLS], shown[CELLS];
static bool is_there;     /* the screen */
static bool is_taken;     /* somebody writes: the log is no longer shown */
static struct mutex lock; /* all of them */

/* ---- the framebuffer ---- */

static bool read_mode(struct framebuffer *frame)
{
    uint32_t format;
    uint32_t *const part[] = {&frame->width, &frame->height, &frame->stride, &format};
    const char *text = option_text("mode", "none");

    for (unsigned i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
        const char *comma = strchr(text, ',');
        unsigned letters = (unsigned)(comma != NULL ? (size_t)(comma - text) : strlen(text));
        uint64_t value;
        if (!number_parse(text, letters, &value) || value > UINT16_MAX) {
            return false;
        }
        *part[i] = (uint32_t)value;
        text += letters + (comma != NULL);
    }
    frame->is_bgr = format == 1; /* EFI_GRAPHICS_PIXEL_FORMAT */
    return frame->stride >= frame->width;
}

/* What the mode says must be in the area that we were given. */
static status_t map_framebuffer(struct framebuffer *frame)
{
    uint64_t area = program_handle("framebuffer"), bytes, physical, address;

    if (area == HANDLE_NONE || !read_mode(frame)) {
        return ERR_NOT_FOUND;
    }
    status_t status = sys_area_query(area, &bytes, &physical);
    if (status == OK && (uint64_t)frame->stride * frame->height * sizeof(uint32_t) > bytes) {
        status = ERR_RANGE;
    }
    if (status == OK) {
        status = sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address);
    }
    frame->pixels = status == OK ? (uint32_t *)address : NULL;
    return status;
}

static status_t open_screen(void)
{
    struct framebuffer frame = {0};
    struct boot_file file;
    status_t status = map_framebuffer(&frame);

    if (status == OK) {
        status = boot_file_open(FONT_FILE, &file);
    }
    if (status == OK) {
        status = font_open(&font, file.bytes, file.size);
    }
    if (status != OK || frame.width < font.width || frame.height < font.height) {
        return status != OK ? status : ERR_RANGE;
    }
    paint_init(&painter, &frame, &font, shown);
    terminal_init(&terminal, cells, painter.columns, painter.rows);
    is_there = true;
    return OK;
}

static void show(const char *text, uint64_t bytes)
{
    mutex_lock(&lock);
    terminal_write(&terminal, text, bytes);
    (void)paint(&painter, &terminal);
    mutex_unlock(&lock);
}

/* Until somebody has the screen to himself. */
static void show_log(const char *text, uint64_t bytes)
{
    mutex_lock(&lock);
    bool is_free = !is_taken;
    mutex_unlock(&lock);
    if (is_free) {
        show(text, bytes);
    }
}

/* ---- what is sent ---- */

status_t screen_on_write(const struct interface_request *request, const void *text,
                         uint64_t text_bytes)
{
    (void)request;
    if (!is_there) {
        return ERR_NOT_FOUND;
    }
    mutex_lock(&lock);
    is_taken = true;
    mutex_unlock(&lock);
    show(text, text_bytes);
    return OK;
}

status_t screen_on_size(const struct interface_request *request, uint32_t *out_columns,
                        uint32_t *out_rows)
{
    (void)request;
    if (!is_there) {
        return ERR_NOT_FOUND;
    }
    *out_columns = terminal.columns;
    *out_rows = terminal.rows;
    return OK;
}

/* ---- the log ---- */

/* A log that was started again has a new stream of lines. */
static status_t read_log(uint64_t *service, uint64_t *from)
{
    static char text[LOG_READ_TEXT_MAX];
    uint64_t bytes, missed;
    status_t status =
        log_read(*service, *from, DEADLINE_FOREVER, text, sizeof(text), &bytes, from, &missed);

    if (status == ERR_PEER_CLOSED) {
        *from = 0;
        return service_find_again("log", DEADLINE_FOREVER, service);
    }
    if (status == OK) {
        show_log(text, bytes);
    }
    return status == ERR_BUSY ? OK : status;
}

static void follow_log(void *argument)
{
    uint64_t service, from = 0;

    (void)argument;
    status_t status = service_find("log", DEADLINE_FOREVER, &service);
    while (status == OK) {
        status = read_log(&service, &from);
    }
    report("the log is not shown any more: %s", status_name(status));
}

int main(int argc, char **argv)
{
    static char buffer[SCREEN_RECEIVES];
    static const struct interface *const interfaces[] = {&screen_interface, &lifecycle_interface};
    static struct thread follower;
    const struct interface_server server = {
        program_handle("requests"), 2, interfaces, buffer, sizeof(buffer), NULL};

    (void)argc;
    (void)argv;
    status_t status = open_screen();
    if (status == OK) {
        must(thread_start(&follower, follow_log, NULL, THREAD_ANYWHERE, "log"));
    } else {
        report("nothing is shown: %s", status_name(status));
    }
    interface_serve(&server);
}
