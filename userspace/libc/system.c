/* SPDX-License-Identifier: MIT */
/*
 * What the C library wants of a system: files 0 to 2 are the console, and there are no others yet; time; the end.
 *
 * What a program prints is handed to the console as the library has buffered it: whole lines, if it prints lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include "gen/syscall_user.h"
#include "kernel/abi/message.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"
#include "userspace/libc/errno_of.h"

#define CONSOLE_BYTES_MAX 256u /* of one call: longer text is written in parts */

/* Parameters are called as the library's headers call them. */

/* -1, with errno. */
static int fail(int number)
{
    errno = number;
    return -1;
}

static bool is_console(int file)
{
    return file >= STDIN_FILENO && file <= STDERR_FILENO;
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *buf, size_t nbyte)
{
    const char *from = buf;
    size_t done = 0;

    if (!is_console(fd) || fd == STDIN_FILENO) {
        return fail(EBADF);
    }
    while (done < nbyte) {
        size_t part = nbyte - done < CONSOLE_BYTES_MAX ? nbyte - done : CONSOLE_BYTES_MAX;
        status_t status = sys_console_write(program.console, from + done, part);

        if (status != OK) {
            return done > 0 ? (int)done : fail(errno_of(status));
        }
        done += part;
    }
    return (int)done;
}

_READ_WRITE_RETURN_TYPE read(int fd, void *buf, size_t nbyte)
{
    uint64_t got;

    if (fd != STDIN_FILENO) {
        return fail(EBADF);
    }
    status_t status = sys_console_read(program.console, buf, nbyte, DEADLINE_FOREVER, &got);
    return status == OK ? (int)got : fail(errno_of(status));
}

int open(const char *path, int flags, ...)
{
    (void)path;
    (void)flags;
    return fail(ENOENT);
}

int close(int fildes)
{
    return is_console(fildes) ? 0 : fail(EBADF);
}

int fstat(int fd, struct stat *sbuf)
{
    if (!is_console(fd)) {
        return fail(EBADF);
    }
    *sbuf = (struct stat){.st_mode = S_IFCHR, .st_blksize = CONSOLE_BYTES_MAX};
    return 0;
}

int stat(const char *path, struct stat *sbuf)
{
    (void)path;
    (void)sbuf;
    return fail(ENOENT);
}

int isatty(int fildes)
{
    return is_console(fildes) || fail(EBADF) == 0;
}

off_t lseek(int fildes, off_t offset, int whence)
{
    (void)offset;
    (void)whence;
    return fail(is_console(fildes) ? ESPIPE : EBADF);
}

int unlink(const char *path)
{
    (void)path;
    return fail(ENOENT);
}

int link(const char *path1, const char *path2)
{
    (void)path1;
    (void)path2;
    return fail(ENOENT);
}

/* Monotonic: nobody knows the date yet. */
int gettimeofday(struct timeval *p, void *tz)
{
    uint64_t now = clock_now();

    (void)tz;
    p->tv_sec = (time_t)(now / NS_PER_S);
    p->tv_usec = (suseconds_t)(now % NS_PER_S / NS_PER_US);
    return 0;
}

clock_t times(struct tms *out)
{
    uint64_t ticks = clock_now() / (NS_PER_S / CLOCKS_PER_SEC);

    *out = (struct tms){.tms_utime = ticks};
    return ticks;
}

pid_t getpid(void)
{
    return 1; /* processes are known by handles */
}

/* raise() and abort() end the process: there are no signals. */
int kill(pid_t process, int signal)
{
    (void)process;
    sys_process_exit(128u + (unsigned)signal);
}

void _exit(int status)
{
    sys_process_exit((uint32_t)status);
}
