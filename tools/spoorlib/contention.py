# SPDX-License-Identifier: MIT
"""Lock waits while the clients of the program pairs do nothing but call (userspace/programs/pairs.c)."""

from __future__ import annotations

import re
from pathlib import Path

from . import tracetool
from .console import UserError

# Categories to record: threads' switches are left out, because they would fill the rings and wake who reads them.
TRACE = "lock,user,-sched"
MARK = re.compile(r" user\.mark id=10([01]) ")


def lock_waits(capture: Path) -> list[str]:
    """The waits from the mark that begins the measured time to the first one that ends it, a line of text each."""
    dump = tracetool.output("dump", "--filter", "user.mark,lock.wait.begin", str(capture))
    begin, end = (next((match.start() for match in MARK.finditer(dump) if match[1] == which), None) for which in "01")
    if begin is None or end is None:
        raise UserError("the trace does not have the two marks of the program pairs")
    return [line for line in dump[begin:end].splitlines() if " lock.wait.begin " in line]


def counted_calls(serial: str) -> int:
    """How many calls fell into that time."""
    match = re.search(r"^pairs: (\d+) calls by", serial, re.MULTILINE)
    if not match or not int(match[1]):
        raise UserError("the program pairs did not say how many calls it counted")
    return int(match[1])
