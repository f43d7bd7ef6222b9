# SPDX-License-Identifier: MIT
"""
What records an event runs straight through, and records nothing itself: judged on the kernel's object code.

Two kinds of code are looked at. The emitters proper are functions (EMITTERS, THUNKS). The others are blocks: what the
jump of a site leads to (trace/ring/site.h), up to where the record is committed or another emitter called. Blocks
matter where records are written in place (kernel/ipc/direct.c): no function's name tells that it is an emitter.

Neither may wait (no locked instruction), repeat (no loop), or call what is not known to be an emitter or its slow way
(MAY_CALL). And nothing that they can get to, the slow ways included, may have a site or be traced: it would be recorded
while a record is being written, into the same place.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from elf import Elf
from findings import Context, Finding
from objcode import (ENDS, EVENT_MAX, TARGET, Function, Instruction, disassemble, not_built, place, read_slots,
                     trace_site_rows)

RULE = "code-emitter"
EMITTERS = re.compile(r"trace_(emit|write)_")
THUNKS = {"function_thunk", "probe_thunk"}  # emitters in assembly
META = "trace_meta_write"                   # has emitters of its own, without a site: rare facts, under a lock

# What emitters may call, besides each other: slow ways, and what copies a string.
MAY_CALL = {"trace_slow_write", "trace_advance", "trace_hook_decide", "function_trace_slow", "probe_write", "memcpy"}

# Does not come back, so that there is no record any more whose writing could be disturbed.
NO_RETURN = {"panic", "__stack_chk_fail"}

LEAVES = re.compile(r"(call|j\w+|loop\w*)\s+([0-9a-f]+)\b")
BY_POINTER = re.compile(r"(call|jmp)\s+\*(?!\S*\(,)")  # not the jump table of a switch
COMMIT = re.compile(r"add[q]?\s+\S+,(?:0x0)?\((%\w+)\)$")  # trace_publish(): the lane's position, its first word
REPEAT = re.compile(r"\brep\w*\s")


def is_locked(text: str) -> bool:
    """XCHG with memory locks without a prefix."""
    return text.startswith("lock") or (text.startswith("xchg") and "(" in text)


def base(function: Function) -> str:
    """Without what gcc or the assembler adds: f.cold, f.label."""
    return function.name.partition(".")[0]


def is_emitter(name: str) -> bool:
    return bool(EMITTERS.match(name)) or name in THUNKS


class Code:
    """The kernel's instructions by address, and whose they are."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self.functions = [function for function in functions if function.code]
        self.by_address = {function.code[0].address: function for function in self.functions}
        self.at: dict[int, Instruction] = {}
        self.owner: dict[int, Function] = {}
        self.behind: dict[int, int] = {}
        before = -1
        for function in self.functions:
            for item in function.code:
                self.at[item.address] = item
                self.owner[item.address] = function
                self.behind[before] = item.address
                before = item.address

    def target(self, item: Instruction) -> int | None:
        """Where a call or jump leads, if to code."""
        match = LEAVES.match(item.text)
        return int(match[2], 16) if match and int(match[2], 16) in self.at else None

    def following(self, item: Instruction) -> list[int]:
        """The addresses of those that may come next; a call comes back."""
        jump = TARGET.match(item.text)
        found = [int(jump[1], 16)] if jump and int(jump[1], 16) in self.at else []
        if not ENDS.match(item.text) and item.address in self.behind:
            found.append(self.behind[item.address])
        return found

    def called(self, item: Instruction) -> Function | None:
        """The other function that an instruction calls, or jumps to the beginning of."""
        target = self.target(item)
        function = self.by_address.get(target) if target is not None else None
        return None if function is self.owner[item.address] and not item.text.startswith("call") else function


@dataclass
class Block:
    """Instructions that write a record, with those that may come next; name: for findings."""

    name: str
    code: dict[int, list[int]]
    may_leave: bool = False  # a thunk also runs the function that it records; its blocks are looked at by themselves


def whole(code: Code, function: Function) -> Block:
    inside = {item.address for item in function.code}
    return Block(function.name, {item.address: [address for address in code.following(item) if address in inside]
                                 for item in function.code}, base(function) in THUNKS)


def is_end(code: Code, item: Instruction) -> bool:
    """Of a block: the record is committed, or who writes it is called."""
    called = code.called(item)
    return bool(COMMIT.match(item.text)) or (called is not None and (is_emitter(called.name) or called.name in MAY_CALL
                                                                     and called.name != "memcpy"))


def block_at(code: Code, start: int, name: str) -> Block:
    block = Block(name, {})
    todo = [start]
    while todo:
        address = todo.pop()
        if address in block.code or address not in code.at:
            continue
        item = code.at[address]
        block.code[address] = [] if is_end(code, item) else code.following(item)
        todo += block.code[address]
    return block


def find_loop(code: Code, block: Block) -> Instruction | None:
    """
    An instruction that can lead back to itself. A backward jump alone is no loop: compilers put unlikely blocks at
    the end and jump back from there.
    """
    for start in block.code:
        seen: set[int] = set()
        todo = list(block.code[start])
        while todo:
            address = todo.pop()
            if address == start:
                return code.at[start]
            if address not in seen:
                seen.add(address)
                todo += block.code.get(address, [])
    return None


