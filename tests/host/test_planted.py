# SPDX-License-Identifier: MIT
"""Planted faults (tests/mutants/planted.toml) are in step with the source, and a case that fails or dies is seen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/runner"))

from planted import Plant, cases_failed, read_plants  # noqa: E402

PLANTS = read_plants(ROOT)


def test_there_are_enough() -> None:
    assert len(PLANTS) >= 20 and len({plant.name for plant in PLANTS}) == len(PLANTS)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_each_fits_the_source(plant: Plant) -> None:
    assert (ROOT / plant.file).read_text(encoding="utf-8").count(plant.was) == 1 and plant.now != plant.was
    for test in plant.tests:
        program, _, case = test.partition(":")
        assert case.strip("*") in (ROOT / f"tests/host/{program}.c").read_text(encoding="utf-8")


def test_who_fails_and_who_dies() -> None:
    output = "[ RUN      ] one\n[  FAILED  ] one\n[ RUN      ] two\n"
    assert cases_failed(output, died=False) == {"one"}
    assert cases_failed(output, died=True) == {"one", "two"}
    assert PLANTS[0].names("test_kdebug_breakpoint", "test_what_counts")
    assert not PLANTS[0].names("test_kdebug_breakpoint", "test_as_many_as_promised")
