/* SPDX-License-Identifier: MIT */
/*
 * The recorder's slow side: setting the region up, sub-buffer changes, the meta lane.
 *
 * Besides the real lanes there are two that take nothing, because position == limit == room for ever, so that every record ends
 * up in trace_advance(), which gives no room:
 *   exempt   current while a thread runs that consumes the trace; nothing is counted
 *   nested   current while an NMI-class handler interrupts another: counts lost_nested on the NMI lane
 * The hot path needs no test for either.
 */
#include "trace/ring/ring.h"

#include "arch/mmu.h"
#include "base/build_id.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "gen/trace_schema.h"
#include "kernel/abi/handoff.h"
#include "kernel/abi/trace.h"
#include "kernel/abi/user_trace.h"
#include "sync/spinlock.h"

#define META_BYTES      0x200000ull
#define NMI_BYTES_MIN   0x10000ull
#define NMI_BYTES_MAX   0x40000ull
#define LANE_META       0u
#define BOOT_SHARES     4u /* what the first core takes of the memory before the others are counted */
#define LOST_BYTES      32u /* of a record of trace.lost */
#define USER_LANES      16u
#define USER_REGION_MIN 0x1000000ull /* a smaller region has no room for lanes of programs */

static struct trace_region *region, *previous;
static struct trace_lane exempt_lane = {.kind = TRACE_LANE_EXEMPT};
static struct trace_lane nested_lanes[CPU_MAX];
static struct spinlock meta_lock = SPINLOCK_INIT("trace meta", LOCK_RANK_META);
static uint64_t user_offset; /* of the lanes of programs in the region; 0: none */
static uint64_t nmi_bytes;   /* of each NMI lane */
static uint64_t ring_start;  /* offset of those of normal lanes, one behind the other */
static uint64_t ring_end;    /* of the first byte behind them that another ring uses */
static bool keeps_oldest;    /* normal lanes do */

static struct trace_lane *lane_of(unsigned index)
{
    return (struct trace_lane *)((char *)region + region->lane[index].control_offset);
}

static unsigned index_normal(unsigned cpu)
{
    return 1 + 2 * cpu;
}

static void lay_ring(struct trace_lane_place *place, struct trace_lane *lane, uint64_t offset,
                     uint64_t bytes)
{
    place->ring_offset = offset;
    place->ring_bytes = bytes;
    lane->base = (uint64_t)region + offset;
    lane->mask = bytes - 1;
}

static void add_lane(unsigned index, unsigned cpu, enum trace_lane_kind kind, uint64_t offset,
                     uint64_t bytes)
{
    struct trace_lane_place *place = &region->lane[index];
    place->control_offset = 0x1000 + index * sizeof(struct trace_lane);
    place->first = 0;
    place->cpu = cpu;
    place->kind = kind;
    struct trace_lane *lane = lane_of(index);
    *lane = (struct trace_lane){.cpu = (uint16_t)cpu, .kind = (uint16_t)kind};
    lay_ring(place, lane, offset, bytes);
}

static void use_lanes(unsigned cpu, struct trace_lane *normal, struct trace_lane *nmi)
{
    cpus[cpu].lane = normal;
    cpus[cpu].lane_normal = normal;
    cpus[cpu].lane_nmi = nmi;
}

static uint64_t power_of_two_below(uint64_t bytes)
{
    return bytes == 0 ? 0 : 1ull << (63 - __builtin_clzll(bytes));
}

/* Of the rings of so many normal lanes, if they share what is between two places. */
static uint64_t share(uint64_t from, uint64_t to, unsigned lanes)
{
    uint64_t bytes = to <= from ? 0 : power_of_two_below((to - from) / lanes);
    return bytes < 2 * TRACE_SUBBUF_BYTES ? 0 : bytes;
}

/* Normal lanes from the front, NMI lanes from the back, so that the former can be made anew. */
static void add_cpu(unsigned cpu, uint64_t offset, uint64_t bytes)
{
    unsigned index = index_normal(cpu);
    ring_end -= nmi_bytes;
    add_lane(index, cpu, TRACE_LANE_NORMAL, offset, bytes);
    add_lane(index + 1, cpu, TRACE_LANE_NMI, ring_end, nmi_bytes);
    use_lanes(cpu, lane_of(index), lane_of(index + 1));
    region->lane_count = index + 2;
}

