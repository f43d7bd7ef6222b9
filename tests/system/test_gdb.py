# SPDX-License-Identifier: MIT
"""gdb with Spoor's helper: on QEMU's stub, on the stub in the kernel, on a core file. One idle machine serves all."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import wait_all_done, wait_for_rest

from qemu.config import MachineConfig
from qemu.machine import Machine
from qemu.paths import ROOT
from qemu.snapshot import machine_from_firmware
from spoorlib.debug import gdb_command
from spoorlib.gdb_port import SharedLine

GDB_SECONDS = 300
CORES = 4
PLACES = ["stub", "kernel", "core"]


def run_gdb(target: str, *commands: str) -> str:
    arguments = ["-batch", "-iex", "set remotetimeout 60"]
    for command in commands:
        arguments += ["-ex", command]
    done = subprocess.run(gdb_command(target, "debug", arguments), capture_output=True, text=True, timeout=GDB_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Python Exception" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.stdout + done.stderr


class MachineLine:
    """A machine's serial line for SharedLine, as tools/spoorlib/attach.py has it of a device."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._data: list[bytes] = []
        self._change = threading.Condition()
        machine.on_serial(self._take, lambda: self._take(b""))

    def _take(self, data: bytes) -> None:
        with self._change:
            self._data.append(data)
            self._change.notify()

    def send(self, data: bytes) -> None:
        self._machine.send(data)

    def send_break(self, instead: bytes = b"") -> None:
        self._machine.send_break()

    def receive(self) -> bytes:
        with self._change:
            self._change.wait_for(lambda: bool(self._data))
            return self._data.pop(0)


