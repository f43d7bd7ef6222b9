/* SPDX-License-Identifier: MIT */
/*
 * Spoor's events to Perfetto's: shared state of the converter.
 *
 *   convert.c         options, the loop over the merged stream, start and end of the window
 *   convert_bind.c    event ids and fields by name
 *   convert_people.c  threads and processes appear and go
 *   convert_sched.c   switches, wakings, interrupts: ftrace bundles
 *   convert_slices.c  slices on a thread's track, strictly nested
 *   convert_calls.c   IPC: call and serve slices, flows
 *   convert_other.c   marks, log, timers, kdebug
 *   convert_profile.c samples of stacks
 *   convert_function.c calls of traced functions
 *   convert_user.c    what programs write into their lanes
 *   convert_health.c  losses, categories
 *   convert_account.c how full rings are, how far the consumer is behind, what recording costs
 *   convert_generic.c every event that none of these knows
 */
#pragma once

#include "bundle.h"
#include "merge.h"
#include "programs.h"
#include "symbols.h"

#define NO_CALL        0ull /* no call, no pair */
#define SLICE_DEPTH    16
#define IRQ_DEPTH      16
#define RECENT_PEOPLE  256u
#define STATES_MAX     16
#define NOBODY_RUNNING NULL

struct convert;
struct call;
struct definition;

enum slice_kind { SLICE_SYSCALL, SLICE_FAULT, SLICE_PAIR, SLICE_CALL, SLICE_SERVE };

struct slice {
    uint64_t call; /* of CALL and SERVE; of PAIR: number of the pair */
    uint32_t name; /* iid */
    uint8_t kind;  /* enum slice_kind */
    uint16_t category;
};

/* What is open on one track, bottom first. */
struct slice_stack {
    uint64_t uuid;
    unsigned depth;
    unsigned dropped; /* slices that found no room; their ends are dropped, too */
    struct slice slice[SLICE_DEPTH];
};

enum run_state { RUN_UNKNOWN = 0, RUN_RUNNING, RUN_READY, RUN_BLOCKED };

/* Per thread; registry.state. */
struct person {
    struct thread *thread;
    uint32_t tid;
    bool announced; /* the importer knows of it */
    bool described; /* its track has a descriptor */
    bool freed;
    bool exiting;    /* life.thread.exit came while it ran */
    uint8_t adopted; /* how far out slices from before the window are known, see slices_adopt() */
    const struct box_names *calls; /* the mailbox of the call that it has open; NULL: none */
    uint8_t run;                   /* enum run_state */
    uint8_t cpu;                   /* where it runs or ran last */
    uint32_t gaps_seen;            /* of that core */
    /* A wake-up that was decided before the thread had left its core; told right after. */
    bool wake_pending;
    uint8_t wake_cpu;
    uint8_t wake_target;
    uint8_t wake_priority;
    uint32_t waker;
    struct slice_stack slices;
};

struct core {
    struct person *current; /* NULL: unknown; of tid 0: idle */
    bool seen;              /* its lane has begun */
    bool shown;             /* the importer has had its first switch */
    bool in_hole;
    unsigned irq_depth;
    uint8_t irq[IRQ_DEPTH];
    uint64_t *gap_ns; /* when each hole of the core began */
    size_t gaps;
    size_t gap_capacity;
    struct slice_stack idle; /* what happens while no thread runs */
    bool idle_described;
    uint64_t kdebug_track; /* uuid; 0: not described yet */
    bool in_kdebug;
    uint32_t kdebug_reason;
    uint64_t ipi_track;
    struct definition *stacks; /* see convert_profile.c */
};

/* What is shown of a lane; see convert_account.c. */
enum curve_id { CURVE_FILL, CURVE_UNREAD, CURVE_LOST, CURVE_EVENTS, CURVE_COST, CURVES };

/* Of a lane. */
struct health {
    uint64_t track; /* uuid; 0: not described yet */
    uint64_t last_ns;
    bool open;
    struct curve {
        uint64_t track; /* uuid; 0: not described yet */
        uint64_t value; /* shown last */
    } curve[CURVES];
    uint64_t subbuf_tsc;     /* the sub-buffer under way: when it began */
    uint64_t subbuf_records; /* of the lane, before it */
};

/* Names of a mailbox's calls, made when it is first called; registry's object.state. */
struct box_names {
    uint32_t call; /* iids of event names */
    uint32_t serve;
    uint32_t in_queue; /* iids of reasons for waiting */
    uint32_t in_reply;
};

