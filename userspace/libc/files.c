/* SPDX-License-Identifier: MIT */
/*
 * Calls on open files: the streams of the program, which are descriptors 0 to 2, and files behind the interface vfs.
 *
 * What a program prints is handed on as the library has buffered it: whole lines, if it prints lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/lib/stream.h"
#include "userspace/libc/descriptor.h"
#include "userspace/libc/errno_of.h"
#include "userspace/libc/stat_of.h"

/* Parameters are called as the library's headers call them. */

/* ---- opening and closing ---- */

static uint32_t open_flags(int flags)
{
    static const struct {
        int theirs;
        uint32_t ours;
    } pairs[] = {{O_APPEND, OPEN_APPEND},
                 {O_CREAT, OPEN_CREATE},
                 {O_TRUNC, OPEN_TRUNCATE},
                 {O_EXCL, OPEN_EXCLUSIVE},
                 {O_DIRECTORY, OPEN_DIRECTORY}};
    int access = flags & O_ACCMODE;
    uint32_t result = access != O_WRONLY ? OPEN_READ : 0;

    result |= access != O_RDONLY ? OPEN_WRITE : 0;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        result |= flags & pairs[i].theirs ? pairs[i].ours : 0;
    }
    return result;
}

int open(const char *path, int flags, ...)
{
    struct descriptor opened = {.state = DESCRIPTOR_FILE, .flags = flags};
    int number = descriptor_take();

    if (number < 0) {
        return fail(EMFILE);
    }
    status_t status = file_open(path, open_flags(flags), &opened.file);
    if (status != OK) {
        descriptor_set(number, (struct descriptor){.state = DESCRIPTOR_FREE});
        return fail_at(status);
    }
    descriptor_set(number, opened);
    return number;
}

int close(int fildes)
{
    struct descriptor *descriptor = descriptor_lock(fildes);

    if (descriptor == NULL) {
        return -1;
    }
    if (descriptor->state == DESCRIPTOR_FILE) {
        file_close(&descriptor->file);
    }
    descriptor->state = DESCRIPTOR_FREE;
    descriptor_unlock(descriptor);
    return 0;
}

/* ---- transfers ---- */

static int write_stream(const struct descriptor *descriptor, const void *from, size_t bytes)
{
    status_t status = stream_write(descriptor->stream, from, bytes);

    return status == OK ? (int)bytes : fail(errno_of_file(status));
}

static int write_file(struct descriptor *descriptor, const void *from, size_t bytes)
{
    uint64_t done, end = (uint64_t)descriptor->offset;
    status_t status = file_write_on(&descriptor->file, &end, from, bytes, &done);

    descriptor->offset = (off_t)end;
    return done > 0 || status == OK ? (int)done : fail_on(status);
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *buf, size_t nbyte)
{
    struct descriptor *descriptor = descriptor_lock(fd);
    int result;

    if (descriptor == NULL) {
        return -1;
    }
    if ((descriptor->flags & O_ACCMODE) == O_RDONLY) {
        result = fail(EBADF);
    } else if (descriptor->state == DESCRIPTOR_STREAM) {
        result = write_stream(descriptor, buf, nbyte);
    } else {
        result = write_file(descriptor, buf, nbyte);
    }
    descriptor_unlock(descriptor);
    return result;
}

static int read_stream(const struct descriptor *descriptor, void *buffer, size_t bytes)
{
    uint64_t got;
    status_t status = stream_read(descriptor->stream, buffer, bytes, &got);

    return status == OK ? (int)got : fail(errno_of_file(status));
}

static int read_file(struct descriptor *descriptor, void *buffer, size_t bytes)
{
    uint64_t got;
    status_t status =
        file_read(&descriptor->file, (uint64_t)descriptor->offset, buffer, bytes, &got);

    descriptor->offset += (off_t)got;
    return got > 0 || status == OK ? (int)got : fail_on(status);
}

_READ_WRITE_RETURN_TYPE read(int fd, void *buf, size_t nbyte)
{
    struct descriptor *descriptor = descriptor_lock(fd);
    int result;

    if (descriptor == NULL) {
        return -1;
    }
    if ((descriptor->flags & O_ACCMODE) == O_WRONLY) {
        result = fail(EBADF);
    } else if (descriptor->state == DESCRIPTOR_STREAM) {
        result = read_stream(descriptor, buf, nbyte);
    } else {
        result = read_file(descriptor, buf, nbyte);
    }
    descriptor_unlock(descriptor);
    return result;
}

/* ---- positions and sizes ---- */

static off_t seek_file(struct descriptor *descriptor, off_t offset, int whence)
{
    struct file_info info = {.size = 0};
    off_t base = whence == SEEK_CUR ? descriptor->offset : 0;

    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) {
        return fail(EINVAL);
    }
    if (whence == SEEK_END) {
        status_t status = file_stat_open(&descriptor->file, &info);
        if (status != OK) {
            return fail_on(status);
        }
        base = (off_t)info.size;
    }
    off_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0) {
        return fail(EINVAL);
    }
    descriptor->offset = target;
    return target;
}

off_t lseek(int fildes, off_t offset, int whence)
{
    struct descriptor *descriptor = descriptor_lock(fildes);

    if (descriptor == NULL) {
        return -1;
    }
    off_t result = descriptor->state == DESCRIPTOR_STREAM ? fail(ESPIPE)
                                                          : seek_file(descriptor, offset, whence);
    descriptor_unlock(descriptor);
    return result;
}

int ftruncate(int fd, off_t length)
{
    struct descriptor *descriptor = descriptor_lock(fd);
    status_t status = ERR_BAD_ARGUMENT;

    if (descriptor == NULL) {
        return -1;
    }
    if (descriptor->state == DESCRIPTOR_FILE && length >= 0) {
        status = file_truncate(&descriptor->file, (uint64_t)length);
    }
    descriptor_unlock(descriptor);
    return status == OK ? 0 : fail_on(status);
}

int fsync(int fd)
{
    struct descriptor *descriptor = descriptor_lock(fd);
    status_t status = OK;

    if (descriptor == NULL) {
        return -1;
    }
    if (descriptor->state == DESCRIPTOR_FILE) {
        status = file_sync(&descriptor->file);
    }
    descriptor_unlock(descriptor);
    return status == OK ? 0 : fail_on(status);
}

int fstat(int fd, struct stat *sbuf)
{
    struct descriptor *descriptor = descriptor_lock(fd);
    struct file_info info;
    status_t status = OK;

    if (descriptor == NULL) {
        return -1;
    }
    if (descriptor->state == DESCRIPTOR_STREAM) {
        *sbuf = (struct stat){.st_mode = S_IFCHR | 0600, .st_blksize = STREAM_PIECE};
    } else if ((status = file_stat_open(&descriptor->file, &info)) == OK) {
        *sbuf = stat_of(&info);
    }
    descriptor_unlock(descriptor);
    return status == OK ? 0 : fail_on(status);
}

int isatty(int fildes)
{
    struct descriptor *descriptor = descriptor_lock(fildes);

    if (descriptor == NULL) {
        return 0;
    }
    bool is_person = descriptor->state == DESCRIPTOR_STREAM &&
                     strchr("ct", stream_kind(descriptor->stream)) != NULL;
    descriptor_unlock(descriptor);
    return is_person || fail(ENOTTY) == 0;
}
