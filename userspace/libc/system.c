/* SPDX-License-Identifier: MIT */
/* What the C library wants of a system, but for files, memory and locks: time, and the end. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include "gen/syscall_user.h"
#include "gen/interface/time_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/start.h"

#define PATIENCE (2 * NS_PER_S) /* for the service of time */

/* Parameters are called as the library's headers call them. */

/* UTC at the start of the monotonic clock, asked for once. 0 for programs that may not ask (manifest: needs time) or find nobody. */
static uint64_t find_epoch(void)
{
    uint64_t service, utc, deadline = clock_now() + PATIENCE, epoch = 0;

    if (service_find("time", deadline, &service) == OK) {
        if (time_now(service, deadline, &utc) == OK) {
            epoch = utc - clock_now();
        }
        (void)sys_handle_close(service);
    }
    return epoch;
}

/* The date goes on with the monotonic clock, so it never goes back. */
int gettimeofday(struct timeval *p, void *tz)
{
    static struct mutex mutex;
    static uint64_t epoch;
    static bool is_known;

    mutex_lock(&mutex);
    if (!is_known) {
        epoch = find_epoch();
        is_known = true;
    }
    mutex_unlock(&mutex);
    uint64_t now = epoch + clock_now();

    (void)tz;
    p->tv_sec = (time_t)(now / NS_PER_S);
    p->tv_usec = (suseconds_t)(now % NS_PER_S / NS_PER_US);
    return 0;
}

/* In user mode and in the kernel together: the two are told apart only while somebody asks (TRACE_CONTROL_TIMES). clock() is their sum. */
clock_t times(struct tms *out)
{
    uint64_t ns = 0;

    (void)sys_process_time(program.self, &ns);
    *out = (struct tms){.tms_utime = ns / (NS_PER_S / CLOCKS_PER_SEC)};
    return clock_now() / (NS_PER_S / CLOCKS_PER_SEC);
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