void trace_init(const struct handoff *handoff)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        nested_lanes[cpu].kind = TRACE_LANE_NESTED;
        nested_lanes[cpu].cpu = (uint16_t)cpu;
        use_lanes(cpu, &exempt_lane, &exempt_lane);
    }
    if (handoff->trace_bytes < 0x3000 + META_BYTES + NMI_BYTES_MIN + 2 * TRACE_SUBBUF_BYTES) {
        return;
    }
    previous = handoff->previous_bytes == 0 ? NULL : phys_to_virt(handoff->previous_base);
    region = phys_to_virt(handoff->trace_base);
    memset(region, 0, 0x3000);
    region->version = TRACE_REGION_VERSION;
    region->subbuf_bytes = TRACE_SUBBUF_BYTES;
    region->bytes = handoff->trace_bytes;
    region->boot_id = handoff->boot_id;
    region->schema_hash = TRACE_SCHEMA_HASH;
    region->unix_ns = handoff->unix_ns;
    region->unix_tsc = handoff->unix_tsc;
    region->cpu_count = 1;
    region->kernel_id = kernel_id();
    string_copy(region->version_text, "Spoor", sizeof(region->version_text));
    string_copy(region->cmdline, handoff->cmdline, sizeof(region->cmdline));
    keeps_oldest = false;
    ring_start = 0x3000 + TRACE_SUBBUF_BYTES - 0x3000 % TRACE_SUBBUF_BYTES;
    ring_end = handoff->trace_bytes / TRACE_SUBBUF_BYTES * TRACE_SUBBUF_BYTES;
    nmi_bytes = handoff->trace_bytes / 256 >= NMI_BYTES_MAX ? NMI_BYTES_MAX : NMI_BYTES_MIN;
    add_lane(LANE_META, 0, TRACE_LANE_META, ring_start, META_BYTES);
    ring_start += META_BYTES;
    region->lane_count = 1;
    user_offset = region->bytes >= USER_REGION_MIN ? ring_start : 0;
    ring_start +=
        user_offset == 0 ? 0 : ROUND_UP(USER_LANES * USER_TRACE_BYTES, TRACE_SUBBUF_BYTES);
    uint64_t bytes = share(ring_start, ring_end, BOOT_SHARES);
    if (bytes != 0) {
        add_cpu(0, ring_start, bytes);
    }
    region->magic = TRACE_REGION_MAGIC;
}

/* That of the first core, which has been written to, gets longer where it lies, if nothing in it has been overwritten. */
static void lengthen_first(uint64_t bytes)
{
    struct trace_lane *lane = lane_of(index_normal(0));
    struct trace_lane_place *place = &region->lane[index_normal(0)];
    if (bytes > place->ring_bytes && lane->limit <= place->ring_bytes) {
        lay_ring(place, lane, place->ring_offset, bytes);
    }
}

void trace_set_cpus(unsigned count)
{
    if (region == NULL) {
        return;
    }
    region->cpu_count = count;
    if (region->lane_count == 1) {
        return; /* not even the first core has rings */
    }
    uint64_t end = ring_end - (count - 1) * nmi_bytes;
    uint64_t equal = share(ring_start, end, count);
    lengthen_first(equal);
    uint64_t next = ring_start + region->lane[index_normal(0)].ring_bytes;
    uint64_t bytes = count == 1 ? 0 : MIN(share(next, end, count - 1), equal);
    for (unsigned cpu = 1; cpu < count && bytes != 0; cpu++) {
        add_cpu(cpu, next, bytes);
        next += bytes;
    }
}

/* The writer goes on with a new sub-buffer. */
static void start_anew(unsigned index, uint64_t offset, uint64_t bytes)
{
    struct trace_lane_place *place = &region->lane[index];
    struct trace_lane *lane = lane_of(index);
    place->first = ROUND_UP(lane->position, TRACE_SUBBUF_BYTES);
    lay_ring(place, lane, offset, bytes);
    lane->room = 0;
    lane->limit = place->first;
    __atomic_store_n(&lane->position, place->first, __ATOMIC_RELEASE);
}

status_t trace_rings_lay(uint64_t bytes, bool wants_oldest)
{
    if (region == NULL || region->lane_count == 1) {
        return ERR_NO_MEMORY;
    }
    unsigned lanes = region->lane_count / 2;
    uint64_t most = share(ring_start, ring_end, lanes);
    bytes = bytes == 0 ? most : bytes;
    if (bytes < 2 * TRACE_SUBBUF_BYTES || power_of_two_below(bytes) != bytes) {
        return ERR_BAD_ARGUMENT;
    }
    if (bytes > most) {
        return ERR_NO_MEMORY;
    }
    for (unsigned cpu = 0; cpu < lanes; cpu++) {
        start_anew(index_normal(cpu), ring_start + cpu * bytes, bytes);
    }
    keeps_oldest = wants_oldest;
    return OK;
}

void trace_keep_oldest(void)
{
    keeps_oldest = true;
}

uint64_t trace_rings_bytes(void)
{
    return region == NULL || region->lane_count == 1 ? 0 : region->lane[index_normal(0)].ring_bytes;
}

