# SPDX-License-Identifier: MIT
"""What is on the screen, read back from a picture that QEMU took of it."""

from __future__ import annotations

import gzip
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path

from conftest import BootFunction, kill_process, wait_all_done

from qemu.machine import TIMEOUT_SCALE, Machine

FONT = Path("/usr/share/consolefonts/Unifont-APL8x16.psf.gz")
WIDTH, HEIGHT = 8, 16
LOG_LINE = re.compile(r"^\[ *\d+\.\d{6} cpu\d+ t\d+\] .*$", re.MULTILINE)


def letters() -> dict[bytes, str]:
    """Which character a glyph is: the lowest of those it stands for (PSF 1 with 512 glyphs and a table)."""
    data = gzip.decompress(FONT.read_bytes())
    assert data[:4] == bytes((0x36, 0x04, 3, HEIGHT))
    table = struct.unpack(f"<{(len(data) - 4 - 512 * HEIGHT) // 2}H", data[4 + 512 * HEIGHT:])
    found: dict[bytes, str] = {}
    glyph, entry = 0, []
    for code in table:
        if code != 0xffff:
            entry.append(code)
            continue
        shape = data[4 + glyph * HEIGHT:4 + (glyph + 1) * HEIGHT]
        codes = [code for code in entry if 0x20 <= code < 0x7f]
        if codes:
            found.setdefault(shape, chr(min(codes)))
        glyph, entry = glyph + 1, []
    assert glyph == 512
    return found


def read_screen(machine: Machine, folder: Path) -> list[str]:
    """The text on the screen, row by row; what is no letter is '~'."""
    picture = folder / "screen.ppm"
    machine.qmp("screendump", {"filename": str(picture)})
    head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data := picture.read_bytes())
    assert head
    width, height = int(head[1]), int(head[2])
    pixels, known = data[head.end():], letters()
    rows = []
    for top in range(0, height - HEIGHT + 1, HEIGHT):
        text = ""
        for left in range(0, width - WIDTH + 1, WIDTH):
            shape = bytearray()
            for y in range(top, top + HEIGHT):
                start = 3 * (y * width + left)
                line = pixels[start:start + 3 * WIDTH]
                shape.append(sum((line[3 * x:3 * x + 3] != b"\0\0\0") << (7 - x) for x in range(WIDTH)))
            text += known.get(bytes(shape), "~")
        rows.append(text.rstrip("~ "))  # the cursor is no letter
    return rows


def wait_for_rows(machine: Machine, folder: Path, is_right: Callable[[list[str]], bool]) -> list[str]:
    """The rows that are not empty, as soon as they are right: a picture may be taken in the middle of a painting."""
    rows: list[str] = []
    deadline = time.monotonic() + 60 * TIMEOUT_SCALE
    while time.monotonic() < deadline:
        rows = [row for row in read_screen(machine, folder) if row]
        if is_right(rows):
            return rows
    raise AssertionError((rows, LOG_LINE.findall(machine.serial.text)))


def comes_in_order(rows: list[str], lines: list[str]) -> bool:
    rest = iter(lines)
    return all(row in rest for row in rows)


def test_the_log_is_on_the_screen(boot: BootFunction, tmp_path: Path) -> None:
    """Also when the log, the name service, and the screen itself have ended in between."""
    machine = boot(cpus=2, cmdline="workload=services services=screen")
    assert wait_all_done(machine, 120) == (1, 0)
    lines = LOG_LINE.findall(machine.serial.text)
    # A log that ends may have lines that the screen has not come for; the last one has not ended.
    last = lines[next(i for i, line in enumerate(lines) if line.endswith("log has been started 5 times")):]
    before = wait_for_rows(machine, tmp_path, lambda rows: rows[-len(last):] == last and comes_in_order(rows, lines))
    assert len(before) > len(last) >= 3
    kill_process(machine, "screen")
    machine.expect("^init: service screen: .*again in", 60)
    # The new one knows what the log has kept since that was started last.
    wait_for_rows(machine, tmp_path, lambda rows: rows == last)


def test_a_machine_without_a_screen(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=ipcload:calls=10 services=screen", extra=("-vga", "none"), power_on=True)
    machine.expect("^screen: nothing is shown: ERR_NOT_FOUND", 120)
    assert wait_all_done(machine, 60) == (1, 0)
