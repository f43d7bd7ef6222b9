/* SPDX-License-Identifier: MIT */
/*
 * Stopping the machine.
 *
 * One word says everything: generation << 8 | core + 1 of the master, 0 nobody. Becoming master
 * is one compare-and-swap; a core that must park spins while the word has the generation that it saw;
 * letting go is one store, and so is handing the stop to another core, which finds itself named. So there is no moment at which a core could wait for a stop that is
 * over, and a second stop right after the first is a new generation.
 *
 *     master                                    another core
 *     claim the word                            (anything, also with interrupts off)
 *     owed[i]++, NMI to each started core  -->  NMI: fill in the record, stopped_in = word
 *     wait until all have, KD_STOP_MS at most   spin on the word
 *     prompt, read the records                  spin on the word
 *     word = generation << 8               -->  stopped_in = 0, CPUID (text may have changed)
 *
 * A core that does not answer in time is named and joins whenever its NMI comes. Parked cores do
 * not poll: who waits for a parked core is parked itself or, if missing, goes on waiting until
 * the end of the stop.
 *
 * P1  Between claim and end only the master writes anything but its own record, and it takes no
 *     lock. A core that has handed over is no longer it, and its record stays as it was.
 * P2  record.frame and the rest are stored before stopped_in (release) and read after it
 *     (acquire). As stopped_in names the stop, a core that is still on its way out of the last
 *     one is not taken for one that has come to this one.
 *
 * Which NMIs are a reason to enter? An NMI does not say who sent it, two that meet merge into
 * one, and one may stay latched until the handler of the first returns. So the question is asked
 * the other way round: an NMI is *explained*, and ignored if nothing else follows from it, when
 *   - a stop is in progress, or a stop NMI is owed to this core (it came after the stop had ended);
 *   - the serial chip had something;
 *   - one of these was the case less than GRACE_MS ago on this core: the second of two that met,
 *     or the extra NMI that an edge triggered line makes for each byte.
 * Everything else is a person's or a device's NMI and enters. The price: such an NMI within
 * GRACE_MS of a typed byte or the end of a stop is lost. Counting instead of the time limit does
 * not work: whether two NMIs have merged cannot be known.
 */
#include "kdebug/core/stop.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "kdebug/core/run.h"
#include "kdebug/core/trace_stop.h"
#include "kdebug/x86_64/hardware.h"

#define GRACE_MS 100u
/* Before clock_init(). No CPU is much faster, so waits get longer, not shorter. */
#define KHZ_GUESS 4000000u

struct kd_stop_record kd_stop_records[CPU_MAX];
atomic_uint kd_stop_word;

static struct kd_stop_record *own_record(void)
{
    return &kd_stop_records[cpu_id()];
}

static tsc_t ticks_of_ms(uint64_t ms)
{
    uint64_t khz = clock_tsc_khz();
    return ms * (khz != 0 ? khz : KHZ_GUESS);
}

uint64_t kd_stop_us(tsc_t ticks)
{
    return ticks / (ticks_of_ms(1) / 1000);
}

void kd_stop_give_way(void)
{
    tsc_t start = cpu_tsc();
    while (kd_stop_us(cpu_tsc() - start) < KD_GIVE_WAY_US) {
        cpu_relax();
    }
}

void kd_stop_be_deaf(void)
{
    while (atomic_load_explicit(&own_record()->is_deaf, memory_order_relaxed)) {
        cpu_relax(); /* an NMI blocks all others */
    }
}

bool kd_stop_is_mine(void)
{
    return kd_stop_master_of(atomic_load_explicit(&kd_stop_word, memory_order_relaxed)) ==
           cpu_id() + 1;
}

bool kd_stop_in_progress(void)
{
    return kd_stop_master_of(atomic_load_explicit(&kd_stop_word, memory_order_relaxed)) != 0;
}

static void fill_record(struct kd_stop_record *record, struct trap_frame *frame, unsigned stop)
{
    kd_branches_freeze();
    record->frame = frame;
    record->captured = cpu_tsc();
    __asm__("movq %%cr0, %0" : "=r"(record->cr0));
    __asm__("movq %%cr2, %0" : "=r"(record->cr2));
    __asm__("movq %%cr3, %0" : "=r"(record->cr3));
    __asm__("movq %%cr4, %0" : "=r"(record->cr4));
    /* Pairs with the acquire in kd_stop_has(). */
    atomic_store_explicit(&record->stopped_in, stop, memory_order_release);
}

bool kd_stop_claim(struct trap_frame *frame, enum trace_kdebug_reason reason, const char *message)
{
    struct kd_stop_record *record = own_record();
    unsigned free = atomic_load_explicit(&kd_stop_word, memory_order_relaxed);
    record->reason = (uint8_t)reason;
    record->message = message;
    unsigned mine = ((free >> KD_STOP_MASTER_BITS) + 1) << KD_STOP_MASTER_BITS | (cpu_id() + 1);
    if (kd_stop_master_of(free) != 0 ||
        !atomic_compare_exchange_strong_explicit(&kd_stop_word, &free, mine, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        return false;
    }
    fill_record(record, frame, mine);
    return true;
}

/* Instructions fetched before another core changed text must not be executed after it. (Intel SDM
 * vol. 3A, "Handling Self- and Cross-Modifying Code": CPUID is serialising.) */
static void serialise(void)
{
    uint32_t eax = 0, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx)::"memory");
}

