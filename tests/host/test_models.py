# SPDX-License-Identifier: MIT
"""Models of tests/model in every interleaving, by spin; and with a step left out, where spin must find an error."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).resolve().parents[1] / "model"
DEPTH = 200_000


def explore(folder: Path, model: str, switches: list[str]) -> int:
    """How many errors spin finds. The search must have been complete."""
    if shutil.which("spin") is None:
        pytest.skip("spin is not installed: make deps")
    subprocess.run(["spin", "-a", *switches, str(MODELS / model)], cwd=folder, check=True, capture_output=True)
    subprocess.run(["gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["./pan", f"-m{DEPTH}"], cwd=folder, check=True, capture_output=True, text=True)
    assert "max search depth too small" not in done.stdout
    match = re.search(r"errors: (\d+)", done.stdout)
    assert match, done.stdout
    return int(match.group(1))


@pytest.mark.parametrize("switches", [[], ["-DWITH_KILL"], ["-DWITH_KILL", "-DNO_WAKERS"]],
                         ids=["alive", "killed", "only killed"])
def test_every_wait_ends_once_and_nobody_is_left_waiting(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "wait.pml", switches) == 0


@pytest.mark.parametrize("switches", [["-DWAITS=2"], ["-DWITH_KILL"], ["-DWITH_SUSPEND"],
                                      ["-DWITH_KILL", "-DWITH_SUSPEND", "-DOTHERS=0", "-DPREEMPTS=0"]],
                         ids=["woken and moved", "killed", "suspended", "killed while suspended"])
def test_a_thread_that_is_stolen_runs_once_and_comes_to_its_end(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "steal.pml", switches) == 0


@pytest.mark.parametrize("switches", [["-DNO_LEFT_CHECK"], ["-DPUSH_BEFORE_LEFT"], ["-DLATE_LOOK"], ["-DNO_KICK"],
                                      ["-DNO_PLACE_CHECK"], ["-DNO_RENDEZVOUS", "-DWITH_SUSPEND"],
                                      ["-DNO_RENDEZVOUS", "-DWITH_KILL"]], ids=" ".join)
def test_a_step_left_out_of_stealing_is_noticed(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "steal.pml", switches) > 0


@pytest.mark.parametrize("switches", [[], ["-DWITH_CLOSE", "-DCALLS=1"]], ids=["served", "closed"])
def test_every_call_of_a_mailbox_ends_once(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "mailbox.pml", switches) == 0


@pytest.mark.parametrize("switches", [["-DNO_STILL"], ["-DNO_LOOK_AGAIN"], ["-DNO_NEXT_CALLER"], ["-DNO_LEAVE"],
                                      ["-DNO_GONE_CHECK", "-DWITH_CLOSE"]], ids=" ".join)
def test_a_step_left_out_of_a_mailbox_is_noticed(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "mailbox.pml", switches) > 0


@pytest.mark.parametrize("switches", [["-DCORES=2", "-DEVENTS=3"], ["-DCORES=3", "-DEVENTS=1"]],
                         ids=["two cores", "three cores"])
def test_the_event_that_is_one_too_many_is_told_by_whoever_counts_it(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "burst.pml", switches) == 0


@pytest.mark.parametrize("switches", [["-DNO_LOOK_AGAIN"], ["-DNO_HELP"], ["-DNO_CLAMP"]], ids=" ".join)
def test_a_step_left_out_of_counting_is_noticed(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "burst.pml", ["-DCORES=3", "-DEVENTS=1", *switches]) > 0


@pytest.mark.parametrize("switches", [["-DNO_RENDEZVOUS"], ["-DNO_RENDEZVOUS", "-DWITH_KILL"], ["-DNO_FENCE"],
                                      ["-DNO_SECOND_CANCEL", "-DWITH_KILL", "-DNO_WAKERS"]], ids=" ".join)
def test_a_step_left_out_is_noticed(tmp_path: Path, switches: list[str]) -> None:
    assert explore(tmp_path, "wait.pml", switches) > 0
