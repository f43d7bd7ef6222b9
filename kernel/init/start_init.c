/* SPDX-License-Identifier: MIT */
/*
 * The first process. The loader has read init's file and hands its segments over, so the kernel knows no file format: it maps them
 * where they belong, puts struct init_info on top of a stack, and opens the handles that all authority in the system
 * comes from.
 */
#include "init/start_init.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/string.h"
#include "irq/console.h"
#include "kernel/abi/handoff.h"
#include "kernel/abi/init.h"
#include "kernel/abi/memory.h"
#include "sched/process.h"
#include "syscall/syscall.h"
#include "vm/area.h"
#include "vm/space.h"

#define STACK_TOP 0x7ffff0000000ull

static void must(status_t status, const char *what)
{
    if (status != OK) {
        panic("cannot start init: %s: %s", what, status_name(status));
    }
}

static void map_segments(struct process *process, const struct handoff *handoff)
{
    for (unsigned i = 0; i < handoff->init_segments; i++) {
        const struct handoff_segment *segment = &handoff->init_segment[i];
        bool writable = segment->flags & HANDOFF_SEGMENT_WRITE;
        unsigned protection = PROT_READ | (writable ? PROT_WRITE : 0) |
                              (segment->flags & HANDOFF_SEGMENT_EXEC ? PROT_EXEC : 0);
        uint64_t bytes = ROUND_UP(segment->memory_bytes, PAGE_BYTES);
        struct area *area;
        vaddr_t va;
        must(area_create_physical(segment->phys, bytes, writable, AREA_CACHE_WRITE_BACK, &area),
             "segment");
        struct space_view view = {
            .area = area, .bytes = bytes, .protection = protection, .allowed = protection};
        must(space_map(process->space, &view, segment->virt, &va), "segment mapping");
        object_put((struct object *)area);
    }
}

/* A handle in init for an object that the caller keeps. */
static uint64_t give(struct process *process, struct object *object, uint32_t rights)
{
    uint64_t handle = 0;
    must(
        handle_add(&process->handles, object, rights & object_rights_all(object->type), 0, &handle),
        "handle");
    return handle;
}

/* The boot image: mapped for reading in init, and an area from which programs may be mapped. */
static void give_image(struct process *process, const struct handoff *handoff,
                       struct init_info *info)
{
    struct area *area;
    vaddr_t va = 0;
    uint64_t bytes = ROUND_UP(handoff->image_bytes, PAGE_BYTES);
    must(area_create_physical(handoff->image_base, bytes, false, AREA_CACHE_WRITE_BACK, &area),
         "boot image");
    struct space_view view = {.area = area, .bytes = bytes, .protection = PROT_READ};
    must(space_map(process->space, &view, 0, &va), "boot image mapping");
    info->handle_image_area =
        give(process, (struct object *)area,
             RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_AREA_READ | RIGHT_AREA_EXEC);
    info->image_address = va;
    info->image_bytes = handoff->image_bytes;
    object_put((struct object *)area);
}

/* The screen's memory, for whoever draws. Reading it is slow: the processor collects what is written and keeps nothing of it. */
static void give_framebuffer(struct process *process, const struct handoff *handoff,
                             struct init_info *info)
{
    const struct handoff_framebuffer *frame = &handoff->framebuffer;
    struct area *area;
    if (frame->base == 0) {
        return;
    }
    status_t status = area_create_physical(frame->base, ROUND_UP(frame->bytes, PAGE_BYTES), true,
                                           AREA_CACHE_WRITE_COMBINING, &area);
    if (status != OK) {
        log_warning("the framebuffer at 0x%llx cannot be used: %s", (unsigned long long)frame->base,
                    status_name(status));
        return;
    }
    info->handle_framebuffer =
        give(process, (struct object *)area,
             RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_AREA_READ | RIGHT_AREA_WRITE);
    info->framebuffer_width = frame->width;
    info->framebuffer_height = frame->height;
    info->framebuffer_stride = frame->stride;
    info->framebuffer_format = frame->format;
    object_put((struct object *)area);
}

void start_init(const struct handoff *handoff)
{
    struct process *process;
    must(process_create("init", &process), "process");
    map_segments(process, handoff);

    /* A run, so that its memory can be written here through the direct map. */
    struct area *stack;
    vaddr_t stack_va;
    must(area_create_run(INIT_STACK_BYTES, 0, &stack), "stack");
    struct space_view view = {.area = stack,
                              .bytes = INIT_STACK_BYTES,
                              .protection = PROT_READ | PROT_WRITE | MAP_GUARD,
                              .allowed = PROT_READ | PROT_WRITE};
    must(space_map(process->space, &view, STACK_TOP - INIT_STACK_BYTES, &stack_va),
         "stack mapping");
    uint64_t info_offset = INIT_STACK_BYTES - ROUND_UP(sizeof(struct init_info), 16);
    struct init_info *info =
        (struct init_info *)((char *)phys_to_virt(area_physical(stack)) + info_offset);
    object_put((struct object *)stack);

    info->handle_self_process = give(process, &process->object, RIGHTS_ALL);
    info->handle_console = give(process, &console_object, RIGHTS_ALL);
    info->handle_trace = give(process, &trace_object, RIGHTS_ALL);
    info->handle_debug = give(process, &debug_object, RIGHTS_ALL);
    info->handle_system = give(process, &system_object, RIGHTS_ALL);
    give_image(process, handoff, info);
    give_framebuffer(process, handoff, info);
    info->cpu_count = cpu_count();
    info->boot_id = handoff->boot_id;
    string_copy(info->cmdline, handoff->cmdline, sizeof(info->cmdline));

    must(process_set_ceiling(process, THREAD_PRIORITIES - 1), "priorities");
    struct thread_start start = {
        .entry = handoff->init_entry,
        .stack = stack_va + info_offset - 8,
        .argument = stack_va + info_offset,
        .priority = THREAD_PRIORITY_DEFAULT,
        .cpu = -1,
        .name = "main",
    };
    struct thread *thread;
    must(thread_create(process, &start, &thread), "thread");
    object_put(&thread->object);
    object_put(&process->object);
}
