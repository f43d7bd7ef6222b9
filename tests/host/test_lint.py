# SPDX-License-Identifier: MIT
"""Every lint rule finds the fault it is for, and leaves good code alone."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/lint"))

(callgraph, elf, emitters, findings, form, layers, objcode, python_rules, sizes, sources, words) = (
    importlib.import_module(name) for name in
    ("callgraph", "elf", "emitters", "findings", "form", "layers", "objcode", "python_rules", "sizes", "sources",
     "words"))

SPDX = "/* SPDX-License-Identifier: MIT */\n"
GOOD_C = SPDX + '#include "base/thing.h"\n\nint thing_get(void)\n{\n    return 1;\n}\n'
GOOD_H = SPDX + "/* A thing. */\n#pragma once\n\nint thing_get(void);\n"


@pytest.fixture
def context(tmp_path: Path):
    """A small clean tree."""
    put(tmp_path, "kernel/base/thing.c", GOOD_C)
    put(tmp_path, "kernel/base/thing.h", GOOD_H)
    for name in (".clang-format", ".clang-tidy", ".flake8", "mypy.ini"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    return findings.Context(tmp_path, tmp_path / "build", "debug")


def put(root: Path, file: str, text: str) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)


def places(found) -> list[tuple[str, int]]:
    return [(finding.file, finding.line) for finding in found]


# ---- form ----

@pytest.mark.parametrize("rule", [form.check_format, form.check_headers, form.check_heads, layers.check_includes])
def test_a_clean_tree_has_no_findings(context, rule) -> None:
    assert rule(context) == []


def test_format(context) -> None:
    put(context.root, "kernel/base/bad.c", SPDX + "int  x;\nint y = {1 };\n")
    assert places(form.check_format(context)) == [("kernel/base/bad.c", 2)]


def test_head_without_licence_and_without_pragma(context) -> None:
    put(context.root, "kernel/base/bad.h", "int x(void);\n")
    assert [finding.text for finding in form.check_heads(context)] == ["no licence line", "no #pragma once"]


def test_header_that_needs_another(context) -> None:
    put(context.root, "kernel/base/bad.h", SPDX + "#pragma once\n\nuint64_t x(void);\n")
    assert places(form.check_headers(context)) == [("kernel/base/bad.h", 4)]


def compile_entry(context, file: str) -> None:
    put(context.root, "build/compile_commands.json",
        f'[{{"directory": ".", "file": "{file}", "arguments": ["gcc", "-Ikernel", "-I.", "-c", "{file}"]}}]')


def test_tidy_finds_and_remembers_only_clean_files(context) -> None:
    put(context.root, "kernel/base/bad.c", SPDX + "int f(int x);\nint f(int x)\n{\n    if (x)\n        return 1;\n"
        "    return 0;\n}\n")
    compile_entry(context, "kernel/base/bad.c")
    for _ in range(2):
        assert ("kernel/base/bad.c", 5) in places(form.check_tidy(context))
    compile_entry(context, "kernel/base/thing.c")
    for _ in range(2):
        assert form.check_tidy(context) == []


def test_tidy_reports_a_name_in_the_wrong_case(context) -> None:
    put(context.root, "kernel/base/bad.c", SPDX + "int badName;\n")
    compile_entry(context, "kernel/base/bad.c")
    assert "readability-identifier-naming" in form.check_tidy(context)[0].text


def test_thread_safety(context) -> None:
    put(context.root, "kernel/base/bad.c", SPDX + """\