/* Where the converter finds what it needs in records; see convert_bind.c. */
struct convert_ids {
    struct field_ref switch_state, switch_reason, switch_prev, switch_next, switch_priority;
    struct field_ref wake_thread, wake_cpu, wake_priority;
    struct field_ref irq_enter_vector, irq_exit_vector, ipi_kind, ipi_target;
    struct field_ref syscall_number, syscall_arg0, syscall_status;
    struct field_ref fault_error, fault_address, fault_ip, fault_outcome;
    struct field_ref exception_vector, exception_ip, exception_address;
    struct field_ref call_call, call_flags, call_mailbox, call_label;
    struct field_ref receive_call, receive_badge, receive_mailbox, receive_label;
    struct field_ref reply_call, reply_flags, return_call, return_status;
    struct field_ref copy_call, copy_status, copy_reply, copy_from, copy_to, copy_bytes;
    struct field_ref create_thread, exit_thread, exit_process;
    struct field_ref log_level, mark_id, mark_value;
    struct field_ref arm_thread, arm_deadline, fire_thread, fire_deadline;
    struct field_ref kdebug_enter_reason, kdebug_leave_reason;
    struct field_ref stack_stack, stack_kernel, sample_stack, sample_thread, sample_mode;
    struct field_ref enter_function, enter_stack, exit_stack;
    struct field_ref lost_cause, lost_count, lost_first, lost_last, switched_mask;
    struct field_ref trigger_trigger, trigger_event, held_trigger, held_events;
    struct field_ref user_kind, user_process, user_track, user_id, user_time, user_value;
    struct field_ref user_name_process, user_name_id;
    struct field_ref probe_define_probe, probe_hit_probe, probe_hit_value[4];
    unsigned reason_handoff;
    unsigned state_call;
    unsigned state_reply;
    unsigned state_dead;
    uint16_t linux_state[STATES_MAX]; /* what the importer shall think a thread's state is */
    uint8_t run_state[STATES_MAX];    /* enum run_state */
    const char *state_name[STATES_MAX];
};

typedef void (*convert_fn)(struct convert *convert, const struct step *step);

/* Numbers for the user, printed at the end. */
struct convert_totals {
    uint64_t events;
    uint64_t orphans; /* ends without a begin that are not shown */
    uint64_t calls;
    uint64_t flows;
    uint64_t flows_whole;
    uint64_t lost;
    uint64_t samples;
    uint64_t left_out;  /* events of cores outside the window */
    uint64_t for_names; /* events of the meta lane outside it; they were read for names */
};

struct convert {
    struct perfetto perfetto;
    struct session *session;
    struct registry registry;
    struct symbols symbols;
    struct programs programs;
    struct merge merge;
    struct convert_ids ids;
    convert_fn handler[SCHEMA_EVENTS_MAX]; /* by event id, never NULL */
    struct core core[CPU_MAX];
    struct person *recent[RECENT_PEOPLE]; /* by tid modulo their number */
    struct health health[TRACE_LANES_MAX];
    uint64_t trace_cost[TRACE_LANES_MAX]; /* instructions, for the sub-buffer under way */
    uint64_t health_root;
    uint64_t lost_counter;
    uint64_t kdebug_root;
    uint64_t ipi_root;
    uint64_t log_track;
    uint64_t categories; /* now on; all ones: unknown */
    uint64_t recording_track;
    bool sched_is_off;
    bool is_held;              /* a trigger has ended recording */
    unsigned held_by;          /* event that set it off */
    uint16_t trigger_event[8]; /* of each trigger that has been set off */
    struct id_map calls;
    struct id_map marks;                        /* process id << 32 | mark id to struct mark */
    struct generic *generic[SCHEMA_EVENTS_MAX]; /* made on first use */
    struct id_map boxes;                        /* names of mailboxes that the registry lacks */
    struct id_map
        operations; /* mailbox << 32 | label to names of calls, where an interface defines the label */
    struct id_map function_tracks; /* kernel stack to struct function_track */
    struct id_map levels;          /* hash of event, field and keys to a track */
    /* See convert_user.c: process id << 32 | id to a name, | track to struct user_track, | id to a track; value to struct user_flow. */
    struct id_map user_names, user_tracks, user_counters, user_flows;
    uint64_t user_flows_shown;
    struct id_map probes; /* number + 1 to place and names of values, see convert_probe.c */
    struct arena arena;
    struct call *free_calls;
    struct async_track *free_tracks;
    uint64_t calls_counter; /* how many are open */
    uint64_t calls_open;
    uint64_t calls_peak;
    uint64_t calls_shown_ns;
    uint64_t offset_ns; /* added to every time, so that none is negative */
    uint64_t from_tsc;  /* the window */
    uint64_t to_tsc;
    uint64_t now_tsc; /* of the step being converted */
    bool is_live;     /* inside the window */
    bool is_unbroken; /* since the window began no event is missing, and no category was switched */
    uint64_t complete_ns; /* from then on every core was recorded */
    struct convert_totals totals;
};

