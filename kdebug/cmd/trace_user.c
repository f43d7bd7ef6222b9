/* SPDX-License-Identifier: MIT */
/* trace user (trace_user.h). The contents of a lane are a program's: shown as numbers, believed in nothing. */
#include "kdebug/cmd/trace_user.h"

#include "gen/trace_events.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "vm/user_lane.h"

#define SLOTS_DEFAULT 10u

static struct user_lane read_lane(unsigned index)
{
    struct user_lane lane;
    kd_fetch(KD_GLOBAL(user_lanes) + index * sizeof(lane), &lane, sizeof(lane), "lane");
    return lane;
}

static uint64_t next_of(const struct user_lane *lane)
{
    uint64_t next;
    kd_fetch((vaddr_t)lane->shared, &next, sizeof(next), "lane");
    return next;
}

static void list(void)
{
    kd_print("PROCESS  ADDRESS         RECORDED       LOST     UNREAD\n");
    for (unsigned i = 0; i < USER_LANES_MAX; i++) {
        struct user_lane lane = read_lane(i);
        if (lane.process != 0) {
            kd_print("%7u  %012llx  %10llu %10llu %10llu\n", lane.process,
                     (unsigned long long)lane.address, (unsigned long long)lane.records,
                     (unsigned long long)lane.lost,
                     (unsigned long long)(next_of(&lane) - lane.next));
        }
    }
}

static void show_slot(const struct user_lane *lane, uint64_t number)
{
    static const char *const kinds[] = {"begin",   "end",      "instant",
                                        "counter", "flow_out", "flow_in"};
    struct user_trace_slot slot;
    kd_fetch((vaddr_t)&lane->shared->slot[number % USER_TRACE_SLOTS], &slot, sizeof(slot), "slot");
    uint32_t kind = slot.kind_id >> USER_TRACE_ID_BITS;
    kd_print(
        "%10llu  tsc %llu  track %u  %s id %u  value %llu%s%s\n", (unsigned long long)number,
        (unsigned long long)slot.time, slot.track, kind < ARRAY_COUNT(kinds) ? kinds[kind] : "?",
        slot.kind_id & ((1u << USER_TRACE_ID_BITS) - 1), (unsigned long long)slot.value,
        slot.mark == number + 1 ? "" : "  not committed", number < lane->next ? "" : "  unread");
}

static void show_lane(uint64_t process, uint64_t limit)
{
    for (unsigned i = 0; i < USER_LANES_MAX; i++) {
        struct user_lane lane = read_lane(i);
        if (lane.process == 0 || lane.process != process) {
            continue;
        }
        uint64_t next = next_of(&lane);
        limit = MIN(MIN(limit, next), (uint64_t)USER_TRACE_SLOTS);
        for (uint64_t number = next - limit; number != next; number++) {
            show_slot(&lane, number);
        }
        return;
    }
    kd_fail("that process has no lane");
}

void kd_trace_user(struct kd_call *call)
{
    uint64_t process, limit = SLOTS_DEFAULT;
    if (kd_arg_is_end(call)) {
        list();
        return;
    }
    kd_arg_number(call, &process);
    if (!kd_arg_is_end(call)) {
        kd_arg_number(call, &limit);
    }
    kd_arg_done(call);
    show_lane(process, limit);
}
