/* SPDX-License-Identifier: MIT */
/* The commands that show kernel structures, on a small kernel built by hand; and on broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "arch/interrupt.h"
#include "gen/syscall_numbers.h"
#include "ipc/event.h"
#include "ipc/mailbox.h"
#include "irq/interrupt.h"
#include "kdebug/core/session.h"
#include "kernel/abi/message.h"
#include "mm/heap_impl.h"
#include "sched/process.h"
#include "sched/run_queue.h"
#include "sync/lock_order.h"
#include "tests/host/kdebug_support.h"

#define K     KERNEL_IMAGE_BASE
#define STACK 0xffffc00000008000ull

/* The fake kernel: what the real one has as globals. */
static struct {
    atomic_uint *slot_count;
    struct thread **slots;
    struct list *processes;
    struct cpu *cpus;
    struct run_queue *queues;
    struct list *caches;
    struct frame_zone *zones;
    struct frame_cache *frame_caches;
    struct interrupt **vectors;
    struct lock_waits *waits;
    struct lock_order *orders;
    uint32_t *order_count;
    atomic_uint *time_periods;
} kernel;

static struct process *init_process, *server_process;
static struct thread *main_thread, *server_thread, *ready_thread;
static struct mailbox *mailbox;

static void set_lock(struct spinlock *lock, const char *name, unsigned rank)
{
    size_t bytes = strlen(name) + 1;
    char *copy = fake_alloc(32);
    memcpy(copy, name, bytes);
    *lock = (struct spinlock){.name = copy, .rank = (uint16_t)rank};
}

static struct process *make_process(uint32_t id, const char *name)
{
    struct process *process = fake_alloc(sizeof(*process));
    process->object = (struct object){.type = OBJECT_PROCESS, .id = id};
    process->root = fake_root();
    process->started = true;
    strcpy(process->name, name);
    set_lock(&process->lock, "process", 3);
    set_lock(&process->handles.lock, "handles", 7);
    set_lock(&process->exit.lock, "process exit", 9);
    list_init(&process->threads);
    list_push_back(kernel.processes, &process->all_link);
    return process;
}

static struct thread *make_thread(struct process *process, uint32_t tid, const char *name)
{
    struct thread *thread = fake_alloc(sizeof(*thread));
    unsigned slot = atomic_fetch_add(kernel.slot_count, 1);
    thread->object = (struct object){.type = OBJECT_THREAD, .id = tid + 1000, .refs = 1};
    thread->tid = tid;
    thread->slot = slot;
    thread->process = process;
    thread->priority = 8;
    thread->level = 8;
    thread->queued = 8;
    strcpy(thread->name, name);
    kernel.slots[slot] = thread;
    list_push_back(&process->threads, &thread->process_link);
    process->thread_count++;
    return thread;
}

static void add_handle(struct process *process, unsigned index, struct object *object,
                       uint32_t rights)
{
    struct handle_entry **chunk = &process->handles.chunk[index / HANDLE_CHUNK];
    if (*chunk == NULL) {
        *chunk = fake_alloc(HANDLE_CHUNK * sizeof(**chunk));
    }
    (*chunk)[index % HANDLE_CHUNK] =
        (struct handle_entry){.object = object,
                              .badge = 0xb0 + index,
                              .handle = 5u << HANDLE_INDEX_BITS | index,
                              .rights = rights,
                              .type = object->type,
                              .index = (uint16_t)index};
    process->handles.used++;
}

/* Lease 61 itself is live, but not its parent. */
static void put_under_ended_lease(struct process *process, unsigned index)
{
    struct lease *parent = fake_alloc(sizeof(*parent)), *lease = fake_alloc(sizeof(*lease));
    struct handle_entry *entry =
        &process->handles.chunk[index / HANDLE_CHUNK][index % HANDLE_CHUNK];
    parent->object = (struct object){.type = OBJECT_LEASE, .id = 60};
    atomic_store(&parent->ended, true);
    lease->object = (struct object){.type = OBJECT_LEASE, .id = 61};
    lease->parent = parent;
    entry->lease = lease;
    entry->type |= HANDLE_LEASED;
}

static void make_globals(void)
{
    kernel.slot_count = fake_alloc(sizeof(*kernel.slot_count));
    kernel.slots = fake_alloc(THREAD_MAX * sizeof(vaddr_t));
    kernel.processes = fake_alloc(sizeof(*kernel.processes));
    kernel.cpus = fake_alloc(CPU_MAX * sizeof(*kernel.cpus));
    kernel.queues = fake_alloc(CPU_MAX * sizeof(*kernel.queues));
    kernel.caches = fake_alloc(sizeof(*kernel.caches));
    kernel.zones = fake_alloc(FRAME_ZONES * sizeof(*kernel.zones));
    kernel.frame_caches = fake_alloc(CPU_MAX * sizeof(*kernel.frame_caches));
    fake_global("thread_slot_count", kernel.slot_count);
    fake_global("thread_slots", kernel.slots);
    kernel.time_periods = fake_alloc(sizeof(*kernel.time_periods));
    fake_global("time_periods", kernel.time_periods);
    fake_global("process_list", kernel.processes);
    fake_global("cpus", kernel.cpus);
    fake_global("run_queues", kernel.queues);
    fake_global("heap_caches", kernel.caches);
    fake_global("frame_zones", kernel.zones);
    fake_global("frame_caches", kernel.frame_caches);
    kernel.vectors = fake_alloc(INTERRUPT_VECTORS * sizeof(vaddr_t));
    fake_global("interrupt_vectors", kernel.vectors);
    kernel.waits = fake_alloc(CPU_MAX * sizeof(*kernel.waits));
    fake_global("lock_waits", kernel.waits);
    kernel.orders = fake_alloc(LOCK_ORDERS * sizeof(*kernel.orders));
    fake_global("lock_orders", kernel.orders);
    kernel.order_count = fake_alloc(sizeof(*kernel.order_count));
    fake_global("lock_order_count", kernel.order_count);
    *kernel.order_count = LOCK_ORDERS;
    fake_global("entry_text_start", (void *)K);
    fake_global("entry_text_end", (void *)(K + 0x100));
    atomic_store(kernel.slot_count, 1);
    list_init(kernel.processes);
    list_init(kernel.caches);
    for (unsigned i = 0; i < CPU_MAX; i++) {
        set_lock(&kernel.queues[i].lock, "run queue", 11);
        set_lock(&kernel.queues[i].timer_lock, "deadlines", 10);
        for (unsigned level = 0; level < THREAD_PRIORITIES; level++) {
            list_init(&kernel.queues[i].level[level]);
        }
    }
    for (unsigned i = 0; i < FRAME_ZONES; i++) {
        set_lock(&kernel.zones[i].lock, "frames", 14);
    }
}

static void make_mailbox(void)
{
    mailbox = fake_alloc(sizeof(*mailbox));
    mailbox->object = (struct object){.type = OBJECT_MAILBOX, .id = 30, .handles = 2};
    mailbox->calls = 7;
    mailbox->bytes = 4096;
    strcpy(mailbox->name, "disk");
    list_init(&mailbox->callers);
    list_init(&mailbox->receivers);
}

