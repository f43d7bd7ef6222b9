/* SPDX-License-Identifier: MIT */
/* Reading a target: page walks, copies over page borders, unwinding; and the commands that show
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "base/types.h"
#include "gen/layout.h"
#include "kdebug/x86_64/page_walk.h"
#include "kdebug/x86_64/unwind.h"
#include "tests/host/kdebug_support.h"

#define K        KERNEL_IMAGE_BASE
#define TEXT_PA  0x100000ull /* where the fake kernel's text lies */
#define STACK_PA 0x140000ull
#define STACK    0xffffc00000008000ull
#define USER_VA  0x400000ull

/* push rbp, rbx, r12 to r15; mov [rdi], rsp; mov rdi, rsi; here the second half: mov rsp, [rdi]; pops; ret. */
#define SWITCH_RESUME 0x490
static const uint8_t switch_code[] = {0x55, 0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57,
                                      0x48, 0x89, 0x27, 0x48, 0x89, 0xf7, 0x48, 0x8b, 0x27, 0x41,
                                      0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5b, 0x5d, 0xc3};

static void write_word(paddr_t pa, uint64_t value)
{
    memcpy(fake_at(pa), &value, sizeof(value));
}

static int begin(void **state)
{
    fake_begin(state);
    /* Text of four pages; the entry code is [K, K + 0x100). */
    for (unsigned page = 0; page < 4; page++) {
        fake_map(K + page * PAGE_BYTES, TEXT_PA + page * PAGE_BYTES, PAGE_BYTES, 0);
        fake_map(STACK + page * PAGE_BYTES, STACK_PA + page * PAGE_BYTES, PAGE_BYTES,
                 PTE_WRITE | PTE_NX);
    }
    fake_symbol(0x0, 'T', "entry_stub");
    fake_symbol(0x100, 'T', "outer");
    fake_symbol(0x200, 'T', "middle");
    fake_symbol(0x300, 'T', "inner");
    fake_symbol(0x400, 'T', "leaf_without_frame");
    fake_symbol(0x480, 'T', "context_switch");
    fake_symbol(SWITCH_RESUME, 'T', "context_resume");
    fake_symbol(0x500, 'D', "data");
    fake_symbol(0x4000, 'B', "end");
    fake_symbols_use();
    fake_global("entry_text_start", (void *)K);
    fake_global("entry_text_end", (void *)(K + 0x100));
    /* outer, middle, inner: push rbp; mov rbp, rsp; ...; ret.  The leaf has no frame. */
    for (unsigned at = 0x100; at < 0x400; at += 0x100) {
        static const uint8_t prologue[] = {0x55, 0x48, 0x89, 0xe5};
        memset(fake_at(TEXT_PA + at), 0x90, 0x100);
        memcpy(fake_at(TEXT_PA + at), prologue, sizeof(prologue));
        *(uint8_t *)fake_at(TEXT_PA + at + 0x80) = 0xc3;
    }
    memset(fake_at(TEXT_PA + 0x400), 0x90, 0x100);
    memcpy(fake_at(TEXT_PA + 0x480), switch_code, sizeof(switch_code));
    return 0;
}

/* ---- walks and copies ---- */

static const struct {
    const char *name;
    vaddr_t va;
    paddr_t pa;
    uint64_t page_bytes;
    uint64_t flags;
} pages[] = {
    {"4 KiB", USER_VA, 0x201000, PAGE_BYTES, PTE_WRITE | PTE_USER | PTE_NX},
    {"2 MiB", 0x40000000, 0x200000, LARGE_PAGE_BYTES, PTE_USER},
    {"1 GiB", 0xffff800000000000, 0, HUGE_PAGE_BYTES, PTE_WRITE | PTE_NX | PTE_GLOBAL},
    {"last page", 0xfffffffffffff000, 0x202000, PAGE_BYTES, PTE_WRITE},
    {"last user page", 0x7fffffffe000, 0x203000, PAGE_BYTES, PTE_USER},
};

