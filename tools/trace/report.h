/* SPDX-License-Identifier: MIT */
/*
 * spoor-trace report: where time went. Shared state.
 *
 *   report.c        the command: options, the loop over the merged stream, cores, losses
 *   report_time.c   what threads do: switches, wake-ups, system calls, page faults, interrupts
 *   report_calls.c  calls through nested servers
 *   report_other.c  numbers of events that none of these knows
 *   report_write.c  the result as JSON
 *
 * R1  A thread spends every moment on exactly one thing (enum spend), so parts add up to the whole.
 * R2  Times are ticks until they are written.
 * R3  Memory: threads, open calls, and a bounded number of rows. Never the events.
 */
#pragma once

#include "command.h"
#include "histogram.h"
#include "json.h"
#include "merge.h"
#include "symbols.h"

#define REPORT_IRQ_DEPTH 16u
#define OPERATIONS_MAX                                                                             \
    512u /* rows of a mailbox and a label; what comes later is counted together */
#define PROCESSES_MAX   512u /* names of processes, likewise */
#define NUMBERS_MAX     256u /* rows of fields of other events */
#define TREE_NODES_MAX  256u /* of one call with all that it led to */
#define TREE_HEIGHT_MAX 16u

/* What a thread spends its time on. */
enum spend {
    SPEND_UNKNOWN, /* not recorded */
    SPEND_RUN,     /* it has a core */
    SPEND_READY,   /* it waits for one */
    SPEND_FAULT,   /* in a page fault, with a core or without */
    SPEND_CALL,    /* it has called and waits for its answer */
    SPEND_BLOCKED, /* any other wait */
    SPEND_KINDS,
};

/* A call, if it is still the one that was meant: ids come again. */
struct call_ref {
    uint64_t id;
    uint64_t serial; /* 0: none */
};

struct fault {
    uint64_t ticks;
    uint64_t address;
    uint64_t ip;
    uint32_t outcome;
};

/* Per thread; registry.state. */
struct worker {
    struct thread *thread;
    uint8_t run;   /* enum spend: RUN, READY, BLOCKED or UNKNOWN */
    uint8_t spend; /* enum spend: what counts now */
    bool in_call;
    bool in_fault;
    bool in_syscall;
    uint8_t syscall;
    uint64_t since_tsc; /* of spend */
    uint64_t spent[SPEND_KINDS];
    uint64_t ready_ticks; /* waiting for a core, be it in a call or a fault */
    uint64_t cpu_ticks;
    uint64_t woken_tsc; /* 0: it was not woken, or runs since */
    uint64_t fault_tsc;
    struct fault fault; /* under way */
    uint64_t syscall_tsc;
    uint64_t syscall_cpu_ticks; /* cpu_ticks when it began */
    struct call_ref calling;
    struct call_ref serving;
};

struct call {
    uint64_t id;
    uint64_t serial;
    uint64_t call_tsc;
    uint64_t receive_tsc; /* 0: nobody has received it */
    uint64_t reply_tsc;   /* 0: nobody has answered */
    uint64_t return_tsc;
    uint32_t mailbox;
    uint32_t label;
    int64_t status;
    uint64_t bytes; /* copied, both ways */
    struct worker *client;
    /* Of the way back: the client waits for a core. Until it returns: its sum at reply_tsc. */
    uint64_t back_ready;
    struct worker *server;
    struct call_ref parent; /* which the client was serving when it called */
    /* By the server on this call; before reply_tsc: its sums at receive_tsc. */
    uint64_t spent[SPEND_KINDS];
    struct worker *expected; /* who will probably receive it */
    /* Of the queue: the server waited for something else. Until received: its sum at call_tsc. */
    uint64_t idle_ticks;
    uint64_t faults;
    struct fault worst;
    struct call *child; /* calls that the server made for this one, in order */
    struct call *last_child;
    struct call *sibling;
    unsigned nodes;
    unsigned height;
    uint64_t not_kept; /* nested calls left out of the tree */
};

/* All calls with one label to mailboxes of one name of servers of one name. */
struct operation {
    uint32_t mailbox; /* one of them */
    uint32_t label;
    bool is_rest; /* all that found no row of their own */
    const struct process *server;
    uint64_t failed;
    uint64_t bytes;
    uint64_t faults;
    uint64_t spent[SPEND_KINDS];
    struct histogram trip;
    struct histogram queue; /* until received */
    struct histogram serve; /* until answered */
    struct histogram back;  /* until the client goes on */
    struct call *slowest;   /* a copy */
};

/* All processes of one name. */
struct process_report {
    const char *name;
    uint64_t processes;
    uint64_t cpu_ticks[CPU_MAX];
    uint64_t handoffs;
    struct histogram wake;
    struct histogram fault;
    uint64_t outcome[SCHEMA_NAMES_MAX];
};