/* ---- convert_bind.c ---- */
void convert_bind(struct convert *convert);

/* ---- convert.c ---- */
static inline uint64_t convert_ns(const struct convert *convert, uint64_t tsc)
{
    return (uint64_t)clock_ns(&convert->session->clock, tsc) + convert->offset_ns;
}
static inline uint64_t convert_time(struct convert *convert)
{
    return perfetto_time(&convert->perfetto);
}

/* Which part is wanted: times since the start of the session, the moment from which every core is recorded. */
struct convert_window {
    int64_t from_ns;
    int64_t to_ns;
    bool all; /* the start is where the first core's record begins */
};

/*
 * convert_run() - write the trace of a session.
 *
 * @convert  zeroed but for perfetto.out, which is open, and symbols
 *
 * Memory: threads, open calls, index of the session. Cannot fail; a write error is told by out_close().
 */
void convert_run(struct convert *convert, struct session *session,
                 const struct convert_window *window);
void convert_free(struct convert *convert);

/* ---- convert_people.c ---- */
struct person *person_find(struct convert *convert, uint32_t tid);
/* person_of() - the thread of a tid, known or not. Never NULL. */
static inline struct person *person_of(struct convert *convert, uint32_t tid)
{
    struct person *person = convert->recent[tid % RECENT_PEOPLE];
    return LIKELY(person != NULL && person->tid == tid) ? person : person_find(convert, tid);
}
uint32_t person_pid(const struct person *person);
/* person_announce() - make sure the importer knows the thread, as of now. */
void person_announce(struct convert *convert, struct person *person, unsigned cpu);
void people_begin(struct convert *convert);
/* person_gone() - the thread has ended and does not run any more. */
void person_gone(struct convert *convert, struct person *person, unsigned cpu);
/* process_track() - uuid of the process's own track, described if need be. */
uint64_t process_track(struct convert *convert, struct process *process);
void on_thread_create(struct convert *convert, const struct step *step);
void on_thread_exit(struct convert *convert, const struct step *step);
void on_process_exit(struct convert *convert, const struct step *step);

/* ---- convert_sched.c ---- */
void sched_begin_core(struct convert *convert, const struct step *step);
void sched_resume_core(struct convert *convert, unsigned cpu);
/* sched_forget() - from now on it is not known who runs on a core, nor what its threads do. */
void sched_forget(struct convert *convert, unsigned cpu);
/* sched_forget_irqs() - interrupts in progress on a core end here. */
void sched_forget_irqs(struct convert *convert, unsigned cpu);
/* sched_cut_slices() - open slices of the threads of a core end here, when one next looks at them. */
void sched_cut_slices(struct convert *convert, unsigned cpu);
void on_switch(struct convert *convert, const struct step *step);
void on_wake(struct convert *convert, const struct step *step);
void on_irq_enter(struct convert *convert, const struct step *step);
void on_irq_exit(struct convert *convert, const struct step *step);
void on_ipi(struct convert *convert, const struct step *step);
uint32_t current_tid(const struct convert *convert, unsigned cpu);

/* ---- convert_slices.c ---- */
/* slices_of_core() - the stack of whoever runs on the core, with a described track; NULL if nobody is known to run. */
struct slice_stack *slices_of_core(struct convert *convert, unsigned cpu);
struct slice_stack *slices_of_person(struct convert *convert, struct person *person, unsigned cpu);
/* slice_push() - open a slice on top; the caller adds arguments and commits. */
struct track_event slice_push(struct convert *convert, struct slice_stack *stack,
                              struct slice slice);
/*
 * slice_insert() - open a slice below the system calls and faults on top. They are cut in two: slices_reopen_above() must
 * follow when the new slice's begin is committed.
 */
struct track_event slice_insert(struct convert *convert, struct slice_stack *stack,
                                struct slice slice);
void slices_reopen_above(struct convert *convert, const struct slice_stack *stack, int index);
/* slice_find() - index of the newest slice of a kind (and call, unless NO_CALL); -1 if there is none. */
int slice_find(const struct slice_stack *stack, enum slice_kind kind, uint64_t call);
/* slice_end() - begin the end of the slice at index, after those above it. Commit it, then slice_remove(). */
struct track_event slice_end(struct convert *convert, const struct slice_stack *stack, int index);
/* slice_remove() - take an ended slice off the stack; those above it go on (cut in two) or are over, too. */
void slice_remove(struct convert *convert, struct slice_stack *stack, int index, bool above_go_on);
/*
 * slices_adopt() - an end has come whose begin lies before the window: show the slice from the start of the window on.
 *
 * Returns its index on the stack (it can be ended like any other); -1 if it may have begun later than that.
 */