static void test_walk(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        fake_map(pages[i].va, pages[i].pa, pages[i].page_bytes, pages[i].flags);
    }
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        struct kd_walk walk;
        assert_int_equal(kd_walk(fake_root(), pages[i].va + 0x123, &walk), OK);
        if (!walk.present || walk.physical != pages[i].pa + 0x123 ||
            walk.page_bytes != pages[i].page_bytes) {
            fail_msg("%s: present %d, physical 0x%llx, page 0x%llx", pages[i].name, walk.present,
                     (unsigned long long)walk.physical, (unsigned long long)walk.page_bytes);
        }
        uint64_t checked = PTE_WRITE | PTE_USER | PTE_NX | PTE_GLOBAL;
        assert_int_equal(walk.flags & checked, pages[i].flags);
    }
}

static void test_walk_refuses(void **state)
{
    (void)state;
    struct kd_walk walk;
    assert_int_equal(kd_walk(fake_root(), 0x800000000000, &walk),
                     ERR_BAD_ADDRESS); /* not canonical */
    assert_int_equal(kd_walk(fake_root(), 0xffff7fffffffffff, &walk), ERR_BAD_ADDRESS);
    assert_int_equal(walk.levels, 0);
    assert_int_equal(kd_walk(FAKE_MEMORY_BYTES, K, &walk),
                     ERR_BAD_ADDRESS); /* root outside of RAM */
    assert_int_equal(kd_walk(fake_root(), 0x123456789000, &walk), OK);
    assert_false(walk.present);
    assert_int_equal(walk.levels, 1);
    uint64_t *top = fake_at(fake_root());
    top[0x100] = 0x7ffffffff000 | PTE_PRESENT; /* a table outside of RAM */
    assert_int_equal(kd_walk(fake_root(), 0xffff800000001000, &walk), ERR_BAD_ADDRESS);
}

/* Writing and user mode if every level allows them; executing unless one forbids. */
static void test_rights_of_every_level_count(void **state)
{
    (void)state;
    struct kd_walk walk;
    uint64_t *top = fake_at(fake_root());
    fake_map(K, 0x5000, PAGE_BYTES, PTE_WRITE | PTE_USER);
    uint64_t *entry = &top[K >> 39 & 511];
    const uint64_t old = *entry;
    assert_int_equal(kd_walk(fake_root(), K, &walk), OK);
    assert_int_equal(walk.flags & (PTE_WRITE | PTE_USER | PTE_NX), PTE_WRITE | PTE_USER);
    *entry = old | PTE_NX;
    assert_int_equal(kd_walk(fake_root(), K, &walk), OK);
    assert_true((walk.flags & PTE_NX) != 0);
    *entry = old & ~PTE_WRITE;
    assert_int_equal(kd_walk(fake_root(), K, &walk), OK);
    assert_int_equal(walk.flags & (PTE_WRITE | PTE_USER | PTE_NX), PTE_USER);
    *entry = old & ~PTE_USER;
    assert_int_equal(kd_walk(fake_root(), K, &walk), OK);
    assert_int_equal(walk.flags & (PTE_WRITE | PTE_USER | PTE_NX), PTE_WRITE);
}

/* PTE_LARGE in the top level is reserved, not a leaf; a table that is its own entry ends after
 * four levels. */
static void test_walk_of_odd_tables_ends(void **state)
{
    (void)state;
    struct kd_walk walk;
    uint64_t *top = fake_at(fake_root());
    for (unsigned i = 0; i < 512; i++) {
        top[i] = fake_root() | PTE_PRESENT | PTE_LARGE;
    }
    assert_int_equal(kd_walk(fake_root(), 0x1000, &walk), OK);
    assert_int_equal(walk.levels, 2);
    for (unsigned i = 0; i < 512; i++) {
        top[i] = fake_root() | PTE_PRESENT;
    }
    assert_int_equal(kd_walk(fake_root(), 0x1000, &walk), OK);
    assert_int_equal(walk.levels, 4);
    assert_int_equal(walk.physical, fake_root());
}

