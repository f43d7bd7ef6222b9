/* SPDX-License-Identifier: MIT */
/*
 * Rules over the merged stream: switches, system calls, interrupts, faults, IPC, stops in kdebug.
 *
 * Unknown state. Threads and calls move between cores, so what is known about them is worth nothing while any core has a
 * hole or has not begun (blind > 0; in a flight recorder each core's ring reaches back another time, and of one that went
 * round whenever it was sent nothing is left at all), nor when it was learnt before: rules.epoch grows whenever a hole begins
 * or ends and whenever categories are switched on or off, and state of an older epoch is unknown. What concerns one core
 * only (switches, interrupts) is forgotten at that core's holes only.
 *
 * Categories. While sched is off nobody knows who runs, so nothing that depends on it is judged. The record of a change is
 * written after the tracepoints were patched, and other cores run on meanwhile: what is switched off counts as off a little
 * earlier. Switches that still come in that time say who runs until the next one, which may not come.
 *
 * IPC. A call is followed by its id from ipc.call to ipc.return. A thread that is exempt from tracing because it consumes
 * the trace makes no IPC events, so a call may be served by nobody: that is a finding only if the mailbox is ever
 * received from in this capture.
 */
#include "check_rules.h"

#include <inttypes.h>
#include <stdlib.h>

#define IRQ_DEPTH_MAX 16
#define CALLS_MAX                                                                                  \
    0x100000u /* open calls and orphans remembered; more than that is not a sane capture */
#define CALL_ONE_WAY    (1u << 3) /* of the flags of ipc.call */
#define NOBODY          UINT32_MAX
#define SURE_OF_NOTHING UINT64_MAX
#define SWITCH_OFF_NS   20000000 /* how long before its record a change may have come into force */

/* What is known about something that is entered and left. */
enum phase { PHASE_UNKNOWN = 0, PHASE_OUT, PHASE_IN };

struct rules_thread {
    uint64_t epoch;
    uint32_t tid;
    uint32_t running_on; /* cpu + 1; 0: nowhere or unknown */
    bool is_dead;
    bool waits;    /* it left its core to wait */
    bool is_woken; /* since it last ran */
    enum phase syscall;
    enum phase calling;
    uint64_t call;
    uint32_t faults; /* open ones */
    bool faults_known;
};

struct rules_cpu {
    uint32_t current; /* NOBODY: unknown */
    unsigned irq_depth;
    bool irq_known;
    uint8_t irq_vector[IRQ_DEPTH_MAX];
    enum phase kdebug;
};

struct rules_call {
    uint64_t epoch;
    uint64_t tsc;
    uint64_t header; /* of ipc.call: holds its flags, which are seldom asked for */
    uint32_t client;
    uint32_t mailbox;
    bool has_call; /* false: an orphan, received or replied before any ipc.call was seen */
    bool received;
    bool replied;
    bool returned; /* one way, and not yet received */
    struct rules_call *next_free;
};

struct rules_mailbox {
    uint64_t receives;
    uint64_t unserved; /* calls that came back with OK though nobody received them */
    uint64_t first_tsc;
};

/* Where the rules find what they need in records. */
struct rules_ids {
    unsigned dead;
    unsigned receive;
    unsigned handoff;
    struct field_ref switch_reason;
    struct field_ref wake_thread;
    struct field_ref offset_cpu;
    struct field_ref offset_ahead;
    struct field_ref offset_at_least;
    struct field_ref lost_cause;
    struct field_ref lost_count;
    struct field_ref switch_state;
    struct field_ref switch_prev;
    struct field_ref switch_next;
    struct field_ref enter_vector;
    struct field_ref exit_vector;
    struct field_ref enter_number;
    struct field_ref call_call;
    struct field_ref call_flags;
    struct field_ref call_mailbox;
    struct field_ref receive_call;
    struct field_ref receive_mailbox;
    struct field_ref reply_call;
    struct field_ref return_call;
    struct field_ref return_status;
};