int slices_adopt(struct convert *convert, unsigned cpu, struct slice_stack *stack,
                 struct slice slice);
/* slices_forget_stale() - end what became unknown in a hole of the core where the thread was last (S2). */
void slices_forget_stale(struct convert *convert, struct person *person);
/* slices_close_all() - everything on the stack ends at ns, or at the next time if ns is 0. */
void slices_close_all(struct convert *convert, struct slice_stack *stack, uint64_t ns);
/* slices_reopen() - show all that is open, at the beginning of the window. */
void slices_reopen(struct convert *convert, const struct slice_stack *stack);
/* slices_finish() - the session is over: end what became unknown in holes (S2). */
void slices_finish(struct convert *convert);
void on_syscall_enter(struct convert *convert, const struct step *step);
void on_syscall_exit(struct convert *convert, const struct step *step);
void on_fault_enter(struct convert *convert, const struct step *step);
void on_fault_exit(struct convert *convert, const struct step *step);
void on_exception(struct convert *convert, const struct step *step);
void put_status(const struct convert *convert, struct track_event *event, int64_t status);

/* ---- convert_calls.c ---- */
void on_call(struct convert *convert, const struct step *step);
void on_receive(struct convert *convert, const struct step *step);
void on_reply(struct convert *convert, const struct step *step);
/* calls_reopen() - the window begins: show the calls that are held on tracks of their own. */
void calls_reopen(struct convert *convert);
void on_return(struct convert *convert, const struct step *step);
void on_copy(struct convert *convert, const struct step *step);
/* calls_wait() - iid of what a thread waits for in a state: state + 1, but of calls the server's name is known. */
static inline uint32_t calls_wait(const struct convert *convert, const struct person *person,
                                  unsigned state)
{
    const struct box_names *names = person->calls;
    return LIKELY(names == NULL)               ? state + 1
           : state == convert->ids.state_reply ? names->in_reply
           : state == convert->ids.state_call  ? names->in_queue
                                               : state + 1;
}
/* calls_finish() - the session is over: the last value of the curve of open calls. */
void calls_finish(struct convert *convert);

/* ---- convert_generic.c ---- */
void on_generic(struct convert *convert, const struct step *step);

/* ---- convert_other.c ---- */
void on_mark(struct convert *convert, const struct step *step);
void on_log(struct convert *convert, const struct step *step);
void on_timer_arm(struct convert *convert, const struct step *step);
void on_timer_fire(struct convert *convert, const struct step *step);
void on_kdebug_enter(struct convert *convert, const struct step *step);
void on_kdebug_leave(struct convert *convert, const struct step *step);
void kdebug_reopen(struct convert *convert, unsigned cpu);
void kdebug_hole(struct convert *convert, unsigned cpu);

/* ---- convert_profile.c ---- */
void on_stack(struct convert *convert, const struct step *step);
void on_sample(struct convert *convert, const struct step *step);
void profile_free(struct convert *convert);

/* ---- convert_user.c ---- */
void on_user_name(struct convert *convert, const struct step *step);
void on_user_record(struct convert *convert, const struct step *step);
/* user_finish() - the session is over: show the flows that never arrived. */
void user_finish(struct convert *convert);

/* ---- convert_probe.c ---- */
void on_probe_define(struct convert *convert, const struct step *step);
void on_probe_hit(struct convert *convert, const struct step *step);

/* ---- convert_function.c ---- */
void on_function_enter(struct convert *convert, const struct step *step);
void on_function_exit(struct convert *convert, const struct step *step);

/* ---- convert_health.c ---- */
void on_lost(struct convert *convert, const struct step *step);
void on_switched(struct convert *convert, const struct step *step);
void on_trigger(struct convert *convert, const struct step *step);
void on_held(struct convert *convert, const struct step *step);
/* health_root() - uuid of the track above all these. */
uint64_t health_root(struct convert *convert);
/* health_stats() - the lanes' counters at one end of the trace; the importer looks at the difference. */
void health_stats(struct convert *convert, bool is_end);
void health_hole(struct convert *convert, const struct step *step);
/* health_reopen() - the window begins: show holes that it begins inside of. */
void health_reopen(struct convert *convert);
/* recording_reopen() - the window begins while sched is off. */
void recording_reopen(struct convert *convert);
void health_resume(struct convert *convert, const struct step *step);

/* ---- convert_account.c ---- */
/* account_subbuf() - a sub-buffer of a normal lane begins. */
void account_subbuf(struct convert *convert, const struct step *step);
/* account_record() - a record costs its core something. */
static inline void account_record(struct convert *convert, const struct step *step)
{
    convert->trace_cost[step->lane] += registry_cost(&convert->registry, step);
}