static void test_copies_cross_pages(void **state)
{
    (void)state;
    uint8_t buffer[0x2100];
    fake_map(USER_VA, 0x205000, PAGE_BYTES, PTE_USER); /* not contiguous in physical memory */
    fake_map(USER_VA + PAGE_BYTES, 0x203000, PAGE_BYTES, PTE_USER);
    memset(fake_at(0x205000), 'a', PAGE_BYTES);
    memset(fake_at(0x203000), 'b', PAGE_BYTES);
    assert_int_equal(kd_read(fake_root(), USER_VA + 0xf80, buffer, 0x100), OK);
    assert_int_equal(buffer[0x7f], 'a');
    assert_int_equal(buffer[0x80], 'b');
    memset(buffer, 'x', sizeof(buffer));
    assert_int_equal(kd_read(fake_root(), USER_VA, buffer, 0x2080), ERR_BAD_ADDRESS);
    assert_int_equal(buffer[0xfff], 'a');
    assert_int_equal(buffer[0x2000], 0); /* zeroed from the hole on */
    assert_int_equal(buffer[0x207f], 0);
    assert_int_equal(buffer[0x2080], 'x');
    memset(buffer, 'c', sizeof(buffer));
    assert_int_equal(kd_write(fake_root(), USER_VA + 0xffe, buffer, 4), OK);
    assert_memory_equal((char *)fake_at(0x205ffd), "acc", 3);
    assert_memory_equal((char *)fake_at(0x203000), "ccb", 3);
    assert_int_equal(kd_write(fake_root(), USER_VA + 0x1ffe, buffer, 4), ERR_BAD_ADDRESS);
    assert_int_equal(kd_read(KD_SPACE_PHYSICAL, FAKE_MEMORY_BYTES - 4, buffer, 4), OK);
    assert_int_equal(kd_read(KD_SPACE_PHYSICAL, FAKE_MEMORY_BYTES - 3, buffer, 4), ERR_BAD_ADDRESS);
    assert_int_equal(kd_read(KD_SPACE_PHYSICAL, 0x10, buffer, 0), OK);
}

/* Across pages that are apart in physical memory, past a hole, up to the last byte; numbers, texts; in a pipe. */
static void test_find_command(void **state)
{
    (void)state;
    fake_map(USER_VA, 0x205000, PAGE_BYTES, PTE_USER);
    fake_map(USER_VA + PAGE_BYTES, 0x203000, PAGE_BYTES, PTE_USER);
    fake_map(USER_VA + 3 * PAGE_BYTES, 0x206000, PAGE_BYTES, PTE_USER);
    memset(fake_at(0x203000), 0, 4 * PAGE_BYTES);
    memcpy(fake_at(0x205ffd), "spo", 3);
    memcpy(fake_at(0x203000), "or", 2);
    memcpy(fake_at(0x206ffb), "spoor", 5);
    assert_string_equal(fake_run("find 0x400000 0x4000 \"spoor\""),
                        "0x400ffd = 4198397\n0x403ffb = 4210683\n");
    assert_string_equal(fake_run("find 0x400000 0x3fff \"spoor\" | count"), "0x1 = 1\n");
    assert_string_equal(fake_run("find 0x400ffe 0x4000 0x6f70 /h"),
                        "0x400ffe = 4198398\n0x403ffc = 4210684\n");
    assert_string_equal(fake_run("find 0x203000 2 0x726f /h /p | read 2 /p"),
                        "0000000000203000  6f 72                                            or\n");
    assert_string_equal(fake_run("find 0x400000 0x4000 \"not there\""), "");
    assert_string_equal(fake_run("find 0xfffffffffffffff8 0x100 1"), "");
    assert_non_null(strstr(fake_run("find 0x400000 8 \""), "a text in quotes"));
    assert_non_null(strstr(fake_run("find 0x400000 8"), "usage: find ADDRESS"));
}

static void test_read_command(void **state)
{
    (void)state;
    fake_map(USER_VA, 0x205000, PAGE_BYTES, PTE_USER);
    memcpy(fake_at(0x205000), "Hello, world\n\001\002\003spoor", 21);
    assert_string_equal(
        fake_run("read 0x400000 21"),
        "0000000000400000  48 65 6c 6c 6f 2c 20 77 6f 72 6c 64 0a 01 02 03  Hello, world....\n"
        "0000000000400010  73 70 6f 6f 72                                   spoor\n");
    assert_string_equal(
        fake_run("read 0x205000 8 /p"),
        "0000000000205000  48 65 6c 6c 6f 2c 20 77                          Hello, w\n");
    assert_string_equal(fake_run("read 0x400000 16 /g"),
                        "0000000000400000  77202c6f6c6c6548 0302010a646c726f  Hello, world....\n");
    assert_string_equal(fake_run("read 0x400000 4 /h"),
                        "0000000000400000  6548 6c6c                                Hell\n");
    assert_string_equal(
        fake_run("read 0x401000"),
        "error: 0x401000 cannot be read: nothing is mapped there, or it is no RAM\n");
    assert_non_null(strstr(fake_run("read 0x400ff0 32"), "error: 0x401000 cannot be read"));
    assert_non_null(strstr(fake_run("read 0x800000000000"), "cannot be read"));
    assert_non_null(strstr(fake_run("read 0xfee00000 4 /p"), "cannot be read"));
    assert_non_null(strstr(fake_run("read 0x400000 0"), "error: 1 to"));
    assert_non_null(strstr(fake_run("read"), "usage: read ADDRESS"));
    assert_non_null(strstr(fake_run("read 0x400000 8 /x"), "'read' has no use for this"));
    assert_string_equal(
        fake_run("print 0x400000 | read 4"),
        "0000000000400000  48 65 6c 6c                                      Hell\n");
}

