# SPDX-License-Identifier: MIT
"""Sizes of what is built that have a goal."""

from __future__ import annotations

import subprocess

from qemu import paths
from spoorlib.console import UserError

from figures import Figure


def measure_sizes(mode: str) -> dict[str, Figure]:
    """Bytes of kdebug's printer of C values (code and constants) and of its tables of types and of frames."""
    folder = paths.build_folder() / mode
    printer = folder / "kernel.o.d/kdebug/core/type_print.o"
    tables = {"btf": folder / "types.btf", "frames": folder / "frames.bin"}
    if not printer.exists() or not all(table.exists() for table in tables.values()):
        raise UserError(f"{paths.show(folder)}: no kernel is built there")
    done = subprocess.run(["size", str(printer)], check=True, capture_output=True, text=True)
    text = int(done.stdout.splitlines()[1].split()[0])
    sizes = {name: table.stat().st_size for name, table in tables.items()}
    return {"kdebug.printer_bytes": Figure(text, text, "bytes"),
            **{f"kdebug.{name}_bytes": Figure(size, size, "bytes") for name, size in sizes.items()}}
