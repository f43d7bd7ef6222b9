# SPDX-License-Identifier: MIT
"""Runs spoor-trace and spoor-synth for tests, building them if need be."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import perfetto_check

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", "build"))
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD


@cache
def tool(name: str) -> str:
    path = BUILD / "tools" / name
    if not path.exists():
        subprocess.run(["make", "-s", "-C", str(ROOT), f"BUILD={BUILD}", str(path)], check=True)
    return str(path)


def spoor_trace(*arguments: str | Path, stdin: bytes | None = None,
                code: int | None = 0) -> subprocess.CompletedProcess[bytes]:
    """Run it; code: the exit code that it must have."""
    done = subprocess.run([tool("spoor-trace"), *map(str, arguments)], input=stdin, capture_output=True, timeout=300,
                          check=False)
    assert code is None or done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def spoor_json(command: str, path: Path, *arguments: str, code: int | None = 0) -> Any:
    return json.loads(spoor_trace(command, "--json", *arguments, path, code=code).stdout)


def synth(path: Path, *arguments: str) -> Path:
    subprocess.run([tool("spoor-synth"), *arguments, str(path)], check=True, timeout=300)
    return path


def convert(folder: Path, data: bytes, *options: str, code: int = 0, good: bool = True) -> perfetto_check.Report:
    """Convert a capture and decode the result; good: it must pass every check."""
    source = folder / "capture.spoor"
    target = folder / "trace.pftrace"
    source.write_bytes(data)
    spoor_trace("convert", *options, source, target, code=code)
    report = perfetto_check.check_file(target, keep=True, build=BUILD)
    assert report.ok or not good, dict(report.texts)
    return report