static void test_write_command(void **state)
{
    (void)state;
    fake_global("kernel_text_start", (void *)K);
    fake_global("kernel_text_end", (void *)(K + 0x4000));
    fake_map(USER_VA, 0x205000, PAGE_BYTES, PTE_USER);
    assert_string_equal(fake_run("write 0x400010 0x1122334455667788"), "");
    assert_string_equal(fake_run("write 0x400018 0x99aa /b; write 0x205020 1 /p /h"), "");
    assert_string_equal(fake_run("read 0x400010 24 /g"),
                        "0000000000400010  1122334455667788 00000000000000aa  .wfUD3\".........\n"
                        "0000000000400020  0000000000000001                   ........\n");
    assert_non_null(strstr(fake_run("write 0x500000 1"), "cannot be written"));
    assert_string_equal(fake_run("write inner 1"),
                        "error: kernel text is only written by the text patcher\n");
    assert_string_equal(fake_run("write entry_stub-4 1"),
                        "error: kernel text is only written by the text patcher\n");
}

static void test_walk_command(void **state)
{
    (void)state;
    const char *output = fake_run("walk kernel inner+0x10");
    assert_non_null(strstr(output, "pml4 [511]"));
    assert_non_null(strstr(output, "pdpt [510]"));
    assert_non_null(strstr(
        output,
        "0xffffffff80000310 is physical 0x100310 in a page of 4 KiB: kernel read execute\n"));
    assert_non_null(strstr(fake_run("walk kernel 0x1000"), "0x1000 is not mapped\n"));
    assert_non_null(strstr(fake_run("walk kernel 0x800000000000"), "is not canonical"));
    assert_non_null(strstr(fake_run("walk"), "usage: walk PID|kernel ADDRESS"));
}

static void test_sym_command(void **state)
{
    (void)state;
    assert_string_equal(fake_run("sym inner"), "ffffffff80000300  T     256  inner\n");
    assert_string_equal(fake_run("sym inner+0x11"), "ffffffff80000311  inner+0x11\n");
    assert_string_equal(fake_run("sym -part en"),
                        "ffffffff80004000  B       0  end\nffffffff80000000  T     256  "
                        "entry_stub\n");
    assert_non_null(strstr(fake_run("sym nothing"), "no symbol 'nothing'"));
}

/* ---- unwinding ---- */

#define STACK_AT(offset)   (STACK + (offset))
#define PUT(offset, value) write_word(STACK_PA + (offset), value)

/* inner <- middle <- outer, frames at 0x800, 0x840, 0x880. */
static struct trap_frame simple_stack(void)
{
    PUT(0x800, STACK_AT(0x840));
    PUT(0x808, K + 0x210);
    PUT(0x840, STACK_AT(0x880));
    PUT(0x848, K + 0x110);
    PUT(0x880, 0);
    PUT(0x888, 0);
    return (struct trap_frame){
        .rip = K + 0x320, .rbp = STACK_AT(0x800), .rsp = STACK_AT(0x7f0), .cs = 8, .rflags = 2};
}

static void expect_chain(struct kd_unwind *unwind, const uint64_t *rips, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (unwind->rip != rips[i]) {
            fail_msg("frame %u is 0x%llx instead of 0x%llx", i, (unsigned long long)unwind->rip,
                     (unsigned long long)rips[i]);
        }
        bool more = kd_unwind_next(unwind);
        if (more != (i + 1 < count)) {
            fail_msg("after frame %u: more %d", i, more);
        }
    }
}