paddr_t trace_user_physical(unsigned index)
{
    bool is_there = region != NULL && user_offset != 0 && index < USER_LANES;
    return is_there ? trace_region_physical() + user_offset + index * USER_TRACE_BYTES : 0;
}

void trace_set_clock(uint64_t tsc_khz, tsc_t tsc, ns_t ns)
{
    if (region != NULL) {
        region->tsc_khz = tsc_khz;
        region->clock_tsc = tsc;
        region->clock_ns = ns;
    }
    trace_trace_clock(tsc, ns);
}

struct trace_region *trace_region_get(void)
{
    return region;
}

struct trace_region *trace_previous_get(void)
{
    return previous;
}

paddr_t trace_region_physical(void)
{
    return region == NULL ? 0 : virt_to_phys(region);
}

struct trace_lane *trace_lane_exempt(void)
{
    return &exempt_lane;
}

struct trace_lane *trace_lane_nested(unsigned cpu)
{
    return &nested_lanes[cpu];
}

/* Fill [position, limit) with pad records. */
static void pad_rest(struct trace_lane *lane, tsc_t now)
{
    uint64_t words = (lane->limit - lane->position) / 8;
    uint64_t *record = (uint64_t *)(lane->base + (lane->position & lane->mask));
    while (words > 0) {
        uint64_t payload = MIN(words - 1, (uint64_t)TRACE_WORDS_MAX);
        *record = now << TRACE_TIME_SHIFT | payload << TRACE_WORDS_SHIFT | TRACE_EVENT_TRACE_PAD;
        record += 1 + payload;
        words -= 1 + payload;
    }
}

static void note_times(struct trace_lane *lane, bool is_first)
{
    lane->lost_last_tsc = cpu_tsc();
    if (is_first) {
        lane->lost_first_tsc = lane->lost_last_tsc;
    }
}

static void lose_for_good(struct trace_lane *lane)
{
    note_times(lane, lane->lost[TRACE_LOST_FULL] == 0);
    lane->lost[TRACE_LOST_FULL]++;
}

static void lose_nested(struct trace_lane *lane)
{
    note_times(lane, lane->untold == 0);
    lane->lost[TRACE_LOST_NESTED]++;
    lane->untold++;
}

static uint64_t *refuse(struct trace_lane *lane)
{
    if (lane->kind == TRACE_LANE_META || lane->kind == TRACE_LANE_NORMAL) {
        lose_for_good(lane);
    } else if (lane->kind == TRACE_LANE_NESTED) {
        lose_nested(cpus[lane->cpu].lane_nmi);
    }
    return NULL;
}

/* For the consumer. The emitter must not call up. */
static void note_finished(void)
{
    struct cpu *cpu = this_cpu();
    cpu->trace_finished++;
    cpu->work |= CPU_WORK_TRACE | CPU_WORK_TRIGGER;
}

/* For struct trace_subbuf: of those before start. What was consumed had been finished, so it is not more than that. */
static uint32_t count_unread(const struct trace_lane *lane, uint64_t start)
{
    uint64_t consumed = __atomic_load_n(&lane->consumed, __ATOMIC_RELAXED);
    return consumed == 0 ? 0 : 1 + (uint32_t)((start - (consumed - 1)) / TRACE_SUBBUF_BYTES);
}

/* Of a lane that keeps its oldest: there is no room for another sub-buffer. */
static bool is_full(const struct trace_lane *lane)
{
    if (lane->kind == TRACE_LANE_META) {
        return lane->limit > lane->mask;
    }
    return keeps_oldest && lane->kind == TRACE_LANE_NORMAL &&
           lane->limit + 2 * TRACE_SUBBUF_BYTES >
               region->lane[index_normal(lane->cpu)].first + lane->mask + 1;
}

/* What is shorter than the first record without room must not come behind it: all that is lost is lost at the end. */
static void close_last(struct trace_lane *lane)
{
    if (lane->kind == TRACE_LANE_NORMAL && lane->position != lane->limit) {
        pad_rest(lane, cpu_tsc());
        __atomic_store_n(&lane->position, lane->limit, __ATOMIC_RELEASE);
        note_finished();
    }
}