struct __attribute__((capability("lock"))) lock {
    int word;
};
struct lock guard;
int counter __attribute__((guarded_by(guard)));
void count(void);
void count(void)
{
    counter++;
}
""")
    compile_entry(context, "kernel/base/bad.c")
    assert places(form.check_thread_safety(context)) == [("kernel/base/bad.c", 10)]


# ---- layers ----

INCLUDES = [
    # file, what it includes, allowed?
    ("kernel/mm/a.c", "sync/x.h", True),
    ("kernel/mm/a.c", "mm/x_impl.h", True),
    ("kernel/mm/a.c", "sched/x.h", False),
    ("kernel/mm/a.c", "sync/x_impl.h", False),
    ("kernel/mm/a.c", "arch/x.h", True),
    ("kernel/mm/a.c", "arch/x86_64/x.h", False),
    ("kernel/mm/a.c", "kernel/abi/x.h", True),
    ("kernel/base/a.c", "arch/x.h", False),
    ("kernel/base/a.c", "gen/errors.h", True),
    ("kernel/arch/x86_64/a.c", "gen/trace_emit.h", False),
    ("kernel/sched/a.c", "gen/trace_emit.h", True),
    ("kernel/sched/a.c", "kdebug/core/x.h", False),
    ("kernel/trap/a.c", "kdebug/core/x.h", True),
    ("kernel/trap/a.c", "kdebug/cmd/x.h", False),
    ("kdebug/cmd/a.c", "mm/x_impl.h", True),
    ("kdebug/x86_64/a.c", "arch/x86_64/x.h", True),
    ("kdebug/core/a.c", "kdebug/x86_64/x.h", True),
    ("trace/format/a.c", "trace/ring/layout.h", True),
    ("trace/format/a.c", "trace/ring/x.h", False),
    ("boot/load/a.c", "kernel/abi/x.h", True),
    ("boot/load/a.c", "boot/efi/x.h", False),
    ("boot/load/a.c", "mm/x.h", False),
    ("boot/efi/a.c", "boot/load/x.h", True),
    ("userspace/programs/a.c", "kernel/abi/x.h", True),
    ("userspace/programs/a.c", "gen/syscall_user.h", True),
    ("userspace/programs/a.c", "gen/syscall_handlers.h", False),
    ("userspace/programs/a.c", "kernel/mm/x.h", False),
    ("userspace/programs/a.c", "trace/ring/layout.h", True),
    ("userspace/programs/a.c", "trace/ring/x.h", False),
    ("userspace/programs/a.c", "x.h", True),
    ("kernel/sched/a.c", "gen/syscall_user.h", False),
    ("kernel/strange/a.c", "base/thing.h", False),
]
HEADERS = ["kernel/sync/x.h", "kernel/sync/x_impl.h", "kernel/mm/x_impl.h", "kernel/mm/x.h", "kernel/sched/x.h",
           "kernel/arch/x.h", "kernel/arch/x86_64/x.h", "kernel/abi/x.h", "kdebug/core/x.h", "kdebug/cmd/x.h",
           "kdebug/x86_64/x.h", "trace/ring/x.h", "trace/ring/layout.h", "boot/efi/x.h", "boot/load/x.h",
           "userspace/lib/x.h"]


@pytest.mark.parametrize("file,header,allowed", INCLUDES, ids=[f"{row[0]} {row[1]}" for row in INCLUDES])
def test_layers(context, file: str, header: str, allowed: bool) -> None:
    for name in HEADERS:
        put(context.root, name, GOOD_H)
    put(context.root, file, f'{SPDX}#include "{header}"\n')
    assert places(layers.check_includes(context)) == ([] if allowed else [(file, 2)])


def build_objects(context, files: dict[str, str]) -> None:
    for file, text in files.items():
        put(context.root, file, text)
        target = context.output / "kernel.o.d" / Path(file).with_suffix(".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-c", str(context.root / file), "-o", str(target)], check=True)


def test_a_call_up_the_layers_is_found_on_symbols(context) -> None:
    build_objects(context, {
        "kernel/mm/low.c": "void high(void); void hooked(void); void low(void) { high(); hooked(); }",
        "kernel/sched/high.c": "void low(void); void high(void) { low(); } void hooked(void) {}"})
    put(context.root, "kernel/base/hooks.h", "void hooked(void);\n")
    found = layers.check_symbols(context)
    assert [finding.file for finding in found] == ["kernel/mm/low"]
    assert "uses high of kernel/sched/high" in found[0].text


# ---- Python ----

def test_flake8(context) -> None:
    put(context.root, "tools/bad.py", "import os\n")
    assert places(python_rules.check_flake8(context)) == [("tools/bad.py", 1)]


def test_mypy_is_strict_on_tools_only(context) -> None:
    put(context.root, "tools/bad.py", "def f(x):\n    return x\n")
    put(context.root, "tests/fine.py", "def f(x):\n    return x\n")
    assert places(python_rules.check_mypy(context)) == [("tools/bad.py", 1)]


# ---- object code ----

def listing(tmp_path: Path, code: str):
    """Functions of an assembled sample, as the rules see the kernel's."""
    (tmp_path / "sample.s").write_text(code + '\n.section .note.GNU-stack,"",@progbits\n')
    subprocess.run(["gcc", "-c", str(tmp_path / "sample.s"), "-o", str(tmp_path / "sample.o")], check=True)
    context = findings.Context(tmp_path, tmp_path, "debug")
    return objcode.disassemble(context, tmp_path / "sample.o")


