/* SPDX-License-Identifier: MIT */
/*
 * Output, and protobuf's rare case.
 *
 * Compression is left to gzip, which every Debian has: the Perfetto UI and trace processor open a gzip file as it is, the
 * converter needs no library, and compression runs beside it on another core.
 */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto.h"

#define OUT_BUFFER_BYTES (4 * (size_t)OUT_PACKET_MAX)

const size_t out_buffer_bytes = OUT_BUFFER_BYTES;

uint8_t *proto_close_long(uint8_t *start, uint8_t *p)
{
    size_t count = (size_t)(p - start);
    size_t extra = proto_varint_bytes(count) - 1;
    memmove(start + extra, start, count);
    proto_varint(start - 1, count);
    return p + extra;
}

static void flush(struct out *out)
{
    size_t done = 0;
    while (out->fd >= 0 && !out->failed && done < out->used) {
        ssize_t count = write(out->fd, out->buffer + done, out->used - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            out->failed = true;
            out->error = errno;
            break;
        }
        done += (size_t)count;
    }
    out->bytes += out->used;
    out->used = 0;
}

uint8_t *out_room_slow(struct out *out)
{
    flush(out);
    return out->buffer;
}

/* Put a gzip between us and the file. */
static bool start_gzip(struct out *out)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (child == 0) {
        dup2(ends[0], STDIN_FILENO);
        dup2(out->fd, STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp("gzip", "gzip", "-1", "-c", (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    close(out->fd);
    out->fd = ends[1];
    out->gzip = child;
    return true;
}

status_t out_open(struct out *out, const char *path, bool compress)
{
    *out = (struct out){.name = path, .fd = -1};
    if (strcmp(path, "-") == 0) {
        out->name = "standard output";
        out->fd = dup(STDOUT_FILENO);
    } else {
        out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    if (out->fd < 0) {
        complain("%s: %s", out->name, strerror(errno));
        return ERR_NOT_FOUND;
    }
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error like any other */
    if (compress && !start_gzip(out)) {
        complain("gzip cannot be started: %s", strerror(errno));
        close(out->fd);
        return ERR_NOT_FOUND;
    }
    out->buffer = xmalloc(OUT_BUFFER_BYTES);
    return OK;
}

void out_discard(struct out *out)
{
    *out = (struct out){.name = "nowhere", .fd = -1};
    out->buffer = xmalloc(OUT_BUFFER_BYTES);
}

status_t out_close(struct out *out)
{
    flush(out);
    free(out->buffer);
    out->buffer = NULL;
    if (out->fd >= 0 && close(out->fd) != 0 && !out->failed) {
        out->failed = true;
        out->error = errno;
    }
    int result = 0;
    if (out->gzip != 0 && (waitpid(out->gzip, &result, 0) < 0 || result != 0)) {
        complain("%s: gzip failed", out->name);
        return ERR_NO_MEMORY;
    }
    if (out->failed) {
        complain("%s: cannot be written: %s", out->name, strerror(out->error));
        return ERR_NO_MEMORY;
    }
    return OK;
}