static void test_chain_of_frames(void **state)
{
    (void)state;
    static const uint64_t rips[] = {K + 0x320, K + 0x210, K + 0x110};
    struct trap_frame frame = simple_stack();
    struct kd_unwind unwind;
    kd_unwind_begin(&unwind, &frame);
    expect_chain(&unwind, rips, 3);
}

/* Where inner has no frame yet or no longer, middle's is still in rbp and the return address near
 * rsp. */
static void test_prologue_and_epilogue(void **state)
{
    (void)state;
    static const struct {
        uint64_t rip, rsp_offset;
    } places[] = {{0x300, 0x808}, {0x301, 0x800}, {0x380, 0x808}, {0x400, 0x808}, {0x420, 0x808}};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct trap_frame frame = simple_stack();
        const uint64_t rips[] = {K + places[i].rip, K + 0x210, K + 0x110};
        struct kd_unwind unwind;
        frame.rip = K + places[i].rip;
        frame.rbp = STACK_AT(0x840);
        frame.rsp = STACK_AT(places[i].rsp_offset);
        kd_unwind_begin(&unwind, &frame);
        expect_chain(&unwind, rips, 3);
    }
}

/*
 * middle has called the switch; on the other stack outer waits for its end. From the change of the stack to the last pop rbp is that of
 * middle, and would lead there.
 */
static void test_in_the_switch(void **state)
{
    (void)state;
    static const struct {
        unsigned at, words;
    } places[] = {{0, 0},  {1, 1},  {2, 2},  {4, 3},  {6, 4},  {8, 5},  {10, 6}, {13, 6},
                  {19, 6}, {21, 5}, {23, 4}, {25, 3}, {27, 2}, {28, 1}, {29, 0}};
    static const uint64_t before[] = {0, K + 0x210, K + 0x110}, after[] = {0, K + 0x150};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        bool is_after = places[i].at >= 19;
        uint64_t rips[3], end = is_after ? 0x700 : 0x808;
        struct trap_frame frame = simple_stack();
        struct kd_unwind unwind;
        PUT(0x700, K + 0x150);
        PUT(0x6f8, STACK_AT(0x980)); /* outer's */
        PUT(0x980, 0);
        PUT(0x988, 0);
        memcpy(rips, is_after ? after : before, is_after ? sizeof(after) : sizeof(before));
        rips[0] = frame.rip = K + 0x480 + places[i].at;
        frame.rbp = is_after && places[i].words == 0 ? STACK_AT(0x980) : STACK_AT(0x840);
        frame.rsp = STACK_AT(end) - 8ull * places[i].words;
        if (!is_after && places[i].words > 0) {
            PUT(end - 8, STACK_AT(0x840));
        }
        kd_unwind_begin(&unwind, &frame);
        expect_chain(&unwind, rips, is_after ? 2 : 3);
    }
}

static struct trap_frame *trap_at(uint64_t offset)
{
    struct trap_frame *frame = fake_at(STACK_PA + offset);
    *frame = (struct trap_frame){.rflags = 0x202, .cs = 8, .ss = 0x10};
    return frame;
}

static void test_across_an_interrupt_of_the_kernel(void **state)
{
    (void)state;
    static const uint64_t rips[] = {K + 0x320, K + 0x210, K + 0x150, 0};
    struct trap_frame frame = simple_stack();
    PUT(0x848, K + 0x40); /* middle was called by the entry code; the trap frame is right above */
    struct trap_frame *trap = trap_at(0x850);
    trap->rip = K + 0x150;
    trap->vector = 0xe0;
    trap->rbp = STACK_AT(0x980);
    PUT(0x840, STACK_AT(0x980));
    PUT(0x980, 0);
    PUT(0x988, 0);
    struct kd_unwind unwind;
    kd_unwind_begin(&unwind, &frame);
    expect_chain(&unwind, rips, 3);
    assert_true(unwind.trap.vector == 0xe0);
}

static void test_up_to_user_code(void **state)
{
    (void)state;
    static const uint64_t rips[] = {K + 0x320, K + 0x210, 0x401234};
    struct trap_frame frame = simple_stack();
    PUT(0x848, K + 0x40);
    struct trap_frame *trap = trap_at(0x850);
    trap->rip = 0x401234;
    trap->cs = 0x2b;
    trap->rsp = 0x7fff1000;
    trap->vector = FRAME_VECTOR_SYSCALL;
    struct kd_unwind unwind;
    kd_unwind_begin(&unwind, &frame);
    expect_chain(&unwind, rips, 3);
    assert_true(kd_unwind_is_user(&unwind));
    assert_true(unwind.crossed);
    assert_int_equal(unwind.rsp, 0x7fff1000);
}

