# SPDX-License-Identifier: MIT
"""
The generated halves of a system call, run on the host: the kernel's wrappers against a fake handle table, and the user
stubs against a fake kernel that sees every register.
"""

from pathlib import Path

import pytest

from gen_tree import SANITIZERS, compile_c, copy_definitions, must_generate, run_program

SYSCALLS = """
[syscall.plain]
number = 0
doc = "d"
[syscall.narrow]
number = 1
doc = "d"
args = [ {name = "a", type = "u32"}, {name = "b", type = "u64"}, {name = "c", type = "u32"} ]
[syscall.two]
number = 3
doc = "d"
args = [ {name = "area", type = "handle", object = "area", rights = ["read", "write"]},
         {name = "thread", type = "handle", object = "thread", rights = ["transfer"]},
         {name = "x", type = "u64"}, {name = "p", type = "user_ptr"},
         {name = "t", type = "ns"}, {name = "v", type = "va"} ]
results = ["first", "second", "third"]
[syscall.send]
number = 4
doc = "d"
raw = true
words = "inout"
args = [ {name = "mailbox", type = "handle", object = "mailbox", rights = ["send"]},
         {name = "label", type = "u64"}, {name = "deadline", type = "ns"} ]
results = ["badge", "label", "token"]
[syscall.answer]
number = 5
doc = "d"
raw = true
words = "in"
args = [ {name = "mailbox", type = "handle", object = "mailbox", rights = ["receive"]}, {name = "label", type = "u64"} ]
[syscall.pass]
number = 7
doc = "d"
args = [ {name = "area", type = "entry", object = "area", rights = ["read"]},
         {name = "handle", type = "entry", object = "any", rights = ["transfer"]},
         {name = "number", type = "handle_number"} ]
[syscall.leave]
number = 6
doc = "d"
noreturn = true
args = [ {name = "code", type = "u64"} ]
"""

# In place of sched/process.h, where the real look-ups are.
PROCESS_FAKE = """
#pragma once
#include "object/handle.h"
status_t handle_get(uint64_t handle, enum object_type type, uint32_t rights, struct object **out);
status_t handle_get_entry(uint64_t handle, enum object_type type, uint32_t rights, struct handle_entry *out);
struct handle_entry *handle_peek(uint64_t handle, enum object_type type, uint32_t rights, status_t *out_status);
struct handle_entry *handle_peek_fast(uint64_t handle, enum object_type type, uint32_t rights);
"""

