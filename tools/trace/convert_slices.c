/* SPDX-License-Identifier: MIT */
/*
 * Slices on a thread's own track: system calls, page faults, calls, serving. They nest strictly (S1): an END closes the
 * newest slice of its track, whatever it was meant for, so the converter keeps the stack itself.
 *
 * What does not nest by nature is cut. A server receives a call inside one system call and answers it inside another:
 *
 *     syscall   [ reply_receive ............ ]            [ reply_receive ...
 *     serve                          [ ............................ ]
 *
 * becomes
 *
 *     [ reply_receive ] [ serve  [ reply_receive ]    [ reply_receive ]  ] [ reply_receive ...
 *
 * The pieces after a cut carry continued = true, so that whoever counts system calls can leave them out.
 *
 * After a hole on the core where a thread was last, nothing is known about its open slices: they end where the hole
 * begins (S2). This is done when the thread is next seen, or at the end.
 */
#include <stdio.h>

#include "convert.h"
#include "vector.h"

#define BOTTOM_LEVEL 3u /* of adoption: a system call */

static void describe_idle(struct convert *convert, unsigned cpu, struct core *core)
{
    char name[32];
    snprintf(name, sizeof(name), "cpu %u, no thread", cpu);
    core->idle_described = true;
    core->idle.uuid = track_new(&convert->perfetto);
    track_describe(&convert->perfetto, convert->perfetto.last_ns, core->idle.uuid, 0, name);
}

void slices_forget_stale(struct convert *convert, struct person *person)
{
    const struct core *core = &convert->core[person->cpu];
    if (UNLIKELY(person->gaps_seen < core->gaps)) {
        slices_close_all(convert, &person->slices, core->gap_ns[person->gaps_seen]);
        person->gaps_seen = (uint32_t)core->gaps;
    }
}

struct slice_stack *slices_of_person(struct convert *convert, struct person *person, unsigned cpu)
{
    slices_forget_stale(convert, person);
    if (UNLIKELY(!person->described)) {
        person_announce(convert, person, cpu);
        person->described = true;
        person->slices.uuid = TRACK_UUID(TRACK_THREAD, person->thread->tid);
        track_describe_thread(&convert->perfetto, convert->perfetto.last_ns, person->slices.uuid,
                              person_pid(person), person->thread->tid, person->thread->name);
    }
    return &person->slices;
}

struct slice_stack *slices_of_core(struct convert *convert, unsigned cpu)
{
    struct core *core = &convert->core[cpu];
    if (UNLIKELY(core->current == NULL)) {
        return NULL;
    }
    if (UNLIKELY(core->current->thread->tid == 0)) {
        if (!core->idle_described) {
            describe_idle(convert, cpu, core);
        }
        return &core->idle;
    }
    return slices_of_person(convert, core->current, cpu);
}

struct track_event slice_push(struct convert *convert, struct slice_stack *stack,
                              struct slice slice)
{
    if (UNLIKELY(stack->depth == SLICE_DEPTH)) {
        stack->dropped++;
        return (struct track_event){.perfetto = &convert->perfetto};
    }
    stack->slice[stack->depth++] = slice;
    return track_begin(&convert->perfetto, convert_time(convert), stack->uuid, slice.name,
                       slice.category);
}

/* Show a slice of the stack again, as a piece of what began earlier. */
static void reopen(struct convert *convert, const struct slice_stack *stack, unsigned index,
                   enum perfetto_arg why)
{
    const struct slice *slice = &stack->slice[index];
    struct track_event event = track_begin(&convert->perfetto, convert_time(convert), stack->uuid,
                                           slice->name, slice->category);
    track_arg_bool(&event, why, true);
    track_commit(&event);
}

static void put_end(struct convert *convert, const struct slice_stack *stack)
{
    struct track_event event = track_end(&convert->perfetto, convert_time(convert), stack->uuid);
    track_commit(&event);
}

struct track_event slice_insert(struct convert *convert, struct slice_stack *stack,
                                struct slice slice)
{
    unsigned base = stack->depth;
    if (stack->depth == SLICE_DEPTH) {
        return slice_push(convert, stack, slice);
    }
    while (base != 0 && stack->slice[base - 1].kind <= SLICE_PAIR) {
        put_end(convert, stack);
        base--;
    }
    memmove(&stack->slice[base + 1], &stack->slice[base], (stack->depth - base) * sizeof(slice));
    stack->slice[base] = slice;
    stack->depth++;
    return track_begin(&convert->perfetto, convert_time(convert), stack->uuid, slice.name,
                       slice.category);
}

void slices_reopen_above(struct convert *convert, const struct slice_stack *stack, int index)
{
    for (unsigned i = (unsigned)index + 1; i < stack->depth; i++) {
        reopen(convert, stack, i, ARG_CONTINUED);
    }
}