static void test_no_trap_frame_where_none_is(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t rip, cs, rflags, vector;
    } odd[] = {
        {"user rip with kernel cs", 0x401234, 8, 2, 14},
        {"kernel rip with user cs", K + 0x150, 0x2b, 2, 14},
        {"no such flags", K + 0x150, 8, 0x200, 14},
        {"no such vector", K + 0x150, 8, 2, 0x1000},
        {"no such selector", K + 0x150, 0x1230, 2, 14},
    };
    for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
        struct trap_frame frame = simple_stack();
        PUT(0x848, K + 0x40);
        struct trap_frame *trap = trap_at(0x850);
        trap->rip = odd[i].rip;
        trap->cs = odd[i].cs;
        trap->rflags = odd[i].rflags;
        trap->vector = odd[i].vector;
        struct kd_unwind unwind;
        kd_unwind_begin(&unwind, &frame);
        while (kd_unwind_next(&unwind)) {
            if (unwind.crossed) {
                fail_msg("%s was taken for a trap frame", odd[i].name);
            }
        }
    }
}

static void test_broken_chains_end(void **state)
{
    (void)state;
    struct kd_unwind unwind;
    struct trap_frame frame = simple_stack();
    PUT(0x840, STACK_AT(0x800)); /* a loop */
    kd_unwind_begin(&unwind, &frame);
    unsigned steps = 0;
    while (kd_unwind_next(&unwind)) {
        assert_true(++steps < 10);
    }
    frame = simple_stack();
    PUT(0x808, 0x1234); /* a return address that is none */
    kd_unwind_begin(&unwind, &frame);
    assert_true(!kd_unwind_next(&unwind) || kd_unwind_is_user(&unwind));
    static const uint64_t bases[] = {
        0, 1, 8, STACK + 0x7fe1, STACK + 0x3ff8, 0xffffffffffffffff, 0x800000000000};
    for (size_t i = 0; i < ARRAY_COUNT(bases); i++) {
        frame = simple_stack();
        frame.rbp = bases[i];
        kd_unwind_begin(&unwind, &frame);
        (void)kd_unwind_next(&unwind);
    }
}

static void test_blocked_thread(void **state)
{
    (void)state;
    static const uint64_t rips[] = {K + 0x330, K + 0x210, K + 0x110};
    (void)simple_stack();
    PUT(0x700 + 40, STACK_AT(0x800));
    PUT(0x700 + 48, K + 0x330);
    struct kd_unwind unwind;
    assert_true(kd_unwind_begin_blocked(&unwind, STACK_AT(0x700)));
    expect_chain(&unwind, rips, 3);
    assert_false(kd_unwind_begin_blocked(&unwind, 0xffffc00000100000));
}

/* ---- registers of callers ---- */

#define RBX 3u
#define R12 12u
#define R13 13u
#define RCX 2u

/* base; words below the end for rbx, rbp, r12 */
#define RULE(base, rbx, rbp, r12) ((base) | (rbx) << 2 | (rbp) << 6 | (r12) << 10)
#define ROW(offset, number)       ((offset) << 8 | (number))

enum rule { NONE, AT_RSP, PUSHED, PLAIN, SAVES_RBX, SAVES_R12 };

static struct {
    uint32_t head[4], rules[6], rows[5];
} frames;

static void use_frames(enum rule outer, enum rule middle, enum rule inner)
{
    const typeof(frames) table = {
        .head = {KD_FRAMES_MAGIC, KD_FRAMES_VERSION, 6, 5},
        .rules = {0, RULE(1, 0, 0, 0), RULE(2, 0, 2, 0), RULE(3, 0, 2, 0), RULE(3, 3, 2, 0),
                  RULE(3, 0, 2, 3)},
        .rows = {ROW(0x100u, outer), ROW(0x200u, middle), ROW(0x300u, inner), ROW(0x380u, AT_RSP),
                 ROW(0x400u, NONE)},
    };
    frames = table;
    assert_true(kd_frames_use(&frames, sizeof(frames)));
}

