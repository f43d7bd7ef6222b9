# SPDX-License-Identifier: MIT
"""Rules on the kernel's object code: what no compiler flag guarantees and no test run shows."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from elf import PF_W, PF_X, PT_LOAD, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, Elf
from findings import Context, Finding, Rule, run

# The last bytes of user_copy_raw(), user_copy_present() and user_zero_raw(): at most 7.
SHORT_TAILS = {"copy_bytes", "present_bytes", "zero_bytes"}

SITE_NOP = bytes([0x0f, 0x1f, 0x44, 0x00, 0x00])
SITE_BYTES = 32  # struct trace_site: address, on, hooked, event
EVENT_MAX = 512

FUNCTION = re.compile(r"([0-9a-f]+) <([^>]+)>:$")
INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(.*?)\s*(?:#.*)?$")
TARGET = re.compile(r"(?:j|loop)\w*\s+([0-9a-f]+)\b")
ENDS = re.compile(r"(jmp|ret|iret|sysret|ud2|hlt)")
FLOATING = re.compile(r"%(xmm|ymm|zmm|mm)\d|%st\b")
BYTE_STRING = re.compile(r"\brep\w*\s+(movsb|stosb|stos\s+%al)")


@dataclass(frozen=True)
class Instruction:
    address: int
    text: str


@dataclass
class Function:
    name: str
    code: list[Instruction] = field(default_factory=list)


def parse_listing(text: str) -> list[Function]:
    """objdump -d --no-show-raw-insn, AT&T syntax."""
    functions: list[Function] = []
    for line in text.splitlines():
        head = FUNCTION.match(line)
        if head:
            functions.append(Function(head[2]))
            continue
        match = INSTRUCTION.match(line)
        if match and functions:
            functions[-1].code.append(Instruction(int(match[1], 16), " ".join(match[2].split())))
    return functions


def disassemble(context: Context, path: Path) -> list[Function]:
    return parse_listing(run(context, ["objdump", "-d", "--no-show-raw-insn", "-w", str(path)]).stdout)


def place(function: Function, instruction: Instruction) -> str:
    return f"{function.name}+{instruction.address - function.code[0].address:#x}: {instruction.text}"


# ---- single instructions ----

def byte_strings(functions: list[Function], file: str) -> Iterator[Finding]:
    for function in functions:
        for instruction in function.code:
            if BYTE_STRING.search(instruction.text) and function.name not in SHORT_TAILS:
                yield Finding(file, 0, "code-byte-string", place(function, instruction),
                              "use movsq or stosq: emulators count every iteration")


def floating_point(functions: list[Function], file: str) -> Iterator[Finding]:
    for function in functions:
        for instruction in function.code:
            if FLOATING.search(instruction.text):
                yield Finding(file, 0, "code-no-fpu", place(function, instruction),
                              "the FPU state belongs to user programs: is -mgeneral-regs-only missing?")


# ---- SYSRET ----

def sysret(functions: list[Function], file: str) -> Iterator[Finding]:
    """
    SYSRET to a non-canonical address faults in ring 0 on the user's stack (CVE-2012-0217). The check is recognised as
        mov %rcx,R / shr $0x2f,R / jne elsewhere / ... / sysretq
    where nothing between the first and the last writes rcx and no jump leads in between.
    """
    targets = {int(match[1], 16) for function in functions for instruction in function.code
               if (match := TARGET.match(instruction.text))}
    for function in functions:
        for index, instruction in enumerate(function.code):
            if instruction.text.startswith("sysret"):
                problem = judge_sysret(function.code[:index + 1], targets)
                if problem:
                    yield Finding(file, 0, "code-sysret", f"{place(function, instruction)}: {problem}",
                                  "return by iretq when rcx has any of bits 47 to 63 set")


def judge_sysret(code: list[Instruction], targets: set[int]) -> str:
    """code ends with the SYSRET."""
    for index in range(len(code) - 2, 1, -1):
        shift = re.match(r"shr \$0x2f,(%r\w+)", code[index - 1].text)
        if code[index].text.startswith("jne") and shift and code[index - 2].text == f"mov %rcx,{shift[1]}":
            window = code[index - 2:]
            if any(re.search(r",%(rcx|ecx|cx|cl)$", item.text) or item.text == "pop %rcx" for item in window):
                return "rcx is written after the check"
            if any(item.address in targets for item in window[1:]):
                return "a jump leads past the check"
            return ""
    return "no canonical check of rcx before it"


# ---- trace sites, sections ----

def trace_site_rows(elf: Elf) -> list[tuple[int, int, int, int]]:
    """Address, target while on, target while hooked, event."""
    marks = {symbol.name: symbol.address for symbol in elf.symbols()}
    begin, end = marks.get("trace_sites_start", 0), marks.get("trace_sites_end", 0)
    return [(site, on, hooked, event) for site, on, hooked, event in
            struct.iter_unpack("<QQQQ", elf.read(begin, (end - begin) // SITE_BYTES * SITE_BYTES))]


def trace_sites(elf: Elf, file: str) -> Iterator[Finding]:
    marks = {symbol.name: symbol.address for symbol in elf.symbols()
             if symbol.name in ("trace_sites_start", "trace_sites_end")}
    if len(marks) != 2:
        yield Finding(file, 0, "code-sites", "no trace_sites_start and trace_sites_end", "kernel.ld defines them")
        return
    text = [section for section in elf.sections if section.flags & SHF_EXECINSTR]
    for address in range(marks["trace_sites_start"], marks["trace_sites_end"], SITE_BYTES):
        row = elf.read(address, SITE_BYTES)
        if len(row) < SITE_BYTES:
            yield Finding(file, 0, "code-sites", f"table row at {address:#x} is cut", "see trace_sites in kernel.ld")
            return
        site, *targets, event = struct.unpack("<QQQQ", row)
        found = elf.read(site, len(SITE_NOP))
        if found != SITE_NOP:
            yield Finding(file, 0, "code-sites", f"site {site:#x} of event {event} holds {found.hex(' ')}",
                          "a site is the 5-byte NOP 0f 1f 44 00 00 until it is patched")
        for target in targets:
            if not any(section.address <= target < section.address + section.bytes for section in text):
                yield Finding(file, 0, "code-sites", f"site {site:#x}: target {target:#x} is not code", "see site.h")
        if event >= EVENT_MAX:
            yield Finding(file, 0, "code-sites", f"site {site:#x}: event {event} does not exist", "see site.h")


# ---- functions that can be traced ----

SLOT = bytes([0x90] * 5)
FRAME = bytes([0x55, 0x48, 0x89, 0xe5])  # push rbp; mov rbp, rsp
STACK_ARGUMENT = re.compile(r"(?<![-\w])0x([0-9a-f]+)\(%rbp\)")
CALL = re.compile(r"(?:call|jmp|j\w+)\s+[0-9a-f]+ <([^>+]+)")
RECORDS = "function_trace_slow"  # all that function_thunk calls


def read_slots(elf: Elf) -> list[int]:
    """Where functions begin that have a slot."""
    marks = {symbol.name: symbol.address for symbol in elf.symbols()}
    begin, end = marks.get("function_slots_start", 0), marks.get("function_slots_end", 0)
    return [address + len(SLOT) for (address,) in struct.iter_unpack("<Q", elf.read(begin, end - begin))]


def reachable(functions: list[Function], root: str) -> set[str]:
    """Names of what a function calls by name, and so on."""
    calls = {function.name: {match[1] for item in function.code if (match := CALL.match(item.text))}
             for function in functions}
    seen: set[str] = set()
    todo = [root]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += calls.get(name, ())
    return seen


def with_cold_part(function: Function, by_address: dict[int, Function]) -> Iterator[Function]:
    """A function, and what gcc has put elsewhere of it."""
    yield function
    for item in function.code:
        jump = TARGET.match(item.text)
        part = by_address.get(int(jump[1], 16)) if jump else None
        if part and part.name.endswith(".cold"):
            yield part


def stack_argument(function: Function) -> Instruction | None:
    """An instruction that reads above the return address. A compare of addresses with a big offset is none."""
    for item in function.code:
        match = STACK_ARGUMENT.search(item.text)
        if match and 0x10 <= int(match[1], 16) < 0x100:
            return item
    return None


def functions_traced(elf: Elf, functions: list[Function], file: str) -> Iterator[Finding]:
    """
    What can be traced must be what its slot says, take no argument on the stack, which the thunk would move, and not be
    used by those that record a call, or by NMI handlers.
    """
    marks = {symbol.name: symbol.address for symbol in elf.symbols()}
    forbidden = range(marks.get("entry_text_start", 0), marks.get("nmi_text_end", 0))
    recorder = reachable(functions, RECORDS)
    by_address = {function.code[0].address: function for function in functions if function.code}
    for entry in read_slots(elf):
        function = by_address.get(entry, Function(f"{entry:#x}"))
        if elf.read(entry - len(SLOT), len(SLOT)) != SLOT:
            yield Finding(file, 0, "code-functions", f"{function.name}: no slot", "see arch/function_patch.h")
        if elf.read(entry, len(FRAME)) != FRAME:
            continue
        if entry in forbidden or function.name in recorder:
            yield Finding(file, 0, "code-functions", f"{function.name} records calls or serves NMIs",
                          "it must not be traced: add its file to NOT_TRACED in the Makefile")
        for part in with_cold_part(function, by_address):
            argument = stack_argument(part)
            if argument:
                yield Finding(file, 0, "code-functions", "argument on the stack: " + place(part, argument),
                              "say NOT_TRACED at the definition of the function")
                break


def write_and_execute(elf: Elf, file: str) -> Iterator[Finding]:
    for section in elf.sections:
        if section.flags & SHF_ALLOC and section.flags & SHF_WRITE and section.flags & SHF_EXECINSTR:
            yield Finding(file, 0, "code-wx", f"section {section.name} is writable and executable", "split it")
    for segment in elf.segments:
        if segment.type == PT_LOAD and segment.flags & PF_W and segment.flags & PF_X:
            yield Finding(file, 0, "code-wx", f"segment at {segment.address:#x} is writable and executable",
                          "give it flags of its own in kernel.ld")


# ---- rules ----

CodeCheck = Callable[[list[Function], str], Iterator[Finding]]
ElfCheck = Callable[[Elf, str], Iterator[Finding]]


def not_built(path: Path) -> list[Finding]:
    return [Finding(str(path), 0, "code", "is not built", "make kernel")]


def on_code(check: CodeCheck) -> Rule:
    def rule(context: Context) -> list[Finding]:
        path = context.output / "kernel.elf"
        if not path.exists():
            return not_built(path)
        return list(check(disassemble(context, path), str(path)))
    return rule


def on_elf(check: ElfCheck) -> Rule:
    def rule(context: Context) -> list[Finding]:
        found = []
        for path in [context.output / "kernel.elf", *sorted((context.output / "user").glob("*"))]:
            if path.name == "kernel.elf" and not path.exists():
                return not_built(path)
            if path.name == "kernel.elf" or check is write_and_execute:
                found += list(check(Elf(path), str(path)))
        return found
    return rule


def functions_rule(context: Context) -> list[Finding]:
    path = context.output / "kernel.elf"
    if not path.exists():
        return not_built(path)
    return list(functions_traced(Elf(path), disassemble(context, path), str(path)))


RULES: dict[str, Rule] = {
    "code-byte-string": on_code(byte_strings),
    "code-no-fpu": on_code(floating_point),
    "code-sysret": on_code(sysret),
    "code-sites": on_elf(trace_sites),
    "code-functions": functions_rule,
    "code-wx": on_elf(write_and_execute),
}
