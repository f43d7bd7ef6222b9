/* SPDX-License-Identifier: MIT */
/* whose: what an address belongs to, wherever it points: image, stack, heap, frame, user memory, or nothing. */
#include "gen/layout.h"
#include "kdebug/cmd/frame.h"
#include "kdebug/cmd/heap.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/program.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/page_walk.h"

#define NAME_SHOWN 112u

static void tell_stack(uint64_t address)
{
    struct thread thread;
    if (kd_stack_thread(address, &thread) == 0) {
        kd_print("among the kernel stacks, of no living thread\n");
        return;
    }
    kd_print("kernel stack of thread %u '%s', 0x%llx below its top\n", thread.tid, thread.name,
             (unsigned long long)(thread.stack_top - address));
}

static void tell_frame(paddr_t pa)
{
    struct frame frame;
    if (kd_fetch_frame(pa, &frame)) {
        kd_frame_show(pa);
    } else {
        kd_print("physical 0x%llx, which is no RAM\n", (unsigned long long)pa);
    }
}

static void tell_direct(uint64_t address)
{
    if (kd_heap_has(address)) {
        kd_heap_show(address);
    }
    tell_frame(address - DIRECT_MAP_BASE);
}

static void tell_user(uint64_t address)
{
    struct kd_program program;
    struct kd_walk walk;
    char name[NAME_SHOWN];
    kd_space_t space = kd_session_space(address);
    kd_print("user address of what core %u runs", kd_session_cpu());
    if (kd_program_of(space, &program)) {
        bool is_named = kd_program_symbol(&program, address, true, name, sizeof(name)) != 0;
        kd_print(", program %s%s%s", program.name, is_named ? ": " : "", is_named ? name : "");
    }
    if (kd_walk(space, address, &walk) != OK || !walk.present) {
        kd_print("; no page is there\n");
        return;
    }
    kd_print("\n");
    tell_frame(walk.physical);
}

static void run_whose(struct kd_call *call)
{
    uint64_t address;
    if (!kd_arg_number(call, &address)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    struct kd_symbol symbol;
    if (kd_symbol_at(address, &symbol)) {
        kd_print("kernel image: ");
        kd_print_address(address);
        kd_print(", %llu bytes\n", (unsigned long long)symbol.bytes);
    } else if (address >= KERNEL_STACKS_BASE && address < KERNEL_IMAGE_BASE) {
        tell_stack(address);
    } else if (address >= DIRECT_MAP_BASE && address < KERNEL_STACKS_BASE) {
        tell_direct(address);
    } else if (address >> 47 == 0) {
        tell_user(address);
    } else {
        kd_print("nothing: no address of the kernel or of user memory\n");
    }
}
KD_COMMAND(whose, .usage = "ADDRESS", .help = "what an address belongs to",
           .flags = KD_READS | KD_TAKES, .run = run_whose);
