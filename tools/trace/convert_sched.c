/* SPDX-License-Identifier: MIT */
/*
 * Cores: who runs, who was woken by whom, interrupts.
 *
 * The importer infers the thread switched away from as the one switched to before, per core. So every core begins with a
 * switch to idle and one to the thread that runs (the first switch of a core makes no slice), and a hole is closed with a
 * switch to idle where knowledge ends and opened with one to the thread that runs where it begins again.
 *
 * Waking. The importer takes the thread that runs on the core as the waker. A hand-off (direct switch of IPC) has no wake
 * event of its own: the switch says that prev made next ready at that very moment. A wake-up may be recorded while the
 * woken thread is still on its way off another core; the importer would ignore it, so it is kept until the switch.
 */
#include <stdio.h>

#include "convert.h"

#define PRIORITY_UNKNOWN 0u

uint32_t current_tid(const struct convert *convert, unsigned cpu)
{
    const struct person *current = convert->core[cpu].current;
    return current != NULL ? current->tid : 0;
}

static void set_current(struct convert *convert, unsigned cpu, struct person *person)
{
    struct core *core = &convert->core[cpu];
    if (UNLIKELY(person->slices.depth != 0)) {
        slices_forget_stale(convert, person);
    }
    core->current = person;
    person->run = RUN_RUNNING;
    person->cpu = (uint8_t)cpu;
    person->gaps_seen = (uint32_t)core->gaps;
}

static inline __attribute__((always_inline)) void put_switch(struct convert *convert, unsigned cpu,
                                                             unsigned state, struct person *next,
                                                             unsigned priority)
{
    if (UNLIKELY(!next->announced)) {
        person_announce(convert, next, cpu);
    }
    bundle_switch(&convert->perfetto, cpu, convert_time(convert), state, next->tid,
                  next->thread->name, priority);
}

/* Show that a thread runs on a core without knowing how it came there. */
static void show_running(struct convert *convert, unsigned cpu)
{
    struct core *core = &convert->core[cpu];
    struct person *person = core->current;
    if (!core->shown) {
        core->shown = true;
        put_switch(convert, cpu, convert->ids.linux_state[0], person_of(convert, 0),
                   PRIORITY_UNKNOWN);
    }
    if (person->tid != 0) {
        person_announce(convert, person, cpu);
        put_switch(convert, cpu, convert->ids.linux_state[0], person, person->thread->priority);
    }
}

void sched_begin_core(struct convert *convert, const struct step *step)
{
    struct core *core = &convert->core[step->cpu];
    struct person *person = person_of(convert, step->current);
    if (!core->seen) {
        convert->complete_ns = MAX(convert->complete_ns, convert->perfetto.last_ns);
    }
    core->seen = true;
    if (convert->sched_is_off) {
        core->in_hole =
            true; /* the header says who runs now, but nothing will say when that changes */
        return;
    }
    core->in_hole = false;
    set_current(convert, step->cpu, person);
    if (convert->is_live) {
        show_running(convert, step->cpu);
    }
}

/* The window begins: what is known from before it is shown now. */
void sched_resume_core(struct convert *convert, unsigned cpu)
{
    struct core *core = &convert->core[cpu];
    if (!core->seen || core->current == NULL) {
        return;
    }
    show_running(convert, cpu);
    for (unsigned i = 0; i < core->irq_depth; i++) {
        bundle_irq_enter(&convert->perfetto, cpu, convert_time(convert), current_tid(convert, cpu),
                         core->irq[i]);
    }
}

void sched_forget_irqs(struct convert *convert, unsigned cpu)
{
    struct core *core = &convert->core[cpu];
    while (core->irq_depth != 0) {
        uint8_t vector = core->irq[--core->irq_depth];
        bundle_irq_exit(&convert->perfetto, cpu, convert_time(convert), current_tid(convert, cpu),
                        vector);
    }
}

