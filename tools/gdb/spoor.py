# SPDX-License-Identifier: MIT
"""
Spoor's helper for gdb: `source tools/gdb/spoor.py`, or `make gdb`, which does it.

    spoor threads        every thread: id, state, what it waits for, process, name
    spoor bt TID         backtrace of any thread: blocked, ready or running
    spoor processes      every process
    spoor percpu         what each core runs

gdb sees cores, not threads: a blocked thread exists only as memory. A blocked thread's kernel stack holds, from
context.rsp up, r15 r14 r13 r12 rbx rbp and the return address (kernel/arch/context.h), and the kernel keeps frame
pointers, so its backtrace is a walk along rbp. What a core runs is read through `struct cpu cpus[]`.

Everything is found by symbol and DWARF type: the kernel needs no help and may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import gdb

CALLEE_SAVED = ("r15", "r14", "r13", "r12", "rbx", "rbp")
WORD_BYTES = 8
FRAMES_MAX = 64
USER_END = 0x7FFFFFFFF000


def read_word(address: int) -> int:
    """Eight bytes of kernel memory."""
    return int(gdb.Value(address).cast(gdb.lookup_type("unsigned long").pointer()).dereference())


def text_of(array: gdb.Value) -> str:
    """A C string in a fixed array."""
    return str(array.string("ascii", errors="replace", length=int(array.type.sizeof))).split("\0", 1)[0]


def enum_name(type_name: str, value: int, prefix: str) -> str:
    """The name of an enumerator without its prefix, in lower case; the number if it has none."""
    for field in gdb.lookup_type(type_name).fields():
        if field.enumval == value:
            return field.name.removeprefix(prefix).lower()
    return str(value)


def place_of(address: int, is_return: bool = False) -> str:
    """'function+0x12 (file.c:34)'. A return address stands behind its call, so the byte before it decides."""
    inside = address - is_return
    function = function_at(inside)
    if function is None:
        name = str(gdb.execute(f"info symbol {address:#x}", to_string=True)).split(" in section")[0].replace(" ", "")
        return name if not name.startswith("Nosymbol") else "?"
    line = gdb.find_pc_line(inside)
    where = f" ({line.symtab.filename}:{line.line})" if line.symtab else ""
    return f"{function.function.name}+{address - function.start:#x}{where}"


def function_at(address: int) -> gdb.Block | None:
    """The block of the function that an address belongs to; of inlined ones, the function they are inlined into."""
    block = gdb.block_for_pc(address)
    found = None
    while block and not block.is_static and not block.is_global:
        found = block if block.function else found
        block = block.superblock
    return found


class Thread:
    """One struct thread."""

    def __init__(self, pointer: gdb.Value) -> None:
        self.value = pointer.dereference()
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

    @property
    def process_id(self) -> int:
        process = self.value["process"]
        return 0 if int(process) == 0 else int(process["object"]["id"])


def cores() -> Iterator[gdb.Value]:
    """struct cpu of every core that runs."""
    cpus = gdb.parse_and_eval("cpus")
    low, high = cpus.type.range()
    for index in range(low, high + 1):
        if int(cpus[index]["current"]) != 0:
            yield cpus[index]


def threads() -> list[Thread]:
    """Every living thread, the idle ones first."""
    found = [Thread(core["idle"]) for core in cores() if int(core["idle"]) != 0]
    known = {thread.address for thread in found}
    slots = gdb.parse_and_eval("thread_slots")
    for index in range(int(gdb.parse_and_eval("(unsigned)thread_slot_count"))):
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


def core_running(thread: Thread) -> int | None:
    """The number of the core that runs it, None if none does."""
    for core in cores():
        if int(core["current"]) == thread.address:
            return int(core["id"])
    return None


def select_core(number: int) -> None:
    """Make gdb look at a core: QEMU's stub shows core N as thread N + 1."""
    gdb.execute(f"thread {number + 1}", to_string=True)