void slices_reopen(struct convert *convert, const struct slice_stack *stack)
{
    for (unsigned i = 0; i < stack->depth; i++) {
        reopen(convert, stack, i, ARG_TRUNCATED);
    }
}

int slice_find(const struct slice_stack *stack, enum slice_kind kind, uint64_t call)
{
    for (unsigned i = stack->depth; i-- != 0;) {
        if (stack->slice[i].kind == kind && (call == NO_CALL || stack->slice[i].call == call)) {
            return (int)i;
        }
    }
    return -1;
}

struct track_event slice_end(struct convert *convert, const struct slice_stack *stack, int index)
{
    for (unsigned i = stack->depth; i > (unsigned)index + 1; i--) {
        put_end(convert, stack);
    }
    return track_end(&convert->perfetto, convert_time(convert), stack->uuid);
}

void slice_remove(struct convert *convert, struct slice_stack *stack, int index, bool above_go_on)
{
    if (!above_go_on) {
        stack->depth = (unsigned)index;
        return;
    }
    stack->depth--;
    memmove(&stack->slice[index], &stack->slice[index + 1],
            (stack->depth - (unsigned)index) * sizeof(struct slice));
    slices_reopen_above(convert, stack, index - 1);
}

void slices_close_all(struct convert *convert, struct slice_stack *stack, uint64_t ns)
{
    while (stack->depth != 0) {
        uint64_t time = ns != 0 ? ns : convert_time(convert);
        struct track_event event = track_end(&convert->perfetto, time, stack->uuid);
        track_commit(&event);
        stack->depth--;
    }
    stack->dropped = 0;
}

void slices_finish(struct convert *convert)
{
    for (size_t i = 0; i < convert->registry.threads.slots; i++) {
        const struct thread *thread = convert->registry.threads.slot[i].value;
        struct person *person = thread != NULL ? thread->state : NULL;
        if (person != NULL && person->slices.depth != 0) {
            slices_forget_stale(convert, person);
        }
    }
}

/* How far out a slice may lie around others that began before the window; 0: never. */
static unsigned adoption_level(enum slice_kind kind)
{
    return kind == SLICE_FAULT     ? 1
           : kind == SLICE_CALL    ? 2
           : kind == SLICE_SYSCALL ? BOTTOM_LEVEL
                                   : 0;
}

/* A thread whose system call has been seen to begin or to end is in none from before the window. */
int slices_adopt(struct convert *convert, unsigned cpu, struct slice_stack *stack,
                 struct slice slice)
{
    struct person *person = convert->core[cpu].current;
    unsigned level = adoption_level(slice.kind);
    bool is_older = !person->thread->is_known || person->thread->create_tsc < convert->from_tsc;
    if (!convert->is_live || !convert->is_unbroken || stack->depth != 0 || person->tid == 0 ||
        !is_older || level <= person->adopted) {
        return -1;
    }
    /* What ends later began earlier: so they nest. */
    person->adopted = (uint8_t)level;
    struct track_event event = track_begin(&convert->perfetto, convert->complete_ns - level,
                                           stack->uuid, slice.name, slice.category);
    track_arg_bool(&event, ARG_TRUNCATED, true);
    track_commit(&event);
    stack->slice[stack->depth++] = slice;
    return 0;
}

/* End the newest slice of a kind; the ends of slices that found no room are swallowed. */
static bool find_end(struct convert *convert, unsigned cpu, struct slice_stack *stack,
                     struct slice slice, int *out_index)
{
    if (UNLIKELY(stack->dropped != 0)) {
        stack->dropped--;
        return false;
    }
    *out_index = slice_find(stack, slice.kind, NO_CALL);
    if (UNLIKELY(*out_index < 0)) {
        *out_index = slices_adopt(convert, cpu, stack, slice);
    }
    convert->totals.orphans += *out_index < 0;
    return *out_index >= 0;
}

void put_status(const struct convert *convert, struct track_event *event, int64_t status)
{
    const char *name = schema_error_name(&convert->session->schema, status);
    if (name != NULL) {
        track_arg_text(event, ARG_STATUS, name);
    } else {
        track_arg_int(event, ARG_STATUS, status);
    }
}

static uint32_t syscall_name(struct convert *convert, unsigned number)
{
    const char *known = convert->session->schema.syscall[number];
    char name[32];
    if (known == NULL) {
        snprintf(name, sizeof(name), "syscall %u", number);
    }
    return track_name(&convert->perfetto, known != NULL ? known : name);
}