uint64_t *trace_advance(struct trace_lane *lane, unsigned bytes)
{
    if (lane->mask == 0) {
        return refuse(lane);
    }
    if (is_full(lane)) {
        close_last(lane);
        return refuse(lane);
    }
    tsc_t now = cpu_tsc();
    uint64_t start = lane->limit;
    pad_rest(lane, now);
    struct trace_subbuf *head = (struct trace_subbuf *)(lane->base + (start & lane->mask));
    head->magic = TRACE_SUBBUF_MAGIC;
    head->cpu = lane->cpu;
    head->kind = lane->kind;
    head->boot_id = region->boot_id;
    head->position = start;
    head->first_event = lane->events;
    head->tsc = now;
    for (unsigned cause = 0; cause < TRACE_LOST_CAUSES; cause++) {
        head->lost[cause] = lane->lost[cause];
    }
    head->current = lane->kind == TRACE_LANE_META ? 0 : this_cpu()->current_tid;
    head->unread = count_unread(lane, start);
    lane->limit = start + TRACE_SUBBUF_BYTES;
    lane->room = lane->limit - 8 * TRACE_WRITE_WORDS_MAX;
    lane->window = (uint64_t)head - start;
    __atomic_store_n(&lane->position, start + sizeof(*head), __ATOMIC_RELEASE);
    if (start != 0) {
        note_finished();
    }
    (void)bytes; /* every record fits into an empty sub-buffer */
    return (uint64_t *)(lane->window + lane->position);
}

static void write_sync(struct trace_lane *lane)
{
    uint64_t *record = trace_reserve(lane, 16);
    if (record != NULL) {
        record[1] = cpu_tsc();
        trace_commit(lane, record, 16, TRACE_EVENT_TRACE_SYNC | 1ull << TRACE_WORDS_SHIFT);
    }
}

void trace_sync(void)
{
    write_sync(trace_lane_always());
}

/* Half of what the bits can tell: who calls this at least once before each record leaves the other half as a margin. */
#define SILENCE_MAX (1ull << (TRACE_TIME_BITS - 1))

void trace_keep_time(struct trace_lane *lane)
{
    tsc_t now = cpu_tsc();
    if (lane->mask != 0 && lane->position != 0 && now - lane->last_tsc > SILENCE_MAX) {
        write_sync(lane);
    }
    lane->last_tsc = now;
}

void trace_tell_losses(struct trace_lane *lane)
{
    uint32_t count = lane->untold;
    uint64_t *record = count == 0 ? NULL : trace_reserve(lane, LOST_BYTES);
    if (record != NULL) {
        record[1] = count;
        record[2] = lane->lost_first_tsc;
        record[3] = lane->lost_last_tsc;
        trace_commit(lane, record, LOST_BYTES,
                     TRACE_EVENT_TRACE_LOST | (LOST_BYTES / 8 - 1ull) << TRACE_WORDS_SHIFT |
                         TRACE_LOST_NESTED << TRACE_SMALL_SHIFT);
        lane->untold -= count; /* what interrupts this may lose more */
    }
}

/*
 * Waiting for a lock is recorded and serves other cores meanwhile, and nothing that an emitter gets to may be recorded. So
 * this one is waited for without: who has it writes a record, and waits for nobody.
 */
static void lock_meta(void)
{
    while (!spinlock_try(&meta_lock)) {
        cpu_relax();
    }
}

void trace_meta_write(uint64_t header, const uint64_t *words, unsigned count)
{
    if (region == NULL) {
        return;
    }
    struct trace_lane *lane = lane_of(LANE_META);
    /* In kdebug all other cores stand still: no lock may be waited for, and none is needed unless one of them holds it. */
    bool alone = trace_lane() == this_cpu()->lane_nmi;
    if (alone && spinlock_is_held(&meta_lock)) {
        lose_nested(lane);
        return;
    }
    if (!alone) {
        lock_meta();
    }
    trace_keep_time(lane);
    trace_tell_losses(lane);
    unsigned bytes = 8 * (1 + count);
    uint64_t *record = trace_reserve(lane, bytes);
    if (record != NULL) {
        for (unsigned i = 0; i < count; i++) {
            record[1 + i] = words[i];
        }
        trace_commit(lane, record, bytes, header);
    }
    if (!alone) {
        spinlock_release(&meta_lock);
    }
}

status_t trace_consumed(unsigned lane, uint64_t position)
{
    if (region == NULL || lane >= region->lane_count) {
        return ERR_BAD_ARGUMENT;
    }
    struct trace_lane *control = lane_of(lane);
    bool is_given_up = position == TRACE_CONSUMED_POSITION;
    if (!is_given_up && (position % TRACE_SUBBUF_BYTES != 0 ||
                         position > __atomic_load_n(&control->position, __ATOMIC_RELAXED))) {
        return ERR_BAD_ARGUMENT;
    }
    __atomic_store_n(&control->consumed, is_given_up ? 0 : position + 1, __ATOMIC_RELAXED);
    return OK;
}

uint64_t trace_events_total(void)
{
    uint64_t total = 0;
    for (unsigned i = 0; region != NULL && i < region->lane_count; i++) {
        total += lane_of(i)->events;
    }
    return total;
}

uint64_t trace_finished_total(void)
{
    uint64_t total = 0;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        total += cpus[cpu].trace_finished;
    }
    return total;
}