def unwind(rip: int, rbp: int) -> Iterator[int]:
    """Return addresses along the chain of frame pointers, the given rip first; ends when the chain does not rise."""
    for _ in range(FRAMES_MAX):
        yield rip
        if rbp < USER_END or rbp % WORD_BYTES:
            return
        try:
            upper, rip = read_word(rbp), read_word(rbp + WORD_BYTES)
        except gdb.MemoryError:
            return
        if rip == 0:
            return
        rbp = upper if upper > rbp else 0


def blocked_frames(thread: Thread) -> Iterator[int]:
    """Frames of a thread that is not running, from its saved context."""
    rsp = int(thread.value["context"]["rsp"])
    rbp = read_word(rsp + CALLEE_SAVED.index("rbp") * WORD_BYTES)
    return unwind(read_word(rsp + len(CALLEE_SAVED) * WORD_BYTES), rbp)


class SpoorPrefix(gdb.Command):
    """Spoor's threads, processes and cores. Subcommands: threads, bt, processes, percpu."""

    def __init__(self) -> None:
        super().__init__("spoor", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class SpoorThreads(gdb.Command):
    """spoor threads: list every thread with state, reason of waiting, process and name."""

    def __init__(self) -> None:
        super().__init__("spoor threads", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        print(f"{'tid':>6} {'state':8} {'waits for':10} {'cpu':>3} {'prio':>4} {'process':16} name")
        for thread in threads():
            print(f"{thread.tid:6} {thread.state:8} {thread.wait:10} {thread.cpu:3} {int(thread.value['priority']):4} "
                  f"{thread.process_name:16} {thread.name}")


class SpoorBacktrace(gdb.Command):
    """spoor bt TID: backtrace of a thread, whether it runs or not."""

    def __init__(self) -> None:
        super().__init__("spoor bt", gdb.COMMAND_STACK)

    def invoke(self, argument: str, from_tty: bool) -> None:
        if not argument.strip().isdigit():
            raise gdb.GdbError("spoor bt TID: the number of a thread as 'spoor threads' shows it")
        thread = thread_by_id(int(argument))
        running_on = core_running(thread)
        print(f"thread {thread.tid} {thread.name!r} of {thread.process_name}: {thread.state} {thread.wait}".rstrip())
        if running_on is not None:
            print(f"runs on core {running_on}:")
            select_core(running_on)
            gdb.execute("bt")
            return
        for number, address in enumerate(blocked_frames(thread)):
            print(f"#{number:<2} {address:#018x} {place_of(address, is_return=True)}")


class SpoorProcesses(gdb.Command):
    """spoor processes: list every process with its number of threads and handles."""

    def __init__(self) -> None:
        super().__init__("spoor processes", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        print(f"{'id':>6} {'threads':>7} {'handles':>7} {'state':8} name")
        head = gdb.parse_and_eval("process_list").address
        process_type = gdb.lookup_type("struct process")
        offset = next(field.bitpos // 8 for field in process_type.fields() if field.name == "all_link")
        node = head["next"]
        while node != head:
            process = gdb.Value(int(node) - offset).cast(process_type.pointer()).dereference()
            state = "ended" if process["ended"] else "ending" if process["ending"] else "alive"
            print(f"{int(process['object']['id']):6} {int(process['thread_count']):7} "
                  f"{int(process['handles']['used']):7} {state:8} {text_of(process['name'])}")
            node = node["next"]


class SpoorPercpu(gdb.Command):
    """spoor percpu: what each core runs, and where."""

    def __init__(self) -> None:
        super().__init__("spoor percpu", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        before = gdb.selected_thread()
        print(f"{'cpu':>3} {'apic':>4} {'tid':>6} {'thread':20} at")
        for core in cores():
            thread = Thread(core["current"])
            select_core(int(core["id"]))
            rip = int(gdb.parse_and_eval("(unsigned long)$rip"))
            where = place_of(rip) if rip > USER_END else "user mode"
            print(f"{int(core['id']):3} {int(core['apic_id']):4} {thread.tid:6} {thread.name:20} {rip:#x} {where}")
        if before:
            before.switch()


for command in (SpoorPrefix, SpoorThreads, SpoorBacktrace, SpoorProcesses, SpoorPercpu):
    command()
