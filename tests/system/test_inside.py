# SPDX-License-Identifier: MIT
"""spoor test: the tests that run inside the system, and that those which fail are seen."""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from qemu.paths import ROOT, build_folder

PROGRAMS = build_folder() / os.environ.get("MODE", "debug") / "user"
HAS_LIBC = (PROGRAMS / "libc").exists()
HAS_LUA = (PROGRAMS / "lua").exists()


def test_the_tests_inside_pass_and_those_planted_fail(tmp_path: Path) -> None:
    """Two programs fail on purpose, in all ways that there are; everything else passes."""
    command = [ROOT / "tools/spoor", "test", "--cpus", "4", "--planted", "--json", "--junit", tmp_path / "xml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    failed = [row for row in report["tests"] if row["result"] == "failed"]
    ways = ["this one fails", "this one ends the program", "1 more"]
    assert [(row["program"], row["test"]) for row in failed] == [("tests planted", way) for way in 2 * ways], failed
    assert "sys_handle_close(HANDLE_NONE) gives ERR_BAD_HANDLE" in failed[0]["message"]
    assert "VERIFY(1 + 1 == 3) failed" in failed[1]["message"] and "code=1" in failed[1]["message"]
    assert "page fault" in failed[4]["message"] and "exception=14" in failed[4]["message"]
    passed = {row["program"] for row in report["tests"] if row["result"] == "passed"}
    assert {f"tests {area}" for area in ("handles", "ipc", "memory", "threads", "processes", "drivers")} | \
        {"waits", "life", "syscheck", "files"} <= passed
    assert ("libc" in passed and "libc_files" in passed) == HAS_LIBC and ("lua files" in passed) == HAS_LUA
    assert report["passed"] >= 45 and report["failed"] == 6
    cases = ElementTree.parse(tmp_path / "xml").getroot().findall("testsuite/testcase")
    assert len(cases) == report["passed"] + report["failed"] + report["skipped"]
