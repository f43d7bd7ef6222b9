# SPDX-License-Identifier: MIT
"""Spoor's helper for gdb: `source tools/gdb/spoor.py`, or `make gdb`, which does it. `help spoor` lists what it can."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from spoorgdb import commands, printers  # noqa: E402

commands.register()
printers.register()
