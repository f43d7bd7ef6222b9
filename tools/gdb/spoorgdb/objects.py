# SPDX-License-Identifier: MIT
"""
Spoor's objects as Python sees them: cores, threads, processes, handles.

gdb's own threads are cores with QEMU's stub and in core files, and Spoor's threads with the stub in the kernel; a
blocked thread exists only as memory for the former. select_core() knows both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import gdb

from .memory import definitions, enum_name, fetched, name_of, text_of, walk_list

# The in-kernel stub's name of a core's idle loop (kdebug/remote/thread.h).
REMOTE_IDLE = 0x100000
HANDLE_LEASED = 0x8000


class Thread:
    """One struct thread."""

    def __init__(self, pointer: gdb.Value) -> None:
        self.value = fetched(pointer.dereference())
        self.tid = int(self.value["tid"])
        self.cpu = int(self.value["cpu"])
        self.state = enum_name("enum thread_run", int(self.value["run"]), "THREAD_")
        self.name = text_of(self.value["name"])
        self.address = int(pointer)

    @property
    def wait(self) -> str:
        """Why it is blocked."""
        if self.state != "blocked":
            return ""
        return enum_name("enum trace_thread_state", int(self.value["wait"]), "TRACE_THREAD_STATE_")

    @property
    def process_name(self) -> str:
        process = self.value["process"]
        return "kernel" if int(process) == 0 else text_of(process["name"])


def cores() -> Iterator[gdb.Value]:
    """struct cpu of every core that runs; their numbers have no gaps."""
    cpus = gdb.parse_and_eval("cpus")
    low, high = cpus.type.range()
    for index in range(low, high + 1):
        core = fetched(cpus[index])
        if int(core["current"]) == 0:
            return
        yield core


def threads() -> list[Thread]:
    """Every living thread, the idle ones first."""
    found = [Thread(core["idle"]) for core in cores() if int(core["idle"]) != 0]
    known = {thread.address for thread in found}
    count = int(gdb.parse_and_eval("(unsigned)thread_slot_count"))
    slots = fetched(gdb.parse_and_eval(f"*thread_slots@{max(count, 1)}"))
    for index in range(count):
        if int(slots[index]) in known or int(slots[index]) == 0:
            continue
        thread = Thread(slots[index])
        if thread.state != "dead":
            found.append(thread)
    return found


def thread_by_id(tid: int) -> Thread:
    for thread in threads():
        if thread.tid == tid and tid != 0:
            return thread
    raise gdb.GdbError(f"no thread {tid}; 'spoor threads' lists them")


def core_running(thread: Thread) -> gdb.Value | None:
    """The core that runs it, None if none does."""
    return next((core for core in cores() if int(core["current"]) == thread.address), None)


def select_core(core: gdb.Value) -> None:
    """Make gdb look at what a core, a struct cpu, runs."""
    number = int(core["id"])
    known = {thread.ptid[1]: thread for thread in gdb.selected_inferior().threads()}
    are_cores = set(known) <= set(range(1, 1 + len(list(cores()))))
    wanted = number + 1 if are_cores else int(core["current"]["tid"]) or REMOTE_IDLE + number
    if wanted not in known:
        raise gdb.GdbError(f"gdb has no thread for core {number}: 'info threads' shows what it has")
    known[wanted].switch()


def processes() -> Iterator[gdb.Value]:
    """struct process of every process."""
    for pointer in walk_list(gdb.parse_and_eval("process_list"), "struct process", "all_link"):
        yield fetched(pointer.dereference())


def process_by_id(text: str) -> gdb.Value:
    """By number or name."""
    for process in processes():
        if text in (str(int(process["object"]["id"])), text_of(process["name"])):
            return process
    raise gdb.GdbError(f"no process {text}; 'spoor processes' lists them")


@dataclass
class Handle:
    """An open handle."""

    number: int
    type_name: str
    object: gdb.Value  # a pointer to its struct object
    rights: str
    badge: int
    is_leased: bool


def handles(process: gdb.Value) -> Iterator[Handle]:
    """Every open handle of a process, by index."""
    chunks = process["handles"]["chunk"]
    low, high = chunks.type.range()
    last = int(definitions().LAYOUT["HANDLE_MAX"]) // (high - low + 1) - 1
    chunk_type = gdb.lookup_type("struct handle_entry").array(last).pointer()
    for index in range(low, high + 1):
        if int(chunks[index]) == 0:
            continue
        chunk = fetched(chunks[index].cast(chunk_type).dereference())
        for offset in range(last + 1):
            if int(chunk[offset]["object"]) != 0:
                yield _handle(chunk[offset])


def _handle(entry: gdb.Value) -> Handle:
    kind = int(entry["type"])
    type_name = name_of(definitions().OBJECTS, kind & ~HANDLE_LEASED)
    rights = definitions().RIGHTS.get(type_name, {})
    held = [name for name, bit in rights.items() if int(entry["rights"]) & bit]
    text = "all" if len(held) == len(rights) else " ".join(held)
    return Handle(int(entry["handle"]), type_name, entry["object"], text, int(entry["badge"]),
                  bool(kind & HANDLE_LEASED))
