/* SPDX-License-Identifier: MIT */
/* The table of probes, and what happens at one: see probe.h. */
#include "trace/probe/probe.h"

#include "arch/function_probe.h"
#include "arch/text_patch.h"
#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/move.h"
#include "sync/spinlock.h"
#include "trace/probe/write.h"
#include "trace/ring/switch.h"

#define TEXT_BYTES 200u

struct probe probes[PROBES_MAX];
static vaddr_t slot_of[PROBES_MAX];
static unsigned next_slot;

/* ---- hits ---- */

static struct probe *find_at(vaddr_t address)
{
    for (struct probe *probe = probes; probe < probes + PROBES_MAX; probe++) {
        if (probe->address == address) {
            return probe;
        }
    }
    return NULL;
}

static uint64_t extend(uint64_t value, const struct probe_argument *argument)
{
    unsigned unused = 64 - 8 * argument->bytes;
    return argument->is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

/* All ones: what it points to cannot be read. */
static uint64_t read_argument(const struct probe_argument *argument, const struct trap_frame *frame)
{
    uint64_t value = ((const uint64_t *)frame)[argument->reg];
    for (unsigned i = 0; i < argument->loads; i++) {
        uint64_t from = value + argument->offset[i];
        unsigned bytes = i + 1 == argument->loads ? argument->bytes : 8;
        value = 0;
        if (kd_read(KD_SPACE_KERNEL, from, &value, bytes) != OK) {
            return ~0ull;
        }
    }
    return argument->loads == 0 ? value : extend(value, argument);
}

static void record(const struct probe *probe, const struct trap_frame *frame)
{
    if (!trace_event_is_on(TRACE_EVENT_PROBE_HIT)) {
        return;
    }
    uint64_t value[PROBE_ARGUMENTS_MAX] = {0};
    for (unsigned i = 0; i < probe->arguments; i++) {
        value[i] = read_argument(&probe->argument[i], frame);
    }
    probe_write_hit((unsigned)(probe - probes), value,
                    trace_event_is_hooked(TRACE_EVENT_PROBE_HIT));
}

bool probe_hit(struct trap_frame *frame)
{
    struct probe *probe = frame->rip == 1 ? NULL : find_at(frame->rip - 1);
    if (probe == NULL) {
        return false;
    }
    this_cpu()->probe_hits[probe - probes]++;
    record(probe, frame);
    frame->rip = slot_of[probe - probes];
    return true;
}

/* ---- setting ---- */

/* PLACE NAME...: what a reader needs to understand the records. */
static void tell(const struct probe *probe)
{
    char text[TEXT_BYTES];
    size_t length = format_text(text, sizeof(text), "%s", probe->place);
    for (unsigned i = 0; i < probe->arguments; i++) {
        length += format_text(text + length, sizeof(text) - length, " %s", probe->argument[i].name);
    }
    trace_probe_define((uint8_t)(probe - probes), probe->address, text, length);
}

static bool is_slot_free(vaddr_t slot)
{
    for (unsigned i = 0; i < PROBES_MAX; i++) {
        if (probes[i].address != 0 && slot_of[i] == slot) {
            return false;
        }
    }
    return true;
}

/* In turn (O2). There is a free one, because there are more than probes. */
static vaddr_t take_slot(void)
{
    vaddr_t slot;
    do {
        slot = (vaddr_t)probe_slots + next_slot * TEXT_PROBE_BYTES;
        next_slot = (next_slot + 1) % TEXT_PROBE_SLOTS;
    } while (!is_slot_free(slot));
    return slot;
}

static status_t patch_call(const struct probe *probe, vaddr_t slot)
{
    struct function_probe entry = {.function = probe->address,
                                   .slot = slot,
                                   .number = (unsigned)(probe - probes),
                                   .count = probe->arguments};
    static_assert(FUNCTION_PROBE_VALUES == PROBE_ARGUMENTS_MAX, "reg[]");
    for (unsigned i = 0; i < probe->arguments; i++) {
        entry.reg[i] = probe->argument[i].reg;
    }
    return function_probe_set(&entry);
}

static status_t patch_int3(const struct probe *probe, vaddr_t slot)
{
    struct kd_moved moved;
    uint8_t code[KD_MOVE_BYTES_MAX];
    text_patch_read(probe->address, code, sizeof(code));
    if (kd_instruction_move(code, probe->address, slot, &moved) != NULL) {
        return ERR_NOT_SUPPORTED;
    }
    return text_patch_probe(probe->address, slot, moved.code, moved.bytes);
}

static void forget_hits(unsigned number)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        cpus[cpu].probe_hits[number] = 0;
    }
}

static status_t set_locked(const struct probe *plan, unsigned *out_number)
{
    struct probe *probe = find_at(0);
    if (probe == NULL) {
        return ERR_NO_MEMORY;
    }
    if (find_at(plan->address) != NULL) {
        return ERR_BUSY;
    }
    unsigned number = (unsigned)(probe - probes);
    vaddr_t slot = take_slot();
    *probe = *plan;
    slot_of[number] = slot;
    forget_hits(number);
    status_t status = probe->by_call ? patch_call(probe, slot) : patch_int3(probe, slot);
    if (status != OK) {
        probe->address = 0;
        return status;
    }
    tell(probe);
    *out_number = number;
    return OK;
}

status_t probe_set(const struct probe *plan, unsigned *out_number)
{
    struct trace_event_change change = {{{0}}, {{0}}};
    trace_event_set_put(&change.on, TRACE_EVENT_PROBE_HIT, 1);
    spinlock_acquire(&trace_switch_lock);
    status_t status = set_locked(plan, out_number);
    spinlock_release(&trace_switch_lock);
    return status == OK ? trace_events_change(&change) : status;
}

status_t probe_clear(unsigned number)
{
    if (number >= PROBES_MAX || probes[number].address == 0) {
        return ERR_NOT_FOUND;
    }
    spinlock_acquire(&trace_switch_lock);
    if (probes[number].by_call) {
        function_probe_clear(probes[number].address);
    } else {
        text_patch_unprobe(probes[number].address);
    }
    probes[number].address = 0;
    spinlock_release(&trace_switch_lock);
    return OK;
}
