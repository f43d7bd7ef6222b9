/* SPDX-License-Identifier: MIT */
/*
 * A workload in episodes: each takes one or two cores, brings their clocks together, plays a scene that is right in itself,
 * and leaves every core running its main thread. So any order of episodes gives a capture without a fault.
 */
#include <stdlib.h>

#include "synth.h"

/* Values of the schema's enums; the tests fail if they move. */
enum {
    STATE_READY,
    STATE_PREEMPTED,
    STATE_YIELDED,
    STATE_RECEIVE,
    STATE_CALL,
    STATE_REPLY,
    STATE_SLEEP,
    STATE_DEAD = 11
};
enum { PICK, HANDOFF };
enum { WAKE_CREATED, WAKE_MESSAGE, WAKE_REPLY, WAKE_TIMEOUT };
enum {
    SYSCALL_NULL = 0,
    SYSCALL_CALL = 1,
    SYSCALL_REPLY_RECEIVE = 4,
    SYSCALL_SLEEP = 15,
    SYSCALL_EXIT = 14
};

#define VECTOR_TIMER      0xe0
#define VECTOR_RESCHEDULE 0xe1
#define MAILBOX_TYPE      4
#define PROCESS_INIT      1u
#define PROCESS_SERVER    2u
#define PROCESS_CLIENT    3u

/* Threads of a core: tids are 10 * (cpu + 1) + role. */
enum { ROLE_MAIN = 1, ROLE_SERVER = 2, ROLE_CLIENT = 3, ROLE_HOG = 4 };

struct work {
    struct synth *synth;
    uint64_t clock[CPU_MAX];
    uint64_t random;
    uint64_t next_call;
    uint32_t next_tid;
    unsigned cpus;
};

static uint64_t draw(struct work *work, uint64_t below)
{
    work->random ^= work->random << 13;
    work->random ^= work->random >> 7;
    work->random ^= work->random << 17;
    return work->random % below;
}

static uint32_t tid_of(unsigned cpu, unsigned role)
{
    return 10 * (cpu + 1) + role;
}

/* The next moment of a core. */
static uint64_t tick(struct work *work, unsigned cpu)
{
    work->clock[cpu] += 40 + draw(work, 400);
    return work->clock[cpu];
}

static void meet(struct work *work, unsigned a, unsigned b)
{
    uint64_t later = MAX(work->clock[a], work->clock[b]);
    work->clock[a] = later;
    work->clock[b] = later;
}

#define EMIT(work, cpu, name, ...)                                                                 \
    SYNTH((work)->synth, SYNTH_LANE(cpu), tick(work, cpu), name, __VA_ARGS__)

static void go(struct work *work, unsigned cpu, uint32_t prev, uint32_t next, unsigned state,
               unsigned reason)
{
    synth_switch(work->synth, cpu, tick(work, cpu), prev, next, state, reason);
}

static void wake(struct work *work, unsigned cpu, uint32_t tid, unsigned target, unsigned reason)
{
    EMIT(work, cpu, "sched.thread.wake", reason, tid, target, 8);
}

/* The hog was preempted once; it runs for a while and is preempted again. Two switches, a wake-up, an interrupt. */
static void play_interrupt(struct work *work, unsigned cpu)
{
    EMIT(work, cpu, "irq.enter", VECTOR_TIMER);
    wake(work, cpu, tid_of(cpu, ROLE_HOG), cpu, WAKE_TIMEOUT);
    EMIT(work, cpu, "irq.exit", VECTOR_TIMER);
    go(work, cpu, tid_of(cpu, ROLE_MAIN), tid_of(cpu, ROLE_HOG), STATE_PREEMPTED, PICK);
    go(work, cpu, tid_of(cpu, ROLE_HOG), tid_of(cpu, ROLE_MAIN), STATE_SLEEP, PICK);
    wake(work, cpu, tid_of(cpu, ROLE_HOG), cpu, WAKE_MESSAGE);
    go(work, cpu, tid_of(cpu, ROLE_MAIN), tid_of(cpu, ROLE_HOG), STATE_YIELDED, PICK);
    go(work, cpu, tid_of(cpu, ROLE_HOG), tid_of(cpu, ROLE_MAIN), STATE_SLEEP, PICK);
}

