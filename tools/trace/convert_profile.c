/* SPDX-License-Identifier: MIT */
/*
 * The profiler's samples. profile.stack defines what profile.sample names, in the same sub-buffer of the same lane; the
 * recorder knows few stacks at a time, so the newest definitions of a lane, found by number modulo their count, are
 * all that can be named.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "convert.h"

#define DEFINITIONS 1024u /* of a lane: more than fit into a sub-buffer */

struct definition {
    bool is_set;
    uint16_t stack;
    uint8_t kernel;
    uint8_t count;
    uint64_t frame[STACK_FRAMES_MAX];
};

void on_stack(struct convert *convert, const struct step *step)
{
    struct core *core = &convert->core[step->cpu];
    const struct schema_event *event = convert->session->schema.event[step->id];
    if (core->stacks == NULL) {
        core->stacks = xcalloc(DEFINITIONS, sizeof(*core->stacks));
    }
    uint64_t stack = field_get(&convert->ids.stack_stack, step->record);
    struct definition *definition = &core->stacks[stack % DEFINITIONS];
    unsigned count;
    const uint64_t *frame = schema_frames(event, step->record, &count);
    definition->is_set = true;
    definition->stack = (uint16_t)stack;
    definition->kernel = (uint8_t)field_get(&convert->ids.stack_kernel, step->record);
    definition->count = (uint8_t)MIN(count, STACK_FRAMES_MAX);
    memcpy(definition->frame, frame, definition->count * sizeof(*frame));
}

/* A return address may be the first byte behind its function: the call before it is what counts. */
static struct stack_frame name_frame(struct convert *convert, const char *program, uint64_t address,
                                     bool is_innermost, char text[64])
{
    uint64_t at = address - !is_innermost;
    const struct symbol *symbol = program == NULL ? symbols_find(&convert->symbols, at)
                                                  : programs_find(&convert->programs, program, at);
    struct stack_frame frame = {
        .address = address, .function = text, .file = program == NULL ? "kernel" : program};
    if (symbol != NULL) {
        frame.function = symbol->name;
    } else {
        snprintf(text, 64, "%#" PRIx64, address);
    }
    return frame;
}

static uint32_t intern_stack(struct convert *convert, const struct definition *definition,
                             const struct person *person)
{
    struct stack_frame frames[STACK_FRAMES_MAX];
    char text[STACK_FRAMES_MAX][64];
    const struct process *process = person->thread->process;
    const char *program = process != NULL && process->name != NULL ? process->name : "?";
    for (unsigned i = 0; i < definition->count; i++) {
        bool is_innermost = i == 0 || i == definition->kernel; /* where user mode was left, too */
        frames[i] = name_frame(convert, i < definition->kernel ? NULL : program,
                               definition->frame[i], is_innermost, text[i]);
    }
    return stack_intern(&convert->perfetto, frames, definition->count);
}

void on_sample(struct convert *convert, const struct step *step)
{
    struct core *core = &convert->core[step->cpu];
    uint64_t stack = field_get(&convert->ids.sample_stack, step->record);
    const struct definition *definition =
        core->stacks == NULL ? NULL : &core->stacks[stack % DEFINITIONS];
    if (!convert->is_live || definition == NULL || !definition->is_set ||
        definition->stack != stack) {
        return;
    }
    uint32_t tid = (uint32_t)field_get(&convert->ids.sample_thread, step->record);
    struct person *person = person_of(convert, tid);
    struct stack_sample sample = {
        .cpu = step->cpu,
        .pid = person_pid(person),
        .tid = tid,
        .in_kernel = field_get(&convert->ids.sample_mode, step->record) != 0,
        .stack = intern_stack(convert, definition, person),
    };
    stack_sample(&convert->perfetto, convert_time(convert), &sample);
    convert->totals.samples++;
}

void profile_free(struct convert *convert)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        free(convert->core[cpu].stacks);
    }
}