def count(check, tmp_path: Path, code: str) -> int:
    return len(list(check(listing(tmp_path, code), "sample")))


@pytest.mark.parametrize("code,expected", [("rep movsb", 1), ("rep stosb", 1), ("rep movsq", 0), ("rep stosq", 0),
                                           ("movsb", 0)])
def test_byte_string_instructions(tmp_path: Path, code: str, expected: int) -> None:
    assert count(objcode.byte_strings, tmp_path, f"f: {code}\nret") == expected


@pytest.mark.parametrize("code,expected", [
    ("movaps %xmm0, %xmm1", 1), ("fld %st(1)", 1), ("movq %mm0, %rax", 1), ("vaddps %ymm1, %ymm2, %ymm3", 1),
    ("xsave (%rdi)", 0), ("mov %rax, %rbx", 0)])
def test_floating_point_registers(tmp_path: Path, code: str, expected: int) -> None:
    assert count(objcode.floating_point, tmp_path, f"f: {code}\nret") == expected


CHECKED = "mov %rcx, %r11\nshr $47, %r11\njnz away\n"


@pytest.mark.parametrize("code,expected", [
    (CHECKED + "swapgs\nsysretq", 0),
    ("swapgs\nsysretq", 1),
    ("mov %rcx, %r11\nshr $46, %r11\njnz away\nsysretq", 1),
    ("mov %rdx, %r11\nshr $47, %r11\njnz away\nsysretq", 1),
    (CHECKED + "mov (%rsp), %rcx\nsysretq", 1),
    (CHECKED + "pop %rcx\nsysretq", 1),
    (CHECKED + "past: swapgs\nsysretq\nf2: jmp past", 1),
])
def test_sysret(tmp_path: Path, code: str, expected: int) -> None:
    assert count(objcode.sysret, tmp_path, f"entry: {code}\naway: iretq") == expected


def linked(tmp_path: Path, code: str, script: str = "") -> object:
    (tmp_path / "sample.s").write_text(code)
    (tmp_path / "sample.ld").write_text(script or "SECTIONS { . = 0x10000; .text : { *(.text) } . = 0x20000; .data : "
                                        "{ trace_sites_start = .; *(trace_sites) trace_sites_end = .; *(.data) } }")
    subprocess.run(["gcc", "-c", str(tmp_path / "sample.s"), "-o", str(tmp_path / "sample.o")], check=True)
    subprocess.run(["ld", "-e", "0", "-T", str(tmp_path / "sample.ld"), str(tmp_path / "sample.o"), "-o",
                    str(tmp_path / "sample.elf"), "--no-warn-rwx-segments"], check=True)
    return elf.Elf(tmp_path / "sample.elf")


SITE = '1: .byte 0x0f,0x1f,0x44,0,{last}\nret\n2: ret\n.section trace_sites,"aw"\n.quad 1b, {target}, 2b, {event}\n'


@pytest.mark.parametrize("last,target,event,expected", [
    ("0", "2b", "8", []), ("1", "2b", "8", ["holds 0f 1f 44 00 01"]), ("0", "0x99", "8", ["target 0x99 is not code"]),
    ("0", "2b", "512", ["event 512 does not exist"])])
def test_trace_sites(tmp_path: Path, last: str, target: str, event: str, expected: list[str]) -> None:
    sample = linked(tmp_path, SITE.format(last=last, target=target, event=event))
    found = list(objcode.trace_sites(sample, "sample"))
    assert len(found) == len(expected)
    assert all(part in finding.text for part, finding in zip(expected, found))


def test_trace_sites_without_a_table(tmp_path: Path) -> None:
    sample = linked(tmp_path, "ret\n", "SECTIONS { . = 0x10000; .text : { *(.text) } }")
    assert len(list(objcode.trace_sites(sample, "sample"))) == 1


# ---- what records ----

def emitter_findings(tmp_path: Path, code: str, script: str = "") -> list[str]:
    sample = linked(tmp_path, code, script)
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", str(tmp_path / "sample.elf")],
                             capture_output=True, text=True, check=True).stdout
    return [finding.text for finding in emitters.judge(sample, objcode.parse_listing(listing), "sample")]