static void play_fault(struct work *work, unsigned cpu)
{
    EMIT(work, cpu, "fault.enter", 6, 0x400000 + 4096 * draw(work, 1000),
         0x401000 + draw(work, 4096));
    EMIT(work, cpu, "fault.exit", 1 + draw(work, 2));
}

static void play_null(struct work *work, unsigned cpu)
{
    EMIT(work, cpu, "syscall.enter", SYSCALL_NULL, 0);
    EMIT(work, cpu, "syscall.exit", 0);
}

static uint64_t begin_call(struct work *work, unsigned cpu, unsigned mailbox)
{
    uint64_t call = (uint64_t)tid_of(cpu, ROLE_MAIN) << 24 | (++work->next_call & 0xffffff);
    EMIT(work, cpu, "syscall.enter", SYSCALL_CALL, 5);
    EMIT(work, cpu, "ipc.call", 0, call, mailbox, 77);
    return call;
}

static void end_call(struct work *work, unsigned cpu, uint64_t call)
{
    EMIT(work, cpu, "ipc.return", 0, call);
    EMIT(work, cpu, "syscall.exit", 0);
}

/* Client and server on one core: direct switch both ways. The server waits inside reply_receive, before and after. */
static void play_call(struct work *work, unsigned cpu)
{
    uint32_t client = tid_of(cpu, ROLE_MAIN);
    uint32_t server = tid_of(cpu, ROLE_SERVER);
    uint64_t call = begin_call(work, cpu, 100 + cpu);
    go(work, cpu, client, server, STATE_CALL, HANDOFF);
    EMIT(work, cpu, "ipc.receive", call, 7, 100 + cpu, 77);
    EMIT(work, cpu, "ipc.copy", 0, call, 0, client, server, 512);
    EMIT(work, cpu, "syscall.exit", 0);
    if (draw(work, 4) == 0) {
        play_fault(work, cpu);
    }
    EMIT(work, cpu, "syscall.enter", SYSCALL_REPLY_RECEIVE, 5);
    EMIT(work, cpu, "ipc.reply", 0, call);
    go(work, cpu, server, client, STATE_RECEIVE, HANDOFF);
    end_call(work, cpu, call);
}

/* The server is on another core: wake-ups and IPIs. */
static void play_far_call(struct work *work, unsigned near, unsigned far)
{
    uint32_t client = tid_of(near, ROLE_MAIN);
    uint32_t server = tid_of(far, ROLE_SERVER);
    meet(work, near, far);
    uint64_t call = begin_call(work, near, 100 + far);
    wake(work, near, server, far, WAKE_MESSAGE);
    EMIT(work, near, "irq.ipi", 0, far);
    go(work, near, client, 0, STATE_CALL, PICK);
    meet(work, near, far);
    EMIT(work, far, "irq.enter", VECTOR_RESCHEDULE);
    EMIT(work, far, "irq.exit", VECTOR_RESCHEDULE);
    go(work, far, tid_of(far, ROLE_MAIN), server, STATE_PREEMPTED, PICK);
    EMIT(work, far, "ipc.receive", call, 9, 100 + far, 77);
    EMIT(work, far, "syscall.exit", 0);
    EMIT(work, far, "syscall.enter", SYSCALL_REPLY_RECEIVE, 5);
    EMIT(work, far, "ipc.reply", 0, call);
    wake(work, far, client, near, WAKE_REPLY);
    go(work, far, server, tid_of(far, ROLE_MAIN), STATE_RECEIVE, PICK);
    meet(work, near, far);
    go(work, near, 0, client, STATE_READY, PICK);
    end_call(work, near, call);
}