typedef void (*rule_fn)(struct rules *rules, const struct step *step);

#define RECENT_THREADS 256u

struct rules {
    const struct session *session;
    struct registry *registry;
    struct finding_list *findings;
    struct rules_ids ids;
    rule_fn handler[SCHEMA_EVENTS_MAX];          /* by event id, never NULL */
    struct rules_thread *recent[RECENT_THREADS]; /* by tid modulo their number */
    struct rules_totals totals;
    uint64_t epoch; /* from 1 */
    unsigned blind; /* lanes of cores that have not begun or are in a hole */
    bool lane_is_blind[TRACE_LANES_MAX];
    uint64_t sure_epoch; /* epoch, or SURE_OF_NOTHING while blind */
    uint64_t start_tsc;
    struct rules_cpu cpu[CPU_MAX];
    uint64_t next_change_tsc; /* when the next category switch comes into force */
    size_t next_change;
    bool sched_is_off;
    struct id_map calls;
    struct id_map mailboxes;
    struct arena arena;
    struct rules_call *free_calls;
};

/* A field that lies in the header of its record; one that does not is taken for 0. */
static struct field_ref header_field_ref(const struct schema *schema, const char *event,
                                         const char *field)
{
    struct field_ref ref = schema_field_ref(schema, event, field);
    return ref.word == 0 ? ref : (struct field_ref){0};
}

static void bind_rules(struct rules_ids *ids, const struct schema *schema)
{
    *ids = (struct rules_ids){
        .dead = schema_enum_value(schema, "sched.thread.switch", "state", "dead"),
        .receive = schema_enum_value(schema, "sched.thread.switch", "state", "receive"),
        .handoff = schema_enum_value(schema, "sched.thread.switch", "reason", "handoff"),
        .switch_reason = schema_field_ref(schema, "sched.thread.switch", "reason"),
        .wake_thread = schema_field_ref(schema, "sched.thread.wake", "thread"),
        .offset_cpu = schema_field_ref(schema, "trace.offset", "cpu"),
        .offset_ahead = schema_field_ref(schema, "trace.offset", "ahead"),
        .offset_at_least = schema_field_ref(schema, "trace.offset", "at_least"),
        .lost_cause = schema_field_ref(schema, "trace.lost", "cause"),
        .lost_count = schema_field_ref(schema, "trace.lost", "count"),
        .switch_state = schema_field_ref(schema, "sched.thread.switch", "state"),
        .switch_prev = schema_field_ref(schema, "sched.thread.switch", "prev"),
        .switch_next = schema_field_ref(schema, "sched.thread.switch", "next"),
        .enter_vector = schema_field_ref(schema, "irq.enter", "vector"),
        .exit_vector = schema_field_ref(schema, "irq.exit", "vector"),
        .enter_number = schema_field_ref(schema, "syscall.enter", "number"),
        .call_call = schema_field_ref(schema, "ipc.call", "call"),
        .call_flags = header_field_ref(schema, "ipc.call", "flags"),
        .call_mailbox = schema_field_ref(schema, "ipc.call", "mailbox"),
        .receive_call = schema_field_ref(schema, "ipc.receive", "call"),
        .receive_mailbox = schema_field_ref(schema, "ipc.receive", "mailbox"),
        .reply_call = schema_field_ref(schema, "ipc.reply", "call"),
        .return_call = schema_field_ref(schema, "ipc.return", "call"),
        .return_status = schema_field_ref(schema, "ipc.return", "status"),
    };
}

/* Time of a step for people, in seconds since the start, as in dump. */
static double seconds_at(const struct rules *rules, uint64_t tsc)
{
    const struct clock *clock = &rules->session->clock;
    return (double)(int64_t)((uint64_t)clock_ns(clock, tsc) -
                             (uint64_t)clock_ns(clock, rules->start_tsc)) /
           1e9;
}