@pytest.mark.parametrize("code,expected", [
    ("mov %rax, (%rdi)\nret", []),
    ("lock incq (%rdi)\nret", ["lock incq"]),
    ("xchg %rax, (%rdi)\nret", ["xchg"]),
    ("xchg %rax, %rdi\nret", []),
    ("1: dec %rdi\njne 1b\nret", ["loop: trace_emit_x"]),
    ("test %rdi, %rdi\nje 2f\n1: ret\n2: call trace_advance\njmp 1b", []),  # an unlikely block that jumps back
    ("rep movsq\nret", []),
    ("rep stosq\nret", ["rep stos"]),
    ("call other\nret", ["calls: trace_emit_x+0x0: call"]),
    ("jmp other", ["calls: trace_emit_x+0x0: jmp"]),
    ("jne trace_emit_x.cold\nret\ntrace_emit_x.cold: lock incq (%rdi)\nret", ["trace_emit_x.cold+0x0: lock incq"]),
    ("call *(%rdi)\nret", ["calls: trace_emit_x+0x0: call", "calls through a pointer"]),
])
def test_emitters(tmp_path: Path, code: str, expected: list[str]) -> None:
    found = emitter_findings(tmp_path, f"trace_emit_x: {code}\nother: lock incq (%rdi)\nret\ntrace_advance: ret")
    assert len(found) == len(expected) and all(part in text for part, text in zip(expected, found)), found


def test_thunks_are_emitters(tmp_path: Path) -> None:
    code = "function_thunk: jmp function_thunk\nprobe_thunk: lock incq (%rdi)\nret\nother_thunk: lock incq (%rdi)\nret"
    assert len(emitter_findings(tmp_path, code)) == 2


IN_PLACE = """
path: cmp %rax, %rbx
.Lsite: .byte 0x0f,0x1f,0x44,0,0
.Lback: lock incq (%rdx)
loop path
ret
.Lhooked: mov $1, %edi
jmp .Lemit
.Lon: mov %gs:48, %rdi
.Lemit: {block}
addq $16, (%rdi)
.Ldone: jmp .Lback
.Lslow: call trace_slow_write
jmp .Ldone
other: ret
trace_slow_write: {slow}
ret
trace_meta_write: {meta}
ret
panic: call seen
ret
seen: ret
.Lother: addq $8, (%rdi)
ret
.fill 5,1,0x90
traced: push %rbp
mov %rsp, %rbp
leave
ret
calls_meta: call trace_meta_write
ret
.section trace_sites,"aw"
.quad .Lsite, .Lon, .Lhooked, 8, seen, .Lother, .Lother, 9
.data
.quad traced - 5
"""
IN_PLACE_SCRIPT = ("SECTIONS { . = 0x10000; .text : { *(.text) } . = 0x20000; .data : { trace_sites_start = .; "
                   "*(trace_sites) trace_sites_end = .; function_slots_start = .; *(.data) function_slots_end = .; } }")


@pytest.mark.parametrize("block,slow,meta,expected", [
    ("mov %rax, 8(%rdi)\njae .Lslow", "nop", "lock incq (%rdi)\n1: loop 1b", []),
    ("jae .Lslow", "call panic", "call panic", []),
    ("lock incq (%rdi)", "nop", "nop", ["event 8: path"]),
    ("1: loop 1b", "nop", "nop", ["loop: event 8"]),
    ("call other", "nop", "nop", ["calls: event 8"]),
    ("jae .Lslow", "call seen", "nop", ["seen <- trace_slow_write: has a site of event 9"]),
    ("jae .Lslow", "jmp traced", "nop", ["traced <- trace_slow_write: can be traced"]),
    ("jae .Lslow", "call *%rax", "nop", ["trace_slow_write: calls through a pointer"]),
    ("nop", "nop", "call seen", ["seen <- trace_meta_write: has a site of event 9"]),
])
def test_records_written_in_place(tmp_path: Path, block: str, slow: str, meta: str, expected: list[str]) -> None:
    """A site's block is an emitter, wherever it was inlined; what is around it may do as it likes."""
    found = emitter_findings(tmp_path, IN_PLACE.format(block=block, slow=slow, meta=meta), IN_PLACE_SCRIPT)
    assert len(found) == len(expected), found
    assert all(any(part in text for text in found) for part in expected), found


