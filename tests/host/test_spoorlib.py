# SPDX-License-Identifier: MIT
"""The parts of the command `spoor` and of the benchmarks that need no machine."""

from __future__ import annotations

import base64
import random
import re
import socket
import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tools", "tools/bench"):
    sys.path.insert(0, str(ROOT / folder))

from figures import parse_lines  # noqa: E402
from qemu.checksum import crc32c  # noqa: E402
from qemu.kdebug import parse_threads  # noqa: E402
from qemu.serial import compile_pattern  # noqa: E402
from qemu.symbols import SymbolTable  # noqa: E402
from spoorlib import capture, cli, colours, event_choice  # noqa: E402
from spoorlib.armour import LINE_DIGITS, fetch, find_dumps  # noqa: E402
from spoorlib.capture import REGION_HEAD, REGION_UNIX_NS, REGION_VERSION, Prompt, extract_region  # noqa: E402
from spoorlib.colours import Painter  # noqa: E402
from spoorlib.console import Progress, UserError, seconds_from, size_text  # noqa: E402
from spoorlib.terminal import Annotator  # noqa: E402

DATA = bytes(range(256)) * 3


def armoured(data: bytes) -> str:
    digits = base64.b64encode(data).decode()
    lines = [checked(f"{at // LINE_DIGITS:x} {digits[at:at + LINE_DIGITS]}")
             for at in range(0, len(digits), LINE_DIGITS)]
    end = checked(f"=== spoor dump end {len(data)} {crc32c(data):08x}")
    return "\r\n".join(["kdebug> trace dump", "=== spoor dump begin", *lines, end, "kdebug> "])


def checked(line: str) -> str:
    return f"{line} {crc32c(line.encode()):08x}"


def with_end(text: str, end: str) -> str:
    return re.sub("=== spoor dump end [^\r]*", end, text)


def test_crc_of_the_standard_check_string() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"6789", crc32c(b"12345")) == 0xE3069283


def test_a_dump_decodes() -> None:
    dump, = find_dumps(armoured(DATA))
    assert (dump.data, dump.trouble) == (DATA, "")


def test_a_damaged_line_becomes_zeros_and_the_rest_stays() -> None:
    lines = armoured(DATA).split("\r\n")
    lines[4] = "!" + lines[4][1:]
    dump, = find_dumps("\r\n".join(lines))
    assert len(dump.data) == len(DATA) and dump.data[57 * 2:57 * 3] == bytes(57) and dump.data[57 * 3:] == DATA[57 * 3:]
    assert "1 damaged" in dump.trouble and dump.missing() == [2]


@pytest.mark.parametrize(("change", "trouble"), [
    (lambda text: text.split("=== spoor dump end")[0], "cut off"),
    (lambda text: with_end(text, "=== spoor dump end 900 0 0"), "cut off"),
    (lambda text: with_end(text, checked("=== spoor dump end 855 00000000")), "missing lines"),
    (lambda text: with_end(text, checked("=== spoor dump end 768 00000000")), "checksum"),
    (lambda text: text[:60] + ("A" if text[60] != "A" else "B") + text[61:], "1 damaged"),
])
def test_trouble_is_named(change, trouble: str) -> None:
    dump, = find_dumps(change(armoured(DATA)))
    assert trouble in dump.trouble


class BadLine:
    """A machine whose line makes another byte of one in a hundred."""

    def __init__(self, seed: int) -> None:
        self.noise = random.Random(seed)
        self.asked = 0
        self.text = armoured(DATA * 20).replace("\r", "").split("\n")

    def ask(self, command: str) -> str:
        self.asked += 1
        part = re.search(r" lines 0x([0-9a-f]+) 0x([0-9a-f]+)$", command)
        first, count = (int(part[1], 16), int(part[2], 16)) if part else (0, 10**6)
        wanted = range(first, first + count)
        text = "\n".join(line for line in self.text
                         if not (found := re.match(r"([0-9a-f]+) ", line)) or int(found[1], 16) in wanted)
        return "".join(chr(self.noise.randrange(256)) if self.noise.random() < 0.01 else c for c in text)


@pytest.mark.parametrize("seed", range(5))
def test_what_was_damaged_comes_again(seed: int) -> None:
    line = BadLine(seed)
    dump = fetch(line.ask, "trace dump")
    assert (dump.data, dump.trouble) == (DATA * 20, "") and 1 < line.asked < 200