def judge_block(code: Code, block: Block, file: str) -> Iterator[Finding]:
    def finding(item: Instruction, advice: str, what: str = "") -> Finding:
        where = place(code.owner[item.address], item)
        return Finding(file, 0, RULE, what + (where if block.name in where else f"{block.name}: {where}"), advice)

    for address in block.code:
        item = code.at[address]
        if is_locked(item.text):
            yield finding(item, "lanes have one producer: no locked instruction is needed")
        if REPEAT.match(item.text) and not item.text.startswith("rep movsq"):
            yield finding(item, "copy strings by movsq only")
        called = code.called(item)
        is_known = called is None or is_emitter(called.name) or called.name in MAY_CALL or called.name in NO_RETURN
        is_part = called is not None and base(called) == base(code.owner[address])
        if not block.may_leave and (BY_POINTER.match(item.text) or not (is_known or is_part)):
            yield finding(item, "only slow ways may be called: see MAY_CALL in tools/lint/emitters.py", "calls: ")
    looping = find_loop(code, block)
    if looping:
        yield finding(looping, "emitters run straight through", "loop: ")


def blocks(code: Code, sites: list[tuple[int, int, int, int]]) -> list[Block]:
    found = [whole(code, function) for function in code.functions
             if is_emitter(base(function))]
    return found + [block_at(code, target, f"event {event}") for _, on, hooked, event in sites
                    for target in dict.fromkeys((on, hooked))]


# ---- what can be got to ----

def callees(code: Code, addresses: Iterable[int]) -> Iterator[Function]:
    for address in addresses:
        called = code.called(code.at[address])
        if called:
            yield called


def all_callees(code: Code, function: Function) -> Iterator[Function]:
    yield from callees(code, (item.address for item in function.code))
    for item in function.code:
        target = code.target(item)
        if target is not None and code.owner[target] is not function:
            yield code.owner[target]  # into its middle, as between a function and its cold part
    behind = code.owner.get(code.behind.get(function.code[-1].address, 0))
    if behind and base(behind) == base(function):
        yield behind  # a label inside of assembly


def reached(code: Code, roots: Iterable[Function]) -> dict[int, int | None]:
    """Functions, by address, with that which each was first reached from."""
    came_from: dict[int, int | None] = {function.code[0].address: None for function in roots}
    todo = deque(came_from)
    while todo:
        address = todo.popleft()
        for callee in all_callees(code, code.by_address[address]):
            if callee.code[0].address not in came_from and callee.name not in NO_RETURN:
                came_from[callee.code[0].address] = address
                todo.append(callee.code[0].address)
    return came_from


def path_to(code: Code, address: int, came_from: dict[int, int | None]) -> str:
    names = []
    at: int | None = address
    while at is not None:
        names.append(code.by_address[at].name)
        at = came_from[at]
    return " <- ".join(names)


def emitting(code: Code, found: list[Block]) -> Iterator[Function]:
    """Functions whose whole code runs while a record is written."""
    for block in found:
        if not block.may_leave:
            yield from callees(code, block.code)
    for function in code.functions:
        calls_meta = any(callee.name == META for callee in callees(code, (item.address for item in function.code)))
        if calls_meta or function.name == META or EMITTERS.match(function.name):
            yield function


def judge_reached(code: Code, elf: Elf, found: list[Block], file: str) -> Iterator[Finding]:
    recorded: dict[int, str] = {}
    for site, _, _, event in event_sites(elf):
        recorded.setdefault(code.owner[site].code[0].address, f"has a site of event {event}")
    recorded.update({entry: "can be traced" for entry in read_slots(elf) if entry in code.by_address})
    came_from = reached(code, emitting(code, found))
    for address in came_from:
        if address in recorded:
            yield Finding(file, 0, RULE, f"{path_to(code, address, came_from)}: {recorded[address]}",
                          "what emitters get to must not be recorded: do without it, or do it elsewhere")
        if any(BY_POINTER.match(item.text) for item in code.by_address[address].code):
            yield Finding(file, 0, RULE, f"{path_to(code, address, came_from)}: calls through a pointer",
                          "nobody knows what is recorded there")


def event_sites(elf: Elf) -> list[tuple[int, int, int, int]]:
    """The last number is no event, but what else is patched in and out in the same way."""
    return [row for row in trace_site_rows(elf) if row[3] < EVENT_MAX - 1]


def judge(elf: Elf, functions: list[Function], file: str) -> list[Finding]:
    code = Code(functions)
    found = blocks(code, event_sites(elf))
    problems = [problem for block in found for problem in judge_block(code, block, file)]
    return list(dict.fromkeys([*problems, *judge_reached(code, elf, found, file)]))


def emitters_rule(context: Context) -> list[Finding]:
    path = context.output / "kernel.elf"
    return judge(Elf(path), disassemble(context, path), str(path)) if path.exists() else not_built(path)


RULES = {RULE: emitters_rule}