void on_syscall_enter(struct convert *convert, const struct step *step)
{
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    convert->core[step->cpu].current->adopted = BOTTOM_LEVEL;
    int open = slice_find(stack, SLICE_SYSCALL, NO_CALL);
    if (UNLIKELY(open >= 0)) { /* its end is missing; nothing of it can be open any more */
        struct track_event end = slice_end(convert, stack, open);
        track_commit(&end);
        slice_remove(convert, stack, open, false);
    }
    unsigned number = (unsigned)field_get(&convert->ids.syscall_number, step->record) & 0xff;
    struct slice slice = {
        .kind = SLICE_SYSCALL, .category = CATEGORY_SYSCALL, .name = syscall_name(convert, number)};
    struct track_event event = slice_push(convert, stack, slice);
    track_arg_pointer(&event, ARG_ARG0, field_get(&convert->ids.syscall_arg0, step->record));
    track_commit(&event);
}

void on_syscall_exit(struct convert *convert, const struct step *step)
{
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    int index;
    struct slice unknown = {.kind = SLICE_SYSCALL,
                            .category = CATEGORY_SYSCALL,
                            .name = track_name(&convert->perfetto, "system call")};
    if (stack == NULL || !find_end(convert, step->cpu, stack, unknown, &index)) {
        return;
    }
    struct track_event event = slice_end(convert, stack, index);
    put_status(convert, &event, field_get_signed(&convert->ids.syscall_status, step->record));
    track_commit(&event);
    slice_remove(convert, stack, index, false);
}

/* Bits of the page-fault error code. Source: Intel SDM vol. 3A, "Page-Fault Exception". */
static const char *const fault_words[] = {"present", "write", "user", "reserved bit", "fetch"};

static void put_error(struct track_event *event, unsigned error)
{
    char text[64];
    size_t used = (size_t)snprintf(text, sizeof(text), "%s", error & 1 ? "present" : "absent");
    for (unsigned bit = 1; bit < ARRAY_COUNT(fault_words); bit++) {
        if (error >> bit & 1) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", fault_words[bit]);
        }
    }
    track_arg_text(event, ARG_ERROR, text);
}

static void put_ip(const struct convert *convert, struct track_event *event, uint64_t ip)
{
    track_arg_pointer(event, ARG_IP, ip);
    const struct symbol *symbol = symbols_find(&convert->symbols, ip);
    if (symbol != NULL) {
        track_arg_text(event, ARG_SYMBOL, symbol->name);
    }
}

void on_fault_enter(struct convert *convert, const struct step *step)
{
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    const struct convert_ids *ids = &convert->ids;
    struct slice slice = {.kind = SLICE_FAULT,
                          .category = CATEGORY_FAULT,
                          .name = track_name(&convert->perfetto, "page fault")};
    struct track_event event = slice_push(convert, stack, slice);
    track_arg_pointer(&event, ARG_ADDRESS, field_get(&ids->fault_address, step->record));
    put_ip(convert, &event, field_get(&ids->fault_ip, step->record));
    put_error(&event, (unsigned)field_get(&ids->fault_error, step->record));
    track_commit(&event);
}

static const char *const outcome_names[] = {"failed", "zeroed", "mapped", "spurious", "large"};

void on_fault_exit(struct convert *convert, const struct step *step)
{
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    int index;
    struct slice unknown = {.kind = SLICE_FAULT,
                            .category = CATEGORY_FAULT,
                            .name = track_name(&convert->perfetto, "page fault")};
    if (stack == NULL || !find_end(convert, step->cpu, stack, unknown, &index)) {
        return;
    }
    uint64_t outcome = field_get(&convert->ids.fault_outcome, step->record);
    struct track_event event = slice_end(convert, stack, index);
    if (outcome < ARRAY_COUNT(outcome_names)) {
        track_arg_text(&event, ARG_OUTCOME, outcome_names[outcome]);
    } else {
        track_arg_uint(&event, ARG_OUTCOME, outcome);
    }
    track_commit(&event);
    slice_remove(convert, stack, index, false);
}

void on_exception(struct convert *convert, const struct step *step)
{
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    const struct convert_ids *ids = &convert->ids;
    char name[VECTOR_NAME_BYTES];
    unsigned vector = (unsigned)field_get(&ids->exception_vector, step->record);
    uint32_t iid = track_name(&convert->perfetto, vector_name(vector, name));
    struct track_event event =
        track_instant(&convert->perfetto, convert_time(convert), stack->uuid, iid, CATEGORY_FAULT);
    track_arg_uint(&event, ARG_VECTOR, vector);
    put_ip(convert, &event, field_get(&ids->exception_ip, step->record));
    track_arg_pointer(&event, ARG_ADDRESS, field_get(&ids->exception_address, step->record));
    track_commit(&event);
}