static int begin(void **state)
{
    fake_begin(state);
    fake_cpus = 2;
    make_globals();
    make_mailbox();
    init_process = make_process(1, "init");
    server_process = make_process(2, "server");
    main_thread = make_thread(init_process, 11, "main");
    server_thread = make_thread(server_process, 12, "worker");
    ready_thread = make_thread(init_process, 13, "helper");

    main_thread->run = THREAD_RUNNING;
    kernel.cpus[0].current = main_thread;
    kernel.cpus[0].apic_id = 4;
    fake_registers[0].frame = (struct trap_frame){
        .rip = 0x401000, .cs = 0x2b, .rflags = 0x202, .rsp = 0x7fff0000, .vector = 2};

    struct thread *idle = fake_alloc(sizeof(*idle));
    strcpy(idle->name, "idle");
    kernel.cpus[1].current = idle;
    fake_registers[1].frame =
        (struct trap_frame){.rip = K + 0x210, .cs = 8, .rflags = 2, .rax = 0x1122};

    server_thread->run = THREAD_BLOCKED;
    server_thread->wait = TRACE_THREAD_STATE_RECEIVE;
    server_thread->wait_object = mailbox;
    atomic_store(&server_thread->ticket, 0x500000);
    list_push_back(&mailbox->receivers, &server_thread->wait_link);

    ready_thread->run = THREAD_READY;
    ready_thread->cpu = 1;
    ready_thread->pinned = true;
    list_push_back(&kernel.queues[1].level[8], &ready_thread->run_link);
    kernel.queues[1].levels = 1 << 8;
    kernel.queues[1].ready = 1;

    add_handle(init_process, 0, &mailbox->object, 0xf);
    add_handle(server_process, 130, &mailbox->object, 0xc);
    put_under_ended_lease(server_process, 130);
    add_handle(server_process, 0, &init_process->object, 0x4);

    fake_symbol(0x0, 'T', "entry_stub");
    fake_symbol(0x100, 'T', "thread_wait");
    fake_symbol(0x200, 'T', "sched_run");
    fake_symbol(0x300, 'B', "end");
    fake_symbols_use();
    return 0;
}

#define THREAD_HEADER "  TID  STATE      CORE  PRI  PROCESS           NAME              WAITS FOR\n"
#define ROW_MAIN      "   11  running      0     8  init              main              \n"
#define ROW_WORKER                                                                                 \
    "   12  receive      0     8  server            worker            mailbox 30 'disk'\n"
#define ROW_HELPER "   13  ready        1!    8  init              helper            \n"

