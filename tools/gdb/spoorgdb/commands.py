# SPDX-License-Identifier: MIT
"""The commands `spoor ...`. Each is a function; its first line of documentation is its usage and what it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gdb

from . import objects, paging, rings
from .frames import blocked_frames
from .memory import USER_END, definitions, entry_of, enum_name, name_of, place_of, text_of, walk_list, walk_tree

PROTECTIONS = ((1, "r"), (2, "w"), (4, "x"))


def show_threads(_: list[str]) -> None:
    """spoor threads: every thread with state, reason of waiting, process and name."""
    print(f"{'tid':>6} {'state':8} {'waits for':10} {'cpu':>3} {'prio':>4} {'process':16} name")
    for thread in objects.threads():
        print(f"{thread.tid:6} {thread.state:8} {thread.wait:10} {thread.cpu:3} {int(thread.value['priority']):4} "
              f"{thread.process_name:16} {thread.name}")


def show_backtrace(words: list[str]) -> None:
    """spoor bt TID: backtrace of a thread, whether it runs or not."""
    if len(words) != 1 or not words[0].isdecimal():
        raise gdb.GdbError("spoor bt TID: the number of a thread as 'spoor threads' shows it")
    thread = objects.thread_by_id(int(words[0]))
    running_on = objects.core_running(thread)
    print(f"thread {thread.tid} {thread.name!r} of {thread.process_name}: {thread.state} {thread.wait}".rstrip())
    if running_on is not None:
        print(f"runs on core {int(running_on['id'])}:")
        objects.select_core(running_on)
        gdb.execute("bt")
        return
    for number, address in enumerate(blocked_frames(thread)):
        print(f"#{number:<2} {address:#018x} {place_of(address, is_return=True)}")


def show_processes(_: list[str]) -> None:
    """spoor processes: every process with its number of threads and handles."""
    print(f"{'id':>6} {'threads':>7} {'handles':>7} {'state':8} name")
    for process in objects.processes():
        state = "ended" if process["ended"] else "ending" if process["ending"] else "alive"
        print(f"{int(process['object']['id']):6} {int(process['thread_count']):7} "
              f"{int(process['handles']['used']):7} {state:8} {text_of(process['name'])}")


def show_percpu(_: list[str]) -> None:
    """spoor percpu: what each core runs, and where."""
    before = gdb.selected_thread()
    print(f"{'cpu':>3} {'apic':>4} {'tid':>6} {'thread':20} at")
    for core in objects.cores():
        thread = objects.Thread(core["current"])
        objects.select_core(core)
        rip = int(gdb.parse_and_eval("(unsigned long)$rip"))
        where = place_of(rip) if rip > USER_END else "user mode"
        print(f"{int(core['id']):3} {int(core['apic_id']):4} {thread.tid:6} {thread.name:20} {rip:#x} {where}")
    if before:
        before.switch()


def show_handles(words: list[str]) -> None:
    """spoor handles PROCESS: its open handles; a process is a number or a name."""
    process = objects.process_by_id(_one(words, "spoor handles PROCESS"))
    print(f"{'handle':>10} {'type':10} {'object':>7} {'badge':>10} {'rights':20} name")
    for handle in objects.handles(process):
        leased = "leased " if handle.is_leased else ""
        print(f"{handle.number:#10x} {handle.type_name:10} {int(handle.object['id']):7} {handle.badge:10x} "
              f"{handle.rights:20} {leased}{_object_name(handle)}")


def _object_name(handle: objects.Handle) -> str:
    """The name in a struct that begins with this object, if it has one."""
    if handle.type_name not in ("process", "thread", "mailbox"):
        return ""
    pointer = handle.object.cast(gdb.lookup_type(f"struct {handle.type_name}").pointer())
    return text_of(pointer["name"])


def show_areas(words: list[str]) -> None:
    """spoor areas PROCESS: what it has mapped where."""
    process = objects.process_by_id(_one(words, "spoor areas PROCESS"))
    if int(process["space"]) == 0:
        raise gdb.GdbError("the process has ended: its space is gone")
    print(f"{'from':>16} {'to':>16} prot {'kind':10} {'area':>18} {'offset':>10} resident")
    for node in walk_tree(process["space"]["mappings"]["root"]):
        mapping = entry_of(node, "struct mapping", "node").dereference()
        start, end, area = int(node["key"]), int(mapping["end"]), mapping["area"]
        if int(area) == 0:
            print(f"{start:16x} {end:16x} ---  guard")
            continue
        bits = int(mapping["protection"])
        protection = "".join(letter if bits & bit else "-" for bit, letter in PROTECTIONS)
        kind = enum_name("enum area_kind", int(area["kind"]), "AREA_")
        print(f"{start:16x} {end:16x} {protection}  {kind:10} {int(area):#18x} {int(mapping['offset']):#10x} "
              f"{int(area['resident'])}")


def show_mailboxes(_: list[str]) -> None:
    """spoor mailboxes: every mailbox that somebody has a handle of, with who waits there."""
    print(f"{'id':>6} {'name':20} {'handles':>7} {'calls':>10} state")
    seen: set[int] = set()
    for process in objects.processes():
        for handle in objects.handles(process):
            if handle.type_name != "mailbox" or int(handle.object) in seen:
                continue
            seen.add(int(handle.object))
            _show_mailbox(handle.object.cast(gdb.lookup_type("struct mailbox").pointer()).dereference())


def _show_mailbox(mailbox: gdb.Value) -> None:
    print(f"{int(mailbox['object']['id']):6} {text_of(mailbox['name']):20} {_atomic(mailbox['object']['handles']):7} "
          f"{int(mailbox['calls']):10} {'closed' if mailbox['closed'] else 'open'}")
    for queue in ("callers", "served", "receivers"):
        waiting = [objects.Thread(pointer) for pointer in walk_list(mailbox[queue], "struct thread", "wait_link")]
        if waiting:
            print(f"       {queue}: " + ", ".join(f"{thread.tid} {thread.process_name}/{thread.name}"
                                                  for thread in waiting))


def show_walk(words: list[str]) -> None:
    """spoor walk PROCESS|kernel ADDRESS: how an address is translated, level by level."""
    if len(words) != 2:
        raise gdb.GdbError("spoor walk PROCESS|kernel ADDRESS")
    address = int(gdb.parse_and_eval(f"(unsigned long)({words[1]})"))
    root = _kernel_root() if words[0] == "kernel" else int(objects.process_by_id(words[0])["root"])
    steps = paging.walk(root, address)
    for step in steps:
        what = "page " if step.page_bytes else "table"
        print(f"{step.level:4} [{step.index:3}] at {step.at:#012x} {step.entry:#018x} {what} {step.flags}")
    where = paging.physical(steps[-1], address)
    if where is None:
        print(f"{address:#x} is not mapped")
    else:
        print(f"{address:#x} is physical {where:#x} in a page of {(steps[-1].page_bytes or 0) // 1024} KiB")


def _kernel_root() -> int:
    """The page tables that an idle core is on: the kernel half is the same in all."""
    return int(gdb.parse_and_eval("kernel_page_table.root"))


def show_rings(words: list[str]) -> None:
    """spoor rings [FILE]: how full the trace rings are; their region goes to FILE, for spoor convert and dump."""
    print(f"{'lane':10} {'events':>12} {'KiB written':>12} {'of KiB':>8} {'lost':>8}")
    for place, lane in rings.lanes():
        kind = enum_name("enum trace_lane_kind", int(place["kind"]), "TRACE_LANE_")
        name = kind if kind == "meta" else f"{kind} {int(place['cpu'])}"
        print(f"{name:10} {int(lane['events']):12} {int(lane['position']) // 1024:12} "
              f"{int(place['ring_bytes']) // 1024:8} {rings.lost(lane):8}")
    if words:
        path = Path(words[0])
        print(f"{path}: {rings.save(path)} bytes; spoor info, convert, dump read it")


def show_last(words: list[str]) -> None:
    """spoor last [N] [FILTER]: the newest events of the rings (default 20), as spoor dump --filter chooses them."""
    count = int(words.pop(0)) if words and words[0].isdecimal() else 20
    for line in rings.newest(count, ["--filter", words[0]] if words else []):
        print(line)


def show_status(words: list[str]) -> None:
    """spoor status NUMBER: the name of an error."""
    number = int(gdb.parse_and_eval(f"(long)({_one(words, 'spoor status NUMBER')})"))
    print(name_of(definitions().ERRORS, number))


def _one(words: list[str], usage: str) -> str:
    if len(words) != 1:
        raise gdb.GdbError(usage)
    return words[0]


def _atomic(value: gdb.Value) -> int:
    """An _Atomic number, which gdb does not convert by itself."""
    return int(value.cast(gdb.lookup_type("unsigned int")))


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "threads": show_threads, "bt": show_backtrace, "processes": show_processes, "percpu": show_percpu,
    "handles": show_handles, "areas": show_areas, "mailboxes": show_mailboxes, "walk": show_walk,
    "rings": show_rings, "last": show_last, "status": show_status,
}


class SpoorPrefix(gdb.Command):
    __doc__ = "Spoor's objects. Subcommands:\n" + "\n".join(str(run.__doc__) for run in COMMANDS.values())

    def __init__(self) -> None:
        super().__init__("spoor", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class SpoorCommand(gdb.Command):
    def __init__(self, name: str, run: Callable[[list[str]], None]) -> None:
        self.__doc__ = run.__doc__
        super().__init__(f"spoor {name}", gdb.COMMAND_DATA)
        self._run = run

    def invoke(self, argument: str, from_tty: bool) -> None:
        self._run(gdb.string_to_argv(argument))


def register() -> None:
    SpoorPrefix()
    for name, run in COMMANDS.items():
        SpoorCommand(name, run)
