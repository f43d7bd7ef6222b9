# SPDX-License-Identifier: MIT
"""
A second look at tests that failed in a whole run.

There, two machines with up to eight virtual CPUs each share the host's cores with each other and with strangers, and a
virtual CPU may stand still for seconds. So a test that failed is run again alone, and counts as passed if it then
passes TIMES times running; what broke every second time still shows. It is marked unsteady in build/test.json and
listed at the end: a test to be repaired, or a race to be found. More than TESTS_MAX failures are no accident. None of
this where SECOND_LOOK=0, and none in the long tiers, whose job is to find what is rare.
"""

from __future__ import annotations

import os
from pathlib import Path

from cmocka import run_program
from pytests import run_tests
from results import FAILED, PASSED, Row

TIMES = 2
TESTS_MAX = 8
LIMIT_SECONDS = 600


def run_alone(build: Path, row: Row) -> Row | None:
    """The row of the same test, run once more; None if it does not say anything of that test now."""
    group, file, *_ = row.id.split(":", 2)
    if file.endswith(".py"):
        node = f"tests/{group}/{row.id.removeprefix(group + ':')}"
        rows = run_tests(build, group, f"{group}-again", [node], LIMIT_SECONDS, {"SPOOR_JOBS": "1"})
    elif group == "host" and (build / "host" / file).exists():
        rows = run_program(build / "host" / file, build / "host" / "results" / f"{file}-again")
    else:
        return None
    return next((again for again in rows if again.id == row.id), None)


def look_again(build: Path, rows: list[Row]) -> None:
    failed = [row for row in rows if row.result == FAILED]
    if os.environ.get("SECOND_LOOK", "1") == "0" or len(failed) > TESTS_MAX:
        return
    for row in failed:
        print(f"== again, alone: {row.id}", flush=True)
        for _ in range(TIMES):
            again = run_alone(build, row)
            if again is None or again.result != PASSED:
                break
        else:
            row.result = PASSED
            row.unsteady = True
