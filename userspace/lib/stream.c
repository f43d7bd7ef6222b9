/* SPDX-License-Identifier: MIT */
/* See stream.h. The table is filled at the first use. */
#include "userspace/lib/stream.h"

#include <string.h>

#include "gen/interface/terminal_client.h"
#include "gen/interface/vfs_client.h"
#include "gen/objects.h"
#include "kernel/abi/memory.h"
#include "userspace/files/vfs.h"
#include "userspace/lib/channel.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/start.h"
#include "userspace/lib/terminal.h"

struct stream {
    char kind;
    bool is_over; /* of what a person types */
    uint64_t handle;
    uint64_t offset; /* in a file */
    struct channel channel;
    struct mutex mutex;
};

const char *const stream_names[STREAMS] = {"input", "output", "errors"};
static struct mutex mutex; /* of opening */
static struct stream streams[STREAMS];
static bool are_open;

/* A channel that makes no sense is none: the other end may be anybody. */
static void open_channel(struct stream *stream)
{
    uint64_t bytes, physical, address;
    status_t status = sys_area_query(stream->handle, &bytes, &physical);

    if (status == OK) {
        status = sys_area_map(program.self, stream->handle, 0, bytes, 0, PROT_READ | PROT_WRITE,
                              &address);
    }
    if (status == OK) {
        status = channel_open(&stream->channel, (void *)address, bytes);
    }
    if (status != OK) {
        stream->kind = 'n';
    }
}

static void open_one(struct stream *stream, char kind, const char *name)
{
    stream->kind = kind;
    stream->handle = program_handle(kind == 'c' ? "console" : name);
    if (stream->handle == HANDLE_NONE && (kind != 's' || stream != &streams[STREAM_ERRORS])) {
        stream->kind = 'n';
    } else if (kind == 'p') {
        open_channel(stream);
    }
}

static struct stream *get(enum stream_number number)
{
    mutex_lock(&mutex);
    if (!are_open) {
        const char *kinds = program_variable(STREAM_VARIABLE);
        bool is_told = kinds != NULL && strlen(kinds) == STREAMS;

        for (unsigned i = 0; i < STREAMS; i++) {
            open_one(&streams[i], is_told ? kinds[i] : 'c', stream_names[i]);
        }
        are_open = true;
    }
    mutex_unlock(&mutex);
    return number == STREAM_ERRORS && streams[number].kind == 's' ? &streams[STREAM_OUTPUT]
                                                                  : &streams[number];
}

uint32_t stream_rights(char kind)
{
    const uint32_t pass_on = RIGHT_DUPLICATE | RIGHT_TRANSFER;

    if (kind == 'p') {
        return RIGHT_AREA_READ | RIGHT_AREA_WRITE | pass_on;
    }
    return kind == 't' || kind == 'f' ? RIGHT_MAILBOX_SEND | pass_on : 0;
}

void stream_set_terminal(uint64_t terminal)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        struct stream *stream = &streams[i];

        (void)get(i);
        mutex_lock(&stream->mutex);
        stream->kind = 't';
        stream->handle = terminal;
        mutex_unlock(&stream->mutex);
    }
}

char stream_kind(enum stream_number stream)
{
    return get(stream)->kind;
}

uint64_t stream_handle(enum stream_number stream)
{
    return get(stream)->handle;
}

/* ---- writing ---- */

static status_t write_piece(struct stream *stream, const char *data, size_t bytes)
{
    uint32_t written;
    size_t done;

    switch (stream->kind) {
    case 'c':
        return sys_console_write(stream->handle, data, bytes);
    case 't':
        return terminal_write(stream->handle, data, bytes, DEADLINE_FOREVER);
    case 'p':
        return channel_write(&stream->channel, data, bytes, DEADLINE_FOREVER, &done);
    case 'f': {
        status_t status = vfs_write(stream->handle, data, bytes, stream->offset, DEADLINE_FOREVER,
                                    &written, &stream->offset);
        return status == OK && written < bytes ? ERR_NO_SPACE : status;
    }
    default:
        return OK;
    }
}

status_t stream_write(enum stream_number number, const void *data, size_t bytes)
{
    struct stream *stream = get(number);
    status_t status = OK;

    mutex_lock(&stream->mutex);
    for (size_t done = 0; status == OK && done < bytes; done += STREAM_PIECE) {
        size_t piece = bytes - done < STREAM_PIECE ? bytes - done : STREAM_PIECE;
        status = write_piece(stream, (const char *)data + done, piece);
    }
    mutex_unlock(&stream->mutex);
    return status;
}

/* ---- reading ---- */

/* A line of a person, with its LF, of which the reader takes as much as it likes. */
static char line[TERMINAL_READ_LINE_LINE_MAX + 1];
static uint64_t line_first, line_end;

static status_t get_line(struct stream *stream)
{
    uint32_t end = TERMINAL_END, cursor;
    uint64_t time;
    status_t status = terminal_read_line(stream->handle, "", 0, 0, 0, DEADLINE_FOREVER, line,
                                         sizeof(line) - 1, &line_end, &end, &cursor, &time);

    line_first = 0;
    if (status == OK && end == TERMINAL_LINE) {
        line[line_end++] = '\n';
        return OK;
    }
    line_end = 0;
    stream->is_over = status == OK && end == TERMINAL_END;
    return status == OK && end == TERMINAL_CANCELLED ? ERR_CANCELLED : status;
}

static status_t read_line(struct stream *stream, char *data, size_t capacity, size_t *out_bytes)
{
    status_t status = OK;

    if (line_first == line_end && !stream->is_over) {
        status = get_line(stream);
    }
    *out_bytes = line_end - line_first < capacity ? line_end - line_first : capacity;
    memcpy(data, line + line_first, *out_bytes);
    line_first += *out_bytes;
    return status;
}

static status_t read_file(struct stream *stream, void *data, size_t capacity, size_t *out_bytes)
{
    uint32_t wanted = capacity < VFS_READ_DATA_MAX ? (uint32_t)capacity : VFS_READ_DATA_MAX;
    status_t status =
        vfs_read(stream->handle, stream->offset, wanted, DEADLINE_FOREVER, data, wanted, out_bytes);

    stream->offset += status == OK ? *out_bytes : 0;
    return status;
}

status_t stream_read(enum stream_number number, void *data, size_t capacity, size_t *out_bytes)
{
    struct stream *stream = get(number);
    status_t status = OK;

    *out_bytes = 0;
    mutex_lock(&stream->mutex);
    if (stream->kind == 'c') {
        status = sys_console_read(stream->handle, data, capacity, DEADLINE_FOREVER, out_bytes);
    } else if (stream->kind == 't') {
        status = read_line(stream, data, capacity, out_bytes);
    } else if (stream->kind == 'f') {
        status = read_file(stream, data, capacity, out_bytes);
    } else if (stream->kind == 'p') {
        status = channel_read(&stream->channel, data, capacity, DEADLINE_FOREVER, out_bytes);
        status = status == ERR_PEER_CLOSED ? OK : status;
    }
    mutex_unlock(&stream->mutex);
    return status;
}
