# SPDX-License-Identifier: MIT
"""
What the debugger can reach takes no lock and allocates nothing, proved on the compiler's call graph.

gcc writes a graph per object (-fcallgraph-info), after inlining, so an edge is a call that is in the code. Together
they are the kernel's, but for three things that are decided here:

    indirect calls of kdebug   reach functions of kdebug, all of which are roots, or those of others whose address it
                               takes, which are roots, too
    indirect calls of others   must be listed in INDIRECT with what they can reach
    functions in assembly      must be listed in ASSEMBLY

Roots are the functions of kdebug, but for what runs in the running kernel (EXEMPT) and what only that calls.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from findings import Context, Finding, run

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*"( shape : ellipse)? \}')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")? \}')
# Below kernel.o.d: the debugger, and what only it calls: Zydis, and the line editor that user space has, too.
DEBUGGER = ("kdebug/", "third_party/", "kernel/base/line_editor.")
INDIRECT_CALL = "__indirect_call"

# What may not be reached, and what it would do.
FORBIDDEN = {
    "spinlock_wait": "takes a lock",
    "rendezvous_run": "waits for all cores",
    "tlb_flush": "waits for other cores",
    "core_poll_slow": "serves other cores",
    "frame_alloc_run": "allocates",
    "heap_alloc": "allocates",
    "cache_alloc": "allocates",
    "thread_wait": "waits",
    "log_write": "takes a lock",
}

# Called by the kernel where it runs as usual: no stop is in progress, no NMI is being served.
EXEMPT = {"kdebug_open_door", "kd_door_make", "kd_watchdog_start", "kdebug_deferred", "kd_control_do"}

# Calls through pointers outside of kdebug -> what they reach.
INDIRECT: dict[str, tuple[str, ...]] = {}

# Functions in assembly that call others, or lead to them.
ASSEMBLY: dict[str, tuple[str, ...]] = {
    "kd_stack_call": (),  # a function of kdebug
    "kd_trigger": (),     # a breakpoint: kdebug_trap()
}


@dataclass
class Graph:
    """Functions by title: "name", or "file:name" of a static one."""

    calls: dict[str, dict[str, str]] = field(default_factory=dict)  # of those that are defined: callee -> place
    debugger: set[str] = field(default_factory=set)  # those defined in DEBUGGER

    def read(self, text: str, is_debugger: bool) -> None:
        for title, is_outside in NODE.findall(text):
            if not is_outside:
                self.calls.setdefault(title, {})
                if is_debugger:
                    self.debugger.add(title)
        for caller, callee, place in EDGE.findall(text):
            self.calls.setdefault(caller, {}).setdefault(callee, place)

    def callers(self, of: str) -> set[str]:
        return {caller for caller, callees in self.calls.items() if of in callees}


def exempt(graph: Graph, roots: Iterable[str]) -> set[str]:
    """These, and the static functions that only they call."""
    result = set(roots)
    grown = True
    while grown:
        new = {title for title in graph.debugger - result
               if ":" in title and (callers := graph.callers(title)) and callers <= result}
        result |= new
        grown = bool(new)
    return result


def successors(graph: Graph, title: str) -> dict[str, str]:
    if title in graph.calls:
        found = dict(graph.calls[title])
        if found.pop(INDIRECT_CALL, None) is not None and title not in graph.debugger:
            found |= {target: "through a pointer" for target in INDIRECT.get(title, ())}
        return found
    return {target: "in assembly" for target in ASSEMBLY.get(title, ())}


def path_to(title: str, came_from: dict[str, str | None]) -> str:
    names = []
    at: str | None = title
    while at is not None:
        names.append(at.rpartition(":")[2])
        at = came_from[at]
    return " <- ".join(names)


def judge(graph: Graph, addresses: Iterable[str]) -> list[Finding]:
    """addresses: functions of others whose address the debugger takes."""
    left_out = exempt(graph, EXEMPT)
    came_from: dict[str, str | None] = {title: None for title in sorted(graph.debugger - left_out) + sorted(addresses)}
    todo = deque(came_from)
    found = []
    while todo:
        title = todo.popleft()
        name = title.rpartition(":")[2]
        if name in FORBIDDEN:
            found.append(Finding("kdebug", 0, "kdebug-calls", f"reaches {name}, which {FORBIDDEN[name]}: "
                                 + path_to(title, came_from), "a stopped core may hold it: find another way"))
            continue
        if title not in graph.calls and title not in ASSEMBLY:
            found.append(Finding("kdebug", 0, "kdebug-calls", "no C function: " + path_to(title, came_from),
                                 "say in ASSEMBLY of tools/lint/callgraph.py what it reaches"))
        if INDIRECT_CALL in graph.calls.get(title, {}) and title not in graph.debugger and title not in INDIRECT:
            found.append(Finding("kdebug", 0, "kdebug-calls", "call through a pointer: " + path_to(title, came_from),
                                 "say in INDIRECT of tools/lint/callgraph.py what it reaches"))
        for callee in successors(graph, title):
            if callee != INDIRECT_CALL and callee not in came_from:
                came_from[callee] = title
                todo.append(callee)
    return found


def addresses_taken(context: Context, objects: Path, graph: Graph) -> set[str]:
    """What objects of kdebug refer to without calling it."""
    result = set()
    for path in sorted(objects.rglob("*.o")):
        if not path.relative_to(objects).as_posix().startswith(DEBUGGER):
            continue
        called = {callee for title in graph.debugger for callee in graph.calls[title]}
        for line in run(context, ["nm", "-u", str(path)]).stdout.splitlines():
            name = line.split()[-1]
            if name in graph.calls and name not in called and name not in graph.debugger:
                result.add(name)
    return result


def check_debugger(context: Context) -> list[Finding]:
    graph = Graph()
    objects = context.output / "kernel.o.d"
    for path in sorted(objects.rglob("*.ci")):
        graph.read(path.read_text(encoding="utf-8"), path.relative_to(objects).as_posix().startswith(DEBUGGER))
    if not graph.debugger:
        return [Finding("kdebug", 0, "kdebug-calls", "no call graphs", "build the kernel first")]
    return judge(graph, addresses_taken(context, objects, graph))