/* The server of a core receives a second call before it answers the first. */
static void play_held_calls(struct work *work, unsigned cpu)
{
    uint32_t server = tid_of(cpu, ROLE_SERVER);
    uint32_t first = tid_of(cpu, ROLE_MAIN);
    uint32_t second = tid_of(cpu, ROLE_CLIENT);
    uint64_t call_a = begin_call(work, cpu, 100 + cpu);
    go(work, cpu, first, server, STATE_CALL, HANDOFF);
    EMIT(work, cpu, "ipc.receive", call_a, 1, 100 + cpu, 77);
    EMIT(work, cpu, "syscall.exit", 0);
    EMIT(work, cpu, "syscall.enter", SYSCALL_REPLY_RECEIVE, 0);
    wake(work, cpu, second, cpu, WAKE_TIMEOUT);
    go(work, cpu, server, second, STATE_RECEIVE, PICK);
    uint64_t call_b = begin_call(work, cpu, 100 + cpu);
    go(work, cpu, second, server, STATE_CALL, HANDOFF);
    EMIT(work, cpu, "ipc.receive", call_b, 2, 100 + cpu, 78);
    EMIT(work, cpu, "syscall.exit", 0);
    EMIT(work, cpu, "syscall.enter", SYSCALL_REPLY_RECEIVE, 0);
    EMIT(work, cpu, "ipc.reply", 0, call_a);
    wake(work, cpu, first, cpu, WAKE_REPLY);
    EMIT(work, cpu, "ipc.reply", 0, call_b);
    go(work, cpu, server, second, STATE_RECEIVE, HANDOFF);
    end_call(work, cpu, call_b);
    go(work, cpu, second, first, STATE_SLEEP, PICK);
    end_call(work, cpu, call_a);
}

static void play_thread(struct work *work, unsigned cpu)
{
    uint32_t tid = work->next_tid++;
    uint32_t main_thread = tid_of(cpu, ROLE_MAIN);
    char name[32];
    snprintf(name, sizeof(name), "worker %u", tid);
    for (unsigned i = 0; i < work->cpus; i++) {
        meet(work, cpu, i); /* the meta lane has one order */
    }
    SYNTH_TEXT(work->synth, SYNTH_META, tick(work, cpu), "life.thread.create", name, tid,
               PROCESS_CLIENT, 8);
    wake(work, cpu, tid, cpu, WAKE_CREATED);
    go(work, cpu, main_thread, tid, STATE_YIELDED, PICK);
    EMIT(work, cpu, "user.mark", 3, draw(work, 1000));
    EMIT(work, cpu, "syscall.enter", SYSCALL_EXIT, 0);
    SYNTH(work->synth, SYNTH_META, tick(work, cpu), "life.thread.exit", tid, PROCESS_CLIENT);
    go(work, cpu, tid, main_thread, STATE_DEAD, PICK);
    for (unsigned i = 0; i < work->cpus; i++) {
        meet(work, cpu, i);
    }
}

static void play_log(struct work *work, unsigned cpu)
{
    uint64_t tsc = tick(work, cpu);
    SYNTH_TEXT(work->synth, SYNTH_LANE(cpu), tsc, "log.line", "a line of the log with some words",
               draw(work, 4));
}

static void play_timer(struct work *work, unsigned cpu)
{
    uint64_t deadline = work->clock[cpu] + 5000;
    EMIT(work, cpu, "timer.arm", tid_of(cpu, ROLE_HOG), deadline);
    EMIT(work, cpu, "irq.enter", VECTOR_TIMER);
    EMIT(work, cpu, "timer.fire", tid_of(cpu, ROLE_HOG), deadline);
    EMIT(work, cpu, "irq.exit", VECTOR_TIMER);
}

static void play_stop(struct work *work, unsigned cpu)
{
    SYNTH(work->synth, SYNTH_LANE_NMI(cpu), tick(work, cpu), "kdebug.enter", 0);
    work->clock[cpu] += 100000;
    SYNTH(work->synth, SYNTH_LANE_NMI(cpu), tick(work, cpu), "kdebug.leave", 0);
}

