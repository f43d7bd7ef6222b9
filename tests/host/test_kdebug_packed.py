# SPDX-License-Identifier: MIT
"""
The filter z of kdebug and its readers: packed by the kernel's code (build/host/test_kdebug_packed), unpacked by zlib.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from qemu.checksum import crc32c  # noqa: E402
from spoorlib import cli, packed_text  # noqa: E402
from spoorlib.armour import LINE_BYTES, Dump  # noqa: E402
from spoorlib.packed_text import HEAD, TEXT_BYTES, PackedText, find_texts, inflate, unpack  # noqa: E402
from spoorlib.stop_report import damaged_sections, fetch_report, parse_sections  # noqa: E402

PROGRAM = Path(os.environ.get("BUILD", "build")) / "host" / "test_kdebug_packed"
WORDS = ["thread", "mailbox", "receive", "0x3003", "ffffffff80015182", "blocked", "\n"]
BORDERS = [0, 1, 2, 3, 4, TEXT_BYTES - 1, TEXT_BYTES, TEXT_BYTES + 1, 2 * TEXT_BYTES, 3 * TEXT_BYTES + 5]


def pack(data: bytes, line: str = "t_text ! z") -> str:
    done = subprocess.run([str(PROGRAM), line], input=data, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("latin-1")


def words(count: int, seed: int = 1) -> bytes:
    chance = random.Random(seed)
    return " ".join(chance.choice(WORDS) + str(chance.randrange(50)) for _ in range(count // 4 + 1)).encode()[:count]


def skewed(count: int) -> bytes:
    """Bytes as frequent as Fibonacci's numbers, whose code would be longer than the format allows."""
    numbers = [1, 1]
    while sum(numbers) < TEXT_BYTES:
        numbers.append(numbers[-1] + numbers[-2])
    data = [value for value, number in enumerate(numbers) for _ in range(number)]
    random.Random(2).shuffle(data)
    return bytes(data[:count])


