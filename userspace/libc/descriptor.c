/* SPDX-License-Identifier: MIT */
/*
 * The table of descriptors. A transfer holds its descriptor's mutex, so that positions of threads that share one do not mix and
 * nobody closes it meanwhile; the table's mutex is only for taking a number.
 */
#include "userspace/libc/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "userspace/libc/errno_of.h"

static struct mutex table;
static struct descriptor descriptors[DESCRIPTORS_MAX] = {
    {.state = DESCRIPTOR_STREAM, .flags = O_RDONLY, .stream = STREAM_INPUT},
    {.state = DESCRIPTOR_STREAM, .flags = O_WRONLY, .stream = STREAM_OUTPUT},
    {.state = DESCRIPTOR_STREAM, .flags = O_WRONLY, .stream = STREAM_ERRORS},
};

int descriptor_take(void)
{
    int number = 0;

    mutex_lock(&table);
    while (number < DESCRIPTORS_MAX && descriptors[number].state != DESCRIPTOR_FREE) {
        number++;
    }
    if (number < DESCRIPTORS_MAX) {
        descriptors[number].state = DESCRIPTOR_TAKEN;
    }
    mutex_unlock(&table);
    return number < DESCRIPTORS_MAX ? number : -1;
}

void descriptor_set(int number, struct descriptor what)
{
    struct descriptor *descriptor = &descriptors[number];

    mutex_lock(&descriptor->mutex);
    descriptor->flags = what.flags;
    descriptor->offset = what.offset;
    descriptor->file = what.file;
    descriptor->state = what.state;
    mutex_unlock(&descriptor->mutex);
}

struct descriptor *descriptor_lock(int number)
{
    if (number < 0 || number >= DESCRIPTORS_MAX) {
        errno = EBADF;
        return NULL;
    }
    struct descriptor *descriptor = &descriptors[number];
    mutex_lock(&descriptor->mutex);
    if (descriptor->state != DESCRIPTOR_STREAM && descriptor->state != DESCRIPTOR_FILE) {
        mutex_unlock(&descriptor->mutex);
        errno = EBADF;
        return NULL;
    }
    return descriptor;
}

void descriptor_unlock(struct descriptor *descriptor)
{
    mutex_unlock(&descriptor->mutex);
}

int fail(int number)
{
    errno = number;
    return -1;
}

int fail_at(status_t status)
{
    return fail(status == ERR_TOO_BIG ? ENAMETOOLONG : errno_of_file(status));
}

int fail_on(status_t status)
{
    if (status == ERR_NO_RIGHTS) {
        return fail(EBADF); /* it was not opened for this */
    }
    return fail(status == ERR_TOO_BIG ? EFBIG : errno_of_file(status));
}
