# SPDX-License-Identifier: MIT
"""One line for a person and for gdb: what goes to whom, and whose turn it is."""

from __future__ import annotations

import queue
import random
import socket
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from spoorlib.console import UserError  # noqa: E402
from spoorlib.gdb_port import SharedLine  # noqa: E402
from spoorlib.gdb_split import PacketReader, Splitter, packet  # noqa: E402

SECONDS = 20


# ---- packets and text ----


@pytest.mark.parametrize("text", [
    b"costs $5\n", b"$#\n", b"$abc#00 is no packet\n", b"$abc#zz\n", b"a $ in the log\n", b"$$\n"])
def test_text_with_a_dollar_is_text(text: bytes) -> None:
    assert Splitter().split(text) == (text, b"")


def test_an_unfinished_packet_is_held_and_never_lost() -> None:
    splitter = Splitter()
    assert splitter.split(b"log\n$T05") == (b"log\n", b"")
    assert splitter.split(b"thread:1;#") == (b"", b"")
    whole = packet(b"T05thread:1;")
    assert splitter.split(whole[-2:] + b"more\n") == (b"more\n", whole)


def test_a_dollar_without_end_is_given_up() -> None:
    text, packets = Splitter().split(b"$" + b"x" * 20000)
    assert len(text) == 20001 and not packets


@pytest.mark.parametrize("request_", [b"qXfer:features:read:target.xml:0,ffb", b"vFile:pread:5,1000,0", b"x0,40"])
def test_bytes_that_gdb_asked_for_may_be_line_ends(request_: bytes) -> None:
    """The answer to that packet only: the next line with a `$` is text again."""
    splitter, answer = Splitter(), packet(b"l<target>\n<a/>\n#x".replace(b"#", b"}\x03"))
    splitter.watch(packet(request_))
    assert splitter.split(b"costs $5\n" + answer[:12]) == (b"costs $5\n", b"")
    assert splitter.split(answer[12:] + b"$a\n") == (b"$a\n", answer)
    assert splitter.split(b"$6\n") == (b"$6\n", b"")


def test_acknowledgements_are_as_many_as_packets() -> None:
    splitter = Splitter()
    splitter.watch(b"+" + packet(b"qSupported"))
    assert splitter.split(b"1+1\n") == (b"11\n", b"+")
    splitter.watch(packet(b"QStartNoAckMode"))
    assert splitter.split(b"+" + packet(b"OK")) == (b"", b"+" + packet(b"OK"))
    splitter.watch(packet(b"g"))
    assert splitter.split(b"1+1\n") == (b"1+1\n", b"")


def test_it_knows_whether_the_machine_runs_and_gdb_has_left() -> None:
    splitter = Splitter()
    splitter.watch(packet(b"vCont;c"))
    assert splitter.is_running and not splitter.has_left
    splitter.split(b"log line\n" + packet(b"T05"))
    assert not splitter.is_running
    splitter.watch(packet(b"D;1"))
    assert splitter.has_left


@pytest.mark.parametrize("seed", range(30))
def test_every_byte_goes_to_one_side_wherever_the_stream_is_cut(seed: int) -> None:
    chance = random.Random(seed)
    parts = [chance.choice([b"log $1\n", b"text\n", packet(b"T05"), packet(bytes([chance.randrange(48, 90)]) * 5),
                            b"$bad#00\n", b"kdebug> "]) for _ in range(40)]
    stream = b"".join(parts)
    splitter, text, packets = Splitter(), b"", b""
    while stream:
        cut = chance.randrange(1, 9)
        a, b = splitter.split(stream[:cut])
        text, packets, stream = text + a, packets + b, stream[cut:]
    a, b = splitter.split(b"\n")
    assert packets + b == b"".join(part for part in parts if part == packet(part[1:-3]))
    assert text + a == b"".join(part for part in parts if part != packet(part[1:-3])) + b"\n"


def test_a_reader_gives_back_all_bytes() -> None:
    chance = random.Random(1)
    data = bytes(chance.choice(b"$#ab01\n") for _ in range(5000)) + b"\n"
    reader = PacketReader()
    assert b"".join(piece.data for piece in reader.feed(data)) == data


# ---- turns ----


class FakeMachine:
    """The far end of a line: a prompt, a stub behind it, and what it was sent."""

    def __init__(self) -> None:
        self._near, self.far = socket.socketpair()
        self.got: queue.Queue[bytes] = queue.Queue()
        self.at_prompt = False

    def send(self, data: bytes) -> None:
        self.got.put(data)

    def send_break(self, instead: bytes = b"\x1c") -> None:
        self.got.put(b"BREAK" + instead)

    def receive(self) -> bytes:
        return self._near.recv(4096)

    def say(self, data: bytes) -> None:
        self.far.sendall(data)

    def expect(self, data: bytes) -> None:
        assert self.got.get(timeout=SECONDS) == data