CONTENTS: dict[str, Callable[[int], bytes]] = {
    "zeros": bytes, "words": words, "skewed": skewed,
    "noise": lambda count: random.Random(count).randbytes(count),
    "letters": lambda count: bytes(random.Random(3).choices(b"ab\n", k=count)),
}


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("count", BORDERS)
def test_what_is_packed_comes_back(kind: str, count: int) -> None:
    data = CONTENTS[kind](count)
    text, = find_texts(pack(data))
    assert (text.text.encode("latin-1"), text.trouble, text.damaged) == (data, "", [])
    assert len(text.pieces) == -(-len(data) // TEXT_BYTES)


def test_random_mixtures_come_back() -> None:
    """Repeats of every length and distance between bytes of every kind, several blocks a turn."""
    for seed in range(12):
        chance = random.Random(seed)
        data = bytearray()
        while len(data) < 200000:
            if data and chance.random() < 0.5:
                distance = chance.randrange(1, min(len(data), 40000) + 1)
                length = chance.randrange(1, chance.choice([5, 300, 3000]))
                piece = data[-distance:]
                data += (piece * (length // distance + 1))[:length]
            else:
                data += chance.randbytes(chance.randrange(1, 20))
        assert find_texts(pack(data))[0].text.encode("latin-1") == data


def test_what_commands_run_and_errors_are_in_it() -> None:
    printed = pack(b"", "echo before; t_inner | z; echo behind")
    assert unpack(printed.replace("\r", "")) == "before\none\ntwo\nerror: of a section\nthree\nbehind\n"
    assert printed.count("=== spoor packed begin") == 1


def test_other_filters_stand_before_it() -> None:
    lines = [f"line {i * i} {i * i * 7919}\n" for i in range(1000)]
    wanted = "".join([line for line in lines if "19" in line][:20])
    assert find_texts(pack(b"", "t_lines ! grep 19 | head 20 | z"))[0].text == wanted


LONG = words(6 * TEXT_BYTES + 77)
PACKED = ""


def packed() -> str:
    global PACKED
    PACKED = PACKED or pack(LONG)
    return PACKED


def spoil(text: str, chance: random.Random, part: float) -> str:
    return "".join(chr(chance.randrange(32, 127)) if chance.random() < part else c for c in text)


def check_pieces(text: PackedText) -> None:
    for number, piece in text.pieces.items():
        assert piece.encode() == LONG[number * TEXT_BYTES:(number + 1) * TEXT_BYTES]


def test_one_damaged_line_costs_its_block_only() -> None:
    lines = packed().split("\r\n")
    chance = random.Random(4)
    for place in sorted(chance.sample(range(1, len(lines) - 2), 60)):
        at = chance.randrange(4, 80)
        line = lines[place][:at] + ("A" if lines[place][at] != "A" else "B") + lines[place][at + 1:]
        text, = find_texts("\r\n".join([*lines[:place], line, *lines[place + 1:]]))
        assert text.trouble.startswith("1 damaged or missing lines")
        assert 6 <= len(text.pieces) <= 7 - bool(text.damaged) and len(text.damaged) <= 2
        check_pieces(text)
        lost = text.text.count("of the packed text is damaged")
        assert lost == len(text.damaged)


@pytest.mark.parametrize("part", [0.0001, 0.001, 0.01])
def test_damaged_bytes_never_come_as_text(part: float) -> None:
    for seed in range(5):
        for text in find_texts(spoil(packed(), random.Random(seed), part)):
            assert text.trouble
            check_pieces(text)


def test_one_percent_of_damaged_bytes_over_a_line() -> None:
    chance, data = random.Random(1), LONG[:TEXT_BYTES + 77]

    def ask(line: str) -> str:
        command, _, rest = line.partition(" | z")
        assert command == "report"
        return spoil(pack(data, f"t_text | z{rest}"), chance, 0.01)

    text = packed_text.fetch(ask, "report")
    assert (text.text.encode(), text.trouble, text.damaged) == (data, "", [])


def test_a_damaged_block_behind_whole_lines_is_seen() -> None:
    """Nothing but the checksums of a block tells that its bytes are of another text."""
    head = HEAD.pack(packed_text.MAGIC, 0, 5, 5, crc32c(b"hello"), 0)[:-4]
    head += crc32c(head).to_bytes(4, "little")

    class Whole(Dump):
        trouble = ""

        def __init__(self, data: bytes) -> None:
            super().__init__()
            self.held = data

        @property
        def data(self) -> bytes:
            return self.held

    assert PackedText(Whole(head + b"hello")).text == "hello"
    assert PackedText(Whole(head + b"hallo")).damaged == [0]
    assert PackedText(Whole(head[:9] + b"\1" + head[10:] + b"hello")).pieces == {}


def test_any_bytes_inflate_to_nothing_much() -> None:
    chance = random.Random(6)
    for _ in range(3000):
        assert len(inflate(chance.randbytes(chance.randrange(300)), 1000)) <= 1001


def report(sections: dict[str, str]) -> bytes:
    body = "".join(f"=== spoor report section {name}\n{text}=== spoor report end {name} {len(text)} "
                   f"{crc32c(text.encode()):08x}\n" for name, text in sections.items())
    return f"=== spoor report begin {len(sections)}\n{body}=== spoor report done\n".encode()


SECTIONS = {name: words(40000, seed).decode() + "\n" for seed, name in enumerate(("cores", "threads", "locks", "log"))}


def test_a_report_is_read_packed_and_plain_alike() -> None:
    printed = pack(report(SECTIONS))
    assert parse_sections(printed) == parse_sections(report(SECTIONS).decode()) == SECTIONS
    plain = report(SECTIONS).decode()
    assert fetch_report(lambda _: printed, list(SECTIONS)) == SECTIONS
    assert damaged_sections(plain) == []
    assert damaged_sections(plain.replace("mailbox", "mailbux", 1)) == ["cores"]


def spoor(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["unpack", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_spoor_unpack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, printed = tmp_path / "serial.log", pack(report(SECTIONS))
    log.write_text("kdebug> report | z\r\n" + printed + "kdebug> ", newline="")
    assert spoor(capsys, log) == (0, report(SECTIONS).decode(), "")
    lines = printed.split("\r\n")
    place = len(lines) // 2
    log.write_text("\r\n".join(lines[:place] + lines[place + 2:]), newline="")
    code, text, trouble = spoor(capsys, log)
    assert code == 1 and "of the packed text is damaged" in text
    assert "spoor: 2 damaged or missing lines" in trouble and f"number {place - 1:d}" in trouble
    assert "damaged in the report: " in trouble and "block " in trouble
    assert list(parse_sections(text))
    log.write_text("nothing of that kind\n")
    code, text, trouble = spoor(capsys, log)
    assert code == 1 and "holds nothing that kdebug's filter z has packed" in trouble


def test_lines_hold_what_the_reader_thinks() -> None:
    first = packed().split("\r\n")[1].split()[1]
    assert len(first) == LINE_BYTES // 3 * 4