static void test_threads(void **state)
{
    (void)state;
    assert_string_equal(fake_run("threads"), THREAD_HEADER ROW_MAIN ROW_WORKER ROW_HELPER);
    assert_string_equal(fake_run("threads 2"), THREAD_HEADER ROW_WORKER);
    assert_string_equal(fake_run("processes | threads | head 2"),
                        THREAD_HEADER ROW_MAIN ROW_HELPER);
    assert_string_equal(fake_run("threads | count"), "0x3 = 3\n");
    assert_string_equal(fake_run("threads ! grep receive"), ROW_WORKER);
    assert_string_equal(fake_run("threads 9"), "error: no process 9\n");
    main_thread->run = THREAD_DEAD;
    assert_string_equal(fake_run("threads 1"), THREAD_HEADER ROW_HELPER);
    memset(ready_thread->name, 'x', sizeof(ready_thread->name)); /* without its end */
    assert_non_null(strstr(fake_run("threads 1"), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  \n"));
}

static void test_thread(void **state)
{
    (void)state;
    const char *output = fake_run("thread 12");
    assert_non_null(strstr(output, "thread 12 'worker' of server at 0x"));
    assert_non_null(strstr(output, "state receive, core 0, priority 8, runs now: no"));
    assert_non_null(strstr(output, "ticket 0x500000, waits for mailbox 30 'disk', call 0x0"));
    assert_non_null(strstr(fake_run("thread 11"), "runs now: yes"));
    assert_string_equal(fake_run("thread 99"), "error: no thread 99\n");
    assert_string_equal(fake_run("thread"), "error: usage: thread TID\n");
    assert_string_equal(fake_run("threads | thread ! grep runs ! count"), "3\n");
    assert_string_equal(fake_run("processes | thread"), "error: 'thread' takes threads\n");
}

static void test_processes(void **state)
{
    (void)state;
    char expected[400];
    snprintf(expected, sizeof(expected),
             "  PID  STATE   THREADS  HANDLES  PAGE TABLES   NAME\n"
             "    1  alive         2        1  %-12llx  init\n    2  alive         1        2  "
             "%-12llx  server\n",
             (unsigned long long)fake_root(), (unsigned long long)fake_root());
    assert_string_equal(fake_run("processes"), expected);
    server_process->ended = true;
    server_process->fault = 15;
    assert_non_null(strstr(fake_run("processes"), "    2  ended "));
    assert_non_null(strstr(fake_run("process 2"), "ended by exception 14 page fault"));
    assert_string_equal(fake_run("process 7"), "error: no process 7\n");
}

static void test_context(void **state)
{
    (void)state;
    assert_string_equal(fake_run("context"), "core 0: no program of the boot image\n");
    assert_string_equal(fake_run("context 2"), "process server: no program of the boot image\n");
    assert_true(kd_session_context() == (vaddr_t)server_process);
    assert_int_equal(kd_session_space(0x1000), server_process->root);
    assert_int_equal(kd_session_space(DIRECT_MAP_BASE), KD_SPACE_KERNEL);
    assert_int_equal(kd_session_core_space(0x1000), fake_root());
    assert_non_null(strstr(fake_run("read 0x401000 8"), "error"));
    assert_string_equal(fake_run("context init"), "process init: no program of the boot image\n");
    assert_string_equal(fake_run("context nobody"), "error: no process 'nobody'\n");
    assert_string_equal(fake_run("context 9"), "error: no process 9\n");
    assert_true(kd_session_context() == (vaddr_t)init_process);
    strcpy(server_process->name, "init");
    assert_string_equal(fake_run("context init"), "error: several processes are called 'init'\n");
    fake_run("processes | where .object.id == 2 | context");
    assert_true(kd_session_context() == (vaddr_t)init_process); /* types are not known here */
    fake_run("processes | tail 1 | context");
    fake_run("context off");
    assert_true(kd_session_context() == 0);
    fake_run("context 2");
    kd_session_begin(0); /* the machine has run */
    assert_true(kd_session_context() == 0);
}

static void test_cpus_and_regs(void **state)
{
    (void)state;
    assert_string_equal(
        fake_run("cpus"),
        " CPU  APIC  STATE      TID  PROCESS           THREAD            AT\n"
        "*  0     4  stopped     11  init              main              0x401000 (user)\n"
        "   1     0  stopped      0  kernel            idle              sched_run+0x10 (IF=0)\n");
    fake_missing = 2;
    assert_non_null(
        strstr(fake_run("cpus"),
               "   1     0  MISSING      0  kernel            idle              not captured\n"));
    assert_string_equal(fake_run("regs 1"), "error: core 1 was not captured\n");
    assert_string_equal(fake_run("bt cpu 1"), "error: core 1 was not captured\n");
    fake_missing = 0;
    assert_string_equal(fake_run("cpu 2"), "error: no core 2\n");
    assert_non_null(strstr(fake_run("cpu 1"), "*  1 "));
    assert_string_equal(fake_run("print %rax"), "0x1122 = 4386\n");
    assert_non_null(strstr(fake_run("regs"), "rax 0000000000001122"));
    assert_non_null(strstr(fake_run("regs"), "sched_run+0x10"));
    assert_non_null(strstr(fake_run("regs 0"), "flags 202 IF  cs 2b"));
    assert_string_equal(fake_run("cpus | regs ! grep core"), "core 0:\ncore 1:\n");
}

static void test_bt_of_a_blocked_thread(void **state)
{
    (void)state;
    fake_map(STACK, 0x700000, PAGE_BYTES, PTE_WRITE);
    uint64_t *stack = fake_at(0x700000);
    server_thread->context.rsp = STACK + 0x100;
    stack[(0x100 + 40) / 8] = STACK + 0x200;
    stack[(0x100 + 48) / 8] = K + 0x140;
    stack[0x200 / 8] = STACK + 0x300;
    stack[0x208 / 8] = K + 0x40; /* the entry code */
    struct trap_frame *trap = (struct trap_frame *)&stack[0x210 / 8];
    *trap = (struct trap_frame){.rip = 0x400800,
                                .cs = 0x2b,
                                .rflags = 0x202,
                                .rsp = 0x7ffe0000,
                                .rax = SYSCALL_AREA_RESIZE,
                                .error = SYSCALL_AREA_RESIZE,
                                .rdi = 0x15,
                                .rsi = 0x3000,
                                .vector = FRAME_VECTOR_SYSCALL};
    assert_string_equal(fake_run("bt 12"),
                        "thread 12 'worker' of server, receive\n"
                        "  0  ffffffff80000140  thread_wait+0x40\n"
                        "     ---- system call ----  area_resize(area=0x15, bytes=0x3000)\n"
                        "     0000000000400800  user code of server, rsp 7ffe0000\n");
    trap->rax = (uint64_t)ERR_NO_MEMORY;
    assert_non_null(strstr(fake_run("bt 12"), "---- system call ----  area_resize, done: -"));
    trap->rax = trap->error = SYSCALL_THREAD_YIELD;
    assert_non_null(strstr(fake_run("bt 12"), "---- system call ----  thread_yield()\n"));
    trap->rax = trap->error = 1ull << 32 | SYSCALL_THREAD_YIELD;
    assert_non_null(strstr(fake_run("bt 12"), "---- system call ----  ?()\n"));
    trap->vector = 14;
    trap->error = 6;
    assert_non_null(strstr(fake_run("bt 12"), "     ---- page fault, error 0x6 ----\n"));
    trap->vector = 0xe0;
    assert_non_null(strstr(fake_run("bt 12"), "     ---- interrupt 0xe0 ----\n"));
    server_thread->context.rsp = 0x123456780000;
    assert_non_null(strstr(fake_run("bt 12"),
                           "error: the stack of thread 12 at 0x123456780000 cannot be read"));
}

static void test_bt_of_cores(void **state)
{
    (void)state;
    assert_string_equal(fake_run("bt"),
                        "core 0:\n     0000000000401000  user code of init, rsp 7fff0000\n");
    assert_string_equal(fake_run("bt 11"), "thread 11 'main' of init, running\ncore 0:\n     "
                                           "0000000000401000  user code of init, rsp 7fff0000\n");
    assert_string_equal(fake_run("bt cpu 1"), "core 1:\n  0  ffffffff80000210  sched_run+0x10\n");
    fake_missing = 1;
    assert_string_equal(fake_run("bt all"),
                        "core 0: not captured\ncore 1:\n  0  ffffffff80000210  sched_run+0x10\n");
    assert_string_equal(fake_run("bt cpu 9"), "error: no core 9\n");
}

/* The scheduler says who comes next; what runs is still on the stack of who was before. */
static void test_whose_stack_a_core_is_on(void **state)
{
    (void)state;
    fake_map(STACK, 0x700000, PAGE_BYTES, PTE_WRITE);
    uint64_t *stack = fake_at(0x700000);
    struct trap_frame *core = &fake_registers[1].frame;
    server_thread->stack_top = STACK + PAGE_BYTES;
    core->rsp = STACK + 0x200;
    core->rbp = STACK + 0x200;
    stack[0x208 / 8] = K + 0x40; /* the entry code */
    *(struct trap_frame *)&stack[0x210 / 8] = (struct trap_frame){
        .rip = 0x400800, .cs = 0x2b, .rflags = 0x202, .vector = FRAME_VECTOR_SYSCALL};
    assert_non_null(strstr(fake_run("bt cpu 1"), "user code of server, "));
    assert_non_null(strstr(fake_run("bt 12"), "core 1:\n  0  ffffffff80000210  sched_run+0x10\n"));
    kernel.cpus[1].current = server_thread;
    main_thread->stack_top = STACK + PAGE_BYTES;
    server_thread->stack_top = STACK + 3 * PAGE_BYTES;
    assert_non_null(strstr(fake_run("bt cpu 1"), "user code of init, "));
    assert_null(strstr(fake_run("bt 12"), "core 1:"));
    main_thread->stack_top = STACK + 0x1ff; /* nobody's: as the scheduler says */
    assert_non_null(strstr(fake_run("bt cpu 1"), "user code of server, "));
}

static void test_times(void **state)
{
    (void)state;
    server_thread->ticks = 1000;
    server_thread->count = (struct thread_count){.user = 600, .uncounted = 100, .period = 3};
    assert_non_null(strstr(fake_run("thread 12"), "  user and kernel time not counted\n"));
    assert_non_null(strstr(fake_run("times"), "user and kernel time are not counted ('times on'"));
    atomic_store(kernel.time_periods, 3);
    assert_non_null(strstr(fake_run("thread 12"), "  user 600 ticks, kernel 300, uncounted 100\n"));
    assert_non_null(strstr(fake_run("thread 13"), "  user and kernel time not counted\n"));
    assert_null(strstr(fake_run("times"), "'times on'"));
    assert_non_null(
        strstr(fake_run("times"),
               "   12           600           300           100  server            worker\n"));
    assert_non_null(
        strstr(fake_run("times"),
               "   13             -             -             0  init              helper\n"));
    assert_non_null(strstr(fake_run("times maybe"), "usage: times [on | off]\n"));
}

static void test_handles(void **state)
{
    (void)state;
    assert_string_equal(
        fake_run("handles 2"),
        "    HANDLE  OBJECT                               BADGE   LEASE  RIGHTS\n"
        "      5000  process 1 'init'                        b0       -  manage\n"
        "      5082  mailbox 30 'disk'                      132     61!  send receive\n");
    assert_string_equal(fake_run("processes | handles | count"), "0x3 = 3\n");
    assert_string_equal(fake_run("handles"), "error: usage: handles PID\n");
}

static struct interrupt *make_interrupt(unsigned index, uint32_t gsi, enum interrupt_state is)
{
    struct interrupt *interrupt = fake_alloc(sizeof(*interrupt));
    *interrupt = (struct interrupt){.object = {.type = OBJECT_INTERRUPT, .id = 70 + index},
                                    .gsi = gsi,
                                    .cpu = 1,
                                    .count = 9,
                                    .vector = (uint8_t)(VECTOR_IRQ_BASE + index),
                                    .state = (uint8_t)is,
                                    .masks = gsi != INTERRUPT_MESSAGE};
    set_lock(&interrupt->waiters.lock, "interrupt", 9);
    list_init(&interrupt->waiters.waiters);
    kernel.vectors[index] = interrupt;
    return interrupt;
}

static void test_interrupts(void **state)
{
    (void)state;
    struct interrupt *message = make_interrupt(0, INTERRUPT_MESSAGE, INTERRUPT_ARMED);
    struct interrupt *line = make_interrupt(1, 20, INTERRUPT_RAISED);
    strcpy(message->name, "disk");
    line->event = fake_alloc(sizeof(*line->event));
    line->event->object = (struct object){.type = OBJECT_EVENT, .id = 80};
    line->signals = 0x10;
    assert_string_equal(fake_run("interrupts"),
                        "VECTOR  CPU  LAST        COUNT  STATE   LINE\n"
                        "    30    1     0            9  armed   message  disk\n"
                        "    31    1     0            9  raised  20 level  sets 10 of event 80\n");
    assert_string_equal(fake_run("check irq"), "check irq\ncheck: 0 broken\n");
    list_push_back(&line->waiters.waiters, &server_thread->wait_link);
    message->vector = 1;
    message->gsi = 20;
    const char *output = fake_run("check irq");
    assert_non_null(strstr(output, "N2: vector 30 leads to an object of type"));
    assert_non_null(strstr(output, "vector 31 is raised and somebody waits for it"));
    assert_non_null(strstr(output, "N2: vectors 1 and 31 have line 20"));
}

static void test_mailboxes(void **state)
{
    (void)state;
    assert_string_equal(fake_run("mailboxes"),
                        "   ID  NAME                   HANDLES       CALLS   BYTES COPIED  STATE\n"
                        "   30  disk                         2           7          4096  open\n"
                        "       receivers: 12\n");
}

/* The thread waits in the mailbox, served or with its call on the list. */
static void make_wait(struct thread *thread, struct mailbox *in, unsigned why, uint64_t ticket)
{
    thread->run = THREAD_BLOCKED;
    thread->wait = (uint8_t)why;
    thread->wait_object = in;
    thread->served_by = why == TRACE_THREAD_STATE_REPLY ? in : NULL;
    atomic_store(&thread->ticket, ticket);
    list_push_back(why == TRACE_THREAD_STATE_REPLY ? &in->served : &in->callers,
                   &thread->wait_link);
}

static void give_frame(struct thread *thread, uint64_t label)
{
    thread->frame = fake_alloc(sizeof(*thread->frame));
    *thread->frame =
        (struct trap_frame){.rsi = label, .r8 = 0x5000, .r9 = 100, .r10 = 0x7000, .r12 = 4096};
}

/* One is served, with a reply buffer; two queue, the more urgent first; it has lent its priority to who received last. */
static void make_busy_mailbox(void)
{
    struct thread *served = make_thread(init_process, 21, "served");
    struct thread *urgent = make_thread(init_process, 22, "urgent");
    struct thread *patient = make_thread(server_process, 23, "patient");
    list_init(&mailbox->served);
    mailbox->receive_handles = 1;
    mailbox->server = server_thread;
    give_frame(server_thread, MESSAGE_RECEIVE);
    give_frame(served, MESSAGE_SEND | MESSAGE_RECEIVE);
    give_frame(urgent, MESSAGE_SEND | 2ull << MESSAGE_HANDLES_SHIFT);
    give_frame(patient, 0);
    make_wait(served, mailbox, TRACE_THREAD_STATE_REPLY, 0x500015);
    make_wait(urgent, mailbox, TRACE_THREAD_STATE_CALL, 0x600016);
    make_wait(patient, mailbox, TRACE_THREAD_STATE_CALL, 0x700017);
    urgent->priority = urgent->level = 20;
    patient->deadline.armed = true;
    patient->deadline.when = 77000;
    server_thread->serving = 0x500015;
    server_thread->lent_by = 0x600016;
}

static void test_one_mailbox(void **state)
{
    (void)state;
    make_busy_mailbox();
    char wanted[1024];
    snprintf(
        wanted, sizeof(wanted), "mailbox 30 'disk' at 0x%llx, open: 7 calls, 4096 bytes copied\n%s",
        (unsigned long long)(uintptr_t)mailbox,
        "  2 handles, 1 of them to receive:\n"
        "    init              handle 5000  badge b0  receive send\n"
        "    server            handle 5082  badge 132  receive send\n"
        "  callers, in their order:\n"
        "       22  init/urgent  priority 20 level 20  sends 100 bytes at 5000  gives 2 handles\n"
        "       23  server/patient  priority 8 level 8  until 77000 ns\n"
        "  being served:\n"
        "       21  init/served  priority 8 level 8  token 500015  takes 4096 bytes at 7000  "
        "received by 12\n"
        "  receivers:\n"
        "       12  server/worker  priority 8 level 8  takes 4096 bytes at 7000\n"
        "  received last:\n"
        "       12  server/worker  priority 8 level 8  lent level 20 by 22\n");
    const char *output = fake_run("mailbox 30");
    assert_string_equal(strchr(output, ','), strchr(wanted, ','));
    assert_non_null(strstr(output, "mailbox 30 'disk' at 0x"));
    assert_string_equal(strchr(fake_run("mailboxes | mailbox"), ','), strchr(wanted, ','));
    assert_string_equal(fake_run("mailbox 31"), "error: no handle leads to a mailbox 31\n");
    assert_string_equal(fake_run("mailbox"), "error: usage: mailbox ID\n");
    assert_string_equal(fake_run("threads | mailbox"), "error: 'mailbox' takes mailboxes\n");
}

static void test_waits(void **state)
{
    (void)state;
    struct thread *client = make_thread(init_process, 21, "client");
    struct thread *middle = make_thread(server_process, 22, "middle");
    list_init(&mailbox->served);
    list_init(&mailbox->callers);
    make_wait(client, mailbox, TRACE_THREAD_STATE_REPLY, 0x500015);
    middle->serving = 0x500015;
    const char *output = fake_run("waits");
    assert_non_null(strstr(output, "STATE      WAITS ON                      CHAIN\n"));
    assert_non_null(strstr(output, "mailbox 30 'disk'             21 init/client -> 22 "));
    assert_null(strstr(output, "CYCLE"));
    make_wait(middle, mailbox, TRACE_THREAD_STATE_CALL, 0x600016);
    assert_non_null(strstr(fake_run("why 21"), "chain: 21 init/client -> 22 server/middle\n"));
    assert_string_equal(fake_run("deadlock"), /* others of these processes run */
                        "no deadlock: each thread can go on, or waits for what may still come\n");
    mailbox->server = client;
    output = fake_run("waits 1");
    assert_non_null(strstr(output, " -> 21 init/client  CYCLE\n"));
    assert_non_null(strstr(fake_run("check ipc"), "M7: thread 22 and a receiver both wait"));
    list_remove(&client->wait_link);
    mailbox->closed = true;
    output = fake_run("check ipc");
    assert_non_null(strstr(output, "M1: thread 21 waits in mailbox 30 and is on none"));
    assert_non_null(strstr(output, "M4: thread 22 waits in mailbox 30, which is closed"));
}

static struct event *make_event(uint32_t id, const char *name)
{
    struct event *event = fake_alloc(sizeof(*event));
    event->object = (struct object){.type = OBJECT_EVENT, .id = id};
    list_init(&event->waiters);
    strcpy(event->name, name);
    return event;
}

static void wait_for_event(struct thread *thread, struct event *event, uint64_t ticket)
{
    struct event_waiter *condition = (struct event_waiter *)thread->condition;
    *condition =
        (struct event_waiter){.event = event, .thread = thread, .ticket = ticket, .mask = 1};
    list_push_back(&event->waiters, &condition->link);
    thread->run = THREAD_BLOCKED;
    thread->wait = TRACE_THREAD_STATE_EVENT;
    thread->wait_object = &event->object;
    atomic_store(&thread->ticket, ticket);
}

/* The last handle closed wakes, too; and a process that is being made or taken down may do anything. Three threads are
 * stuck before. */
static void check_handles_closed(struct process *stuck, struct event *awaited)
{
    struct process *three = make_process(73, "three");
    struct event *own = make_event(83, "own");
    struct thread *fourth = make_thread(three, 34, "fourth"),
                  *fifth = make_thread(three, 35, "fifth");
    add_handle(three, 1, &own->object, RIGHT_EVENT_WAIT);
    wait_for_event(fourth, own, 0x700004);
    assert_non_null(strstr(fake_run("deadlock"), "3 threads can never go on")); /* the fifth runs */
    add_handle(stuck, 3, &own->object, RIGHT_EVENT_WAIT); /* who will never close it */
    assert_non_null(strstr(fake_run("deadlock"), "4 threads can never go on"));
    stuck->handles.chunk[0][3].object = NULL;
    wait_for_event(fifth, own, 0x700005);
    assert_non_null(strstr(fake_run("deadlock"), "5 threads can never go on"));
    struct process *unborn = make_process(74, "unborn");
    add_handle(unborn, 1, &own->object, RIGHT_EVENT_WAIT);
    assert_non_null(strstr(fake_run("deadlock"), "5 threads can never go on"));
    add_handle(unborn, 2, &own->object, RIGHT_EVENT_SIGNAL);
    assert_non_null(strstr(fake_run("deadlock"), "3 threads can never go on"));
    add_handle(unborn, 3, &awaited->object, RIGHT_EVENT_SIGNAL);
    assert_string_equal(fake_run("deadlock"),
                        "no deadlock: each thread can go on, or waits for what may still come\n");
    unborn->handles.chunk[0][3].object = NULL;
}

/* Two threads of two processes, each waits for an event that only the other's process may signal. */
static void test_deadlock_by_events(void **state)
{
    (void)state;
    struct process *one = make_process(71, "one"), *two = make_process(72, "two");
    struct thread *first = make_thread(one, 31, "first"), *second = make_thread(two, 32, "second");
    struct event *to_one = make_event(81, "to one"), *to_two = make_event(82, "to two");
    static const char none[] =
        "no deadlock: each thread can go on, or waits for what may still come\n";
    add_handle(one, 1, &to_one->object, RIGHT_EVENT_WAIT);
    add_handle(two, 1, &to_one->object, RIGHT_EVENT_SIGNAL);
    add_handle(two, 2, &to_two->object, RIGHT_EVENT_WAIT);
    add_handle(one, 2, &to_two->object, RIGHT_EVENT_SIGNAL);
    wait_for_event(first, to_one, 0x700001);
    assert_string_equal(fake_run("deadlock"), none); /* the second runs */
    wait_for_event(second, to_two, 0x700002);
    assert_string_equal(
        fake_run("deadlock"),
        "2 threads can never go on; the cause:\n"
        "  31 one/first: event on event 81 'to one', which only threads that are stuck may signal\n"
        "  32 two/second: event on event 82 'to two', which only threads that are stuck may "
        "signal\n"
        "behind them:\n");
    assert_non_null(strstr(fake_run("why 31"), "a deadlock: nobody who could help can go on"));

    /* Each of these alone lets somebody wake one of them, and then the other. */
    struct thread *third = make_thread(two, 33, "third"); /* of a process that may */
    assert_string_equal(fake_run("deadlock"), none);
    wait_for_event(third, to_two, 0x700003);
    assert_non_null(strstr(fake_run("deadlock"), "3 threads can never go on"));
    second->deadline.armed = true;
    assert_string_equal(fake_run("deadlock"), none);
    second->deadline.armed = false;
    add_handle(init_process, 40, &to_one->object, RIGHT_EVENT_WAIT); /* which does not help */
    assert_non_null(strstr(fake_run("deadlock"), "3 threads can never go on"));
    add_handle(init_process, 41, &to_one->object, RIGHT_EVENT_SIGNAL);
    assert_string_equal(fake_run("deadlock"), none);
    init_process->handles.chunk[41 / HANDLE_CHUNK][41 % HANDLE_CHUNK].object = NULL;
    struct interrupt *interrupt = fake_alloc(sizeof(*interrupt));
    interrupt->event = to_two;
    kernel.vectors[9] = interrupt;
    assert_string_equal(fake_run("deadlock"), none);
    kernel.vectors[9] = NULL;
    check_handles_closed(two, to_one);
    ((struct event_waiter *)first->condition)
        ->ticket--; /* its wait is for several, told of elsewhere */
    assert_string_equal(fake_run("deadlock"), none);
}

/* ---- situations: who waits for whom, and what is said of it ---- */

static struct mailbox *new_mailbox(uint32_t id, const char *name, struct process *receiver)
{
    struct mailbox *made = fake_alloc(sizeof(*made));
    made->object = (struct object){.type = OBJECT_MAILBOX, .id = id};
    strcpy(made->name, name);
    list_init(&made->callers);
    list_init(&made->receivers);
    list_init(&made->served);
    if (receiver != NULL) {
        add_handle(receiver, id % HANDLE_CHUNK, &made->object, RIGHT_MAILBOX_RECEIVE);
    }
    return made;
}

/* A call that `server` has received. */
static void call_served(struct thread *client, struct mailbox *in, struct thread *server,
                        uint64_t ticket)
{
    make_wait(client, in, TRACE_THREAD_STATE_REPLY, ticket);
    server->serving = ticket;
}

static void join(struct thread *thread, struct thread *other, uint64_t ticket)
{
    thread->run = THREAD_BLOCKED;
    thread->wait = TRACE_THREAD_STATE_JOIN;
    thread->wait_object = &other->object;
    atomic_store(&thread->ticket, ticket);
}

/* The second and third line of why: the chain, and what is at its end. */
static void check_why(unsigned tid, const char *first, const char *chain, const char *end)
{
    char line[32];
    snprintf(line, sizeof(line), "why %u", tid);
    const char *said = fake_run(line);
    if (strstr(said, first) == NULL || strstr(said, chain) == NULL || strstr(said, end) == NULL) {
        fail_msg("%s is not '%s' '%s' '%s' but %s", line, first, chain, end, said);
    }
}

static const char nobody_is_stuck[] =
    "no deadlock: each thread can go on, or waits for what may still come\n";

static void test_a_circle_of_two(void **state)
{
    (void)state;
    struct process *one = make_process(71, "one"), *two = make_process(72, "two");
    struct thread *a = make_thread(one, 31, "a"), *b = make_thread(two, 32, "b");
    call_served(a, new_mailbox(81, "to two", two), b, 0x700001);
    check_why(31, "reply on mailbox 81 'to two'", "chain: 31 one/a -> 32 two/b\n",
              "which is ready");
    assert_string_equal(fake_run("deadlock"), nobody_is_stuck); /* slow, but alive */
    call_served(b, new_mailbox(82, "to one", one), a, 0x700002);
    check_why(31, "reply on mailbox 81", "chain: 31 one/a -> 32 two/b -> 31 one/a\n",
              "a deadlock: it waits for itself in the end");
    assert_string_equal(fake_run("deadlock"),
                        "2 threads can never go on; the cause:\n"
                        "  31 one/a: reply on mailbox 81 'to two' -> 32 two/b -> 31 one/a  CYCLE\n"
                        "  32 two/b: reply on mailbox 82 'to one' -> 31 one/a -> 32 two/b  CYCLE\n"
                        "behind them:\n");
}

/* Across three processes, by three kinds of waiting; and one who stands behind. */
static void test_a_circle_of_three(void **state)
{
    (void)state;
    struct process *one = make_process(71, "one"), *two = make_process(72, "two"),
                   *three = make_process(73, "three");
    struct thread *a = make_thread(one, 31, "a"), *b = make_thread(two, 32, "b"),
                  *c = make_thread(three, 33, "c");
    struct thread *d = make_thread(three, 34, "d");
    struct event *done = make_event(83, "done");
    call_served(a, new_mailbox(81, "to two", two), b, 0x700001);
    add_handle(two, 9, &done->object, RIGHT_EVENT_WAIT);
    add_handle(three, 9, &done->object, RIGHT_EVENT_SIGNAL);
    wait_for_event(b, done, 0x700002);
    join(c, a, 0x700003);
    assert_string_equal(fake_run("deadlock"), nobody_is_stuck); /* d may signal it */
    join(d, c, 0x700004);
    check_why(34, "join on thread 33 'c'",
              "chain: 34 three/d -> 33 three/c -> 31 one/a -> 32 two/b\n",
              "a deadlock: nobody who could help can go on");
    const char *said = fake_run("deadlock");
    assert_non_null(strstr(
        said, "4 threads can never go on; the cause:\n  32 two/b: event on event 83 'done', which "
              "only threads that are stuck may signal\nbehind them:\n"));
    atomic_store(&c->pending, THREAD_PENDING_KILL); /* somebody ends it, so d goes on and signals */
    assert_string_equal(fake_run("deadlock"), nobody_is_stuck);
}

static void test_a_call_to_oneself_and_to_the_dead(void **state)
{
    (void)state;
    struct process *one = make_process(71, "one"), *two = make_process(72, "two");
    struct thread *a = make_thread(one, 31, "a"), *b = make_thread(two, 32, "b");
    make_wait(a, new_mailbox(81, "own", one), TRACE_THREAD_STATE_CALL, 0x700001);
    make_wait(b, new_mailbox(82, "orphan", NULL), TRACE_THREAD_STATE_CALL, 0x700002);
    check_why(31, "call on mailbox 81 'own'", "chain: 31 one/a\n",
              "a deadlock: nobody who could help can go on");
    const char *said = fake_run("deadlock");
    assert_non_null(strstr(
        said, "2 threads can never go on; the cause:\n"
              "  31 one/a: call on mailbox 81 'own', from which only threads that are stuck may "
              "receive\n  32 two/b: call on mailbox 82 'orphan', from which"));
    make_thread(one, 33, "helper"); /* it may receive there */
    check_why(31, "call on mailbox 81", "chain: 31 one/a\n",
              "which waits in call for whoever comes");
    assert_non_null(
        strstr(fake_run("deadlock"), "1 threads can never go on; the cause:\n  32 two/b"));
}

static void test_what_stands_at_the_end_of_a_chain(void **state)
{
    (void)state;
    struct process *one = make_process(71, "one");
    struct thread *a = make_thread(one, 31, "a"), *b = make_thread(one, 32, "b");
    check_why(11, "running", "chain: 11 init/main\n", "which runs on core 0 at ");
    check_why(13, "ready", "chain: 13 init/helper\n",
              "which is ready: 0 before it at level 8 of core 1");
    check_why(12, "receive on mailbox 30 'disk'", "chain: 12 server/worker\n",
              "which waits in receive for whoever comes");
    join(a, main_thread, 0x700001);
    check_why(31, "join on thread 11 'main'", "chain: 31 one/a -> 11 init/main\n",
              "which runs on core 0 at ");
    join(a, b, 0x700002);
    b->run = THREAD_DEAD;
    check_why(31, "join on thread 32 'b'", "chain: 31 one/a -> 32 one/b\n", "which has ended");
    b->run = THREAD_BLOCKED;
    b->wait = TRACE_THREAD_STATE_SUSPENDED;
    atomic_store(&b->pending, THREAD_PENDING_HELD);
    check_why(31, "join on", "-> 32 one/b\n", "which is held: 'release thread 32' lets it go on");
    atomic_store(&b->pending, THREAD_PENDING_HELD | THREAD_PENDING_SUSPEND);
    check_why(31, "join on", "-> 32 one/b\n",
              "'release thread 32' lets it go on, and a program must let it go on, too\n");
    atomic_store(&b->pending, 0);
    a->deadline.armed = true;
    a->deadline.when = 99000;
    check_why(31, ", at most until 99000 ns\n", "-> 32 one/b\n",
              "which stands still until a program lets it go on");
}

static void test_run_queues(void **state)
{
    (void)state;
    atomic_store(&kernel.queues[0].running, 8);
    atomic_store(&kernel.queues[1].running, -1);
    const char *output = fake_run("runq");
    assert_non_null(strstr(output, "core 0: 0 ready, runs level 8, "));
    assert_non_null(strstr(output, "core 1: 1 ready, runs idle, "));
    assert_non_null(strstr(output, "     8  thread 13 init/helper\n"));
    assert_null(strstr(fake_run("runq 0"), "core 1"));
}

static void test_locks(void **state)
{
    (void)state;
    assert_string_equal(fake_run("locks held"), "");
    atomic_store(&init_process->lock.next, 9);
    atomic_store(&init_process->lock.serving, 6);
    init_process->lock.owner = 2;
    init_process->lock.acquired = 5;
    init_process->lock.contended = 3;
    init_process->lock.holder_pc = K + 0x110;
    assert_string_equal(fake_run("locks held"),
                        "NAME              RANK  STATE  WAITERS      ACQUIRED  CONTENDED  OWNER\n"
                        "process              3  HELD         2             5          3  core 1 "
                        "at thread_wait+0x10\n");
    init_process->lock.owner = 0; /* a release build does not say */
    assert_non_null(strstr(fake_run("locks held"), "owner not recorded"));
    assert_string_equal(fake_run("locks | count"),
                        "0xc = 12\n"); /* 2 per core, 2 zones, 3 per process */
}

static void hold(struct spinlock *lock, unsigned cpu, uint64_t pc)
{
    atomic_store(&lock->next, 2);
    atomic_store(&lock->serving, 1);
    lock->owner = (uint16_t)(cpu + 1);
    lock->holder_pc = pc;
}

/* AB-BA: each core has one of two and waits for the other. */
static void test_cores_that_wait_for_each_other(void **state)
{
    (void)state;
    struct spinlock *first = &init_process->lock, *second = &kernel.queues[1].lock;
    hold(first, 0, K + 0x110);
    hold(second, 1, K + 0x220);
    kernel.waits[0].now = second;
    assert_non_null(strstr(fake_run("locks held"), "core 1 at sched_run+0x20\n"
                                                   "                  core 0 waits for it\n"));
    assert_non_null(strstr(fake_run("deadlock"), "no deadlock"));
    kernel.waits[1].now = first;
    const char *output = fake_run("locks held");
    assert_non_null(strstr(output, "core 0 waits for it  CYCLE\n"));
    assert_non_null(strstr(output, "core 1 waits for it  CYCLE\n"));
    assert_string_equal(
        fake_run("deadlock"),
        "  core 0 waits for lock 'run queue', which core 1 has taken at sched_run+0x20  CYCLE\n"
        "  core 1 waits for lock 'process', which core 0 has taken at thread_wait+0x10  CYCLE\n"
        "2 cores can never go on\n");
    kernel.waits[0].now = first; /* a shared lock: it waits until those have left who share it */
    assert_non_null(strstr(fake_run("deadlock"), "no deadlock"));
    kernel.waits[0].now = second;
    assert_null(strstr(fake_run("deadlock"), "no deadlock"));
    second->owner = 0; /* a release build: not proved */
    assert_non_null(strstr(fake_run("deadlock"), "no deadlock"));
    second->owner = 999;
    assert_non_null(strstr(fake_run("deadlock"), "no deadlock"));
}

static void add_order(unsigned index, const struct spinlock *held, const struct spinlock *taken,
                      uint64_t site)
{
    struct lock_order *order = &kernel.orders[index];
    order->held = held->name;
    order->taken = taken->name;
    order->held_at = site;
    order->taken_at = site + 8;
}

static void test_order_of_locks(void **state)
{
    (void)state;
    const struct spinlock *process = &init_process->lock, *queue = &kernel.queues[1].lock;
    assert_string_equal(fake_run("locks order"), "");
    add_order(lock_order_index(3, 11, false), process, queue, K + 0x110);
    add_order(lock_order_index(9, 9, false), process, process, K + 0x210);
    kernel.orders[lock_order_index(4, 5, false)].held_at = K; /* stopped while it is written */
    assert_string_equal(
        fake_run("locks order"),
        "HELD                RANK  TAKEN               RANK  HELD AT  TAKEN AT\n"
        "process                3  run queue             11  thread_wait+0x10  thread_wait+0x18\n"
        "process                9  process                9  sched_run+0x10  sched_run+0x18\n");
    add_order(lock_order_index(9, 9, true), process, process, K + 0x210);
    add_order(lock_order_index(11, 3, false), queue, process, K + 0x110);
    const char *output = fake_run("locks order");
    assert_non_null(strstr(output, "process                9  process                9  "
                                   "sched_run+0x10  sched_run+0x18  BOTH WAYS\n"));
    assert_non_null(strstr(output, "run queue             11  process                3  "
                                   "thread_wait+0x10  thread_wait+0x18  BOTH WAYS\n"));
    assert_string_equal(fake_run("locks order | count"), "0x4 = 4\n");
    assert_string_equal(fake_run("locks order | head 1 | count"), "0x1 = 1\n");
    *kernel.order_count = 0;
    assert_non_null(strstr(fake_run("locks order"), "only debug builds record"));
    assert_non_null(strstr(fake_run("locks held order"), "locks [held | order]"));
}

static void test_memory(void **state)
{
    (void)state;
    kernel.frame_caches[0].owned[FRAME_USER] = 100;
    kernel.frame_caches[1].owned[FRAME_USER] = -40;
    kernel.frame_caches[0].count = 5;
    kernel.zones[0].free_frames = 1000;
    const char *output = fake_run("mem");
    assert_non_null(strstr(output, "  user                   60 frames        240 KiB\n"));
    assert_non_null(strstr(output, "  free                 1005 frames       4020 KiB\n"));
    assert_null(strstr(output, "heap"));
    struct cache *cache = fake_alloc(sizeof(*cache));
    set_lock(&cache->lock, "thread", 13);
    cache->name = cache->lock.name;
    cache->object_bytes = 400;
    cache->slabs = 2;
    cache->magazines[0].in_use = 10;
    cache->magazines[1].in_use = -3;
    cache->is_typed = true;
    list_push_back(kernel.caches, &cache->all_link);
    assert_non_null(
        strstr(fake_run("heap"),
               "thread                   400         7       2       0           8  typed\n"));
}

/* The manual in the README is what the command table says. */
static void test_manual_in_readme(void **state)
{
    (void)state;
    static char readme[65536];
    FILE *file = fopen("kdebug/README.md", "r");
    if (file == NULL) {
        fail_msg("run from the top of the tree");
    }
    readme[fread(readme, 1, sizeof(readme) - 1, file)] = '\0';
    fclose(file);
    const char *manual = fake_run("help -manual");
    if (strstr(readme, manual) == NULL) {
        fprintf(stderr, "%s", manual);
        fail_msg("kdebug/README.md is old; its table must be the one above");
    }
    assert_non_null(strstr(fake_run("help trace"), "after a reset\n    reads writes\n"));
}

/* ---- broken kernels ---- */

static void test_check_finds_what_is_broken(void **state)
{
    (void)state;
    assert_string_equal(fake_run("check sched process"),
                        "check sched\ncheck process\ncheck: 0 broken\n");
    kernel.queues[1].ready = 2;
    assert_non_null(
        strstr(fake_run("check sched"), "BROKEN: core 1 counts 2 ready threads and has 1"));
    atomic_store(&kernel.queues[1].lock.next, 1); /* being changed: no finding */
    assert_non_null(
        strstr(fake_run("check sched"), "(run queue 1 is being changed: its lock is held)"));
    assert_non_null(strstr(fake_run("check sched"), "check: 0 broken"));
    atomic_store(&kernel.queues[1].lock.next, 0);
    kernel.queues[1].ready = 1;
    kernel.queues[1].levels = 0;
    assert_non_null(
        strstr(fake_run("check sched"), "level 8 of core 1 has 1 threads, its bit says otherwise"));
    kernel.queues[1].levels = 1 << 8;
    ready_thread->queued = 7;
    assert_non_null(strstr(fake_run("check sched"),
                           "T3: thread 13, queued at level 7, is in level 8 of core 1"));
    ready_thread->queued = 8;
    atomic_store(&ready_thread->ticket, 5);
    assert_non_null(strstr(fake_run("check sched"),
                           "T1: thread 13 is in the run queue of core 1 and has a ticket"));
    init_process->thread_count = 3;
    assert_non_null(strstr(fake_run("check process"), "process 1 counts 3 threads and has 2"));
    server_thread->process = init_process;
    assert_non_null(
        strstr(fake_run("check process"), "a thread in the list of process 2 belongs to another"));
    assert_non_null(strstr(fake_run("check nonsense"), "usage: check"));
}

static void test_broken_lists_end_with_a_message(void **state)
{
    (void)state;
    init_process->all_link.next = &init_process->all_link; /* a loop */
    assert_non_null(strstr(fake_run("processes"), "is broken"));
    init_process->all_link.next = (struct list *)0x10;
    assert_non_null(strstr(fake_run("processes"), "error: list node at 0x10 cannot be read"));
    init_process->all_link.next = &server_process->all_link;
    server_process->all_link.prev = NULL;
    assert_non_null(strstr(fake_run("processes"), "is broken"));
    kernel.slots[2] = (struct thread *)0xffff800000000000;
    assert_non_null(
        strstr(fake_run("threads"), "error: thread at 0xffff800000000000 cannot be read"));
    main_thread->process = (struct process *)0x10;
    assert_non_null(strstr(fake_run("threads"), "   11  running      0     8  ?  "));
    server_thread->wait_object = (void *)0x10;
    kernel.slots[2] = server_thread;
    server_thread->run = 9;
    server_thread->wait = 200;
    assert_non_null(strstr(fake_run("threads"), "   12  ? "));
}

static void test_without_symbols_and_globals(void **state)
{
    (void)state;
    static const char *const lines[] = {"cpus",
                                        "threads",
                                        "processes",
                                        "bt",
                                        "runq",
                                        "locks",
                                        "mem",
                                        "heap",
                                        "handles 1",
                                        "mailboxes",
                                        "check sched process",
                                        "trace",
                                        "log",
                                        "version",
                                        "regs",
                                        "sym 1",
                                        "thread 1",
                                        "bt all",
                                        "trace last",
                                        "trace dump",
                                        "help",
                                        "help -manual",
                                        "help bt"};
    fake_begin(state);
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        assert_true(strlen(fake_run(lines[i])) > 0);
    }
    assert_string_equal(fake_run("echo works"), "works\n");
}

/* Any byte of the structures may be wrong; commands must end, and read nothing but the fake
 * machine (ASan). */
static void test_random_damage(void **state)
{
    static const char *const lines[] = {"cpus",
                                        "threads",
                                        "processes",
                                        "bt all",
                                        "threads | bt",
                                        "runq",
                                        "locks",
                                        "mem",
                                        "heap",
                                        "processes | handles",
                                        "mailboxes",
                                        "check sched process",
                                        "threads | thread"};
    srand(4);
    for (unsigned round = 0; round < 300; round++) {
        begin(state);
        struct {
            void *at;
            size_t bytes;
        } places[] = {{init_process, sizeof(*init_process)},
                      {main_thread, sizeof(*main_thread)},
                      {mailbox, sizeof(*mailbox)},
                      {server_thread, sizeof(*server_thread)},
                      {&kernel.queues[1], sizeof(struct run_queue)},
                      {kernel.processes, sizeof(struct list)},
                      {kernel.cpus, sizeof(struct cpu)},
                      {fake_at(fake_root()), PAGE_BYTES}};
        for (int damage = rand() % 6; damage >= 0; damage--) {
            size_t which = (size_t)rand() % ARRAY_COUNT(places);
            ((uint8_t *)places[which].at)[(size_t)rand() % places[which].bytes] = (uint8_t)rand();
        }
        for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
            (void)fake_run(lines[i]);
        }
        assert_string_equal(fake_run("echo works"), "works\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_threads, begin),
        cmocka_unit_test_setup(test_thread, begin),
        cmocka_unit_test_setup(test_processes, begin),
        cmocka_unit_test_setup(test_context, begin),
        cmocka_unit_test_setup(test_cpus_and_regs, begin),
        cmocka_unit_test_setup(test_bt_of_a_blocked_thread, begin),
        cmocka_unit_test_setup(test_bt_of_cores, begin),
        cmocka_unit_test_setup(test_whose_stack_a_core_is_on, begin),
        cmocka_unit_test_setup(test_times, begin),
        cmocka_unit_test_setup(test_handles, begin),
        cmocka_unit_test_setup(test_interrupts, begin),
        cmocka_unit_test_setup(test_mailboxes, begin),
        cmocka_unit_test_setup(test_one_mailbox, begin),
        cmocka_unit_test_setup(test_waits, begin),
        cmocka_unit_test_setup(test_deadlock_by_events, begin),
        cmocka_unit_test_setup(test_a_circle_of_two, begin),
        cmocka_unit_test_setup(test_a_circle_of_three, begin),
        cmocka_unit_test_setup(test_a_call_to_oneself_and_to_the_dead, begin),
        cmocka_unit_test_setup(test_what_stands_at_the_end_of_a_chain, begin),
        cmocka_unit_test_setup(test_run_queues, begin),
        cmocka_unit_test_setup(test_locks, begin),
        cmocka_unit_test_setup(test_cores_that_wait_for_each_other, begin),
        cmocka_unit_test_setup(test_order_of_locks, begin),
        cmocka_unit_test_setup(test_memory, begin),
        cmocka_unit_test_setup(test_manual_in_readme, begin),
        cmocka_unit_test_setup(test_check_finds_what_is_broken, begin),
        cmocka_unit_test_setup(test_broken_lists_end_with_a_message, begin),
        cmocka_unit_test_setup(test_without_symbols_and_globals, begin),
        cmocka_unit_test_setup(test_random_damage, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