class Console:
    """What the terminal does: reads for ever."""

    def __init__(self, line: SharedLine) -> None:
        self.line, self.seen, self._change = line, b"", threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while data := self.line.receive():
            with self._change:
                self.seen += data
                self._change.notify_all()

    def wait(self, text: bytes) -> None:
        with self._change:
            assert self._change.wait_for(lambda: text in self.seen, SECONDS), self.seen


class Bench:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "gdb"
        self.machine = FakeMachine()
        self.line = SharedLine(self.machine, str(self.path))
        self.console = Console(self.line)

    def connect(self) -> socket.socket:
        gdb = socket.socket(socket.AF_UNIX)
        gdb.settimeout(SECONDS)
        gdb.connect(str(self.path))
        return gdb

    def connect_at_prompt(self) -> socket.socket:
        self.machine.say(b"\nkdebug> ")
        self.console.wait(b"kdebug> ")
        gdb = self.connect()
        gdb.sendall(b"+" + packet(b"qC"))
        self.machine.expect(b"+" + packet(b"qC"))
        return gdb


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("g"))


def test_without_gdb_every_byte_passes(bench: Bench) -> None:
    bench.machine.say(b"$T05#b9 and $ text\n")
    bench.console.wait(b"$T05#b9 and $ text\n")
    bench.line.send(b"keys")
    bench.machine.expect(b"keys")


def test_gdb_and_console_take_turns(bench: Bench) -> None:
    gdb = bench.connect_at_prompt()
    bench.machine.say(b"+" + packet(b"QC1") + b"a log line\n")
    bench.console.wait(b"a log line\n")
    assert gdb.recv(100) == b"+" + packet(b"QC1")
    bench.line.send(b"x")  # held off
    bench.line.send_break()
    bench.machine.expect(b"BREAK\x03")
    gdb.sendall(packet(b"D"))
    bench.machine.expect(packet(b"D"))
    bench.machine.say(b"+" + packet(b"OK") + b"\nkdebug> ")
    gdb.recv(100)
    gdb.close()
    bench.console.wait(b"a log line\n\nkdebug> ")
    assert b"$OK" not in bench.console.seen


def test_a_running_machine_is_stopped_for_gdb(bench: Bench) -> None:
    gdb = bench.connect()
    bench.machine.expect(b"BREAK\x1c")
    bench.machine.say(b"kdebug: enter reason=escape\nkdebug> ")
    gdb.sendall(packet(b"qC"))
    bench.machine.expect(packet(b"qC"))


def test_a_prompt_not_seen_before_is_asked_for(bench: Bench) -> None:
    bench.connect()
    bench.machine.expect(b"BREAK\x1c")
    bench.machine.expect(b"\x15\r")


def test_a_gdb_that_dies_is_detached(bench: Bench) -> None:
    gdb = bench.connect_at_prompt()
    gdb.close()
    bench.machine.expect(packet(b"D"))
    bench.machine.say(b"+" + packet(b"OK") + b"\nkdebug> ")
    bench.console.wait(b"kdebug> \nkdebug> ")
    bench.machine.say(b"$")  # typed, and echoed at once
    bench.console.wait(b"kdebug> $")


def test_a_gdb_that_dies_while_the_machine_runs_is_detached_at_the_next_stop(bench: Bench) -> None:
    gdb = bench.connect_at_prompt()
    gdb.sendall(packet(b"c"))
    bench.machine.expect(packet(b"c"))
    gdb.close()
    bench.machine.say(b"it runs\n")
    bench.console.wait(b"it runs\n")
    second = bench.connect()  # and the next gdb gets in by gdb's own interrupt
    bench.machine.expect(b"BREAK\x03")
    bench.machine.say(packet(b"T05"))
    bench.machine.expect(packet(b"D"))
    bench.machine.say(b"+" + packet(b"OK") + b"\nkdebug> ")
    second.sendall(packet(b"qC"))
    bench.machine.expect(packet(b"qC"))


def test_a_taken_port_says_so(bench: Bench) -> None:
    with pytest.raises(UserError, match="cannot listen on"):
        SharedLine(FakeMachine(), str(bench.path))
    with pytest.raises(UserError, match="cannot listen on"):
        SharedLine(FakeMachine(), "99999")


def test_the_end_of_the_line_ends_gdb(bench: Bench) -> None:
    gdb = bench.connect_at_prompt()
    bench.machine.far.close()
    assert gdb.recv(100) == b""
    while bench.path.exists():
        pass