static void play_mixed(struct work *work)
{
    unsigned cpu = (unsigned)draw(work, work->cpus);
    unsigned other = (unsigned)draw(work, work->cpus);
    uint64_t dice = draw(work, 1000);
    if (dice < 300) {
        play_call(work, cpu);
    } else if (dice < 450 && other != cpu) {
        play_far_call(work, cpu, other);
    } else if (dice < 480) {
        play_held_calls(work, cpu);
    } else if (dice < 700) {
        play_interrupt(work, cpu);
    } else if (dice < 800) {
        play_fault(work, cpu);
    } else if (dice < 950) {
        play_null(work, cpu);
    } else if (dice < 970) {
        play_timer(work, cpu);
    } else if (dice < 985) {
        EMIT(work, cpu, "user.mark", draw(work, 3), draw(work, 100));
    } else if (dice < 993) {
        play_log(work, cpu);
    } else if (dice < 999) {
        play_thread(work, cpu);
    } else {
        play_stop(work, cpu);
    }
}

static void add_thread(struct work *work, uint32_t tid, uint32_t process, const char *role,
                       unsigned cpu)
{
    char name[32];
    snprintf(name, sizeof(name), "%s %u", role, cpu);
    SYNTH_TEXT(work->synth, SYNTH_META, tick(work, 0), "life.thread.create", name, tid, process, 8);
}

static void add_process(struct work *work, uint32_t process, const char *name)
{
    SYNTH_TEXT(work->synth, SYNTH_META, tick(work, 0), "life.process.create", name, process,
               PROCESS_INIT);
}

/* Who is there before the first event of any core. */
static void set_stage(struct work *work)
{
    add_process(work, PROCESS_INIT, "init");
    add_process(work, PROCESS_SERVER, "server");
    add_process(work, PROCESS_CLIENT, "client");
    for (unsigned cpu = 0; cpu < work->cpus; cpu++) {
        char name[32];
        add_thread(work, tid_of(cpu, ROLE_SERVER), PROCESS_SERVER, "serve", cpu);
        add_thread(work, tid_of(cpu, ROLE_MAIN), PROCESS_CLIENT, "main", cpu);
        add_thread(work, tid_of(cpu, ROLE_CLIENT), PROCESS_CLIENT, "second", cpu);
        add_thread(work, tid_of(cpu, ROLE_HOG), PROCESS_INIT, "hog", cpu);
        snprintf(name, sizeof(name), "box%u", cpu);
        SYNTH_TEXT(work->synth, SYNTH_META, tick(work, 0), "life.object.name", name, MAILBOX_TYPE,
                   100 + cpu, PROCESS_SERVER);
    }
    for (unsigned cpu = 0; cpu < work->cpus; cpu++) {
        work->clock[cpu] = work->clock[0];
        synth_set_current(work->synth, cpu, tid_of(cpu, ROLE_MAIN));
    }
}

/* Each core's server goes to wait for its first call, so that its system call is open when one comes. */
static void start_servers(struct work *work)
{
    for (unsigned cpu = 0; cpu < work->cpus; cpu++) {
        uint32_t server = tid_of(cpu, ROLE_SERVER);
        wake(work, cpu, server, cpu, WAKE_CREATED);
        go(work, cpu, tid_of(cpu, ROLE_MAIN), server, STATE_YIELDED, PICK);
        EMIT(work, cpu, "syscall.enter", SYSCALL_REPLY_RECEIVE, 0);
        go(work, cpu, server, tid_of(cpu, ROLE_MAIN), STATE_RECEIVE, PICK);
    }
}

void synth_work(struct synth *synth, enum synth_kind kind, uint64_t events, uint64_t seed)
{
    struct work *work = xcalloc(1, sizeof(*work));
    work->synth = synth;
    work->cpus = synth->region.cpu_count;
    work->random = seed * 0x9e3779b97f4a7c15ull | 1;
    work->next_tid = 10 * (work->cpus + 2);
    work->clock[0] = 1000000;
    set_stage(work);
    start_servers(work);
    for (uint64_t target = synth->events + events; synth->events < target;) {
        if (kind == SYNTH_SCHED) {
            play_interrupt(work, (unsigned)draw(work, work->cpus));
        } else {
            play_mixed(work);
        }
    }
    free(work);
}
