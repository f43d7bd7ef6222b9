/* SPDX-License-Identifier: MIT */
/*
 * Threads and processes, as the importer sees them.
 *
 * Ids. The importer gives every process a main thread whose tid is the pid. So a process is exported under the tid of its
 * first thread, and a thread of which no life event speaks is a process of its own. Tid 0 is the importer's idle thread.
 *
 * Birth. For a thread born inside the window a task_newtask event must come before any other word about it: it makes the
 * importer start a new thread. It is written when the creator makes the thread ready (then core and creator are known) or
 * when anything else mentions it. Everyone older is told of at the start of the window.
 *
 * Death. sched_process_free ends a thread for the importer, and the process with its main thread. So it comes after the
 * last switch away from the thread; a main thread is kept until the process ends.
 */
#include "convert.h"
#include "vector.h"

struct person *person_find(struct convert *convert, uint32_t tid)
{
    struct thread *thread = registry_thread(&convert->registry, tid);
    struct person *person = thread->state;
    person->thread = thread;
    person->tid = tid;
    convert->recent[tid % RECENT_PEOPLE] = person;
    return person;
}

/* The thread that gives a process its exported pid; of a thread without a known process, itself. */
static const struct thread *main_thread_of(const struct person *person)
{
    const struct process *process = person->thread->process;
    bool has_main = process != NULL && process->first_thread != NULL;
    return has_main ? process->first_thread : person->thread;
}

static bool is_main(const struct person *person)
{
    return main_thread_of(person) == person->thread;
}

uint32_t person_pid(const struct person *person)
{
    return main_thread_of(person)->tid;
}

static bool is_born_in_window(const struct convert *convert, const struct person *person)
{
    return person->thread->is_known && person->thread->create_tsc >= convert->from_tsc;
}

/* The exported pid of a process's creator, 0 if it is unknown or ended before the window. */
static uint32_t parent_of(struct convert *convert, const struct process *process)
{
    if (process == NULL || process->creator == process->id) {
        return 0;
    }
    const struct process *creator = registry_process(&convert->registry, process->creator);
    bool is_there =
        creator != NULL && creator->first_thread != NULL && creator->exit_tsc >= convert->from_tsc;
    return is_there ? creator->first_thread->tid : 0;
}

static void tell_process(struct convert *convert, const struct person *person, uint64_t ns)
{
    const struct process *process = person->thread->process;
    struct perfetto_process told = {.pid = person_pid(person),
                                    .parent = parent_of(convert, process),
                                    .name = process != NULL ? process->name : person->thread->name,
                                    .is_kernel = process == convert->registry.kernel};
    perfetto_process(&convert->perfetto, ns, &told);
    if (person->thread->process != NULL) {
        process_track(convert, person->thread->process);
    }
}

static COLD void tell_birth(struct convert *convert, struct person *person, unsigned cpu)
{
    uint32_t tid = person->thread->tid;
    person->run = RUN_READY;
    if (is_main(person)) {
        bundle_new_thread(&convert->perfetto, cpu, convert_time(convert),
                          parent_of(convert, person->thread->process), tid, person->thread->name,
                          false);
        tell_process(convert, person, convert_time(convert));
    } else {
        person_announce(convert, person_of(convert, person_pid(person)), cpu);
        bundle_new_thread(&convert->perfetto, cpu, convert_time(convert), person_pid(person), tid,
                          person->thread->name, true);
    }
    perfetto_thread(&convert->perfetto, convert_time(convert), tid, person_pid(person),
                    person->thread->name);
}

static void tell_existence(struct convert *convert, struct person *person, uint64_t ns)
{
    if (is_main(person)) {
        tell_process(convert, person, ns);
    }
    perfetto_thread(&convert->perfetto, ns, person->thread->tid, person_pid(person),
                    person->thread->name);
}

void person_announce(struct convert *convert, struct person *person, unsigned cpu)
{
    if (LIKELY(person->announced) || !convert->is_live || person->thread->tid == 0) {
        return;
    }
    person->announced = true;
    if (is_born_in_window(convert, person)) {
        tell_birth(convert, person, cpu);
    } else {
        tell_existence(convert, person, convert->perfetto.last_ns);
    }
}

