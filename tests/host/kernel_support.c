/* SPDX-License-Identifier: MIT */
#include "tests/host/kernel_support.h"

#include <asm/prctl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/cpu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"
#include "sync/spinlock.h"

struct cpu cpus[CPU_MAX];
uint32_t support_process;

/* Weak: a test may have processes. */
__attribute__((weak)) uint32_t hook_current_process(void)
{
    return support_process;
}

unsigned cpu_count(void)
{
    return CPU_MAX;
}

void core_poll_slow(void)
{
}

void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

void spinlock_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
    memset(lock, 0, sizeof(*lock));
    lock->name = name;
    lock->rank = (uint16_t)rank;
}

void spinlock_wait(struct spinlock *lock, unsigned ticket)
{
    panic("a single-threaded test waits for %s (ticket %u)", lock->name, ticket);
}

uint64_t spinlock_check_acquire(struct spinlock *lock)
{
    (void)lock;
    return 0;
}

void spinlock_check_release(struct spinlock *lock)
{
    (void)lock;
}

size_t string_copy(char *to, const char *from, size_t bytes)
{
    snprintf(to, bytes, "%s", from);
    return strlen(from);
}

void support_begin(unsigned cpu)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        cpus[i].self = &cpus[i];
        cpus[i].id = i;
    }
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[cpu]) != 0) {
        perror("arch_prctl");
        exit(1);
    }
}
