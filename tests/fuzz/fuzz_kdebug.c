/* SPDX-License-Identifier: MIT */
/*
 * Any bytes typed at kdebug's prompt, on a small fake machine with a ring and damaged structures.
 * The first byte chooses: typed at the prompt with all its keys, or run as one line.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gen/layout.h"
#include "kdebug/core/command.h"
#include "kernel/base/line_editor.h"
#include "kdebug/core/session.h"
#include "sched/process.h"
#include "sched/run_queue.h"
#include "tests/host/kdebug_support.h"
#include "trace/ring/layout.h"

#define INPUT_MAX  2000u
#define RING_BYTES 0x8000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_ring(const uint8_t *data, size_t size)
{
    uint8_t *memory = fake_alloc(0x4000 + RING_BYTES);
    struct trace_region *region = (struct trace_region *)memory;
    struct trace_lane *lane = (struct trace_lane *)(memory + 0x1000);
    *region = (struct trace_region){.magic = TRACE_REGION_MAGIC,
                                    .version = TRACE_REGION_VERSION,
                                    .lane_count = 1,
                                    .bytes = 0x4000 + RING_BYTES,
                                    .tsc_khz = 1000000};
    region->lane[0] = (struct trace_lane_place){
        .control_offset = 0x1000, .ring_offset = 0x4000, .ring_bytes = RING_BYTES};
    struct trace_subbuf head = {.magic = TRACE_SUBBUF_MAGIC};
    memcpy(memory + 0x4000, &head, sizeof(head));
    memcpy(memory + 0x4000 + sizeof(head), data, size); /* the input itself as records */
    lane->position = sizeof(head) + size / 8 * 8;
    fake_trace_region = (vaddr_t)region;
}

static void make_kernel(const uint8_t *data, size_t size)
{
    struct list *processes = fake_alloc(sizeof(*processes));
    struct process *process = fake_alloc(sizeof(*process));
    struct thread *thread = fake_alloc(sizeof(*thread));
    struct thread **slots = fake_alloc(THREAD_MAX * sizeof(*slots));
    atomic_uint *count = fake_alloc(sizeof(*count));
    list_init(processes);
    list_push_back(processes, &process->all_link);
    list_init(&process->threads);
    *thread =
        (struct thread){.object = {.refs = 1}, .tid = 1, .process = process, .run = THREAD_BLOCKED};
    memcpy(&thread->context, data, size < 64 ? size : 64);
    slots[1] = thread;
    *count = 2;
    fake_global("process_list", processes);
    fake_global("thread_slots", slots);
    fake_global("thread_slot_count", count);
    fake_global("cpus", fake_alloc(CPU_MAX * sizeof(struct cpu)));
    fake_global("run_queues", fake_alloc(CPU_MAX * sizeof(struct run_queue)));
    fake_symbol(0, 'T', "start");
    fake_symbol(0x100, 'T', "thread_wait");
    fake_symbol(0x900, 'D', "thread_slots");
    fake_symbols_use();
    fake_map(KERNEL_IMAGE_BASE, 0x2000, PAGE_BYTES, 0);
    fake_registers[0].frame.rip = KERNEL_IMAGE_BASE + 0x110;
}

static void end_session(void)
{
    kd_session_end();
    fake_type("\r", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char line[INPUT_MAX + 1];
    if (size < 1 || size > INPUT_MAX) {
        return 0;
    }
    fake_begin(NULL);
    make_ring(data, size);
    make_kernel(data, size);
    if (data[0] & 1) {
        fake_type((const char *)data + 1, size - 1);
        kd_session_prompt(end_session);
    } else {
        memcpy(line, data + 1, size - 1);
        line[size - 1] = '\0';
        (void)kd_run_line(line);
    }
    (void)fake_output();
    return 0;
}
