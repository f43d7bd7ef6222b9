# SPDX-License-Identifier: MIT
"""tools/qemu against a fake QEMU: waiting, failing, breaking in, cleaning up."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from qemu.config import MachineConfig, MachinePaths, qemu_arguments  # noqa: E402
from qemu.errors import MachineError, MachineFailed, MachineTimeout  # noqa: E402
from qemu.machine import Machine  # noqa: E402
from qemu.process import Pipes  # noqa: E402
from qemu.registers import parse_registers  # noqa: E402
from qemu.symbols import SymbolTable  # noqa: E402

FAKE = str(Path(__file__).with_name("fake_qemu.py"))


@pytest.fixture(autouse=True)
def build_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs go to a folder of the test's own, and firmware need not be installed."""
    monkeypatch.setenv("BUILD", str(tmp_path))
    for name in ("code.fd", "vars.fd"):
        (tmp_path / name).write_bytes(b"firmware")
    monkeypatch.setattr("qemu.paths.firmware", lambda: (tmp_path / "code.fd", tmp_path / "vars.fd"))
    return tmp_path


def config(tmp_path: Path, kind: str = "normal") -> MachineConfig:
    return MachineConfig(name=f"fake-{kind}", cpus=2, esp=tmp_path / "esp.img", qemu=FAKE, extra=("-fake", kind))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with Machine(config(tmp_path)) as running:
        yield running


def test_expect_moves_the_cursor_behind_the_match(machine: Machine) -> None:
    assert machine.expect(r"guest: (\w+)", 5).group(1) == "started"
    with pytest.raises(MachineTimeout):
        machine.expect("started", 0.1)


def test_a_time_out_tells_the_log_tail_and_every_core(machine: Machine) -> None:
    with pytest.raises(MachineTimeout) as caught:
        machine.expect("this never comes", 0.2)
    message = str(caught.value)
    assert "guest: started" in message
    assert "cpu 0: rip ffffffff80000010" in message and "cpu 1:" in message and "halted" in message
    assert "you said bt cpu 1" in message
    assert machine.log("diagnosis").read_text().startswith("  state of the cores")


def test_a_hung_guest_is_reported_with_registers_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qemu.machine.DIAGNOSIS_SECONDS", 0.2)
    with Machine(config(tmp_path, "hang")) as machine, pytest.raises(MachineTimeout) as caught:
        machine.break_in(timeout=0.2)
    assert "no more to be had" in str(caught.value) and "cpu 1: rip" in str(caught.value)


def test_a_panic_ends_a_wait_at_once(tmp_path: Path) -> None:
    with Machine(config(tmp_path, "panic")) as machine, pytest.raises(MachineFailed) as caught:
        machine.expect("init: all done", 30)
    assert "reason=panic" in str(caught.value) and "out of luck" in str(caught.value)


def test_a_wanted_panic_is_no_failure(tmp_path: Path) -> None:
    with Machine(config(tmp_path, "panic")) as machine:
        prompt = machine.break_in(by="wait")
        assert (prompt.reason, prompt.cpu) == ("panic", 1)


def test_commands_at_the_prompt(machine: Machine) -> None:
    with machine.at_prompt() as kdebug:
        assert kdebug.reason == "break"
        assert kdebug.command("threads") == "you said threads\nsecond line\n"
    machine.expect("guest: goes on", 5)


def test_the_escape_byte_breaks_in(machine: Machine) -> None:
    with machine.at_prompt(by="escape") as kdebug:
        assert kdebug.reason == "escape"


def test_qemu_that_ends_at_once_is_an_error_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no such machine"):
        Machine(config(tmp_path, "refuse")).start()


def test_qemu_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="make deps"):
        Machine(MachineConfig(esp=tmp_path / "esp.img", qemu="qemu-of-nowhere")).start()


def test_an_error_of_the_monitor_is_raised(machine: Machine) -> None:
    with pytest.raises(MachineError, match="no such command"):
        machine.qmp("no-such-command")


def test_wait_exit_gives_the_reason(tmp_path: Path) -> None:
    with Machine(config(tmp_path, "reset")) as machine:
        machine.send("reboot\r")
        assert machine.wait_exit(5) == "guest-reset"


def test_qemu_ends_when_the_test_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Machine(config(tmp_path)) as machine:
        pid = machine.process.pid
        _ = 1 // 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_registers_are_parsed_core_by_core(machine: Machine) -> None:
    first, second = machine.registers()
    assert first["rax"] == 0x12 and first["r8"] == 1 and first["cs"] == 8 and not first.interrupts_on
    assert second.halted and second.interrupts_on and second["rip"] == 0xffffffff80000020
    assert parse_registers("") == []


def test_symbols_name_addresses_and_annotate_text() -> None:
    symbols = SymbolTable([(0xffffffff80001000, 0x20, "frame_alloc"), (0xffffffff80002000, 0, "entry")])
    assert symbols.name_of(0xffffffff80001000) == "frame_alloc"
    assert symbols.name_of(0xffffffff8000101f) == "frame_alloc+0x1f"
    assert symbols.name_of(0xffffffff80001020) is None and symbols.name_of(0x1000) is None
    assert symbols.annotate("at ffffffff80001004, 0xffffffff80002000 <entry>") == \
        "at ffffffff80001004 <frame_alloc+0x4>, 0xffffffff80002000 <entry>"


def test_symbols_of_a_real_elf_file(tmp_path: Path) -> None:
    import subprocess
    source = tmp_path / "a.c"
    source.write_text("int answer = 42; int add(int a) { return a + answer; }")
    subprocess.run(["gcc", "-c", "-o", tmp_path / "a.o", source], check=True)
    symbols = SymbolTable.from_elf(tmp_path / "a.o")
    assert "add" in symbols and "answer" in symbols
    with pytest.raises(ValueError):
        SymbolTable.from_elf(source)


def test_who_talks_does_not_wait_for_a_late_reader(tmp_path: Path) -> None:
    pipes = Pipes(tmp_path / "line")
    talker = os.open(tmp_path / "line.out", os.O_RDWR | os.O_NONBLOCK)
    hearer = os.open(tmp_path / "line.in", os.O_RDWR)
    pipes.open()
    for _ in range(100000):
        os.write(talker, b"x")  # as a UART does; BlockingIOError: there is no room
    os.close(talker)
    assert sum(map(len, iter(pipes.read, b""))) == 100000
    os.close(hearer)
    pipes.close()


def test_pipes_that_nobody_took(tmp_path: Path) -> None:
    pipes = Pipes(tmp_path / "line")
    with pytest.raises(OSError):
        pipes.open()
    pipes.close()


def test_the_qemu_command_line(tmp_path: Path) -> None:
    place = MachinePaths(*(tmp_path / name for name in ("code", "vars", "disk", "serial", "qmp")))
    line = " ".join(qemu_arguments(MachineConfig(cpus=3, icount=4), place))
    assert "-smp 3" in line and "thread=single" in line and "-icount shift=4,sleep=off" in line and "-no-reboot" in line
    line = " ".join(qemu_arguments(MachineConfig(kvm=True, gdb="tcp::1", reboot=True), place, incoming=True))
    assert "-accel kvm" in line and "-gdb tcp::1" in line and "-no-reboot" not in line and "-incoming defer" in line
    line = " ".join(qemu_arguments(MachineConfig(capture_port="com2"), place))
    assert line.index("chardev:com1") < line.index("-serial chardev:capture"), "the second -serial is COM2"
