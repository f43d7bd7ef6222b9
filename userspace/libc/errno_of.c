/* SPDX-License-Identifier: MIT */
/* The table behind errno_of(). */
#include "userspace/libc/errno_of.h"

#include <errno.h>

int errno_of(status_t status)
{
    switch (status) {
    case ERR_NO_MEMORY:
    case ERR_QUOTA:
        return ENOMEM;
    case ERR_BAD_HANDLE:
    case ERR_WRONG_TYPE:
        return EBADF;
    case ERR_NO_RIGHTS:
        return EACCES;
    case ERR_BAD_ADDRESS:
        return EFAULT;
    case ERR_BAD_ARGUMENT:
    case ERR_RANGE:
        return EINVAL;
    case ERR_NOT_FOUND:
        return ENOENT;
    case ERR_EXISTS:
        return EEXIST;
    case ERR_BUSY:
        return EBUSY;
    case ERR_TIMED_OUT:
        return ETIMEDOUT;
    case ERR_CANCELLED:
        return EINTR;
    case ERR_PEER_CLOSED:
        return EPIPE;
    case ERR_NOT_SUPPORTED:
        return ENOSYS;
    case ERR_TOO_BIG:
        return E2BIG;
    case ERR_TABLE_FULL:
        return EMFILE;
    case ERR_NOT_DIRECTORY:
        return ENOTDIR;
    case ERR_IS_DIRECTORY:
        return EISDIR;
    case ERR_NOT_EMPTY:
        return ENOTEMPTY;
    case ERR_NO_SPACE:
        return ENOSPC;
    case ERR_READ_ONLY:
        return EROFS;
    default:
        return EIO;
    }
}

int errno_of_file(status_t status)
{
    return status == ERR_PEER_CLOSED ? EIO : errno_of(status);
}
