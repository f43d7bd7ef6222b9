/* SPDX-License-Identifier: MIT */
/* What the C library wants of a system, but for files, memory and locks: time, and the end. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include "gen/syscall_user.h"
#include "userspace/lib/clock.h"

/* Parameters are called as the library's headers call them. */

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

/* There is nobody to run commands; the library's own would fork(). */
int system(const char *string)
{
    if (string == NULL) {
        return 0;
    }
    errno = ENOSYS;
    return -1;
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