class Bench:
    """The machine, and how gdb gets at it from three sides."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self._core = folder / "core"
        machine.save_core(self._core)
        line = SharedLine(MachineLine(machine), str(folder / "line"))
        threading.Thread(target=self._drain, args=(line,), daemon=True).start()
        self.targets = {"stub": f"target remote {folder / 'gdb'}", "kernel": f"target remote {folder / 'line'}",
                        "core": f"target core {self._core}"}

    @staticmethod
    def _drain(line: SharedLine) -> None:
        while line.receive():
            pass

    def gdb(self, place: str, *commands: str) -> str:
        if place != "kernel":
            return run_gdb(self.targets[place], *commands)
        output = run_gdb(self.targets[place], *commands, "detach")
        self.machine.wait_prompt().resume()
        return output


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("g")  # a short path: unix sockets allow about 100 characters
    config = MachineConfig(name="test_gdb", cpus=CORES, memory="256M", cmdline="workload=none trace_size=8M",
                           gdb=f"unix:{folder / 'gdb'},server=on,wait=off")
    with machine_from_firmware(config) as machine:
        wait_all_done(machine)
        machine.expect(r"^init: trace ", 60)
        wait_for_rest(machine)
        yield Bench(machine, folder)


def test_stops_at_kernel_main_from_power_on() -> None:
    """What `make gdb` does, with commands in place of a person."""
    command = [str(ROOT / "tools" / "gdb" / "run.sh"), "-batch", "-ex", "hbreak kernel_main", "-ex", "continue",
               "-ex", "info symbol $rip"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GDB_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Breakpoint 1, .*kernel_main \(handoff=0x", done.stdout, re.DOTALL), done.stdout + done.stderr
    assert re.search(r"^kernel_main(?: \+ \d+)? in section \.text", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("place", PLACES)
def test_the_helper_works_from_every_side(bench: Bench, place: str) -> None:
    output = bench.gdb(place, "spoor threads", "spoor processes", "spoor bt 1", "spoor percpu", "spoor mailboxes",
                       "spoor walk kernel kernel_main", "print *thread_slots[1]")
    assert re.search(r"^ +1 blocked +receive .* init +main$", output, re.MULTILINE), output
    assert len(re.findall(r"^ +0 (?:running|ready) .* kernel +idle", output, re.MULTILINE)) == CORES, output
    assert re.search(r"^ +\d+ +3 +\d+ alive +init$", output, re.MULTILINE), output
    assert "thread 1 'main' of init: blocked receive" in output
    for function in ("thread_\\w+", "\\w*receive", "syscall_dispatch"):
        assert re.search(rf"^#\d+ +0xffffffff8\w+ {function}\+0x\w+ \(kernel/", output, re.MULTILINE), output
    # The tracer may be looking for what is full: then it is what a core runs.
    cores = re.findall(r"^ +(\d) +\d +(?:0 idle +0x\w+ \w+|\d+ tracer\b)", output, re.MULTILINE)
    assert cores == [str(core) for core in range(CORES)], output
    assert re.search(r"receivers: 1 init/main$", output, re.MULTILINE), output
    assert re.search(r"^pt +\[ *\d+\].* page +accessed global$", output, re.MULTILINE), output
    assert "= thread 1 'main' of init: blocked receive = {object = thread " in output, output


def test_what_a_process_holds_and_maps(bench: Bench) -> None:
    output = bench.gdb("core", "spoor handles init", "spoor areas init", "spoor walk init 0x400000",
                       "spoor walk init 16")
    assert re.search(r"^ +0x\w+ process +\d+ +0 all +init$", output, re.MULTILINE), output
    assert re.search(r"^ +0x\w+ mailbox +\d+ +1 duplicate transfer send badge +tracer$", output, re.MULTILINE), output
    assert re.search(r"^ +400000 +\w+ r-x ", output, re.MULTILINE), output
    assert re.search(r"^pt +\[  0\].* page +user accessed$", output, re.MULTILINE), output
    assert "0x10 is not mapped" in output


def test_rings_can_be_read_and_saved(bench: Bench, tmp_path: Path) -> None:
    image = tmp_path / "rings"
    output = bench.gdb("core", f"spoor rings {image}", "spoor last 3 sched.", "spoor last 1")
    assert len(re.findall(r"^(?:normal|nmi) \d +\d+ +\d+ +\d+ +0$", output, re.MULTILINE)) == 2 * CORES, output
    assert len(re.findall(r"cpu\d .* sched\.\w+", output)) >= 3, output
    checked = subprocess.run([str(ROOT / "tools" / "spoor"), "check", str(image)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_printers(bench: Bench) -> None:
    output = bench.gdb("core", "print process_list", "print process_list_lock", "print (status_t)-9", "spoor status -2",
                       "print *thread_slots[1]->process", "print thread_slots[1]->process->object")
    assert re.search(r"^\$1 = list at 0x\w+: 2 others$", output, re.MULTILINE), output
    assert re.search(r"^\$2 = lock .*: free$", output, re.MULTILINE), output
    assert "$3 = TIMED_OUT (-9)" in output and "WRONG_TYPE" in output
    assert re.search(r"^\$4 = process \d+ 'init' = \{", output, re.MULTILINE), output
    assert re.search(r"^\$5 = process \d+ = \{", output, re.MULTILINE), output


@pytest.mark.parametrize(("command", "words"), [
    ("spoor bt 4711", "no thread 4711"), ("spoor bt", "spoor bt TID"), ("spoor handles nosuch", "no process nosuch"),
    ("spoor areas", "spoor areas PROCESS"), ("spoor walk init", "spoor walk PROCESS|kernel ADDRESS"),
    ("spoor walk kernel 0x800000000000", "not canonical"),
    ("spoor last 1 nosuch", 'no category or event is named "nosuch"')])
def test_says_what_is_wrong(bench: Bench, command: str, words: str) -> None:
    arguments = ["-batch", "-ex", command]
    done = subprocess.run(gdb_command(bench.targets["core"], "debug", arguments), capture_output=True, text=True,
                          timeout=GDB_SECONDS)
    assert words in done.stderr and "Python Exception" not in done.stderr, done.stderr


def test_the_machine_goes_on_when_gdb_has_left(bench: Bench) -> None:
    run_gdb(bench.targets["stub"], "spoor threads", "detach")
    with bench.machine.at_prompt() as kdebug:
        assert kdebug.reason == "break"