#define REPORT(rules, rule, step, format, ...)                                                     \
    finding_add((rules)->findings, rule, "%.9f cpu %u: " format, seconds_at(rules, (step)->tsc),   \
                (unsigned)(step)->cpu, __VA_ARGS__)

static void note_orphan(struct rules *rules)
{
    rules->totals.orphans++;
}

/* Whether state of an epoch is still worth anything. */
static bool is_sure(const struct rules *rules, uint64_t epoch)
{
    return epoch == rules->sure_epoch;
}

static COLD struct rules_thread *find_thread(struct rules *rules, uint32_t tid)
{
    struct rules_thread *state = registry_thread(rules->registry, tid)->state;
    state->tid = tid;
    rules->recent[tid % RECENT_THREADS] = state;
    return state;
}

/* State of a thread, forgotten first if it is no longer sure. */
static inline struct rules_thread *state_of(struct rules *rules, uint32_t tid)
{
    struct rules_thread *state = rules->recent[tid % RECENT_THREADS];
    if (UNLIKELY(state == NULL || state->tid != tid)) {
        state = find_thread(rules, tid);
    }
    if (UNLIKELY(!is_sure(rules, state->epoch))) {
        *state = (struct rules_thread){.epoch = rules->epoch, .tid = tid};
    }
    return state;
}

static struct rules_thread *current_of(struct rules *rules, const struct step *step)
{
    uint32_t tid = rules->cpu[step->cpu].current;
    return tid == NOBODY ? NULL : state_of(rules, tid);
}

/* ---- scheduling ---- */

static void set_running(struct rules *rules, const struct step *step, uint32_t tid)
{
    struct rules_cpu *cpu = &rules->cpu[step->cpu];
    cpu->current = tid;
    if (tid != 0) {
        state_of(rules, tid)->running_on = step->cpu + 1u;
    }
}

static void take_switch(struct rules *rules, const struct step *step)
{
    const struct rules_ids *ids = &rules->ids;
    struct rules_cpu *cpu = &rules->cpu[step->cpu];
    uint32_t prev = (uint32_t)field_get(&ids->switch_prev, step->record);
    uint32_t next = (uint32_t)field_get(&ids->switch_next, step->record);
    rules->totals.switches++;
    if (UNLIKELY(cpu->current != prev && cpu->current != NOBODY)) {
        REPORT(rules, FINDING_SWITCH, step, "switch away from thread %u, but thread %u ran", prev,
               cpu->current);
    }
    if (prev != 0) {
        struct rules_thread *state = state_of(rules, prev);
        uint64_t why = field_get(&ids->switch_state, step->record);
        state->running_on = 0;
        state->is_dead = why == ids->dead;
        state->waits = why >= ids->receive && why != ids->dead;
    }
    if (next != 0) {
        struct rules_thread *state = state_of(rules, next);
        if (UNLIKELY(state->running_on != 0 && state->running_on != step->cpu + 1u)) {
            REPORT(rules, FINDING_SWITCH, step, "thread %u begins to run, but it runs on cpu %u",
                   next, state->running_on - 1);
        }
        if (UNLIKELY(state->is_dead)) {
            REPORT(rules, FINDING_SWITCH, step, "thread %u runs after its death", next);
        }
        if (UNLIKELY(state->waits && !state->is_woken &&
                     field_get(&ids->switch_reason, step->record) != ids->handoff)) {
            REPORT(rules, FINDING_SWITCH, step, "thread %u runs before it is woken", next);
        }
        state->waits = state->is_woken = false;
        state->running_on = step->cpu + 1u;
    }
    cpu->current = rules->sched_is_off ? NOBODY : next; /* still on until it was patched */
}

/* Possibly before it has left its core. */
static void take_wake(struct rules *rules, const struct step *step)
{
    state_of(rules, (uint32_t)field_get(&rules->ids.wake_thread, step->record))->is_woken = true;
}

