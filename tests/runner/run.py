#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs groups of tests, writes build/test.json, ends with "N passed, N failed".

    tests/runner/run.py --build DIR --mode debug GROUP...

Groups: lint, host (C and Python, no machine needed), system (QEMU), and the long ones: long, soak, browser, fuzz,
mutants, which write build/long/GROUP.json with commit, seed and counts instead.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from again import look_again
from cmocka import run_host_programs
from fuzz import run_fuzzers
from mutants import run_mutants
from pytests import run_pytest
from results import FAILED, PASSED, SKIPPED, Row, count, merge_rows, print_row, read_rows, write_rows

ROOT = Path(__file__).resolve().parents[2]
SHORT = "not long and not soak and not browser"
SYSTEM_LIMIT_SECONDS = 60 * 60  # 12 to 22 minutes on a quiet host: what takes so long hangs
SHORT_GROUPS = ("lint", "host", "system")
LONG_GROUPS = ("long", "soak", "browser", "fuzz", "mutants")


def commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def run_lint(build: Path, mode: str) -> list[Row]:
    output = build / "lint.json"
    output.unlink(missing_ok=True)
    subprocess.run([sys.executable, "tools/lint/lint.py", "--build", str(build), "--mode", mode, "--json", str(output)],
                   cwd=ROOT, check=False)
    if not output.exists():
        return [Row("lint:lint.py", FAILED, 0.0, "it did not finish")]
    return [Row(f"lint:{item['rule']}", item["result"], item["seconds"], item["message"])
            for item in json.loads(output.read_text(encoding="utf-8"))]


def run_host(build: Path, names: list[str]) -> list[Row]:
    rows = run_host_programs(build, names, os.cpu_count() or 1)
    return rows + run_pytest(build, "host", "tests/host", SHORT, 600)


def run_system(build: Path) -> list[Row]:
    rows = run_pytest(build, "system", "tests/system", SHORT, SYSTEM_LIMIT_SECONDS)
    return rows or [Row("system:no tests", FAILED, 0.0)]


def run_group(group: str, options: argparse.Namespace, seed: int) -> list[Row]:
    build: Path = options.build
    if group == "lint":
        return run_lint(build, options.mode)
    if group == "host":
        return run_host(build, options.host_tests.split())
    if group == "system":
        return run_system(build)
    if group == "long":
        return run_pytest(build, "long", "tests", "long", 12 * 3600)
    if group == "soak":
        hours = float(os.environ.get("HOURS", "1"))
        return run_pytest(build, "soak", "tests", "soak", hours * 3600 + 1800)
    if group == "browser":
        return run_pytest(build, "browser", "tests/host", "browser", 1800)
    if group == "fuzz":
        return run_fuzzers(build, options.fuzzers.split(), int(os.environ.get("SECONDS_EACH", "600")), seed)
    return run_mutants(ROOT, build, options.host_tests.split(), int(os.environ.get("MUTANTS", "200")), seed)


def finish(rows: list[Row]) -> int:
    """The summary; its last line is what machines read."""
    for row in rows:
        if row.result == SKIPPED:
            print_row(row)
    unsteady = [row for row in rows if row.unsteady]
    if unsteady:
        print("Failed at first, passed twice alone:")
        for row in unsteady:
            print(f"  {row.id}")
    failed = [row for row in rows if row.result == FAILED]
    if failed:
        print("Failed:")
        for row in failed:
            print(f"  {row.id}")
    print(f"{count(rows, PASSED)} passed, {len(failed)} failed", flush=True)
    return 1 if failed or not rows else 0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="run groups of tests")
    parser.add_argument("groups", nargs="+", choices=SHORT_GROUPS + LONG_GROUPS, metavar="GROUP")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--mode", default="debug")
    parser.add_argument("--host-tests", default="", help="names of the host test programs")
    parser.add_argument("--fuzzers", default="", help="names of the fuzzing programs")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options = parser.parse_args(argv)
    os.environ["BUILD"] = str(options.build)
    os.environ["MODE"] = options.mode
    os.environ["SEED"] = str(options.seed)
    rows: list[Row] = []
    begin = time.monotonic()
    for group in options.groups:
        print(f"== {group} ({time.monotonic() - begin:.0f} s since the start)", flush=True)
        result = run_group(group, options, options.seed)
        if group in SHORT_GROUPS:
            look_again(options.build, result)
        rows += result
        facts: dict[str, object] = {"commit": commit(), "mode": options.mode}
        if group in SHORT_GROUPS:
            path = options.build / "test.json"
            write_rows(path, merge_rows(read_rows(path), result, [group]), facts)
        else:
            facts["seed"] = options.seed
            write_rows(options.build / "long" / f"{group}.json", result, facts)
    return finish(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
