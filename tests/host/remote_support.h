/* SPDX-License-Identifier: MIT */
/* A fake machine with two threads of one process, and gdb on its line: packets as bytes in, answers as bytes out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/remote.h"
#include "kdebug/core/session.h"
#include "kdebug/remote/packet.h"
#include "sched/process.h"
#include "tests/host/kdebug_support.h"

#define K KERNEL_IMAGE_BASE

static uint64_t *words;

/* Nothing more comes: the test has its answer. */
static void no_more(void)
{
    kd_session_end();
}

static void type_packet(const char *data, size_t length)
{
    char text[512];
    uint8_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        sum = (uint8_t)(sum + (uint8_t)data[i]);
    }
    text[0] = '$';
    memcpy(text + 1, data, length);
    snprintf(text + 1 + length, sizeof(text) - 1 - length, "#%02x", sum);
    fake_type(text, length + 4);
}

static const char *serve(void)
{
    kd_session_begin(0);
    kd_session_prompt(no_more);
    return fake_output();
}

#define PID 0x15u

static struct trap_frame *user_frame;

/* gdb connects, and says what it can do. */
static void connect(const char *features)
{
    fake_type("+", 1);
    type_packet(features, strlen(features));
    (void)serve();
    assert_true(kd_remote_is_attached());
}

static int begin(void **state)
{
    fake_begin(state);
    atomic_uint *slot_count = fake_alloc(sizeof(*slot_count));
    struct thread **slots = fake_alloc(THREAD_MAX * sizeof(vaddr_t));
    struct cpu *cores = fake_alloc(CPU_MAX * sizeof(*cores));
    struct process *process = fake_alloc(sizeof(*process));
    uint64_t *stack = fake_alloc(64);
    struct list *processes = fake_alloc(sizeof(*processes));
    fake_cpus = 2;
    fake_global("thread_slot_count", slot_count);
    fake_global("thread_slots", slots);
    fake_global("cpus", cores);
    fake_global("kernel_text_start", (void *)K);
    fake_global("kernel_text_end", (void *)(K + 0x10000));
    fake_global("entry_text_start", (void *)K);
    fake_global("entry_text_end", (void *)(K + 0x100));
    fake_global("nmi_text_start", (void *)(K + 0x100));
    fake_global("nmi_text_end", (void *)(K + 0x1000));
    user_frame = fake_alloc(sizeof(*user_frame));
    *user_frame = (struct trap_frame){.rip = 0x401000, .cs = 0x23, .rax = 0x77, .rsp = 0x7000};
    process->object.id = PID;
    strcpy(process->name, "server");
    list_init(processes);
    list_push_back(processes, &process->all_link);
    fake_global("process_list", processes);
    for (unsigned i = 0; i < 2; i++) {
        struct thread *thread = fake_alloc(sizeof(*thread));
        atomic_store(&thread->object.refs, 1);
        thread->tid = 11 + i;
        thread->process = process;
        thread->run = i == 0 ? THREAD_RUNNING : THREAD_READY;
        thread->context.rsp = (uint64_t)stack;
        thread->frame = user_frame;
        thread->fs_base = 0x1234;
        strcpy(thread->name, "worker");
        slots[i] = thread;
    }
    stack[5] = 0x5555;
    stack[6] = K + 0x1234;
    cores[0].current = slots[0];
    atomic_store(slot_count, 2);
    words = fake_alloc(64);
    words[0] = 0x1122334455667788;
    fake_registers[0].frame.rax = 0x11;
    fake_registers[0].frame.rip = K + 0x2000;
    fake_registers[0].frame.rflags = 0x202;
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        if (kd_breakpoint(number) != NULL) {
            kd_breakpoint_remove(kd_breakpoint(number));
        }
    }
    connect("qSupported:swbreak+");
    return 0;
}

static size_t answer_bytes; /* of the latest: it may hold NULs */
static size_t line_bytes;   /* that it took on the line */

/* "0*=" becomes a 0 and '=' - 29 further ones. Returns how many there are. */
static size_t expand(char *to, const char *from, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned repeats = 0;
        if (from[i] == '*') {
            assert_true(i > 0 && i + 1 < count && from[i + 1] >= ' ' && from[i + 1] <= '~');
            repeats = (unsigned)(from[++i] - 29);
        } else {
            to[length++] = from[i];
        }
        for (; repeats > 0; repeats--, length++) {
            assert_true(length < KD_PACKET_BYTES);
            to[length] = to[length - 1];
        }
    }
    to[length] = '\0';
    return length;
}

/* What comes back for one packet: "+$data#xx" without the frame. */
static const char *ask(const char *data)
{
    static char answer[KD_PACKET_BYTES + 1];
    answer_bytes = 0;
    type_packet(data, strlen(data));
    kd_session_begin(0);
    kd_remote_serve(no_more);
    const char *output = fake_output();
    const char *start = strrchr(output, '$');
    const char *end = start == NULL ? NULL : memchr(start, '#', KD_PACKET_BYTES);
    if (end == NULL) {
        return output;
    }
    uint8_t sum = 0;
    for (const char *at = start + 1; at < end; at++) {
        sum = (uint8_t)(sum + (uint8_t)*at);
    }
    assert_int_equal(strtoul(end + 1, NULL, 16), sum);
    line_bytes = (size_t)(end - start) + 3;
    answer_bytes = expand(answer, start + 1, (size_t)(end - start - 1));
    return answer;
}

static inline const char *with_address(const char *format, const void *address)
{
    static char text[256];
    snprintf(text, sizeof(text), format, (unsigned long long)(uintptr_t)address);
    return text;
}