/* Everything that was learnt about threads and calls is forgotten; who runs where is still known of the other cores. */
static void new_epoch(struct rules *rules)
{
    rules->epoch++;
    rules->sure_epoch = rules->blind == 0 ? rules->epoch : SURE_OF_NOTHING;
    for (unsigned i = 0; i < CPU_MAX; i++) {
        uint32_t tid = rules->cpu[i].current;
        if (tid != NOBODY && tid != 0) {
            state_of(rules, tid)->running_on = i + 1;
        }
    }
}

static void take_hole(struct rules *rules, const struct step *step)
{
    if (step->lane_kind == TRACE_LANE_META) {
        return;
    }
    struct rules_cpu *cpu = &rules->cpu[step->cpu];
    rules->lane_is_blind[step->lane] = true;
    rules->blind++;
    if (step->lane_kind == TRACE_LANE_NORMAL) {
        cpu->current = NOBODY;
        cpu->irq_depth = 0;
        cpu->irq_known = false;
    }
    cpu->kdebug = PHASE_UNKNOWN;
    new_epoch(rules);
}

/* A lane begins, at last or again. */
static void take_begin(struct rules *rules, const struct step *step)
{
    if (rules->lane_is_blind[step->lane]) {
        rules->lane_is_blind[step->lane] = false;
        rules->blind--;
        new_epoch(rules);
    }
    if (step->lane_kind == TRACE_LANE_NORMAL && !rules->sched_is_off) {
        set_running(rules, step, step->current);
    }
}

static void take_subbuf(struct rules *rules, const struct step *step)
{
    struct rules_cpu *cpu = &rules->cpu[step->cpu];
    if (step->lane_kind != TRACE_LANE_NORMAL || rules->sched_is_off ||
        cpu->current == step->current) {
        return;
    }
    if (cpu->current != NOBODY) {
        REPORT(rules, FINDING_SWITCH, step,
               "the sub-buffer says that thread %u runs, but thread %u does", step->current,
               cpu->current);
    }
    set_running(rules, step, step->current);
}

/* ---- system calls and faults ---- */

static void take_syscall_enter(struct rules *rules, const struct step *step)
{
    struct rules_thread *thread = current_of(rules, step);
    rules->totals.syscalls++;
    if (thread == NULL) {
        return;
    }
    uint32_t tid = rules->cpu[step->cpu].current;
    unsigned number = (unsigned)field_get(&rules->ids.enter_number, step->record);
    if (tid == 0) {
        REPORT(rules, FINDING_SYSCALL, step, "the idle thread makes system call %u", number);
    } else if (thread->syscall == PHASE_IN) {
        REPORT(rules, FINDING_SYSCALL, step, "thread %u enters system call %u inside another", tid,
               number);
    }
    if (thread->faults_known && thread->faults != 0) {
        REPORT(rules, FINDING_FAULT, step, "thread %u enters system call %u inside a page fault",
               tid, number);
        thread->faults = 0;
    }
    thread->syscall = PHASE_IN;
}

static void take_syscall_exit(struct rules *rules, const struct step *step)
{
    struct rules_thread *thread = current_of(rules, step);
    if (thread == NULL) {
        return;
    }
    if (thread->syscall == PHASE_OUT) {
        REPORT(rules, FINDING_SYSCALL, step, "thread %u leaves a system call that it did not enter",
               rules->cpu[step->cpu].current);
    } else if (thread->syscall == PHASE_UNKNOWN) {
        note_orphan(rules);
    }
    thread->syscall = PHASE_OUT;
}

static void take_fault_enter(struct rules *rules, const struct step *step)
{
    struct rules_thread *thread = current_of(rules, step);
    rules->totals.faults++;
    if (thread != NULL) {
        thread->faults++;
    }
}