/* Everyone who lives when the window begins. */
void people_begin(struct convert *convert)
{
    uint64_t ns = convert->perfetto.last_ns;
    for (size_t i = 0; i < convert->registry.threads.slots; i++) {
        struct thread *thread = convert->registry.threads.slot[i].value;
        if (thread == NULL || thread->tid == 0 || !thread->is_known ||
            thread->create_tsc >= convert->from_tsc) {
            continue;
        }
        struct person *person = person_of(convert, thread->tid);
        bool process_lives = thread->process->exit_tsc >= convert->from_tsc;
        bool is_needed =
            thread->exit_tsc >= convert->from_tsc || (is_main(person) && process_lives);
        if (is_needed && !person->freed) {
            person->announced = true;
            tell_existence(convert, person, ns);
        }
    }
}

static void free_person(struct convert *convert, struct person *person, unsigned cpu)
{
    person->freed = true;
    person_announce(convert, person, cpu);
    bundle_free_thread(&convert->perfetto, cpu, convert_time(convert), current_tid(convert, cpu),
                       person->thread->tid, person->thread->name);
}

static bool is_any_running(const struct convert *convert, const struct process *process)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        const struct person *current = convert->core[cpu].current;
        if (current != NULL && current->thread->process == process) {
            return true;
        }
    }
    return false;
}

/* Free the main thread, and with it the process, once the process has ended and the last of its threads is off its core. */
static void end_process(struct convert *convert, struct process *process, unsigned cpu)
{
    if (process->exit_tsc > convert->now_tsc || process->first_thread == NULL ||
        is_any_running(convert, process)) {
        return;
    }
    struct person *person = person_of(convert, process->first_thread->tid);
    if (!person->freed) {
        free_person(convert, person, cpu);
    }
}

void person_gone(struct convert *convert, struct person *person, unsigned cpu)
{
    slices_close_all(convert, &person->slices, 0);
    person->run = RUN_UNKNOWN;
    struct process *process = person->thread->process;
    bool is_kept = process != NULL && is_main(person); /* for the process's sake */
    if (!person->freed && !is_kept) {
        free_person(convert, person, cpu);
    }
    if (process != NULL) {
        end_process(convert, process, cpu);
    }
}

/* The interesting first: what init has started, in order; then init and the kernel. */
static int rank_of(const struct convert *convert, const struct process *process)
{
    bool is_kernel = process == convert->registry.kernel;
    bool is_init = process->creator == process->id || process->creator == 0;
    return is_kernel ? INT32_MAX : is_init ? INT32_MAX - 1 : (int)(process->id & INT16_MAX);
}

uint64_t process_track(struct convert *convert, struct process *process)
{
    if (process->track == 0) {
        process->track = TRACK_UUID(TRACK_PROCESS, process->id);
        uint32_t pid = process->first_thread != NULL ? process->first_thread->tid : process->id;
        track_describe_process(&convert->perfetto, convert->perfetto.last_ns, process->track, pid,
                               process->name, rank_of(convert, process));
    }
    return process->track;
}

void on_thread_create(struct convert *convert, const struct step *step)
{
    person_of(convert, (uint32_t)field_get(&convert->ids.create_thread, step->record));
}

void on_thread_exit(struct convert *convert, const struct step *step)
{
    struct person *person =
        person_of(convert, (uint32_t)field_get(&convert->ids.exit_thread, step->record));
    if (person->run == RUN_RUNNING) {
        person->exiting = true; /* the switch away from it is still to come */
    } else {
        person_gone(convert, person, person->cpu);
    }
}

/* How the process ended, as an instant on its own track. */
static void tell_end(struct convert *convert, struct process *process)
{
    person_announce(convert, person_of(convert, process->first_thread->tid), 0);
    uint64_t track = process_track(convert, process);
    uint32_t name =
        track_name(&convert->perfetto, process->fault != 0 ? "ended by a fault" : "exit");
    struct track_event event =
        track_instant(&convert->perfetto, convert_time(convert), track, name, CATEGORY_LIFE);
    track_arg_int(&event, ARG_CODE, (int32_t)process->code);
    if (process->fault != 0) {
        char buffer[VECTOR_NAME_BYTES];
        track_arg_text(&event, ARG_CAUSE, vector_name(process->fault - 1, buffer));
    }
    track_commit(&event);
}

void on_process_exit(struct convert *convert, const struct step *step)
{
    uint32_t id = (uint32_t)field_get(&convert->ids.exit_process, step->record);
    struct process *process = registry_process(&convert->registry, id);
    if (process == NULL || process->first_thread == NULL) {
        return;
    }
    tell_end(convert, process);
    end_process(convert, process, 0);
}
