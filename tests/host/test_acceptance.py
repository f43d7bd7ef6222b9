# SPDX-License-Identifier: MIT
"""make acceptance: a part passes only when everything it names has a good result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = {"host:a:one": "passed", "host:a:two (I2)": "passed", "system:b.py::x[4]": "failed",
         "system:b.py::s": "skipped"}
BENCH = {"syscall.null": {"value": 117, "unit": "instructions"}, "trace.site_off": 1}

PARTS = [
    ('tests = ["host:a:one"]', "passed"),
    ('tests = ["host:a:*"]', "passed"),
    ('tests = ["host:a:two (I2)"]', "passed"),
    ('tests = ["host:a:three"]', "missing"),
    ('tests = ["host:a:on"]', "missing"),
    ('tests = ["host:c:*"]', "missing"),
    ('tests = ["host:a:one", "system:b.py::x[4]"]', "failed"),
    ('tests = ["system:*"]', "failed"),
    ('tests = ["system:b.py::s"]', "missing"),
    ('bench = ["syscall.null <= 117"]', "passed"),
    ('bench = ["syscall.null <= 116"]', "failed"),
    ('bench = ["trace.site_off = 1", "syscall.null >= 100"]', "passed"),
    ('bench = ["ipc.call_reply.0w <= 700"]', "missing"),
    ('tests = ["host:a:one"]\nbench = ["ipc.call_reply.0w <= 700"]', "missing"),
    ('tests = ["system:*"]\nbench = ["ipc.call_reply.0w <= 700"]', "failed"),
    ('at_least = {passed = 2, of = ["host:a:*", "host:a:one"]}', "passed"),
    ('at_least = {passed = 3, of = ["host:a:*", "system:*"]}', "missing"),
    ('title = "nothing named"', "missing"),
]


def acceptance(tmp_path: Path, text: str, area: str = "x") -> subprocess.CompletedProcess[str]:
    rows = [{"id": name, "result": result, "seconds": 1.0, "message": ""} for name, result in TESTS.items()]
    (tmp_path / "test.json").write_text(json.dumps({"results": rows}))
    (tmp_path / "bench.json").write_text(json.dumps({"results": BENCH}))
    (tmp_path / "a.toml").write_text(text)
    command = [sys.executable, str(ROOT / "tools/lint/acceptance.py"), "--build", str(tmp_path), "--file",
               str(tmp_path / "a.toml"), area]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("part,expected", PARTS)
def test_one_part(tmp_path: Path, part: str, expected: str) -> None:
    done = acceptance(tmp_path, f"[x.1]\n{part}\n")
    assert done.stdout.split()[:2] == ["x.1", expected]
    assert done.returncode == (0 if expected == "passed" else 1)


def test_parts_in_order_and_a_sum(tmp_path: Path) -> None:
    done = acceptance(tmp_path, "".join(f'[x.{n}]\ntests = ["host:a:one"]\n' for n in (10, 2, 1)))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["x.1", "x.2", "x.10", "x:"]
    assert done.stdout.splitlines()[-1] == "x: 3 passed, 0 failed, 0 missing"


@pytest.mark.parametrize("text,message", [
    ('[x.1]\nbench = ["syscall.null < 3"]\n', "is no goal"), ('[x.1]\ntest = ["a"]\n', "unknown keys test"),
    ("[y.1]\n", "no area 'x'"), ("[x.1\n", "a.toml")])
def test_mistakes_in_the_file(tmp_path: Path, text: str, message: str) -> None:
    done = acceptance(tmp_path, text)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_failed_and_a_passed_row_of_one_id_is_failed(tmp_path: Path) -> None:
    acceptance(tmp_path, "[x.1]\n")
    rows = [{"id": "host:a:one", "result": result} for result in ("failed", "passed")]
    (tmp_path / "test.json").write_text(json.dumps({"results": rows}))
    (tmp_path / "a.toml").write_text('[x.1]\ntests = ["host:a:one"]\n')
    done = subprocess.run([sys.executable, str(ROOT / "tools/lint/acceptance.py"), "--build", str(tmp_path), "--file",
                           str(tmp_path / "a.toml"), "x"], capture_output=True, text=True, check=False)
    assert done.stdout.split()[:2] == ["x.1", "failed"]


@pytest.mark.parametrize("commit,expected", [("abc", "passed"), ("abd", "missing")])
def test_a_long_tier_counts_if_it_ran_on_the_same_commit(tmp_path: Path, commit: str, expected: str) -> None:
    acceptance(tmp_path, "[x.1]\n")
    tiers = {"test.json": ("abc", "host:a:one"), "long/fuzz.json": (commit, "fuzz:capture:60 s")}
    (tmp_path / "long").mkdir()
    for name, (made_by, row) in tiers.items():
        content = {"commit": made_by, "results": [{"id": row, "result": "passed"}]}
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "a.toml").write_text('[x.1]\ntests = ["fuzz:capture:*"]\n')
    done = subprocess.run([sys.executable, str(ROOT / "tools/lint/acceptance.py"), "--build", str(tmp_path), "--file",
                           str(tmp_path / "a.toml")], capture_output=True, text=True, check=False)
    assert done.stdout.split()[:2] == ["x.1", expected]
