/* SPDX-License-Identifier: MIT */
/* Files, pipes and memory behind one positioned read. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL_CHUNK_BYTES 0x40000u

static int open_spool(void)
{
    FILE *file = tmpfile();
    if (file == NULL) {
        return -1;
    }
    int fd = dup(fileno(file));
    fclose(file);
    return fd;
}

static bool write_all(int fd, const uint8_t *bytes, size_t count)
{
    while (count != 0) {
        ssize_t done = write(fd, bytes, count);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        bytes += done;
        count -= (size_t)done;
    }
    return true;
}

static bool copy_stream(int from, int to, uint64_t *out_bytes)
{
    static uint8_t chunk[SPOOL_CHUNK_BYTES];
    uint64_t bytes = 0;
    for (;;) {
        ssize_t got = read(from, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || (got > 0 && !write_all(to, chunk, (size_t)got))) {
            return false;
        }
        if (got == 0) {
            *out_bytes = bytes;
            return true;
        }
        bytes += (uint64_t)got;
    }
}

static status_t spool(struct input *input)
{
    int fd = open_spool();
    uint64_t bytes = 0;
    if (fd < 0 || !copy_stream(input->fd, fd, &bytes)) {
        complain("%s: cannot be copied to a temporary file: %s", input->name, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return ERR_NOT_FOUND;
    }
    close(input->fd);
    input->fd = fd;
    input->bytes = bytes;
    return OK;
}

status_t input_open(struct input *input, const char *path)
{
    *input = (struct input){.name = path, .fd = -1};
    if (strcmp(path, "-") == 0) {
        input->name = "standard input";
        input->fd = dup(STDIN_FILENO);
    } else {
        input->fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    struct stat info;
    if (input->fd < 0 || fstat(input->fd, &info) != 0) {
        complain("%s: %s", input->name, strerror(errno));
        goto fail;
    }
    if (S_ISDIR(info.st_mode)) {
        complain("%s: is a directory", input->name);
        goto fail;
    }
    if (!S_ISREG(info.st_mode)) {
        if (spool(input) != OK) {
            goto fail;
        }
        return OK;
    }
    input->bytes = (uint64_t)info.st_size;
    return OK;

fail:
    input_close(input);
    return ERR_NOT_FOUND;
}

void input_from_memory(struct input *input, const void *bytes, uint64_t count)
{
    *input = (struct input){.name = "memory", .fd = -1, .memory = bytes, .bytes = count};
}

static size_t read_file(int fd, uint64_t offset, uint8_t *to, size_t count)
{
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(fd, to + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    return done;
}

size_t input_read(const struct input *input, uint64_t offset, void *to, size_t count)
{
    if (offset >= input->bytes) {
        return 0;
    }
    count = (size_t)MIN((uint64_t)count, input->bytes - offset);
    if (input->fd >= 0) {
        return read_file(input->fd, offset, to, count);
    }
    memcpy(to, input->memory + offset, count);
    return count;
}

void input_close(struct input *input)
{
    if (input->fd >= 0) {
        close(input->fd);
    }
    input->fd = -1;
    input->bytes = 0;
}