static void take_fault_exit(struct rules *rules, const struct step *step)
{
    struct rules_thread *thread = current_of(rules, step);
    if (thread == NULL) {
        return;
    }
    if (thread->faults != 0) {
        thread->faults--;
    } else if (thread->faults_known) {
        REPORT(rules, FINDING_FAULT, step, "thread %u leaves a page fault that it did not enter",
               rules->cpu[step->cpu].current);
    } else {
        note_orphan(rules);
    }
    thread->faults_known = true;
}

/* ---- interrupts ---- */

static void take_irq_enter(struct rules *rules, const struct step *step)
{
    struct rules_cpu *cpu = &rules->cpu[step->cpu];
    unsigned vector = (unsigned)field_get(&rules->ids.enter_vector, step->record);
    rules->totals.irqs++;
    if (cpu->irq_depth == IRQ_DEPTH_MAX) {
        REPORT(rules, FINDING_IRQ, step, "interrupts nest more than %u deep", IRQ_DEPTH_MAX);
        cpu->irq_depth = 0;
    }
    cpu->irq_vector[cpu->irq_depth++] = (uint8_t)vector;
}

static void take_irq_exit(struct rules *rules, const struct step *step)
{
    struct rules_cpu *cpu = &rules->cpu[step->cpu];
    unsigned vector = (unsigned)field_get(&rules->ids.exit_vector, step->record);
    if (cpu->irq_depth == 0) {
        if (cpu->irq_known) {
            REPORT(rules, FINDING_IRQ, step, "interrupt %#x ends without a beginning", vector);
        } else {
            note_orphan(rules);
        }
    } else if (cpu->irq_vector[--cpu->irq_depth] != (uint8_t)vector) {
        REPORT(rules, FINDING_IRQ, step, "interrupt %#x ends inside interrupt %#x", vector,
               (unsigned)cpu->irq_vector[cpu->irq_depth]);
    }
    cpu->irq_known = true;
}

static void take_offset(struct rules *rules, const struct step *step)
{
    uint64_t ticks = field_get(&rules->ids.offset_at_least, step->record);
    if (ticks != 0) {
        REPORT(
            rules, FINDING_CLOCK, step,
            "the clock of cpu %u is %" PRIu64
            " ticks or more %s that of cpu 0: closer events of the two may be in the wrong order",
            (unsigned)field_get(&rules->ids.offset_cpu, step->record), ticks,
            field_get(&rules->ids.offset_ahead, step->record) != 0 ? "ahead of" : "behind");
    }
}

static void judge_kdebug(struct rules *rules, const struct step *step, enum phase phase)
{
    struct rules_cpu *cpu = &rules->cpu[step->cpu];
    if (cpu->kdebug == phase) {
        REPORT(rules, FINDING_KDEBUG, step, "%s kdebug twice",
               phase == PHASE_IN ? "enters" : "leaves");
    }
    cpu->kdebug = phase;
}

static void take_kdebug_enter(struct rules *rules, const struct step *step)
{
    judge_kdebug(rules, step, PHASE_IN);
}

static void take_kdebug_leave(struct rules *rules, const struct step *step)
{
    judge_kdebug(rules, step, PHASE_OUT);
}

/* ---- IPC ---- */

static struct rules_call *make_call(struct rules *rules, uint64_t id, const struct step *step)
{
    if (rules->calls.count >= CALLS_MAX) {
        return NULL;
    }
    struct rules_call *call = rules->free_calls;
    if (call != NULL) {
        rules->free_calls = call->next_free;
    } else {
        call = arena_alloc(&rules->arena, sizeof(*call));
    }
    *call = (struct rules_call){.epoch = rules->epoch, .tsc = step->tsc, .client = NOBODY};
    id_map_insert(&rules->calls, id, call);
    return call;
}

static void drop_call(struct rules *rules, uint64_t id)
{
    struct rules_call *call = id_map_remove(&rules->calls, id);
    if (call != NULL) {
        call->next_free = rules->free_calls;
        rules->free_calls = call;
    }
}