KERNEL_FAKE = """
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "gen/syscall_handlers.h"
#include "arch/frame.h"
#include "sched/process.h"

struct object objects[2];
static struct handle_entry entry;
static status_t get_status[2], handler_status, peek_status;
static int gets, puts_count, calls, last_put;
static uint64_t seen[6];

status_t handle_get(uint64_t handle, enum object_type type, uint32_t rights, struct object **out)
{
    int index = gets++;
    assert(handle == (index ? 0x22 : 0x11));
    assert(type == (index ? OBJECT_THREAD : OBJECT_AREA));
    assert(rights == (index ? RIGHT_TRANSFER : (RIGHT_AREA_READ | RIGHT_AREA_WRITE)));
    if (get_status[index] == OK) {
        *out = &objects[index];
    }
    return get_status[index];
}
struct handle_entry *handle_peek(uint64_t handle, enum object_type type, uint32_t rights, status_t *out_status)
{
    assert(handle == 0x33 && type == OBJECT_MAILBOX && rights == RIGHT_MAILBOX_SEND);
    *out_status = peek_status;
    return peek_status == OK ? &entry : NULL;
}
static int is_leased; /* the fast look gives up, the slow one finds it good */
struct handle_entry *handle_peek_fast(uint64_t handle, enum object_type type, uint32_t rights)
{
    assert(handle == 0x33 && type == OBJECT_MAILBOX && rights == RIGHT_MAILBOX_SEND);
    return peek_status == OK && !is_leased ? &entry : NULL;
}
status_t handle_get_entry(uint64_t handle, enum object_type type, uint32_t rights, struct handle_entry *out)
{
    int index = gets++;
    assert(handle == (index ? 0x22 : 0x11));
    assert(type == (index ? OBJECT_ANY : OBJECT_AREA));
    assert(rights == (index ? RIGHT_TRANSFER : RIGHT_AREA_READ));
    if (get_status[index] == OK) {
        out->object = &objects[index];
        out->badge = 40 + (uint64_t)index;
    }
    return get_status[index];
}
void object_put(struct object *object)
{
    puts_count++;
    last_put = (int)(object - objects);
}
void handle_entry_put(const struct handle_entry *put)
{
    object_put(put->object);
}
status_t sys_pass(const struct handle_entry *area, const struct handle_entry *handle, uint64_t number)
{
    calls++;
    assert(area->badge == 40 && handle->badge == 41 && number == 3 && puts_count == 0);
    return handler_status;
}
status_t sys_plain(void) { calls++; return handler_status; }
status_t sys_narrow(uint32_t a, uint64_t b, uint32_t c)
{
    calls++;
    seen[0] = a; seen[1] = b; seen[2] = c;
    return handler_status;
}
status_t sys_two(struct object *area, struct object *thread, uint64_t x, vaddr_t p, ns_t t, vaddr_t v,
                 uint64_t *out_first, uint64_t *out_second, uint64_t *out_third)
{
    calls++;
    assert(area == &objects[0] && thread == &objects[1] && puts_count == 0);
    assert(x == 3 && p == 4 && t == 5 && v == 6);
    if (handler_status == OK) {
        *out_first = 101; *out_second = 102; *out_third = 103;
    }
    return handler_status;
}
void sys_send(struct trap_frame *frame, struct handle_entry *got)
{
    calls++;
    assert(got == &entry);
    frame->rax = 77;
}
void sys_answer(struct trap_frame *frame, struct handle_entry *got) { (void)frame; (void)got; }
status_t sys_leave(uint64_t code) { seen[0] = code; return OK; }

static struct trap_frame frame;
static void reset(void)
{
    frame = (struct trap_frame){.rax = 999, .rdi = 0x11, .rsi = 0x22, .rdx = 3, .r8 = 4, .r9 = 5, .r10 = 6};
    memset(seen, 0, sizeof(seen));
    gets = puts_count = calls = last_put = 0;
    get_status[0] = get_status[1] = handler_status = peek_status = OK;
}
static int64_t run(unsigned number)
{
    struct trap_frame before = frame;
    syscall_table[number](&frame);
    before.rax = frame.rax; before.rdi = frame.rdi; before.rsi = frame.rsi; before.rdx = frame.rdx;
    assert(memcmp(&before, &frame, sizeof(frame)) == 0); /* nothing else is ever touched */
    return (int64_t)frame.rax;
}
static void args_unchanged(void)
{
    assert(frame.rdi == 0x11 && frame.rsi == 0x22 && frame.rdx == 3);
}
int main(void)
{
    reset();
    assert(run(SYSCALL_PLAIN) == 0 && calls == 1);
    handler_status = ERR_BUSY;
    assert(run(SYSCALL_PLAIN) == ERR_BUSY);

    reset(); /* numbers that nobody took */
    assert(run(2) == ERR_NO_SYSCALL);
    args_unchanged();

    reset(); /* u32: upper bits are refused before the handler runs, u64 may have them */
    frame.rdi = 0xffffffff; frame.rsi = ~0ull; frame.rdx = 7;
    assert(run(SYSCALL_NARROW) == 0 && seen[0] == 0xffffffff && seen[1] == ~0ull && seen[2] == 7);
    for (int bit = 32; bit < 64; bit++) {
        reset();
        frame.rdi = 1ull << bit;
        assert(run(SYSCALL_NARROW) == ERR_BAD_ARGUMENT && calls == 0);
        reset();
        frame.rdx = 1ull << bit;
        assert(run(SYSCALL_NARROW) == ERR_BAD_ARGUMENT && calls == 0);
    }

    reset(); /* handles and results */
    assert(run(SYSCALL_TWO) == 0 && calls == 1 && gets == 2 && puts_count == 2 && last_put == 0);
    assert(frame.rdi == 101 && frame.rsi == 102 && frame.rdx == 103);
    reset(); /* the handler fails: references go back, results stay away */
    handler_status = ERR_RANGE;
    assert(run(SYSCALL_TWO) == ERR_RANGE && puts_count == 2);
    args_unchanged();
    reset(); /* the second look-up fails: the first reference goes back */
    get_status[1] = ERR_WRONG_TYPE;
    assert(run(SYSCALL_TWO) == ERR_WRONG_TYPE && calls == 0 && puts_count == 1 && last_put == 0);
    args_unchanged();
    reset(); /* the first look-up fails */
    get_status[0] = ERR_BAD_HANDLE;
    assert(run(SYSCALL_TWO) == ERR_BAD_HANDLE && calls == 0 && gets == 1 && puts_count == 0);
    args_unchanged();

    reset(); /* entries: copies with references, which go back on every path */
    assert(run(SYSCALL_PASS) == 0 && calls == 1 && gets == 2 && puts_count == 2 && last_put == 0);
    reset();
    get_status[1] = ERR_REVOKED;
    assert(run(SYSCALL_PASS) == ERR_REVOKED && calls == 0 && puts_count == 1 && last_put == 0);
    args_unchanged();

    reset(); /* raw */
    frame.rdi = 0x33;
    assert(run(SYSCALL_SEND) == 77 && calls == 1);
    is_leased = 1;
    assert(run(SYSCALL_SEND) == 77 && calls == 2);
    peek_status = ERR_NO_RIGHTS;
    assert(run(SYSCALL_SEND) == ERR_NO_RIGHTS && calls == 2);
    puts("good");
    return 0;
}
"""

