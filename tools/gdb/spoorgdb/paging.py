# SPDX-License-Identifier: MIT
"""How an address is translated, level by level (Intel SDM vol. 3A, 4.5: four-level paging)."""

from __future__ import annotations

from dataclasses import dataclass

import gdb

from .memory import WORD_BYTES, read_physical

LEVELS = ("pml4", "pdpt", "pd", "pt")
PRESENT, IS_PAGE = 1 << 0, 1 << 7
ADDRESS = 0x000F_FFFF_FFFF_F000
FLAGS = ((1, "write"), (2, "user"), (3, "pwt"), (4, "uncached"), (5, "accessed"), (6, "dirty"), (8, "global"),
         (63, "nx"))


@dataclass
class Step:
    """One entry on the way."""

    level: str
    index: int
    at: int      # physical address of the entry
    entry: int
    page_bytes: int | None  # it maps a page of so many bytes; None: a table, or nothing

    @property
    def flags(self) -> str:
        if not self.entry & PRESENT:
            return "not present"
        return " ".join(name for bit, name in FLAGS if self.entry >> bit & 1)


def walk(root: int, address: int) -> list[Step]:
    """From the root down to the page or to an entry that is not present. GdbError: not canonical, not in memory."""
    sign = address >> 47
    if sign not in (0, (1 << 17) - 1):
        raise gdb.GdbError(f"{address:#x} is not canonical")
    steps: list[Step] = []
    table = root & ADDRESS
    for number, level in enumerate(LEVELS):
        shift = 39 - 9 * number
        index = address >> shift & 511
        at = table + index * WORD_BYTES
        try:
            entry = read_physical(at)
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"the {level} at {table:#x} is not in memory") from error
        is_page = bool(entry & PRESENT) and (level == "pt" or (bool(entry & IS_PAGE) and level != "pml4"))
        steps.append(Step(level, index, at, entry, 1 << shift if is_page else None))
        if is_page or not entry & PRESENT:
            break
        table = entry & ADDRESS
    return steps


def physical(step: Step, address: int) -> int | None:
    """Where the last step of a walk says that an address lies."""
    if step.page_bytes is None:
        return None
    return (step.entry & ADDRESS & -step.page_bytes) | (address & (step.page_bytes - 1))