void sched_cut_slices(struct convert *convert, unsigned cpu)
{
    struct core *core = &convert->core[cpu];
    slices_close_all(convert, &core->idle, 0);
    core->gap_ns = array_grow(core->gap_ns, core->gaps, &core->gap_capacity, sizeof(*core->gap_ns));
    core->gap_ns[core->gaps++] = convert->perfetto.last_ns;
    convert->is_unbroken = convert->is_unbroken && !convert->is_live;
}

void sched_forget(struct convert *convert, unsigned cpu)
{
    struct core *core = &convert->core[cpu];
    if (core->in_hole || !core->seen) {
        return;
    }
    sched_forget_irqs(convert, cpu);
    sched_cut_slices(convert, cpu);
    core->in_hole = true;
    if (core->current != NULL && convert->is_live) {
        unsigned state = convert->ids.linux_state[1]; /* preempted: it was still ready to run */
        put_switch(convert, cpu, state, person_of(convert, 0), PRIORITY_UNKNOWN);
    }
    if (core->current != NULL) {
        core->current->run = RUN_UNKNOWN;
    }
    core->current = NULL;
}

static inline void put_waking(struct convert *convert, unsigned cpu, struct person *person,
                              unsigned target, unsigned priority)
{
    if (UNLIKELY(!person->announced)) {
        person_announce(convert, person, cpu);
    }
    bundle_waking(&convert->perfetto, cpu, convert_time(convert), person->tid, person->thread->name,
                  target, priority, convert->core[cpu].irq_depth != 0);
    person->run = RUN_READY;
}

/* prev has left its core: a wake-up that came too early for the importer can be told now. */
static COLD void tell_pending_wake(struct convert *convert, struct person *person, unsigned cpu)
{
    person->wake_pending = false;
    if (person->run != RUN_BLOCKED) {
        return;
    }
    if (current_tid(convert, person->wake_cpu) == person->waker) {
        put_waking(convert, person->wake_cpu, person, person->wake_target, person->wake_priority);
        return;
    }
    bundle_waking_by(&convert->perfetto, cpu, convert_time(convert), person->waker, person->tid,
                     person->thread->name, person->wake_target, person->wake_priority);
    person->run = RUN_READY;
}

/* The switch does not leave the thread that was thought to run: put the record right first. */
static COLD void correct_current(struct convert *convert, unsigned cpu, struct person *prev)
{
    struct core *core = &convert->core[cpu];
    if (core->current != NULL && core->current->run == RUN_RUNNING && core->current->cpu == cpu) {
        core->current->run = RUN_UNKNOWN;
    }
    set_current(convert, cpu, prev);
    core->in_hole = false;
    if (!convert->is_live) {
        return;
    }
    core->seen = true;
    if (!core->shown) {
        show_running(convert, cpu);
    } else {
        put_switch(convert, cpu, convert->ids.linux_state[1], prev, PRIORITY_UNKNOWN);
    }
}

void on_switch(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    const uint64_t *record = step->record;
    unsigned cpu = step->cpu;
    struct core *core = &convert->core[cpu];
    uint32_t prev_tid = (uint32_t)field_get(&ids->switch_prev, record);
    struct person *prev = core->current;
    struct person *next = person_of(convert, (uint32_t)field_get(&ids->switch_next, record));
    unsigned state = (unsigned)field_get(&ids->switch_state, record) % STATES_MAX;
    unsigned priority = (unsigned)field_get(&ids->switch_priority, record);
    if (UNLIKELY(prev == NULL || prev->tid != prev_tid)) {
        prev = person_of(convert, prev_tid);
        correct_current(convert, cpu, prev);
    }
    if (UNLIKELY(state == ids->state_dead)) {
        slices_close_all(convert, &prev->slices, 0);
    }
    bool is_handoff = field_get(&ids->switch_reason, record) == ids->reason_handoff;
    if (is_handoff && next->run != RUN_READY && next->run != RUN_RUNNING && next->tid != 0) {
        put_waking(convert, cpu, next, cpu, priority);
    }
    prev->run = ids->run_state[state];
    set_current(convert, cpu, next);
    put_switch(convert, cpu, ids->linux_state[state], next, priority);
    next->wake_pending = false;
    if (prev->run == RUN_BLOCKED && prev_tid != 0) {
        bundle_blocked(&convert->perfetto, cpu, convert_time(convert), next->tid, prev_tid,
                       calls_wait(convert, prev, state));
    }
    if (UNLIKELY(prev->wake_pending)) {
        tell_pending_wake(convert, prev, cpu);
    }
    if (UNLIKELY(prev->exiting || state == ids->state_dead) &&
        prev->thread->exit_tsc <= step->tsc && prev_tid != 0) {
        prev->exiting = false;
        person_gone(convert, prev, cpu);
    }
}

