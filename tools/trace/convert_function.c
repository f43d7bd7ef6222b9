/* SPDX-License-Identifier: MIT */
/*
 * Calls of traced functions: slices on a track of their own beside the thread's, because they end where they return, which
 * need not be where system calls and messages do.
 *
 * Both records of a call carry its place on the kernel's stack, and that is all they are matched by:
 *
 *   N1  A call that begins at a place ends all that are open at this place or deeper: their stack is gone. So it is with
 *       functions that never return, and with threads that leave their stack (kernel/ipc/direct.c).
 *   N2  Whose call it was is settled when it begins. Where it ends another thread may run already: the direct path of a
 *       message returns on the sender's stack as the receiver.
 */
#include <inttypes.h>
#include <stdio.h>

#include "convert.h"

#define STACK_SLOT_LOG2 14u /* KERNEL_STACK_SLOT_BYTES */
#define CALLS_MAX       128u

struct open_call {
    uint32_t place;
    bool is_shown; /* its begin lies in the window */
};

/* Of a kernel stack. */
struct function_track {
    uint64_t uuid;
    uint32_t tid;
    uint8_t cpu;
    uint32_t gaps_seen; /* of that core */
    unsigned depth;
    struct open_call open[CALLS_MAX]; /* outermost first: places fall */
};

static void end_call(struct convert *convert, struct function_track *track, uint64_t ns)
{
    if (track->open[--track->depth].is_shown) {
        struct track_event event =
            track_end(&convert->perfetto, ns != 0 ? ns : convert_time(convert), track->uuid);
        track_commit(&event);
    }
}

/* End what is deeper than a place. */
static void end_below(struct convert *convert, struct function_track *track, uint64_t place)
{
    while (track->depth != 0 && track->open[track->depth - 1].place < place) {
        end_call(convert, track, 0);
    }
}

/* What was open in a hole of the core ends where the hole begins. */
static void forget_stale(struct convert *convert, struct function_track *track)
{
    const struct core *core = &convert->core[track->cpu];
    if (track->gaps_seen < core->gaps) {
        while (track->depth != 0) {
            end_call(convert, track, core->gap_ns[track->gaps_seen]);
        }
        track->gaps_seen = (uint32_t)core->gaps;
    }
}

static void describe(struct convert *convert, struct function_track *track,
                     const struct slice_stack *thread, uint32_t tid)
{
    track->tid = tid;
    track->uuid = track_new(&convert->perfetto);
    track_describe(&convert->perfetto, convert->perfetto.last_ns, track->uuid, thread->uuid,
                   "functions");
}

static struct function_track *find_track(struct convert *convert, uint32_t place)
{
    return id_map_find(&convert->function_tracks, (place >> STACK_SLOT_LOG2) + 1u);
}

/* The track of the stack, which is the running thread's from now on; NULL: nobody is known to run. */
static struct function_track *take_track(struct convert *convert, unsigned cpu, uint32_t place)
{
    const struct slice_stack *thread = slices_of_core(convert, cpu);
    if (thread == NULL) {
        return NULL;
    }
    struct function_track *track = find_track(convert, place);
    uint32_t tid = convert->core[cpu].current->tid;
    if (track == NULL) {
        track = arena_alloc(&convert->arena, sizeof(*track));
        *track = (struct function_track){.cpu = (uint8_t)cpu,
                                         .gaps_seen = (uint32_t)convert->core[cpu].gaps};
        id_map_insert(&convert->function_tracks, (place >> STACK_SLOT_LOG2) + 1u, track);
        describe(convert, track, thread, tid);
        return track;
    }
    forget_stale(convert, track);
    if (track->tid != tid) { /* the stack of a thread that is gone */
        end_below(convert, track, UINT64_MAX);
        describe(convert, track, thread, tid);
    }
    track->cpu = (uint8_t)cpu;
    track->gaps_seen = (uint32_t)convert->core[cpu].gaps;
    return track;
}

static uint32_t function_name(struct convert *convert, uint64_t address)
{
    char text[32];
    const struct symbol *symbol = symbols_find(&convert->symbols, address);
    snprintf(text, sizeof(text), "%#" PRIx64, address);
    return track_name(&convert->perfetto, symbol != NULL ? symbol->name : text);
}

void on_function_enter(struct convert *convert, const struct step *step)
{
    uint32_t place = (uint32_t)field_get(&convert->ids.enter_stack, step->record);
    struct function_track *track = take_track(convert, step->cpu, place);
    if (track == NULL) {
        return;
    }
    end_below(convert, track, place + 1ull);
    if (track->depth == CALLS_MAX) {
        return; /* its end finds no call of this place */
    }
    track->open[track->depth++] =
        (struct open_call){.place = place, .is_shown = !convert->perfetto.silent};
    uint64_t address = (uint64_t)field_get_signed(&convert->ids.enter_function, step->record);
    uint32_t name = function_name(convert, address);
    struct track_event event = track_begin(&convert->perfetto, convert_time(convert), track->uuid,
                                           name, CATEGORY_FUNCTION);
    track_commit(&event);
}

void on_function_exit(struct convert *convert, const struct step *step)
{
    uint32_t place = (uint32_t)field_get(&convert->ids.exit_stack, step->record);
    struct function_track *track = find_track(convert, place);
    if (track == NULL) {
        convert->totals.orphans++;
        return;
    }
    forget_stale(convert, track);
    end_below(convert, track, place);
    if (track->depth != 0 && track->open[track->depth - 1].place == place) {
        end_call(convert, track, 0);
    } else {
        convert->totals.orphans++;
    }
}
