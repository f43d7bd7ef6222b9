# SPDX-License-Identifier: MIT
"""Runs the Python tests of a folder under pytest, one row per test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from results import FAILED, Row

PYTHON = "/usr/bin/python3"  # Debian's: it sees what apt installed
ROOT = Path(__file__).resolve().parents[2]


def read_rows(group: str, path: Path) -> list[Row]:
    """The last word on a test counts: a teardown that fails comes after the call that passed."""
    rows: dict[str, Row] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            name = item["node"].rsplit("/", 1)[-1]
            row = Row(f"{group}:{name}", item["result"], round(item["seconds"], 3), item["message"])
            old = rows.get(row.id)
            if old is None or old.result != FAILED:
                rows[row.id] = row
    return list(rows.values())


def run_pytest(build: Path, group: str, folder: str, select: str, limit_seconds: float) -> list[Row]:
    """The tests of a folder that have, or do not have, some marks."""
    return run_tests(build, group, group, ["-m", select, folder], limit_seconds, {})


def run_tests(build: Path, group: str, name: str, chosen: list[str], limit_seconds: float,
              settings: dict[str, str]) -> list[Row]:
    """What pytest takes to choose tests; build/pytest/NAME.jsonl holds what became of them."""
    output = build / "pytest" / f"{name}.jsonl"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.unlink(missing_ok=True)
    paths = [str(ROOT / "tests/runner"), str(ROOT / "tools"), str((build / "gen").resolve())]
    # A whole run keeps all cores of a host busy that may be shared: time-outs, which mean a hang, come later there.
    ours = {"SPOOR_ROWS": str(output.resolve()), "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {"SPOOR_TIMEOUT_SCALE": "3"} | os.environ | ours | settings
    command = [PYTHON, "-m", "pytest", "-p", "spoor_rows", "-v", "--tb=short", *chosen]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = process.wait(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        code = process.wait()
        return read_rows(group, output) + [Row(f"{group}:pytest:time", FAILED, limit_seconds,
                                               f"killed after {limit_seconds:.0f} s")]
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    rows = read_rows(group, output)
    if code not in (0, 5) and not any(row.result == FAILED for row in rows):
        rows.append(Row(f"{group}:pytest:exit code {code}", FAILED, 0.0))
    return rows