/* Get ready to go on. We may have come between a page fault and its handler's look at CR2, and a master may have had faults of its
 * own since. */
static void leave_stop(struct kd_stop_record *record)
{
    record->explained = cpu_tsc();
    atomic_store_explicit(&record->stopped_in, 0, memory_order_relaxed);
    __asm__ volatile("movq %0, %%cr2" ::"r"(record->cr2) : "memory");
    kd_branches_thaw();
    serialise();
    kd_run_load_registers();
}

/* Its record is filled. */
static enum kd_park wait_parked(unsigned stop)
{
    unsigned word, mine = cpu_id() + 1;
    do {
        cpu_relax();
        /* Pairs with the release in kd_stop_end() and kd_stop_hand_over(). */
        word = atomic_load_explicit(&kd_stop_word, memory_order_acquire);
        if (!kd_stop_is_same(word, stop) || kd_stop_master_of(word) == 0) {
            leave_stop(own_record());
            return KD_PARK_OVER;
        }
    } while (kd_stop_master_of(word) != mine);
    return KD_PARK_MASTER;
}

enum kd_park kd_stop_park(struct trap_frame *frame)
{
    unsigned seen = atomic_load_explicit(&kd_stop_word, memory_order_acquire);
    if (kd_stop_master_of(seen) == 0 || kd_stop_master_of(seen) == cpu_id() + 1) {
        return KD_PARK_NO_STOP;
    }
    enum trace_kdebug_reason reason = kd_stop_records[kd_stop_master_of(seen) - 1].reason;
    kd_trace_enter(reason);
    fill_record(own_record(), frame, seen);
    enum kd_park parked = wait_parked(seen);
    if (parked == KD_PARK_OVER) {
        kd_trace_leave(reason); /* a master says so itself */
    }
    return parked;
}

enum kd_park kd_stop_hand_over(unsigned cpu)
{
    unsigned word = atomic_load_explicit(&kd_stop_word, memory_order_relaxed);
    ASSERT(kd_stop_master_of(word) == cpu_id() + 1 && kd_stop_has(cpu));
    kd_stop_records[cpu].reason = own_record()->reason;
    word = (word & ~KD_STOP_MASTER_MASK) | (cpu + 1);
    atomic_store_explicit(&kd_stop_word, word, memory_order_release);
    return wait_parked(word);
}

bool kd_stop_has(unsigned cpu)
{
    unsigned stop = atomic_load_explicit(&kd_stop_word, memory_order_relaxed);
    unsigned held = atomic_load_explicit(&kd_stop_records[cpu].stopped_in, memory_order_acquire);
    return held != 0 && kd_stop_is_same(held, stop) && kd_stop_master_of(stop) != 0;
}

tsc_t kd_stop_now(void)
{
    tsc_t last = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        last = kd_stop_has(cpu) ? MAX(last, kd_stop_records[cpu].captured) : last;
    }
    return last;
}

uint32_t kd_stop_missing(void)
{
    uint32_t missing = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (__atomic_load_n(&cpus[cpu].started, __ATOMIC_ACQUIRE) && !kd_stop_has(cpu)) {
            missing |= 1u << cpu;
        }
    }
    return missing;
}

void kd_stop_send_nmi(unsigned cpu)
{
    atomic_fetch_add_explicit(&kd_stop_records[cpu].owed, 1, memory_order_release);
    ipi_send_nmi(cpu);
}

uint32_t kd_stop_others(void)
{
    tsc_t start = cpu_tsc();
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (cpu != cpu_id() && __atomic_load_n(&cpus[cpu].started, __ATOMIC_ACQUIRE)) {
            kd_stop_records[cpu].asked = cpu_tsc();
            kd_stop_send_nmi(cpu);
        }
    }
    tsc_t limit = ticks_of_ms(KD_STOP_MS);
    uint32_t missing;
    while ((missing = kd_stop_missing()) != 0 && cpu_tsc() - start < limit) {
        cpu_relax();
    }
    return missing;
}

void kd_stop_end(void)
{
    struct kd_stop_record *record = own_record();
    unsigned value = atomic_load_explicit(&kd_stop_word, memory_order_relaxed);
    ASSERT(kd_stop_master_of(value) == cpu_id() + 1);
    record->message = NULL;
    leave_stop(record);
    atomic_store_explicit(&kd_stop_word, value & ~KD_STOP_MASTER_MASK, memory_order_release);
}

bool kd_stop_nmi_is_expected(bool explained)
{
    struct kd_stop_record *record = own_record();
    tsc_t now = cpu_tsc();
    bool owed = atomic_exchange_explicit(&record->owed, 0, memory_order_acq_rel) != 0;
    record->nmis++;
    if (owed || explained || kd_stop_in_progress()) {
        record->explained = now;
        return true;
    }
    bool recent = record->explained != 0 && now - record->explained < ticks_of_ms(GRACE_MS);
    record->redundant += recent ? 1 : 0;
    return recent;
}
