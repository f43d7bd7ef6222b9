# SPDX-License-Identifier: MIT
"""Run control on the live machine: breakpoints, watchpoints, steps, calls; and that nothing of them stays behind."""

from __future__ import annotations

import re
import subprocess
import time

import pytest
from conftest import BootFunction, wait_all_done, wait_all_stopped

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine
from qemu.paths import kernel_elf

CALLS = 15
LOAD = f"ipcload:calls={CALLS}"


@pytest.fixture
def waiting(boot: BootFunction) -> Machine:
    """All cores run, nothing of user space has begun; the prompt has come."""
    return boot(cpus=4, cmdline=f"workload={LOAD} kdebug=wait")


def hits(kdebug: KdebugPrompt, number: int) -> int:
    match = re.search(rf"^ *{number}  \w+ +\w+ +(\d+)  ", kdebug.command("breakpoints"), re.MULTILINE)
    assert match, kdebug.command("breakpoints")
    return int(match.group(1))


def test_sixty_four_breakpoints_count_and_leave_no_trace(waiting: Machine) -> None:
    symbols = waiting.symbols
    assert symbols
    kdebug = waiting.wait_prompt(20)
    places = [symbols.address_of("sys_mailbox_call"), symbols.address_of("sys_mailbox_receive")]
    before = waiting.read_virtual(symbols.address_of("kernel_text_start"), 0x4000)
    assert "breakpoint 1 at sys_mailbox_call" in kdebug.command('break sys_mailbox_call do "continue"')
    assert "breakpoint 2 at" in kdebug.command('break sys_mailbox_receive if %rdi == 0xffffffff do "continue"')
    for number in range(3, 65):
        assert f"breakpoint {number} at" in kdebug.command(f"break kernel_main+{number}")
    kdebug.command("delete 64")
    for number in range(3, 64):
        kdebug.command(f"disable {number}")
    kdebug.resume()
    assert wait_all_done(waiting, 300) == (1, 0)
    with waiting.at_prompt() as after:
        assert hits(after, 1) >= CALLS  # every call of ipcload, and those of init
        assert hits(after, 2) == 0
        after.command("delete all")
        assert len(after.command("breakpoints").splitlines()) == 0
        for place in places:
            assert waiting.read_virtual(place, 1) != b"\xcc"
        assert waiting.read_virtual(symbols.address_of("kernel_text_start"), 0x4000) == before