static struct rules_mailbox *mailbox_of(struct rules *rules, uint32_t id)
{
    struct rules_mailbox *mailbox = id_map_find(&rules->mailboxes, id);
    if (mailbox == NULL) {
        mailbox = arena_alloc(&rules->arena, sizeof(*mailbox));
        id_map_insert(&rules->mailboxes, id, mailbox);
    }
    return mailbox;
}

static void take_call(struct rules *rules, const struct step *step)
{
    uint64_t id = field_get(&rules->ids.call_call, step->record);
    uint32_t tid = rules->cpu[step->cpu].current;
    struct rules_thread *thread = current_of(rules, step);
    struct rules_call *call = id_map_find(&rules->calls, id);
    rules->totals.calls++;
    if (call != NULL && is_sure(rules, call->epoch)) {
        REPORT(rules, FINDING_IPC, step, "call %#" PRIx64 " begins %s", id,
               call->has_call ? "twice" : "after it was received");
    }
    if (thread != NULL && thread->calling == PHASE_IN) {
        REPORT(rules, FINDING_IPC, step, "thread %u calls (%#" PRIx64 ") inside its call %#" PRIx64,
               tid, id, thread->call);
    }
    drop_call(rules, id);
    call = make_call(rules, id, step);
    if (call != NULL) {
        call->has_call = true;
        call->header = step->record[0];
        call->client = tid;
        call->mailbox = (uint32_t)field_get(&rules->ids.call_mailbox, step->record);
    }
    if (thread != NULL) {
        thread->calling = PHASE_IN;
        thread->call = id;
    }
}

static void take_receive(struct rules *rules, const struct step *step)
{
    uint64_t id = field_get(&rules->ids.receive_call, step->record);
    struct rules_call *call = id_map_find(&rules->calls, id);
    mailbox_of(rules, (uint32_t)field_get(&rules->ids.receive_mailbox, step->record))->receives++;
    if (call == NULL) {
        note_orphan(rules);
        call = make_call(rules, id, step);
    } else if (call->received && is_sure(rules, call->epoch)) {
        REPORT(rules, FINDING_IPC, step, "call %#" PRIx64 " is received twice", id);
    }
    if (call != NULL) {
        call->received = true;
    }
}

static void take_reply(struct rules *rules, const struct step *step)
{
    uint64_t id = field_get(&rules->ids.reply_call, step->record);
    struct rules_call *call = id_map_find(&rules->calls, id);
    if (call == NULL) {
        note_orphan(rules);
        call = make_call(rules, id, step);
    } else if (is_sure(rules, call->epoch) && (!call->received || call->replied)) {
        REPORT(rules, FINDING_IPC, step, "call %#" PRIx64 " is answered %s", id,
               call->replied ? "twice" : "before it is received");
    }
    if (call != NULL) {
        call->replied = true;
    }
    if (call != NULL && call->returned) {
        rules->totals.calls_whole++;
        drop_call(rules, id);
    }
}

/* It may return as soon as it is on its way to who waits for it. */
static bool is_one_way(const struct rules *rules, const struct rules_call *call)
{
    return (field_get(&rules->ids.call_flags, &call->header) & CALL_ONE_WAY) != 0;
}