# The stubs' "syscall" becomes a call to this: registers out to seen[], registers in from answer[].
FAKE_ENTRY = """
.globl fake_kernel
fake_kernel:
    movq %rax, seen(%rip)
    movq %rdi, seen+8(%rip)
    movq %rsi, seen+16(%rip)
    movq %rdx, seen+24(%rip)
    movq %r8, seen+32(%rip)
    movq %r9, seen+40(%rip)
    movq %r10, seen+48(%rip)
    movq %r12, seen+56(%rip)
    movq %r13, seen+64(%rip)
    movq %r14, seen+72(%rip)
    movq %r15, seen+80(%rip)
    movq %rbx, seen+88(%rip)
    movq answer(%rip), %rax
    movq $0x5555, %rcx
    movq $0x6666, %r11
    cmpq $0, change(%rip)
    je 1f
    movq answer+8(%rip), %rdi
    movq answer+16(%rip), %rsi
    movq answer+24(%rip), %rdx
    cmpq $1, change(%rip)
    je 1f
    movq answer+32(%rip), %r8
    movq answer+40(%rip), %r9
    movq answer+48(%rip), %r10
    movq answer+56(%rip), %r12
    movq answer+64(%rip), %r13
    movq answer+72(%rip), %r14
    movq answer+80(%rip), %r15
    movq answer+88(%rip), %rbx
1:  ret
.section .note.GNU-stack,"",@progbits
"""