/* The simple stack, where inner has saved rbx and middle r12. */
static struct trap_frame stack_with_registers(void)
{
    struct trap_frame frame = simple_stack();
    PUT(0x7f8, 0xb0b);
    PUT(0x838, 0x1212);
    frame.rbx = 1;
    frame.r12 = 2;
    frame.r13 = 3;
    frame.rcx = 4;
    return frame;
}

/* -1: not known */
static int64_t value_of(const struct kd_unwind *unwind, unsigned number)
{
    uint64_t value;
    return kd_unwind_register(unwind, number, &value) ? (int64_t)value : -1;
}

static void test_registers_of_callers(void **state)
{
    (void)state;
    struct trap_frame frame = stack_with_registers();
    struct kd_unwind unwind;
    use_frames(PLAIN, SAVES_R12, SAVES_RBX);
    kd_unwind_begin(&unwind, &frame);
    assert_int_equal(value_of(&unwind, RBX), 1);
    assert_int_equal(value_of(&unwind, RCX), 4);
    assert_int_equal(value_of(&unwind, 16), -1);
    assert_int_equal(kd_unwind_end(&unwind), STACK_AT(0x810));
    assert_true(kd_unwind_next(&unwind));
    assert_int_equal(value_of(&unwind, RBX), 0xb0b);
    assert_int_equal(value_of(&unwind, R12), 2);
    assert_int_equal(value_of(&unwind, RCX), -1);
    assert_int_equal(kd_unwind_end(&unwind), STACK_AT(0x850));
    assert_true(kd_unwind_next(&unwind));
    assert_int_equal(value_of(&unwind, RBX), 0xb0b);
    assert_int_equal(value_of(&unwind, R12), 0x1212);
    assert_int_equal(value_of(&unwind, R13), 3);
    (void)kd_frames_use("", 0);
}

/* In the middle of pushing and popping, the place is below the stack pointer, and may hold anything. */
static void test_registers_not_saved_yet(void **state)
{
    (void)state;
    struct trap_frame frame = stack_with_registers();
    struct kd_unwind unwind;
    use_frames(PLAIN, SAVES_R12, SAVES_RBX);
    frame.rsp = STACK_AT(0x800);
    kd_unwind_begin(&unwind, &frame);
    assert_true(kd_unwind_next(&unwind));
    assert_int_equal(value_of(&unwind, RBX), 1);
    (void)kd_frames_use("", 0);
}

/* U1: no rule, one that the frame pointers contradict, a place that cannot be read. A trap frame has all again. */
static void test_registers_that_nobody_knows(void **state)
{
    (void)state;
    static const enum rule middles[] = {NONE, AT_RSP, PUSHED};
    struct trap_frame frame = stack_with_registers();
    struct kd_unwind unwind;
    for (unsigned i = 0; i < ARRAY_COUNT(middles); i++) {
        use_frames(PLAIN, middles[i], SAVES_RBX);
        kd_unwind_begin(&unwind, &frame);
        assert_true(kd_unwind_next(&unwind));
        assert_int_equal(value_of(&unwind, RBX), 0xb0b);
        assert_true(kd_unwind_next(&unwind));
        for (unsigned number = 0; number < 16; number++) {
            assert_int_equal(value_of(&unwind, number), -1);
        }
    }
    use_frames(PLAIN, SAVES_R12, NONE);
    PUT(0x848, K + 0x40);
    struct trap_frame *trap = trap_at(0x850);
    trap->rip = K + 0x150;
    trap->vector = 0xe0;
    trap->rbx = 0xabc;
    trap->rcx = 0xdef;
    kd_unwind_begin(&unwind, &frame);
    assert_true(kd_unwind_next(&unwind));
    assert_int_equal(value_of(&unwind, RBX), -1);
    assert_true(kd_unwind_next(&unwind));
    assert_int_equal(value_of(&unwind, RBX), 0xabc);
    assert_int_equal(value_of(&unwind, RCX), 0xdef);
    (void)kd_frames_use("", 0);
}

/* A path of inner without a frame lies behind the instructions that make one on another path. */
static void test_a_rule_goes_before_a_guess(void **state)
{
    (void)state;
    static const uint64_t rips[] = {K + 0x390, K + 0x210, K + 0x110};
    struct trap_frame frame = stack_with_registers();
    struct kd_unwind unwind;
    use_frames(PLAIN, SAVES_R12, SAVES_RBX);
    frame.rip = K + 0x390;
    frame.rbp = STACK_AT(0x840);
    frame.rsp = STACK_AT(0x808);
    kd_unwind_begin(&unwind, &frame);
    expect_chain(&unwind, rips, 3);
    kd_unwind_begin(&unwind, &frame);
    assert_true(kd_unwind_next(&unwind));
    assert_int_equal(value_of(&unwind, RBX), 1);
    (void)kd_frames_use("", 0);
}