struct syscall_report {
    uint64_t failed;
    uint64_t cpu_ticks;
    struct histogram time;
};

struct core_report {
    struct worker *current; /* NULL: unknown */
    bool was_seen;
    uint64_t since_tsc;
    uint64_t known_ticks;
    uint64_t idle_ticks;
    uint64_t irq_ticks;
    unsigned irq_depth;
    uint8_t irq[REPORT_IRQ_DEPTH];
    uint64_t irq_tsc[REPORT_IRQ_DEPTH];
    uint64_t events;     /* recorded here, by NMI handlers, too */
    uint64_t trace_cost; /* instructions spent on those, at most */
    uint32_t unread_max; /* sub-buffers of the normal lane that a consumer had not taken */
};

/* A number field of an event that is not understood, or the time between a begin and an end. */
struct number_report {
    const char *event; /* of a pair: its begin */
    const char *field; /* NULL: of a pair */
    uint8_t kind;      /* enum schema_kind */
    bool is_time;      /* of a pair: values are ticks */
    struct histogram values;
};

struct report_ids {
    struct field_ref switch_state, switch_reason, switch_prev, switch_next;
    struct field_ref wake_thread;
    struct field_ref irq_enter_vector, irq_exit_vector;
    struct field_ref syscall_number, syscall_status;
    struct field_ref fault_address, fault_ip, fault_outcome;
    struct field_ref call_call, call_mailbox, call_label;
    struct field_ref receive_call, reply_call, return_call, return_status;
    struct field_ref copy_call, copy_bytes;
    unsigned reason_handoff;
    uint8_t run_of_state[16]; /* enum spend */
};

struct report;
typedef void (*report_fn)(struct report *report, const struct step *step);

struct report {
    struct session *session;
    const struct symbols *symbols;
    struct registry registry;
    struct merge merge;
    struct report_ids ids;
    report_fn handler[SCHEMA_EVENTS_MAX];
    struct core_report core[CPU_MAX];
    struct id_map processes; /* hash of a name to struct process_report */
    struct process_report **process;
    size_t process_count;
    size_t process_capacity;
    struct syscall_report *syscall[SCHEMA_NAMES_MAX];
    struct histogram *irq[256];
    struct histogram wake;
    uint64_t handoffs;
    struct id_map calls; /* open ones */
    struct id_map operations;
    struct operation **operation;
    size_t operation_count;
    size_t operation_capacity;
    struct operation *rest;
    struct histogram trip;
    uint64_t calls_failed;
    uint64_t calls_incomplete;
    uint64_t serials;
    struct call *free_calls;
    struct id_map numbers;
    struct id_map pairs; /* core and begin event to when it began */
    struct number_report *number[NUMBERS_MAX];
    unsigned number_count;
    uint64_t events;
    uint64_t last_tsc;
    struct arena arena;
};

/* report_hash() - of a text, going on from another hash or 0. */
uint64_t report_hash(uint64_t hash, const char *text);

/* report_server() - who serves a mailbox: who was seen to, else whose it is; NULL if neither is known. */
const struct process *report_server(const struct report *report, uint32_t mailbox,
                                    const struct process *seen);

/* report_handle() - an event by name goes to a function; one that the schema lacks never comes. */
void report_handle(struct report *report, const char *event, report_fn handler);

/* ---- report_time.c ---- */
struct worker *report_worker(struct report *report, uint32_t tid);
/* worker_account() - bring a thread's sums up to date; what it spends its time on may change then. */
void worker_account(struct worker *worker, uint64_t tsc);
/* worker_update() - after a change of run, in_call or in_fault. */
void worker_update(struct worker *worker, uint64_t tsc);
struct process_report *report_process(struct report *report, const struct worker *worker);
void report_begin_core(struct report *report, const struct step *step);
void report_forget_core(struct report *report, unsigned cpu, uint64_t tsc);
void report_bind_time(struct report *report);

/* ---- report_calls.c ---- */
void report_bind_calls(struct report *report);
/* report_call_fault() - the thread has served a page fault; it may be part of a call. */
void report_call_fault(struct report *report, const struct worker *worker,
                       const struct fault *fault);
/* report_finish_calls() - the stream is over: count what is still open. */
void report_finish_calls(struct report *report);

/* ---- report_other.c ---- */
void report_bind_other(struct report *report);

/* ---- report_write.c ---- */
void report_write(const struct report *report, const char *file_name, FILE *out);

/* ---- report.c ---- */

/*
 * report_run() - measure a session.
 *
 * @report  zeroed; report_free() when done
 *
 * The session and the symbols must stay open until then. Cannot fail.
 */
void report_run(struct report *report, struct session *session, const struct symbols *symbols);
void report_free(struct report *report);
