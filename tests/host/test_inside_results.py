# SPDX-License-Identifier: MIT
"""What `spoor test` makes of the lines of tests inside the system."""

from __future__ import annotations

import pytest

from spoorlib import inside
from spoorlib.inside import FAILED, PASSED, SKIPPED

START = "[ 0.1 cpu0] boot\na: not ok 1 - before the beginning\ninit: workload a,b sequential\n"
GOOD = "a: 1..2\na: # 1 - one\na: ok 1 - one\na: # 2 - two\nlog: noise\na: ok 2 - two # SKIP no disk\n" \
    "PASS a code=0 ms=1500\n"


def results(text: str) -> list[list[tuple[str, str]]]:
    return [[(result.name, result.verdict) for result in program.results]
            for program in inside.collect(START + text).programs]


def test_all_is_well() -> None:
    collector = inside.collect(START + GOOD + "PASS b code=0 ms=2\ninit: all done: 2 passed, 0 failed\n")
    a, b = collector.programs
    assert [(result.name, result.verdict, result.message) for result in a.results] == \
        [("one", PASSED, ""), ("two", SKIPPED, "no disk")]
    assert a.seconds == 1.5 and [(result.name, result.verdict) for result in b.results] == [("b", PASSED)]
    assert inside.tap(collector.programs) == """TAP version 14
# Subtest: a
    ok 1 - one
    ok 2 - two # SKIP no disk
    1..2
ok 1 - a
# Subtest: b
    ok 1 - b
    1..1
ok 2 - b
1..2
# 2 passed, 0 failed, 1 skipped
"""


@pytest.mark.parametrize("text, wanted", [
    ("a: 1..1\na: # 1 - x\na: not ok 1 - x\na: # why\nFAIL a code=1 ms=1\n", [("x", FAILED)]),
    ("a: 1..3\na: # 1 - x\na: ok 1 - x\na: # 2 - y\n[ 1 cpu0] page fault\nFAIL a exception=14 ms=1\n",
     [("x", PASSED), ("y", FAILED), ("1 more", FAILED)]),
    ("a: 1..2\na: # 1 - x\na: ok 1 - x\nPASS a code=0 ms=1\n", [("x", PASSED), ("1 more", FAILED)]),
    ("a: 1..1\na: # 1 - x\na: ok 1 - x\nFAIL a code=3 ms=1\n", [("x", PASSED), ("its end", FAILED)]),
    ("FAIL a code=1 ms=1\n", [("a", FAILED)]),
    ("FAIL a start=ERR_NOT_FOUND\n", [("a", FAILED)]),
    ("FAIL lua start=ERR_NOT_FOUND\n", [("lua", SKIPPED)]),
    ("FAIL lua start=ERR_NO_MEMORY\n", [("lua", FAILED)]),
])
def test_whatever_goes_wrong_is_a_failure(text: str, wanted: list[tuple[str, str]]) -> None:
    assert results(text) == [wanted]


def test_messages_say_why() -> None:
    text = "a: 1..2\na: # 1 - x\na: not ok 1 - x\na: # it's why\na: # 2 - y\n[ 1 cpu0] fault\n" \
        "FAIL a exception=14 ms=1\n"
    program, = inside.collect(START + text).programs
    assert [result.message for result in program.results] == ["it's why", "[ 1 cpu0] fault | exception=14 ms=1"]
    assert "message: 'it''s why'" in inside.tap([program])
    assert b'failures="2"' in inside.junit([program]) and b"it's why" in inside.junit([program])


def test_who_hangs_has_failed_and_so_has_what_was_to_come() -> None:
    collector = inside.collect(START + GOOD + "b: 1..2\nb: # 1 - waits\n")
    collector.give_up(["a:x=1", "b", "c:y"], "no answer")
    assert [(result.name, result.verdict) for program in collector.programs[1:] for result in program.results] == \
        [("waits", FAILED), ("1 more", FAILED), ("c:y", FAILED)]
    assert collector.programs[1].results[0].message == "no answer"
    assert inside.as_json(collector.programs)["failed"] == 3


def test_programs_of_the_same_name_are_told_apart() -> None:
    text = "files: 1..1\nfiles: # 1 - x\nfiles: ok 1 - x\nPASS lua code=0 ms=1\n"
    assert inside.collect(START + text).programs[0].name == "lua files"
