# SPDX-License-Identifier: MIT
"""The reader of kdebug's reports: it takes what is whole and asks again for the rest."""

from __future__ import annotations

import random

import pytest
from qemu.checksum import crc32c
from spoorlib.stop_report import fetch_report, parse_sections

TEXTS = {"cores": " CPU  STATE\n   0  stopped\n" * 8, "log": "[   0.000000 cpu0] Spoor\n" * 200, "objects": ""}


def section(name: str) -> str:
    text = TEXTS[name]
    return (f"=== spoor report section {name}\n{text}"
            f"=== spoor report end {name} {len(text)} {crc32c(text.encode()):08x}\n")


def report(names: list[str]) -> str:
    return f"=== spoor report begin {len(names)}\n" + "".join(map(section, names)) + "=== spoor report done\n"


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def test_a_whole_report() -> None:
    assert parse_sections(report(list(TEXTS)).replace("\n", "\r\n")) == TEXTS


@pytest.mark.parametrize("damage", [("stopped", "stopqed"), (" CPU  STATE\n", ""), ("end cores", "end corps"),
                                    ("section cores", "section c\0res")])
def test_a_damaged_section_is_left_out(damage: tuple[str, str]) -> None:
    assert parse_sections(report(list(TEXTS)).replace(*damage, 1)) == {name: TEXTS[name] for name in ("log", "objects")}


def test_one_percent_of_damaged_bytes() -> None:
    chance = random.Random(1)

    def ask(line: str) -> str:
        words = line.split()
        text = report(words[1:] or list(TEXTS))
        drop = chance.randrange(20) == 0
        return "".join("" if drop and chance.random() < 0.001 else chr(chance.randrange(32, 127))
                       if chance.random() < 0.01 else c for c in text)

    assert fetch_report(ask, list(TEXTS)) == TEXTS
