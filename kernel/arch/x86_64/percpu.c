/* SPDX-License-Identifier: MIT */
/* Compile-time proof that percpu.inc says the same as the C structures. No code. */
#include "abi/handoff.h"
#include "arch/frame.h"
#include "arch/function_patch.h"
#include "arch/text_patch.h"
#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/msr.h"
#include "gen/trace_events.h"
#include "trace/ring/layout.h"

#define SAME(type, field, offset)                                                                  \
    static_assert(offsetof(struct type, field) == (offset), "percpu.inc: " #type "." #field)

SAME(cpu, self, 0);
SAME(cpu, current, 8); /* current_thread() */
SAME(cpu, kernel_stack_top, 16);
SAME(cpu, user_rsp, 24);
SAME(cpu, stack_canary, 40); /* gcc -fstack-protector in the kernel code model */
SAME(cpu, lane, 48);         /* trace emitters too */
SAME(cpu, lane_nmi, 64);
SAME(cpu, id, 72); /* cpu_id() */
SAME(cpu, current_tid, 80);
SAME(cpu, work, 84);
SAME(cpu, arch, 128);
SAME(cpu, tsc_bias, 152); /* cpu_tsc(), and the thunk */

SAME(cpu_arch, cpu, 0);
SAME(cpu_arch, nmi_stack_top, 8);
SAME(cpu_arch, nmi_stack_bottom, 16);
SAME(cpu_arch, dr7, 24);
SAME(cpu_arch, nmi_depth, 32);
SAME(cpu_arch, class_depth, 36);
static_assert(NMI_SLOT_BYTES == 1u << 12, "percpu.inc: NMI_SLOT_LOG2");

SAME(trap_frame, r15, 0);
SAME(trap_frame, r14, 8);
SAME(trap_frame, r13, 16);
SAME(trap_frame, r12, 24);
SAME(trap_frame, r10, 40);
SAME(trap_frame, r9, 48);
SAME(trap_frame, r8, 56);
SAME(trap_frame, rbp, 64);
SAME(trap_frame, rdi, 72);
SAME(trap_frame, rsi, 80);
SAME(trap_frame, rdx, 88);
SAME(trap_frame, rbx, 104);
SAME(trap_frame, rax, 112);
SAME(trap_frame, rip, 136);
SAME(trap_frame, rflags, 152);
SAME(trap_frame, rsp, 160);
static_assert(sizeof(struct trap_frame) == 176, "percpu.inc: FRAME_BYTES");

SAME(trace_lane, position, 0);
SAME(trace_lane, room, 8);
SAME(trace_lane, window, 16);
SAME(trace_lane, events, 24);
SAME(trace_lane, limit, 32);
static_assert(TRACE_WORDS_SHIFT == 9 && TRACE_SMALL_SHIFT == 14 && TRACE_TIME_SHIFT == 22,
              "percpu.inc: record headers");
static_assert(TRACE_EVENT_FUNCTION_ENTER == 98 && TRACE_EVENT_FUNCTION_EXIT == 99 &&
                  TRACE_EVENT_PROBE_HIT == 141,
              "percpu.inc: events");
static_assert(FUNCTION_HOOKED == 0x8000 && FUNCTION_FRAME_BYTES == 4,
              "percpu.inc: function tracing");

SAME(handoff, boot_id, 16);
static_assert(SITE_TIMES == 511, "percpu.inc: SITE_TIMES");
static_assert(SELECTOR_KERNEL_CODE == 0x08 && SELECTOR_KERNEL_DATA == 0x10,
              "percpu.inc: selectors");
static_assert(SELECTOR_USER_DATA == 0x23 && SELECTOR_USER_CODE == 0x2b, "percpu.inc: selectors");
static_assert(SELECTOR_TSS == 0x30, "percpu.inc: selectors");
static_assert(FRAME_VECTOR_SYSCALL == 0x100, "percpu.inc: vector of a system call");
static_assert(IA32_GS_BASE == 0xc0000101u && DR7_OFF == 0x400, "percpu.inc: registers");

/* kernel.ld cannot read layout.toml: it asserts that its base equals this symbol. */
__asm__(".globl layout_kernel_image_base\n.set layout_kernel_image_base, 0xffffffff80000000");
static_assert(KERNEL_IMAGE_BASE == 0xffffffff80000000ull, "kernel.ld: base of the image");
