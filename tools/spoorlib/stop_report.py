# SPDX-License-Identifier: MIT
"""Reads what kdebug's 'report' prints (kdebug/cmd/report.c), packed or not, and puts damaged sections together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from qemu.checksum import crc32c

from . import packed_text

BEGIN = re.compile(r"^=== spoor report begin (\d+)$", re.MULTILINE)
SECTION = re.compile(r"^=== spoor report section (\w+)\n(.*?)^=== spoor report end (\w+) (\d+) ([0-9a-f]{8})$",
                     re.MULTILINE | re.DOTALL)
NAME = re.compile(r"^=== spoor report (?:section|end) (\w+)", re.MULTILINE)
TURNS = 50

Ask = Callable[[str], str]


def parse_sections(text: str) -> dict[str, str]:
    """Section -> what it says, of those that came whole."""
    result = {}
    for name, body, again, length, crc in SECTION.findall(packed_text.unpack(text.replace("\r", ""))):
        data = body.encode("latin-1", "replace")
        if name == again and len(data) == int(length) and crc32c(data) == int(crc, 16):
            result[name] = body
    return result


def damaged_sections(text: str) -> list[str]:
    """What did not come whole of the reports in a text that is not packed, by name as far as the names came."""
    plain = text.replace("\r", "")
    whole = parse_sections(plain)
    names = [name for name in dict.fromkeys(NAME.findall(plain)) if name not in whole]
    expected = sum(map(int, BEGIN.findall(plain)[-1:]))
    return names or ["a section without a name"] * (expected > len(whole))


def vote(copies: list[str]) -> str:
    """What most of them have at each place: damage hits another place each time. Unusual lengths do not count."""
    length = Counter(map(len, copies)).most_common(1)[0][0]
    places = zip(*(copy for copy in copies if len(copy) == length))
    return "".join(Counter(place).most_common(1)[0][0] for place in places)


def fetch_report(ask: Ask, names: list[str]) -> dict[str, str]:
    """
    All sections, over a line that may damage some bytes.

    ask    runs a command at the prompt and returns what it printed; the machine stands still: the same each time
    names  of the sections; they are asked for one by one once the report as a whole has come
    """
    result = parse_sections(ask("report"))
    for name in names:
        copies: list[str] = []
        while name not in result and len(copies) < TURNS:
            copies.append(ask(f"report {name}"))
            result |= parse_sections(vote(copies))
    return result
