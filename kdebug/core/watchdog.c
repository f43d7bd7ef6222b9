/* SPDX-License-Identifier: MIT */
/*
 * The watchdog.
 *
 * The kernel runs with interrupts off, so a core that hangs takes no interrupt any more; and one that takes them does
 * not hang, whatever it executes. So every core is asked by an interrupt, now and then, and who does not answer within
 * the limit is stopped. The one who asks must not depend on interrupts: it is core 0 in the steady NMI of the interval
 * timer, which needs no performance counter (arch/nmi_beat.h).
 *
 *     core 0, in the beat                     any core, itself included
 *     asked[i] = now, VECTOR_WATCHDOG    -->  asked[i] = 0                     (takes interrupts)
 *     asked[i] is older than the limit   -->  NMI: enters kdebug there, where it hangs
 *     it does not come for that either   -->  core 0 enters and says so
 *
 * G1  Time at the prompt does not count: `asked` is monotonic time, which stands still meanwhile.
 * G2  After "continue" everybody has the whole limit again.
 *
 * The price is the beat, some 19 NMIs a second on core 0, and one interrupt for each core per quarter of the limit, also
 * for idle ones. So it is off unless the boot asks for it. Rejected: counting system calls or interrupts of each core,
 * which costs every one of them something, and finds no core that hangs in its idle loop; a beat only while cores are
 * busy, which costs each way in and out of idle an access to the timer and lets the last core hang unseen.
 */
#include "kdebug/core/watchdog.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/nmi_beat.h"
#include "arch/pit.h"
#include "base/format.h"
#include "kdebug/core/stop.h"

#define NS_PER_SECOND 1000000000ull
#define LOOKS         4u /* per limit */

static ns_t limit_ns;               /* 0: off */
static ns_t next_look;              /* core 0 */
static _Atomic ns_t asked[CPU_MAX]; /* when, 0: has answered */
static atomic_bool barks[CPU_MAX];  /* found out by core 0; the core itself is to enter */
static char message[96];

status_t kd_watchdog_start(unsigned seconds)
{
    if (seconds > KD_WATCHDOG_SECONDS_MAX) {
        return ERR_RANGE;
    }
    status_t status = nmi_beat_want(NMI_BEAT_WATCHDOG, seconds == 0 ? 0 : PIT_RATE_MIN);
    limit_ns = status == OK ? seconds * NS_PER_SECOND : 0;
    return status;
}

void kd_watchdog_answer(void)
{
    atomic_store_explicit(&asked[cpu_id()], 0, memory_order_relaxed);
}

static bool hangs(unsigned cpu, ns_t now)
{
    ns_t since = atomic_load_explicit(&asked[cpu], memory_order_relaxed);
    return since != 0 && now > since && now - since > limit_ns;
}

static const char *tell(unsigned cpu, const char *what)
{
    format_text(message, sizeof(message), "cpu %u has taken no interrupt for %llu s%s", cpu,
                (unsigned long long)(limit_ns / NS_PER_SECOND), what);
    return message;
}

/* This core is about to enter. The others may answer at the same time; then they are asked once more than needed. */
static const char *give_up(unsigned hanging, ns_t now, const char *what)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        atomic_store_explicit(&barks[cpu], false, memory_order_relaxed);
        if (atomic_load_explicit(&asked[cpu], memory_order_relaxed) != 0) {
            atomic_store_explicit(&asked[cpu], now, memory_order_relaxed); /* G2 */
        }
    }
    return tell(hanging, what);
}

static void ask(unsigned cpu, ns_t now)
{
    atomic_store_explicit(&asked[cpu], now, memory_order_relaxed);
    ipi_send(cpu, VECTOR_WATCHDOG);
}

/* Core 0 looks at all. It enters itself if it is the one that hangs, or if that one cannot be made to. */
static const char *look(ns_t now)
{
    const char *found = NULL;
    for (unsigned cpu = 0; cpu < cpu_count() && found == NULL; cpu++) {
        if (!hangs(cpu, now)) {
            if (atomic_load_explicit(&asked[cpu], memory_order_relaxed) == 0) {
                ask(cpu, now);
            }
        } else if (cpu == NMI_BEAT_CPU) {
            found = give_up(cpu, now, "");
        } else if (atomic_exchange_explicit(&barks[cpu], true, memory_order_relaxed)) {
            found = give_up(cpu, now, ", nor an NMI");
        } else {
            kd_stop_send_nmi(cpu);
        }
    }
    return found;
}

const char *kd_watchdog_barks(void)
{
    if (limit_ns == 0) {
        return NULL;
    }
    unsigned cpu = cpu_id();
    ns_t now = clock_now();
    if (cpu != NMI_BEAT_CPU) {
        bool is_meant = atomic_load_explicit(&barks[cpu], memory_order_relaxed);
        return is_meant && hangs(cpu, now) ? give_up(cpu, now, "") : NULL;
    }
    if (now < next_look) {
        return NULL;
    }
    next_look = now + limit_ns / LOOKS;
    return look(now);
}
