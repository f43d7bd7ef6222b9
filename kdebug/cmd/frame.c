/* SPDX-License-Identifier: MIT */
/* mem: who owns physical memory. frame: one frame. */
#include "kdebug/cmd/frame.h"

#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

#define KIB_PER_FRAME 4

static const char *owner_name(unsigned owner)
{
    static const char *const names[FRAME_OWNERS] = {
        [FRAME_FREE] = "free", [FRAME_RESERVED] = "reserved",      [FRAME_KERNEL] = "kernel",
        [FRAME_HEAP] = "heap", [FRAME_PAGE_TABLE] = "page tables", [FRAME_STACK] = "kernel stacks",
        [FRAME_USER] = "user", [FRAME_TRACE] = "trace rings",      [FRAME_PAGER] = "pager",
    };
    return names[owner] == NULL ? "?" : names[owner];
}

static void print_row(const char *name, int64_t frames)
{
    int64_t kib = frames * KIB_PER_FRAME;
    kd_print("  %-14s %10lld frames %10lld KiB\n", name, (long long)frames, (long long)kib);
}

static void run_mem(struct kd_call *call)
{
    int64_t owned[FRAME_OWNERS] = {0};
    int64_t cached = 0, free_frames = 0;
    kd_arg_done(call);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        struct frame_cache cache;
        kd_fetch(KD_GLOBAL(frame_caches) + cpu * sizeof(cache), &cache, sizeof(cache),
                 "frame cache");
        cached += (int64_t)frame_cache_frames(&cache);
        for (unsigned owner = 0; owner < FRAME_OWNERS; owner++) {
            owned[owner] += cache.owned[owner];
        }
    }
    for (unsigned i = 0; i < FRAME_ZONES; i++) {
        struct frame_zone zone;
        kd_fetch(KD_GLOBAL(frame_zones) + i * sizeof(zone), &zone, sizeof(zone), "frame zone");
        free_frames += (int64_t)zone.free_frames;
    }
    for (unsigned owner = FRAME_RESERVED; owner < FRAME_OWNERS; owner++) {
        if (owned[owner] != 0) {
            print_row(owner_name(owner), owned[owner]);
        }
    }
    print_row("free", free_frames + cached);
    print_row("  of these cached", cached);
}
KD_COMMAND(mem, .usage = "", .help = "physical memory by owner", .flags = KD_READS, .run = run_mem);

bool kd_fetch_frame(paddr_t pa, struct frame *out)
{
    struct frame_section section;
    if (pa >> SECTION_SHIFT >= kd_fetch_word(KD_GLOBAL(frame_section_count), "frame table")) {
        return false;
    }
    kd_fetch(kd_fetch_word(KD_GLOBAL(frame_sections), "frame table") +
                 (pa >> SECTION_SHIFT) * sizeof(section),
             &section, sizeof(section), "section of the frame table");
    uint64_t pfn = pa >> FRAME_SHIFT;
    if (section.frames == NULL || pfn < section.first_pfn || pfn >= section.end_pfn) {
        return false;
    }
    kd_fetch((vaddr_t)(section.frames + (pfn - section.first_pfn)), out, sizeof(*out), "frame");
    return true;
}

/* The head of the run that a frame belongs to: runs are aligned (I2), so there is one candidate for
 * each order. */
static bool fetch_head(paddr_t pa, struct frame *out, paddr_t *out_pa)
{
    for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
        *out_pa = ROUND_DOWN(pa, FRAME_BYTES << order);
        if (!kd_fetch_frame(*out_pa, out)) {
            return false;
        }
        if (frame_state_of(out) != FRAME_STATE_TAIL) {
            return out->order >= order;
        }
    }
    return false;
}

void kd_frame_show(paddr_t pa)
{
    static const char *const states[] = {[FRAME_STATE_TAIL] = "tail",
                                         [FRAME_STATE_FREE] = "free",
                                         [FRAME_STATE_CACHED] = "free, in a core's cache",
                                         [FRAME_STATE_USED] = "in use",
                                         [FRAME_STATE_ABSENT] = "no RAM",
                                         [FRAME_STATE_STOCKED] = "free, in a core's stock"};
    struct frame frame;
    paddr_t head;
    if (!fetch_head(pa, &frame, &head)) {
        kd_fail("0x%llx is not RAM", (unsigned long long)pa);
    }
    unsigned state = frame_state_of(&frame);
    kd_print("0x%llx is in the run of %llu frames at 0x%llx: %s", (unsigned long long)pa,
             1ull << frame.order, (unsigned long long)head,
             state < ARRAY_COUNT(states) ? states[state] : "?");
    if (state == FRAME_STATE_USED) {
        kd_print(", %s, %u references, data 0x%llx", owner_name(frame.owner),
                 atomic_load_explicit(&frame.refs, memory_order_relaxed),
                 (unsigned long long)frame.data);
    }
    kd_print("\n");
}

static void run_frame(struct kd_call *call)
{
    uint64_t pa;
    if (!kd_arg_number(call, &pa)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    kd_frame_show(pa);
}
KD_COMMAND(frame, .usage = "PHYSICAL", .help = "whose a frame is, and the run it belongs to",
           .flags = KD_READS, .run = run_frame);