TRACED = """
.section .rec,"ax"
function_trace_slow: {recorder}
ret
.text
{slot}
f: push %rbp
mov %rsp,%rbp
{body}
leave
ret
other: ret
f.cold: mov 0x10(%rbp), %rdx
jmp other
.data
.quad f - 5
"""
TRACED_SCRIPT = ("SECTIONS { . = 0x10000; .text : { entry_text_start = .; QUAD(0) *(.rec) nmi_text_end = .; QUAD(0) "
                 "*(.text) } . = 0x20000; .data : { function_slots_start = .; *(.data) function_slots_end = .; } }")


@pytest.mark.parametrize("slot,body,recorder,expected", [
    (".fill 5,1,0x90", "mov -8(%rbp), %rax", "call other", []),
    (".fill 4,1,0x90", "nop", "nop", ["no slot"]),
    (".fill 5,1,0x90", "mov 16(%rbp), %rax", "nop", ["argument on the stack: f+0x4"]),
    (".fill 5,1,0x90", "lea 0x20(%rbp), %rax", "nop", ["argument on the stack"]),
    (".fill 5,1,0x90", "jz f.cold", "nop", ["argument on the stack: f.cold"]),
    (".fill 5,1,0x90", "nop", "jmp f", ["records calls"]),
])
def test_functions_that_can_be_traced(tmp_path: Path, slot: str, body: str, recorder: str, expected: list[str]) -> None:
    sample = linked(tmp_path, TRACED.format(slot=slot, body=body, recorder=recorder), TRACED_SCRIPT)
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", str(tmp_path / "sample.elf")],
                             capture_output=True, text=True, check=True).stdout
    found = list(objcode.functions_traced(sample, objcode.parse_listing(listing), "sample"))
    assert len(found) == len(expected), found
    assert all(part in finding.text for part, finding in zip(expected, found))


def test_writable_and_executable(tmp_path: Path) -> None:
    assert list(objcode.write_and_execute(linked(tmp_path, 'ret\n.data\n.quad 1\n'), "sample")) == []
    bad = linked(tmp_path, '.section .mixed,"awx"\nret\n', "SECTIONS { . = 0x10000; .mixed : { *(.mixed) } }")
    texts = [finding.text for finding in objcode.write_and_execute(bad, "sample")]
    assert len(texts) == 2 and "section .mixed" in texts[0] and "segment" in texts[1]


@pytest.mark.parametrize("name", sorted(objcode.RULES | emitters.RULES))
def test_object_code_rules_fail_without_a_kernel(context, name: str) -> None:
    assert "is not built" in (objcode.RULES | emitters.RULES)[name](context)[0].text


# ---- documents ----

# ---- the call graph of the debugger ----

def graph_of(**files: dict[str, list[str]]):
    """graph_of(kdebug={caller: [callees]}, kernel=...): what gcc would write; '*' is a call through a pointer."""
    graph = callgraph.Graph()
    for file, calls in files.items():
        nodes = [f'node: {{ title: "{caller}" label: "{caller}\\nx.c:1:2" }}' for caller in calls]
        pairs = [(caller, "__indirect_call" if callee == "*" else callee)
                 for caller, callees in calls.items() for callee in callees]
        nodes += [f'node: {{ title: "{callee}" label: "x" shape : ellipse }}'
                  for _, callee in pairs if callee not in calls]
        edges = [f'edge: {{ sourcename: "{caller}" targetname: "{callee}" label: "x.c:3:4" }}'
                 for caller, callee in pairs]
        graph.read("\n".join(nodes + edges), file == "kdebug")
    return graph


CALM = {"format": ["strlen"], "strlen": [], "heap_alloc": ["spinlock_wait"], "spinlock_wait": [], "log_write": []}