def test_a_condition_a_thread_and_once(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    kdebug.command("break sys_mailbox_call after 20 once")
    kdebug.resume()
    stopped = waiting.wait_prompt(20)
    assert stopped.reason == "breakpoint" and re.search(r"1: breakpoint sys_mailbox_call, hit 21, thread \d+",
                                                        stopped.banner), stopped.banner
    assert stopped.command("bt").splitlines()[1].endswith("sys_mailbox_call")
    registers = [int(stopped.command(f"print /x %{name}"), 16) for name in ("rdi", "rsi")]
    arguments = re.search(r"sys_mailbox_call\(\w+=0x(\w+), \w+=0x(\w+)", stopped.command("bt args"))
    assert arguments and [int(argument, 16) for argument in arguments.groups()] == registers
    assert len(stopped.command("breakpoints").splitlines()) == 0  # once
    # Back in the dispatcher, with the stack one return address shorter
    rsp = int(stopped.command("print /x %rsp"), 16)
    stopped.command("set $caller = *%rsp")
    stopped = run(waiting, stopped, "until *%rsp")
    assert "step at " in stopped.banner
    assert int(stopped.command("print /x %rip - $caller"), 16) == 0
    assert int(stopped.command("print /x %rsp"), 16) == rsp + 8
    stopped.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def test_several_cores_at_one_breakpoint(boot: BootFunction) -> None:
    """One is told of. The others come in after it, or, once it is deleted, not at all."""
    machine = boot(cpus=4, cmdline="workload=ipcload:calls=1000000:clients=8:servers=4 kdebug=wait")
    kdebug = machine.wait_prompt(20)
    at_once = 0
    for _ in range(100):
        kdebug.command("break syscall_dispatch")
        kdebug.resume()
        stopped = machine.wait_prompt(20)
        assert "1: breakpoint syscall_dispatch" in stopped.banner, stopped.banner
        at_once += sum("kdebug_trap" in stopped.command(f"bt cpu {cpu}") for cpu in range(4)
                       if f"cpu={cpu} " not in stopped.banner)
        stopped.command("delete all")
        stopped.resume()
        kdebug = machine.break_in()
        assert kdebug.reason == "break", kdebug.banner
        if at_once >= 3:
            break
    assert at_once > 0


def run(machine: Machine, kdebug: KdebugPrompt, line: str) -> KdebugPrompt:
    """A command that lets the machine go and comes back."""
    machine.send(line + "\r")
    return machine.wait_prompt(20)


def test_steps_follow_the_code(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    kdebug.command("break sys_mailbox_create once")
    kdebug.resume()
    kdebug = waiting.wait_prompt(20)
    has_dis = "built without Zydis" not in kdebug.command("dis")
    places = [int(kdebug.command("print /x %rip"), 16)]
    for _ in range(10):
        kdebug = run(waiting, kdebug, "step")
        assert kdebug.reason == "breakpoint" and "step at" in kdebug.banner
        assert re.search(r"^kdebug: \w+\S*  \w+", kdebug.banner, re.MULTILINE) or not has_dis, kdebug.banner
        places.append(int(kdebug.command("print /x %rip"), 16))
    assert len(set(places)) == len(places), [hex(place) for place in places]
    kdebug = run(waiting, kdebug, "step 500")  # through the way back to user mode, perhaps
    assert "step at" in kdebug.banner
    kdebug.command("break thread_create once")  # it waits for nobody, so each call that is stepped over comes back
    kdebug.resume()
    kdebug = waiting.wait_prompt(20)
    depth = len(kdebug.command("bt").splitlines())
    for _ in range(40):
        kdebug = run(waiting, kdebug, "next")
        now = kdebug.command("bt")
        if "thread_create" not in now.splitlines()[1]:
            break
        assert len(now.splitlines()) == depth, now  # never inside of a called function
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def test_any_core_is_stepped(waiting: Machine) -> None:
    """One that did not enter: alone, in the kernel; and the one that stood at a breakpoint does not hit it again."""
    kdebug = waiting.wait_prompt(20)
    kdebug.command("break sys_mailbox_call")
    stepped = 0
    calls: dict[str, int] = {}
    while stepped < 3:
        kdebug.resume()
        kdebug = waiting.wait_prompt(60)
        thread = kdebug.command(f"print /d cpus[{kdebug.cpu}].current->tid").split()[-1]
        number = int(kdebug.command(f"trace last 1000 thread {thread} ipc.call ! count").split()[0])
        assert number > calls.get(thread, -1), "it has not got past the breakpoint"
        calls[thread] = number
        before = places(kdebug)
        idle = [cpu for cpu, place in before.items() if place == "idle_halt+0x1"]
        if idle:
            kdebug.command(f"cpu {idle[-1]}")
            kdebug = run(waiting, kdebug, "step")
            assert kdebug.cpu == idle[-1] and "step at idle_halt+0x2" in kdebug.banner, kdebug.banner
            after = places(kdebug)
            assert after.pop(idle[-1]) != before.pop(idle[-1]) and after == before  # nobody else has moved
            stepped += 1
    kdebug.command("delete all")
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def places(kdebug: KdebugPrompt) -> dict[int, str]:
    rows = re.findall(r"^\*? +(\d+) +\d+ +stopped .* (\S+)$", kdebug.command("cpus"), re.MULTILINE)
    return {int(cpu): place for cpu, place in rows}


def test_the_prompt_moves_to_any_core(boot: BootFunction) -> None:
    """Every core spins with interrupts off. What is asked of the core at the prompt comes from there."""
    machine = boot(cpus=4, cmdline="workload=none test=spin_cli")
    machine.expect(r"test: spin_cli", 60)
    for _ in range(2):
        kdebug = machine.break_in()
        for cpu in (2, 0, 3, 1):
            if kdebug.cpu != cpu:
                assert f"kdebug: prompt of cpu {cpu}\n" in run(machine, kdebug, f"move {cpu}").banner
            ebx = re.search(r"ebx (\w{8})", kdebug.command("cpuid 1"))
            assert ebx and int(ebx[1], 16) >> 24 == cpu
            kdebug = run(machine, kdebug, "step")
            assert kdebug.cpu == cpu, kdebug.banner
        assert "not captured" in kdebug.command("move 7")
        wait_all_stopped(kdebug, 4)
        kdebug.resume()


def test_steps_get_past_a_wait_for_other_cores(boot: BootFunction) -> None:
    """A step holds them; whoever is stepped may wait for them to come to a rendezvous or to answer a shootdown."""
    machine = boot(cpus=4, cmdline="workload=life tracer=0 kdebug=wait")
    kdebug = machine.wait_prompt(20)
    for place in ("rendezvous_run", "tlb_flush"):
        kdebug.command(f"break {place} once")
        kdebug.resume()
        kdebug = machine.wait_prompt(60)
        assert f"breakpoint {place}" in kdebug.banner, kdebug.banner
        told = False
        for _ in range(40):
            kdebug = run(machine, kdebug, "step 100")
            told |= "step at" in kdebug.banner and "waited for other cores, which ran" in kdebug.banner
            if place not in kdebug.command("bt"):
                break
        else:
            raise AssertionError(f"steps do not come out of {place}\n{kdebug.command('bt all')}")
        assert told or place == "tlb_flush"  # which need not have had anybody to wait for
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)


ROW = re.compile(r"^.? *([0-9a-f]{16})(?:  \S+ +|:\s+(?:(?:data16|cs) )*)(\w+)", re.MULTILINE)
# What is the same: Zydis has the name that the manual gives first. objdump writes useless prefixes of NOP out.
CONDITIONS = {"z": "e", "nz": "ne", "nb": "ae", "nbe": "a", "nl": "ge", "nle": "g"}


def listing(text: str) -> list[tuple[int, str]]:
    """Address and first word of each instruction, conditions as objdump calls them."""
    rows = []
    for address, word in ROW.findall(text.replace("movabs", "mov")):
        stem = re.fullmatch(r"(j|set|cmov)(\w+)", word)
        rows.append((int(address, 16), stem[1] + CONDITIONS.get(stem[2], stem[2]) if stem else word))
    return rows


@pytest.mark.parametrize("count", [500, pytest.param(5000, marks=pytest.mark.long)])
def test_instructions_are_those_of_objdump(waiting: Machine, count: int) -> None:
    kdebug = waiting.wait_prompt(20)
    if "built without Zydis" in kdebug.command("dis"):
        pytest.skip("no sources of Zydis: 'make deps' fetches them")
    assert waiting.symbols
    start = waiting.symbols.address_of("kd_run_line")  # nothing is patched there: no trace sites
    *seen, (end, _) = listing(kdebug.command(f"dis 0x{start:x} {count + 1}", timeout=120))
    assert len(seen) == count
    objdump = subprocess.run(["objdump", "-d", "-M", "intel", "--no-show-raw-insn", f"--start-address={start:#x}",
                              f"--stop-address={end:#x}", str(kernel_elf(waiting.config.mode))],
                             capture_output=True, text=True, check=True)
    expected = listing(objdump.stdout)
    assert [address for address, _ in seen] == [address for address, _ in expected]
    differing = [(one, other) for one, other in zip(seen, expected) if one != other]
    assert len(differing) <= len(seen) // 100, differing[:20]
    kdebug.resume()


def test_source_lines_are_those_of_addr2line(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    if "built without Zydis" in kdebug.command("dis"):
        pytest.skip("no sources of Zydis: 'make deps' fetches them")
    seen: dict[int, str] = {}
    for function in ("sys_mailbox_call", "thread_create", "kd_run_line"):
        place = ""
        for line in kdebug.command(f"dis {function} 150", timeout=60).splitlines():
            header, address = re.match(r"(\S+:\d+):$", line), re.match(r"[ >b] (\w{16})  ", line)
            place = header[1] if header else place
            if address:
                seen[int(address[1], 16)] = place
    elf = str(kernel_elf(waiting.config.mode))
    asked = subprocess.run(["addr2line", "-e", elf], input="".join(f"{address:#x}\n" for address in seen),
                           capture_output=True, text=True, check=True).stdout.splitlines()
    told = [line.split(" (")[0].rsplit("/", 1)[-1] for line in asked]
    same = sum(here.rsplit("/", 1)[-1] == there for here, there in zip(seen.values(), told, strict=True))
    assert len(seen) == 450 and same >= 0.95 * len(seen), list(zip(seen.items(), told, strict=True))
    first = next(iter(seen))
    assert kdebug.command(f"sym {first:#x}").rstrip().endswith(f"  {seen[first]}")
    kdebug.resume()


def test_break_ends_what_does_not_end(waiting: Machine) -> None:
    """A million steps; and a function that does not return, for nobody calls init."""
    kdebug = waiting.wait_prompt(20)
    kdebug.command("break sys_mailbox_create once")
    kdebug.resume()
    kdebug = waiting.wait_prompt(20)
    for by in ("break", "escape"):
        waiting.send("step 1000000\r")
        waiting.expect("kdebug: resume", 20)
        kdebug = waiting.break_in(by)
        assert kdebug.reason == "break", kdebug.banner
    kdebug.command("break sys_mailbox_receive thread 1 once")
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)
    kdebug = waiting.wait_prompt(20)
    waiting.send("finish\r")
    waiting.expect("kdebug: resume", 20)
    limit = time.monotonic() + 60
    while not all(core.halted for core in waiting.registers()):
        assert time.monotonic() < limit, "init does not come to its wait"
    kdebug = waiting.break_in()
    assert kdebug.reason == "break", kdebug.banner
    assert len(kdebug.command("breakpoints").splitlines()) == 0
    assert any(row.tid == 1 and row.state == "receive" for row in kdebug.threads()), kdebug.command("threads")
    kdebug.resume()


def test_watchpoints_and_ports(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    count = int(kdebug.command("print /d thread_slot_count"))
    assert "breakpoint 1 at thread_slot_count" in kdebug.command("watch thread_slot_count once")
    kdebug.resume()
    stopped = waiting.wait_prompt(20)
    assert "1: write to thread_slot_count at " in stopped.banner, stopped.banner
    assert int(stopped.command("print /d thread_slot_count")) == count + 1
    assert "breakpoint 1 at" in stopped.command("watch io 0x3f8 once")
    stopped.resume()
    stopped = waiting.wait_prompt(20)
    assert "1: port access to 0x3f8 at " in stopped.banner, stopped.banner
    stopped.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def test_what_is_refused_says_why(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    assert "in the entry code" in kdebug.command("break entry_text_start")
    assert "NMI handlers and the debugger" in kdebug.command("break kdebug_trap")
    assert "NMI handlers and the debugger" in kdebug.command("break memcpy")
    assert "not in the kernel's text" in kdebug.command("break 0x401000")
    assert "0x1 = 1" in kdebug.command("call frame_is_ram 0x100000")
    assert "fault in the debugger" in kdebug.command("call strlen 0")
    assert "42" in kdebug.command("print 42")
    kdebug.command("set $old = %rax")
    kdebug.command("set %rax = 0x1234")
    assert "0x1234" in kdebug.command("print %rax")
    kdebug.command("set %rax = $old")
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


@pytest.mark.parametrize("cpu", [0, 2])
def test_break_ends_a_call(waiting: Machine, cpu: int) -> None:
    """One that does not return, and one that waits for a lock; on the core that has the line, and on another."""
    kdebug = waiting.wait_prompt(20)
    if cpu != 0:
        kdebug.command(f"break sys_mailbox_call cpu {cpu} once")
        kdebug.resume()
        kdebug = waiting.wait_prompt(60)
        assert f"cpu={cpu} " in kdebug.banner, kdebug.banner
    assert waiting.symbols
    lock = waiting.symbols.address_of("process_list_lock")
    for function in ("spin_for_ever 0", f"spinlock_wait {lock:#x} 1000000"):
        for by in (waiting.send_break, lambda: waiting.send(b"\x1c")):
            waiting.send(f"call {function}\r")
            place = wait_until_spinning(waiting, function.split()[0], cpu)
            by()
            waiting.expect(rf"error: broken into at (\w*poll\w*|{place})\+0x\w+; what", 20)
            waiting.expect(r"^kdebug> \Z", 20)
    assert "0x1 = 1" in kdebug.command("call frame_is_ram 0x100000")
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)
    with waiting.at_prompt() as again:
        assert again.reason == "break"  # the line leads to core 0 again


def wait_until_spinning(machine: Machine, function: str, cpu: int) -> str:
    """
    Where it spins: in the function, or, if another core was stopped on its way through a rendezvous, in what waits for
    that one while the function looks whether others want something.
    """
    assert machine.symbols
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        name = (machine.symbols.name_of(machine.registers()[cpu]["rip"]) or "").split("+")[0]
        if name in (function, "rendezvous_serve"):
            return name
    raise AssertionError(f"cpu {cpu} does not come to {function}")


def test_a_step_to_a_branch_ends_where_one_leads(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    if "built without Zydis" in kdebug.command("dis"):
        assert "without a disassembler" in kdebug.command("branch")
        pytest.skip("no sources of Zydis: 'make deps' fetches them")
    kdebug.command("break sys_mailbox_create once")
    kdebug.resume()
    kdebug = waiting.wait_prompt(20)
    for _ in range(8):
        ahead = kdebug.command("dis %rip 60")
        kdebug = run(waiting, kdebug, "branch")
        place = re.search(r"step at (\S+)", kdebug.banner)
        assert place, kdebug.banner
        targets = re.findall(r"  (?:j\w+|call) +(\S+)$", ahead, re.MULTILINE)
        assert place[1].removesuffix(",") in targets or re.search(r"  ret", ahead), f"{place[1]}\n{ahead}"
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


USER = r"^ +(0{4}[0-9a-f]{12})  user code of (\w+, .*: \w+)\+"
BRANCHES_MAX = 150


def step_to_user_mode(machine: Machine, kdebug: KdebugPrompt, wanted: str) -> KdebugPrompt:
    """Out of the function, then from branch to branch: the first instruction of the program, and the next one."""
    kdebug.command("delete all")
    kdebug = run(machine, kdebug, "finish")
    for _ in range(BRANCHES_MAX):
        kdebug = run(machine, kdebug, "branch")
        rip = int(kdebug.command("print /x %rip"), 16)
        if rip < 1 << 47:
            break
    assert rip == int(wanted, 16), f"{wanted}\n{kdebug.banner}"
    assert int(kdebug.command("print /x %rflags & 0x100"), 16) == 0
    kdebug = run(machine, kdebug, "step")
    assert "step at" in kdebug.banner and int(kdebug.command("print /x %rip"), 16) < 1 << 47
    return kdebug


def test_steps_cross_sysret_and_iret(boot: BootFunction) -> None:
    """From within a system call and an interrupt to the instruction of the program that comes next."""
    machine = boot(cpus=1, cmdline="workload=hog:threads=1:steps=10000000000000 tracer=0 kdebug=wait")
    kdebug = machine.wait_prompt(20)
    kdebug.command("break sys_mailbox_create")
    kdebug.resume()
    kdebug = machine.wait_prompt(60)
    there = re.search(USER, kdebug.command("bt"), re.MULTILINE)
    assert there and there[2].startswith("init"), kdebug.command("bt")
    kdebug = step_to_user_mode(machine, kdebug, there[1])
    assert int(kdebug.command("print /x %r11 & 0x100"), 16) == 0  # SYSRET's flags, where TF was meanwhile
    kdebug.resume()
    machine.expect("^init: workload", 60)
    there = None
    while there is None:  # it may meet the idle loop
        kdebug = machine.break_in()
        kdebug.command("break console_interrupt")
        kdebug.resume()
        machine.send("x")
        kdebug = machine.wait_prompt(60)
        there = re.search(USER, kdebug.command("bt"), re.MULTILINE)
        kdebug.command("delete all")
        if there is None:
            kdebug.resume()
    step_to_user_mode(machine, kdebug, there[1]).resume()


def test_a_run_that_cannot_be_leaves_the_prompt(waiting: Machine) -> None:
    """Not the machine going, as nobody has asked for that."""
    kdebug = waiting.wait_prompt(20)
    assert "cannot be run to" in kdebug.command("until entry_text_start")
    assert "42" in kdebug.command("print 42")
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def below_the_kernel(backtrace: str) -> tuple[str, ...]:
    """What a thread keeps while it is in the kernel: from the system call on, without arguments and status."""
    lines = backtrace.splitlines()
    crossings = [number for number, line in enumerate(lines) if "---- " in line]
    kept = lines[crossings[-1]:] if crossings else []
    return tuple(re.sub(r"\(.*\)|, done: .*", "", line) for line in kept)


LONG_WAYS = ["sys_mailbox_reply_receive", "sys_area_map", "sys_area_unmap", "sys_thread_create", "sys_process_wait"]


@pytest.mark.parametrize("function", ["sys_mailbox_call",
                                      *(pytest.param(way, marks=pytest.mark.long) for way in LONG_WAYS)])
def test_a_stop_at_each_instruction(boot: BootFunction, function: str) -> None:
    """
    Until somebody is in user mode: with locks held, records half written, stacks changed. Each time the prompt comes,
    and knows whose stack it is.
    """
    machine = boot(cpus=1, icount=4, cmdline=f"workload={LOAD} kdebug=wait trace=all tracer=0")
    kdebug = machine.wait_prompt(60)
    kdebug.command(f"break {function} once after {5 if function == 'sys_mailbox_call' else 0}")
    kdebug.resume()
    kdebug = machine.wait_prompt(60)
    known = {below_the_kernel(kdebug.command(f"bt {thread.tid}")) for thread in kdebug.threads() if thread.tid}
    seen: list[tuple[str, ...]] = []
    stops = 0
    while "user code" not in (place := (backtrace := kdebug.command("bt")).splitlines()[1]):
        below = below_the_kernel(backtrace)
        if below or "syscall_" not in place:  # on the way out the frame is the stack
            assert below in known, backtrace
            seen += [below] if below not in seen[-1:] else []
        stops += 1
        kdebug = run(machine, kdebug, "step")
        assert kdebug.reason == "breakpoint" and "step at" in kdebug.banner
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)
    assert stops > 100
    assert len(seen) == 2 or function != "sys_mailbox_call", seen  # from the client's stack to the server's