/* True: it is not over yet, because nobody has received it. */
static bool judge_return(struct rules *rules, const struct step *step, uint64_t id,
                         const struct rules_call *call)
{
    uint32_t tid = rules->cpu[step->cpu].current;
    int64_t status = field_get_signed(&rules->ids.return_status, step->record);
    if (status != 0) {
        rules->totals.calls_failed++;
    } else if (call->received && call->replied) {
        rules->totals.calls_whole++;
    }
    if (!is_sure(rules, call->epoch)) {
        return false;
    }
    if (tid != NOBODY && call->client != NOBODY && call->client != tid) {
        REPORT(rules, FINDING_IPC, step, "thread %u returns from call %#" PRIx64 " of thread %u",
               tid, id, call->client);
    }
    if (status != 0 || (call->received && call->replied)) {
        return false;
    }
    if (!call->replied && is_one_way(rules, call)) {
        return true;
    }
    if (call->received) {
        REPORT(rules, FINDING_IPC, step, "call %#" PRIx64 " returns OK before it is answered", id);
    } else {
        struct rules_mailbox *mailbox = mailbox_of(rules, call->mailbox);
        mailbox->first_tsc = mailbox->unserved++ == 0 ? step->tsc : mailbox->first_tsc;
    }
    return false;
}

static void take_return(struct rules *rules, const struct step *step)
{
    uint64_t id = field_get(&rules->ids.return_call, step->record);
    struct rules_call *call = id_map_find(&rules->calls, id);
    struct rules_thread *thread = current_of(rules, step);
    bool is_kept = false;
    if (call != NULL && call->has_call) {
        is_kept = judge_return(rules, step, id, call);
    } else if (thread != NULL && thread->calling == PHASE_OUT) {
        REPORT(rules, FINDING_IPC, step,
               "thread %u returns from call %#" PRIx64 " that it did not make",
               rules->cpu[step->cpu].current, id);
    } else {
        note_orphan(rules);
    }
    if (is_kept) {
        call->returned = true;
    } else {
        drop_call(rules, id);
    }
    if (thread != NULL) {
        thread->calling = PHASE_OUT;
    }
}

/* ---- the stream ---- */

static void take_lost(struct rules *rules, const struct step *step)
{
    uint64_t cause = field_get(&rules->ids.lost_cause, step->record);
    if (cause < TRACE_LOST_CAUSES) {
        rules->totals.lost_reported[step->lane][cause] +=
            field_get(&rules->ids.lost_count, step->record);
    }
    if (step->lane_kind != TRACE_LANE_META) {
        new_epoch(rules);
    }
}

/* Which events come changes: what was learnt from their order no longer counts. */
static void change_categories(struct rules *rules, const struct category_switch *change)
{
    rules->sched_is_off =
        (change->mask & schema_category_mask(&rules->session->schema, "sched")) == 0;
    for (unsigned i = 0; i < CPU_MAX; i++) {
        struct rules_cpu *cpu = &rules->cpu[i];
        cpu->irq_depth = 0;
        cpu->irq_known = false;
        cpu->kdebug = PHASE_UNKNOWN;
        cpu->current = rules->sched_is_off ? NOBODY : cpu->current;
    }
    new_epoch(rules);
}

static void plan_change(struct rules *rules)
{
    rules->next_change_tsc = UINT64_MAX;
    if (rules->next_change < rules->registry->category_switches) {
        const struct category_switch *change =
            &rules->registry->category_switch[rules->next_change];
        uint64_t margin = change->off != 0 ? clock_ticks(&rules->session->clock, SWITCH_OFF_NS) : 0;
        rules->next_change_tsc = change->tsc - MIN(change->tsc, margin);
    }
}

static COLD void take_changes(struct rules *rules, uint64_t tsc)
{
    while (tsc >= rules->next_change_tsc) {
        change_categories(rules, &rules->registry->category_switch[rules->next_change++]);
        plan_change(rules);
    }
}

/* The record itself: once more, for what happened between the change and its record. */
static void take_switched(struct rules *rules, const struct step *step)
{
    (void)step;
    if (rules->next_change != 0) {
        change_categories(rules, &rules->registry->category_switch[rules->next_change - 1]);
    }
}

static void ignore(struct rules *rules, const struct step *step)
{
    (void)rules;
    (void)step;
}