@pytest.mark.parametrize("debugger, kernel, addresses, expected", [
    ({"run": ["format", "*"]}, CALM, [], []),
    ({"run": ["format"]}, CALM | {"strlen": ["spinlock_wait"]}, [], ["spinlock_wait <- strlen <- format <- run"]),
    ({"run": ["heap_alloc"]}, CALM, [], ["heap_alloc <- run"]),
    ({"a.c:inner": ["log_write"], "run": ["a.c:inner"]}, CALM, [], ["log_write <- inner"]),
    ({"run": []}, CALM, ["heap_alloc"], ["heap_alloc"]),
    ({"run": ["format"]}, CALM | {"format": ["*"]}, [], ["call through a pointer: format <- run"]),
    ({"run": ["memory_copy"]}, CALM, [], ["no C function: memory_copy <- run"]),
    ({"kdebug_deferred": ["a.c:say"], "a.c:say": ["log_write"]}, CALM, [], []),
    ({"kdebug_deferred": ["a.c:say"], "a.c:say": ["log_write"], "run": ["a.c:say"]}, CALM, [], ["log_write <- say"]),
])
def test_what_the_debugger_reaches(debugger, kernel, addresses, expected) -> None:
    texts = [finding.text for finding in callgraph.judge(graph_of(kdebug=debugger, kernel=kernel), addresses)]
    assert len(texts) == len(expected) and all(text.endswith(end) for text, end in zip(texts, expected)), texts


def test_a_lock_planted_in_the_debugger_is_found(context, tmp_path: Path) -> None:
    """Through the compiler: a command that takes a lock by an inline function of a header."""
    put(tmp_path, "lock.h", "void spinlock_wait(int *);\nstatic inline void take(int *lock)\n"
                            "{\n    if (*lock) {\n        spinlock_wait(lock);\n    }\n}\n")
    put(tmp_path, "command.c", '#include "lock.h"\nint lock;\nvoid run(void)\n{\n    take(&lock);\n}\n')
    put(tmp_path, "spinlock.c", '#include "lock.h"\nvoid spinlock_wait(int *lock)\n{\n    *lock = 1;\n}\n')
    objects = context.output / "kernel.o.d"
    for source, folder in (("command", "kdebug/cmd"), ("spinlock", "kernel/sync")):
        (objects / folder).mkdir(parents=True)
        subprocess.run(["gcc", "-O2", "-fcallgraph-info", "-c", str(tmp_path / f"{source}.c"), "-o",
                        str(objects / folder / f"{source}.o")], check=True)
    assert [finding.text for finding in callgraph.check_debugger(context)] == \
        ["reaches spinlock_wait, which takes a lock: spinlock_wait <- run"]


def test_words(context) -> None:
    folders = [path.name for path in context.root.iterdir() if path.is_dir() and path.name in sources.FOLDERS]
    for name in ("ARCHITECTURE.md", "LICENSE", "kernel/base/README.md", *(f"{folder}/README.md" for folder in folders)):
        put(context.root, name, "x\n")
    put(context.root, "README.md", "See [the base](kernel/base/) and [elsewhere](https://example.org/x).\n")
    assert words.check_words(context) == []
    put(context.root, "ARCHITECTURE.md", "a\n[gone](kernel/gone.md#top)\n")
    (context.root / "LICENSE").unlink()
    (context.root / "kernel/base/README.md").unlink()
    assert places(words.check_words(context)) == [("LICENSE", 0), ("kernel/base/README.md", 0), ("ARCHITECTURE.md", 2)]


# ---- the rest ----

def test_a_finding_prints_place_rule_and_advice() -> None:
    text = str(findings.Finding("a.c", 3, "layers", "too high", "move it"))
    assert text == "a.c:3: [layers] too high\n    move it"


def test_function_lengths_and_percentiles() -> None:
    assert sizes.function_lengths(["int f(void)", "{", "    a;", "    b;", "}", "", "int g(void)", "{", "}"]) == [2, 0]
    assert sizes.percentile([5, 1, 9], 0.5) == 5
    assert sizes.comment_lines(["/* a", " * b", " */", "x; /* c */", "y;"]) == 4


def test_sources_leave_built_files_out(tmp_path: Path) -> None:
    put(tmp_path, "kernel/a.c", "")
    put(tmp_path, "kernel/build/b.c", "")
    assert sources.list_sources(tmp_path, ".c") == ["kernel/a.c"]


def test_lint_exit_code_and_json(context, tmp_path: Path) -> None:
    output = tmp_path / "lint.json"
    command = [sys.executable, str(ROOT / "tools/lint/lint.py"), "--root", str(context.root), "--json", str(output)]
    assert subprocess.run([*command, "head", "layers"], capture_output=True, check=False).returncode == 0
    put(context.root, "kernel/base/bad.c", "int x;\n")
    done = subprocess.run([*command, "head", "layers"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "kernel/base/bad.c:1: [head] no licence line" in done.stdout
    assert '"rule": "head", "result": "failed"' in " ".join(output.read_text().split())
