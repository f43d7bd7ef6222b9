# SPDX-License-Identifier: MIT
"""The ring between two threads, with 10^9 records; `make test` has 10^7."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("BUILD", "build"))
RECORDS = 10**9


@pytest.mark.long
@pytest.mark.parametrize("program", ["test_ring_threads", "test_ring_tsan"])
def test_a_thousand_million_records(program: str) -> None:
    done = subprocess.run([str(BUILD / "host" / program)], env={**os.environ, "RING_RECORDS": str(RECORDS)},
                          capture_output=True, text=True, timeout=7200)
    assert done.returncode == 0, done.stdout + done.stderr