static const struct {
    const char *event;
    rule_fn handler;
} handlers[] = {
    {"sched.thread.switch", take_switch}, {"syscall.enter", take_syscall_enter},
    {"syscall.exit", take_syscall_exit},  {"irq.enter", take_irq_enter},
    {"irq.exit", take_irq_exit},          {"fault.enter", take_fault_enter},
    {"fault.exit", take_fault_exit},      {"ipc.call", take_call},
    {"ipc.receive", take_receive},        {"ipc.reply", take_reply},
    {"ipc.return", take_return},          {"kdebug.enter", take_kdebug_enter},
    {"kdebug.leave", take_kdebug_leave},  {"trace.lost", take_lost},
    {"trace.switched", take_switched},    {"trace.offset", take_offset},
    {"sched.thread.wake", take_wake},
};

/* Something happens to a lane. */
static COLD void take_event_of_lane(struct rules *rules, const struct step *step)
{
    switch (step->kind) {
    case STEP_HOLE:
        take_hole(rules, step);
        break;
    case STEP_BEGIN:
        take_begin(rules, step);
        break;
    default:
        take_subbuf(rules, step);
        break;
    }
}

static inline void take_step(struct rules *rules, const struct step *step)
{
    if (UNLIKELY(step->tsc >= rules->next_change_tsc)) {
        take_changes(rules, step->tsc);
    }
    if (LIKELY(step->kind == STEP_RECORD)) {
        rules->handler[step->id](rules, step);
    } else {
        take_event_of_lane(rules, step);
    }
}

void rules_step(struct rules *rules, const struct step *step)
{
    take_step(rules, step);
}

HOT void rules_run(struct rules *rules, struct merge *merge)
{
    for (const struct step *step; (step = merge_next(merge)) != NULL;) {
        take_step(rules, step);
    }
}

size_t rules_thread_bytes(void)
{
    return sizeof(struct rules_thread);
}

struct rules *rules_open(const struct session *session, struct registry *registry,
                         struct finding_list *findings)
{
    struct rules *rules = xcalloc(1, sizeof(*rules));
    rules->session = session;
    rules->registry = registry;
    rules->findings = findings;
    rules->epoch = 1;
    bind_rules(&rules->ids, &session->schema);
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        rules->handler[id] = ignore;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(handlers); i++) {
        unsigned id = schema_event_id(&session->schema, handlers[i].event);
        if (id < SCHEMA_EVENTS_MAX) {
            rules->handler[id] = handlers[i].handler;
        }
    }
    for (unsigned i = 0; i < CPU_MAX; i++) {
        rules->cpu[i].current = NOBODY;
    }
    for (unsigned i = 0; i < session->lane_count; i++) {
        const struct session_lane *lane = &session->lane[i];
        rules->lane_is_blind[i] = lane->kind == TRACE_LANE_NORMAL &&
                                  (lane->entries != 0 || lane->last_status.events != 0);
        rules->blind += rules->lane_is_blind[i];
    }
    plan_change(rules);
    rules->start_tsc = session_span(session).start_tsc;
    rules->sure_epoch = rules->blind == 0 ? rules->epoch : SURE_OF_NOTHING;
    return rules;
}

void rules_close(struct rules *rules, struct rules_totals *out_totals)
{
    for (size_t i = 0; i < rules->mailboxes.slots; i++) {
        const struct rules_mailbox *mailbox = rules->mailboxes.slot[i].value;
        if (mailbox != NULL && mailbox->receives != 0 && mailbox->unserved != 0) {
            finding_add(rules->findings, FINDING_IPC,
                        "%.9f: mailbox %" PRIu64 ": %" PRIu64
                        " calls returned OK though nobody received them",
                        seconds_at(rules, mailbox->first_tsc), rules->mailboxes.slot[i].key - 1,
                        mailbox->unserved);
        }
    }
    rules->totals.calls_open = rules->calls.count;
    *out_totals = rules->totals;
    id_map_free(&rules->calls);
    id_map_free(&rules->mailboxes);
    arena_free(&rules->arena);
    free(rules);
}