def test_a_line_that_lets_nothing_through_is_given_up() -> None:
    with pytest.raises(UserError, match="does not come through"):
        fetch(lambda command: "=== spoor dump begin\n", "trace dump")


class LateCore:
    """A line to a prompt at which a core comes late, before what is typed is heard."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()

    def fileno(self) -> int:
        return self.near.fileno()

    def receive(self) -> bytes:
        return self.near.recv(7)

    def send_break(self) -> None:
        self.far.sendall(b"\nkdebug: cpu 3 does not answer\r\nkdebug> ")

    def send(self, data: bytes) -> None:
        self.far.sendall(b"\nkdebug: cpu 3 has come\r\nkdebug> " + data + b"\nanswer\r\nkdebug> ")


def test_a_core_that_comes_late_is_no_answer() -> None:
    with Prompt(LateCore(), True, Progress(True)) as prompt:
        for _ in range(3):
            assert prompt.ask("cpus").splitlines() == ["cpus", "answer", "kdebug> "]


class BadPrompt(LateCore):
    """The first prompts come damaged; each empty line brings another one."""

    def __init__(self, damaged: int) -> None:
        super().__init__()
        self.damaged = damaged

    def send(self, data: bytes) -> None:
        prompt = b"\nkdeb\xffg> " if self.damaged > 0 else b"\nkdebug> "
        self.damaged -= 1
        self.far.sendall((b"" if data == b"\r" else data + b"\nanswer") + prompt)


@pytest.mark.parametrize("damaged", [1, 3])
def test_a_damaged_prompt_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, damaged: int) -> None:
    monkeypatch.setattr(capture, "SILENCE_SECONDS", 0.1)
    with Prompt(BadPrompt(damaged), True, Progress(True)) as prompt:
        assert "answer" in prompt.ask("cpus")


def test_a_prompt_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "SILENCE_SECONDS", 0.1)
    with Prompt(BadPrompt(9), True, Progress(True)) as prompt, pytest.raises(UserError, match="in vain for the end"):
        prompt.ask("cpus")


def test_text_without_a_dump_and_with_two() -> None:
    assert find_dumps("kdebug> cpus") == []
    assert [dump.data for dump in find_dumps(armoured(b"one") + armoured(b"two"))] == [b"one", b"two"]


def test_the_region_is_found_in_a_memory_image(tmp_path: Path) -> None:
    region = REGION_HEAD.pack(0x6E6F69676552, REGION_VERSION, 9, 4, 0x4000, 0x2000).ljust(0x2000, b"2")
    image = tmp_path / "image"
    image.write_bytes(b"\0" * 0x3000 + struct.pack("<Q", 0x6E6F69676552).ljust(0x1000, b"\xff") + region + b"\0" * 99)
    assert extract_region(image, tmp_path / "out") and (tmp_path / "out").read_bytes() == region
    assert not extract_region(image, tmp_path / "out", previous=True)
    later = region[:REGION_UNIX_NS] + struct.pack("<Q", 0x7fffffffffffffff) + region[REGION_UNIX_NS + 8:]
    image.write_bytes(later + b"\0" * 0x3000 + region)
    for previous, wanted in ((False, later), (True, region)):
        assert extract_region(image, tmp_path / "out", previous) and (tmp_path / "out").read_bytes() == wanted
    image.write_bytes(b"\0" * 0x3000)
    assert not extract_region(image, tmp_path / "out")


@pytest.mark.parametrize("cut", range(60))
def test_names_are_added_wherever_the_output_is_cut(cut: int) -> None:
    symbols = SymbolTable([(0xffffffff80001000, 0x20, "frame_alloc")])
    text = "off ffff at 0xffffffff80001004, ffffffff80001000 <frame_alloc> kdebug> "
    annotator = Annotator(symbols)
    shown = annotator.feed(text[:cut]) + annotator.feed(text[cut:]) + annotator.flush()
    assert shown == "off ffff at 0xffffffff80001004 <frame_alloc+0x4>, ffffffff80001000 <frame_alloc> kdebug> "


def test_a_prompt_is_shown_at_once() -> None:
    assert Annotator(SymbolTable([(0, 1, "x")])).feed("kdebug> ") == "kdebug> "


def test_an_end_of_line_pattern_waits_for_the_whole_line() -> None:
    pattern = compile_pattern(r"why +(.*)$")
    assert not pattern.search("why  it was")
    assert pattern.search("why  it was so\n").group(1) == "it was so"


def test_threads_are_parsed() -> None:
    rows = parse_threads("  TID  STATE      CORE  PRI  PROCESS           NAME              WAITS FOR\n"
                         "   13  ready        3!    8  hog               hog               \n"
                         "   23  reply        3     8  ipc client 0      ipc client 0      mailbox 55 'ipc server 0'\n")
    seen = [(row.tid, row.state, row.core, row.is_blocked) for row in rows]
    assert seen == [(13, "ready", 3, False), (23, "reply", 3, True)]
    assert rows[1].process == "ipc client 0" and rows[1].waits_for == "mailbox 55 'ipc server 0'"


def test_bench_lines_become_instructions() -> None:
    text = ("BENCH calibration min=32 median=32 n=101\nBENCH syscall.null min=1344 median=1360 n=9\n"
            "BENCH syscall.null min=1 median=1 n=9\n")
    figures = parse_lines(text + "COUNT trace.lost 3 events\n", 4)
    assert (figures["trace.lost"].median, figures["trace.lost"].unit) == (3, "events")
    assert (figures["syscall.null"].min, figures["syscall.null"].median) == (84, 85)


@pytest.mark.parametrize("text", ["", "BENCH x min=1 median=1 n=1\n", "BENCH calibration min=64 median=64 n=1\n",
                                  "BENCH calibration min=999 median=9 n=1 instructions=200000\n"])
def test_figures_without_the_right_scale_are_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse_lines(text, 4)


def test_times_and_sizes() -> None:
    assert [seconds_from(text) for text in ("5s", "500ms", "2m", "5")] == [5, 0.5, 120, 5]
    with pytest.raises(ValueError):
        seconds_from("soon")
    assert [size_text(count) for count in (12, 2048, 3 << 20, 5 << 30)] == ["12 B", "2.0 KiB", "3.0 MiB", "5.0 GiB"]


@pytest.mark.parametrize("words, wrong", [
    ("all", ""), ("none,irq", ""), ("sched,ipc.call,-sched.queue", ""),
    ("all,-irq.exit,-mm", ""), ("ipc.cal", "ipc.cal"),
    ("calls", ""), ("latency,-irq.ipi,fault", ""), ("-calls", "-calls"),
    ("sched,", "''"), ("-none", "-none"), ("irq,nonsense,more", "nonsense")])
def test_events_to_record_are_checked_before_the_boot(words: str, wrong: str) -> None:
    trouble = event_choice.check(words)
    assert (trouble is None) if not wrong else trouble is not None and wrong in trouble


def test_presets_are_choices_the_kernel_knows() -> None:
    for name in event_choice.PRESETS:
        words = event_choice.expand(name)
        assert words != name and event_choice.check(words) is None and name in event_choice.presets_text()
    assert event_choice.expand("irq,calls") == "irq," + event_choice.PRESETS["calls"][1]


def test_what_stands_behind_two_dashes_is_the_workload() -> None:
    args = cli.parse(["trace", "record", "--for", "5s", "--", "hog:seconds=9", "--", "touch"])
    assert (args.events, args.seconds, args.behind) == ("all", 5, ["hog:seconds=9", "--", "touch"])
    assert cli.parse(["test", "tests/system/test_boot.py", "-k", "four"]).rest == ["-k", "four"]
    with pytest.raises(SystemExit):
        cli.parse(["attach", "x", "--", "y"])


# ---- colours ----

@pytest.mark.parametrize("cut", range(16))
def test_lines_are_coloured_by_their_beginning_wherever_the_stream_is_cut(cut: int) -> None:
    text, painter = "ok\npanic: why\r\nkdebug> x\n", Painter()
    shown = painter.feed(text[:cut]) + painter.feed(text[cut:])
    assert shown == "ok\n\x1b[31mpanic: why\x1b[0m\r\n\x1b[1mkdebug> \x1b[0mx\n"


def test_what_may_become_a_mark_is_shown_after_a_while() -> None:
    painter = Painter()
    assert (painter.feed("pan"), painter.pending) == ("", True)
    assert (painter.flush(), painter.pending) == ("pan", False)
    assert painter.feed("ic\nkdebug> ") == "ic\n\x1b[1mkdebug> \x1b[0m"


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert colours.is_wanted("always") and not colours.is_wanted("never") and not colours.is_wanted("auto")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours.is_wanted("auto")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours.is_wanted("auto")