void on_wake(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    struct person *person =
        person_of(convert, (uint32_t)field_get(&ids->wake_thread, step->record));
    unsigned target = (unsigned)field_get(&ids->wake_cpu, step->record);
    unsigned priority = (unsigned)field_get(&ids->wake_priority, step->record);
    if (UNLIKELY(person->freed || person->tid == 0)) {
        return;
    }
    if (UNLIKELY(!person->announced)) {
        person_announce(convert, person,
                        step->cpu); /* if it was just born, that says it is ready */
    }
    if (UNLIKELY(person->run == RUN_RUNNING)) {
        person->wake_pending = true;
        person->wake_cpu = (uint8_t)step->cpu;
        person->wake_target = (uint8_t)target;
        person->wake_priority = (uint8_t)priority;
        person->waker = current_tid(convert, step->cpu);
        return;
    }
    if (person->run != RUN_READY) {
        put_waking(convert, step->cpu, person, target, priority);
    }
}

/* ---- interrupts ---- */

void on_irq_enter(struct convert *convert, const struct step *step)
{
    struct core *core = &convert->core[step->cpu];
    uint8_t vector = (uint8_t)field_get(&convert->ids.irq_enter_vector, step->record);
    if (core->irq_depth == IRQ_DEPTH) {
        convert->totals.orphans++;
        return;
    }
    core->irq[core->irq_depth++] = vector;
    bundle_irq_enter(&convert->perfetto, step->cpu, convert_time(convert),
                     current_tid(convert, step->cpu), vector);
}

void on_irq_exit(struct convert *convert, const struct step *step)
{
    struct core *core = &convert->core[step->cpu];
    uint8_t vector = (uint8_t)field_get(&convert->ids.irq_exit_vector, step->record);
    unsigned depth = core->irq_depth;
    while (depth != 0 && core->irq[depth - 1] != vector) {
        depth--;
    }
    if (depth == 0) {
        convert->totals.orphans++; /* it began before the capture or in a hole */
        return;
    }
    while (core->irq_depth >= depth) { /* inner ones whose end is missing end here, too */
        bundle_irq_exit(&convert->perfetto, step->cpu, convert_time(convert),
                        current_tid(convert, step->cpu), core->irq[--core->irq_depth]);
    }
}

static const char *const ipi_names[] = {"reschedule", "shootdown", "rendezvous", "stop"};

void on_ipi(struct convert *convert, const struct step *step)
{
    struct core *core = &convert->core[step->cpu];
    unsigned kind = (unsigned)field_get(&convert->ids.ipi_kind, step->record);
    unsigned target = (unsigned)field_get(&convert->ids.ipi_target, step->record);
    uint64_t ns = convert_time(convert);
    char name[48];
    if (core->ipi_track == 0) {
        if (convert->ipi_root == 0) {
            convert->ipi_root = track_new(&convert->perfetto);
            track_describe(&convert->perfetto, ns, convert->ipi_root, 0, "IPIs sent");
        }
        core->ipi_track = track_new(&convert->perfetto);
        snprintf(name, sizeof(name), "cpu %u sends", (unsigned)step->cpu);
        track_describe(&convert->perfetto, ns, core->ipi_track, convert->ipi_root, name);
    }
    snprintf(name, sizeof(name), "%s to cpu %u",
             kind < ARRAY_COUNT(ipi_names) ? ipi_names[kind] : "IPI", target);
    struct track_event event = track_instant(&convert->perfetto, ns, core->ipi_track,
                                             track_name(&convert->perfetto, name), CATEGORY_IRQ);
    track_commit(&event);
}