/* Y5 */
static void test_damaged_tables_of_frames(void **state)
{
    (void)state;
    struct kd_frame_rule rule;
    use_frames(PLAIN, SAVES_R12, SAVES_RBX);
    for (size_t bytes = 0; bytes < sizeof(frames); bytes++) {
        assert_false(kd_frames_use(&frames, bytes));
        assert_false(kd_frame_rule_at(K + 0x300, &rule));
    }
    srandom(4);
    for (unsigned turn = 0; turn < 20000; turn++) {
        uint8_t *copy = malloc(sizeof(frames));
        memcpy(copy, &frames, sizeof(frames));
        for (unsigned i = 0; i < 3; i++) {
            copy[8 + (unsigned)random() % (sizeof(frames) - 8)] = (uint8_t)random();
        }
        if (kd_frames_use(copy, sizeof(frames)) && kd_frame_rule_at(K + turn, &rule)) {
            assert_true(rule.base != KD_FRAME_UNKNOWN);
        }
        (void)kd_frames_use("", 0);
        free(copy);
    }
    assert_true(kd_frames_use(&frames, sizeof(frames)));
    assert_false(kd_frame_rule_at(K + 0xff, &rule));
    assert_true(kd_frame_rule_at(K + 0x100, &rule));
    assert_false(kd_frame_rule_at(K + 0x400, &rule));
    assert_false(kd_frame_rule_at(0x401000, &rule));
    (void)kd_frames_use("", 0);
}

static void test_random_stacks_never_hang(void **state)
{
    (void)state;
    srand(3);
    for (unsigned i = 0; i < 3000; i++) {
        for (uint64_t offset = 0x700; offset < 0xa00; offset += 8) {
            uint64_t value = (uint64_t)rand() % 0x600;
            PUT(offset, rand() % 3 == 0 ? K + value
                        : rand() % 2    ? STACK_AT(0x700 + value / 8 * 8)
                                        : value);
        }
        struct trap_frame frame = {
            .rip = K + (uint64_t)rand() % 0x500, .rbp = STACK_AT(0x800), .rsp = STACK_AT(0x780)};
        struct kd_unwind unwind;
        unsigned steps = 0;
        kd_unwind_begin(&unwind, &frame);
        while (kd_unwind_next(&unwind)) {
            assert_true(++steps <= 128);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_walk, begin),
        cmocka_unit_test_setup(test_rights_of_every_level_count, fake_begin),
        cmocka_unit_test_setup(test_walk_refuses, begin),
        cmocka_unit_test_setup(test_walk_of_odd_tables_ends, begin),
        cmocka_unit_test_setup(test_copies_cross_pages, begin),
        cmocka_unit_test_setup(test_read_command, begin),
        cmocka_unit_test_setup(test_find_command, begin),
        cmocka_unit_test_setup(test_write_command, begin),
        cmocka_unit_test_setup(test_walk_command, begin),
        cmocka_unit_test_setup(test_sym_command, begin),
        cmocka_unit_test_setup(test_chain_of_frames, begin),
        cmocka_unit_test_setup(test_prologue_and_epilogue, begin),
        cmocka_unit_test_setup(test_in_the_switch, begin),
        cmocka_unit_test_setup(test_across_an_interrupt_of_the_kernel, begin),
        cmocka_unit_test_setup(test_up_to_user_code, begin),
        cmocka_unit_test_setup(test_no_trap_frame_where_none_is, begin),
        cmocka_unit_test_setup(test_broken_chains_end, begin),
        cmocka_unit_test_setup(test_blocked_thread, begin),
        cmocka_unit_test_setup(test_registers_of_callers, begin),
        cmocka_unit_test_setup(test_registers_not_saved_yet, begin),
        cmocka_unit_test_setup(test_registers_that_nobody_knows, begin),
        cmocka_unit_test_setup(test_a_rule_goes_before_a_guess, begin),
        cmocka_unit_test_setup(test_damaged_tables_of_frames, begin),
        cmocka_unit_test_setup(test_random_stacks_never_hang, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
