# SPDX-License-Identifier: MIT
"""Memory over a line that damages some of it: lines as kdebug/cmd/dump.c writes them, from a model of a machine."""

from __future__ import annotations

import base64
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from qemu.checksum import crc32c  # noqa: E402
from qemu.core import Dump  # noqa: E402
from spoorlib import memory_dump  # noqa: E402
from spoorlib.console import UserError  # noqa: E402

PAGES = 200
ROOT = 0x1D4000


def line(body: str) -> str:
    return f"{body} {crc32c(body.encode()):08x}\r\n"


class Machine:
    """Answers `dump [FIRST [COUNT]]`; every third page is zeros, frames have a gap in the middle."""

    def __init__(self, damage: float = 0) -> None:
        self.random = random.Random(5)
        self.damage = damage
        self.pages = [b"" if i % 3 == 0 else self.random.randbytes(64) * 64 for i in range(PAGES)]
        self.asked: list[str] = []

    def frame(self, number: int) -> int:
        return 0x100 + number + (7 if number >= PAGES // 2 else 0)

    def ask(self, command: str) -> str:
        self.asked.append(command)
        words = [int(word, 16) for word in command.split()[1:]]
        first, count = (*words, *(0, PAGES)[len(words):])
        text = line(f"=m b 1 {ROOT:x}")
        for number in range(first, min(first + count, PAGES)):
            page = self.pages[number]
            kind = f"r {number:x} {self.frame(number):x} {base64.b64encode(page).decode()}"
            text += line(f"=m {kind}" if page else f"=m z {number:x} {self.frame(number):x} 1")
        text += line(f"=m e {PAGES:x}")
        return "".join(self.spoil(character) for character in text)

    def spoil(self, character: str) -> str:
        return chr(self.random.randrange(32, 127)) if self.random.random() < self.damage else character


def check(machine: Machine, target: Path) -> None:
    dump = memory_dump.fetch(machine.ask)
    dump.write(target)
    with target.open("rb") as file:
        core = Dump(file)
        assert core.root() == ROOT and len(core.memory) == 2
        for number, page in enumerate(machine.pages):
            assert core.read_physical(machine.frame(number) * 4096, 4096) == (page or bytes(4096))


def test_a_good_line_is_asked_once(tmp_path: Path) -> None:
    machine = Machine()
    check(machine, tmp_path / "core")
    assert machine.asked == ["dump"]


def test_what_came_damaged_comes_again(tmp_path: Path) -> None:
    machine = Machine(damage=0.0002)
    check(machine, tmp_path / "core")
    assert len(machine.asked) > 3


def test_a_line_that_is_too_bad_is_given_up() -> None:
    with pytest.raises(UserError, match="does not come through"):
        memory_dump.fetch(Machine(damage=0.3).ask)


def test_another_format_is_refused() -> None:
    with pytest.raises(UserError, match="version 2"):
        memory_dump.MemoryDump().feed(line("=m b 2 1000"))


def test_packed_pages(tmp_path: Path) -> None:
    # 1 plain byte, a repeat of 15 + 4 + 255 + 255 + 3 at distance 1; then 3,566 bytes more of it.
    packed = bytes([0x1F, 0x41, 1, 0, 255, 255, 3, 0x0F, 1, 0, *[255] * 13, 3563 - 19 - 13 * 255])
    assert memory_dump.unpack(packed) == b"A" * 4096
    for bad in (b"", packed[:-1], b"\x0f\x01\x00\x00", b"\x10A\x05\x00", bytes([0xF0])):
        with pytest.raises(ValueError):
            memory_dump.unpack(bad)