USER_DRIVER = """
#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include "user_under_test.h"

uint64_t seen[12], answer[12], change; /* rax rdi rsi rdx r8 r9 r10 r12 r13 r14 r15 rbx */

static void prepare(int64_t status, uint64_t what)
{
    memset(seen, 0, sizeof(seen));
    for (int i = 0; i < 12; i++) {
        answer[i] = 0x1000 + (uint64_t)i;
    }
    answer[0] = (uint64_t)status;
    change = what;
}

__attribute__((noinline)) static void try_all(int64_t status)
{
    uint64_t first = 1, second = 2, third = 3;
    prepare(0, 0);
    assert(sys_plain() == OK && seen[0] == 0);
    prepare(0, 0);
    assert(sys_narrow(0xffffffff, 8, 9) == OK && seen[0] == 1 && seen[1] == 0xffffffff && seen[2] == 8 && seen[3] == 9);

    prepare(status, 1);
    assert(sys_two(1, 2, 3, (void *)4, 5, 6, &first, &second, &third) == status && seen[0] == 3);
    for (unsigned i = 1; i <= 6; i++) {
        assert(seen[i] == i);
    }
    assert(first == (status ? 1 : 0x1001) && second == (status ? 2 : 0x1002) && third == (status ? 3 : 0x1003));

    uint64_t words[8] = {10, 11, 12, 13, 14, 15, 16, 17};
    uint64_t label = 20, badge = 21, token = 22;
    prepare(status, 2);
    assert(sys_send(7, &label, 30, &badge, &token, words) == status);
    assert(seen[0] == 4 && seen[1] == 7 && seen[2] == 20 && seen[3] == 30);
    for (unsigned i = 0; i < 8; i++) {
        assert(seen[4 + i] == 10 + i);
        assert(words[i] == (status ? 10 + i : 0x1004 + i));
    }
    assert(badge == (status ? 21 : 0x1001) && label == (status ? 20 : 0x1002) && token == (status ? 22 : 0x1003));

    const uint64_t sent[8] = {40, 41, 42, 43, 44, 45, 46, 47};
    prepare(status, 2);
    assert(sys_answer(8, 9, sent) == status && seen[1] == 8 && seen[2] == 9 && seen[11] == 47 && sent[7] == 47);
}

int main(void)
{
    try_all(OK);
    try_all(ERR_TIMED_OUT);
    puts("good");
    return 0;
}
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("syscalls")
    tree = copy_definitions(folder / "tree")
    (tree / "kernel/abi/syscalls.toml").write_text(SYSCALLS)
    return must_generate(tree, folder / "gen")


def test_wrappers_check_release_and_write_back(generated: Path, tmp_path: Path) -> None:
    (tmp_path / "kernel.c").write_text(KERNEL_FAKE)
    (generated / "sched").mkdir(exist_ok=True)
    (generated / "sched/process.h").write_text(PROCESS_FAKE)
    compile_c(tmp_path / "kernel", generated, *SANITIZERS, str(tmp_path / "kernel.c"),
              str(generated / "gen/syscall_dispatch.c"), fixture=False)
    assert run_program(tmp_path / "kernel") == "good\n"


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3"])
def test_stubs_use_the_registers_of_the_design(generated: Path, tmp_path: Path, level: str) -> None:
    text = (generated / "gen/syscall_user.h").read_text()
    assert text.count('volatile("syscall"') == 7
    (tmp_path / "user_under_test.h").write_text(text.replace('volatile("syscall"', 'volatile("call fake_kernel"'))
    (tmp_path / "user.c").write_text(USER_DRIVER)
    (tmp_path / "entry.s").write_text(FAKE_ENTRY)
    compile_c(tmp_path / "user", generated, level, "-mno-red-zone", "-fno-omit-frame-pointer", f"-I{tmp_path}",
              str(tmp_path / "user.c"), str(tmp_path / "entry.s"))
    assert run_program(tmp_path / "user") == "good\n"


def test_a_stub_that_does_not_return_says_so(generated: Path, tmp_path: Path) -> None:
    source = tmp_path / "leave.c"
    source.write_text('#include "gen/syscall_user.h"\nint f(void);\nint f(void)\n{\n    sys_leave(1);\n}\n')
    compile_c(tmp_path / "leave.o", generated, "-c", str(source))  # -Wreturn-type would object


def test_a_test_of_wrong_handles_gets_to_know_every_handle(generated: Path) -> None:
    text = (generated / "gen/syscall_checks.h").read_text()
    rows = [line.strip(" {},") for line in text.splitlines() if line.startswith("    {")]
    assert rows == ["SYSCALL_TWO, 0, OBJECT_AREA, RIGHT_AREA_READ | RIGHT_AREA_WRITE",
                    "SYSCALL_TWO, 1, OBJECT_THREAD, RIGHT_TRANSFER",
                    "SYSCALL_SEND, 0, OBJECT_MAILBOX, RIGHT_MAILBOX_SEND",
                    "SYSCALL_ANSWER, 0, OBJECT_MAILBOX, RIGHT_MAILBOX_RECEIVE",
                    "SYSCALL_PASS, 0, OBJECT_AREA, RIGHT_AREA_READ", "SYSCALL_PASS, 1, OBJECT_ANY, RIGHT_TRANSFER"]


def test_look_ups_imply_their_errors(generated: Path) -> None:
    manual = (generated / "doc/syscalls.md").read_text()
    implied = [line for line in manual.split("## two")[1].splitlines() if line.startswith("Errors")][0]
    assert implied == "Errors: `ERR_BAD_HANDLE`, `ERR_REVOKED`, `ERR_WRONG_TYPE`, `ERR_NO_RIGHTS`."
