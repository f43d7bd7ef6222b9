#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turns the definitions (kernel/abi/*.toml, trace/events/events.toml,
userspace/interfaces/*.toml) into C, Python and reference pages.

    tools/gen/gen.py [--root DIR] [--list] OUTPUT-DIR

Reading (source.py, model.py) checks everything; writing (the other modules) cannot fail on a checked model. A file is
only touched when its content changes, so that make rebuilds no more than it must.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import abi
import events
import facts
import interface_code
import manual
import syscalls
from model import Model, read_model
from source import DefinitionError

OUTPUTS: dict[str, Callable[[Model], str]] = {
    "gen/errors.h": abi.errors_h,
    "gen/objects.h": abi.objects_h,
    "gen/layout.h": abi.layout_h,
    "gen/layout.inc": abi.layout_inc,
    "gen/syscall_numbers.h": syscalls.syscall_numbers_h,
    "gen/syscall_user.h": syscalls.syscall_user_h,
    "gen/syscall_handlers.h": syscalls.syscall_handlers_h,
    "gen/syscall_checks.h": syscalls.syscall_checks_h,
    "gen/syscall_dispatch.c": syscalls.syscall_dispatch_c,
    "gen/trace_events.h": events.trace_events_h,
    "gen/trace_emit.h": events.trace_emit_h,
    "gen/trace_emit.c": events.trace_emit_c,
    "gen/trace_emit_any.c": events.trace_emit_any_c,
    "gen/trace_table.h": events.trace_table_h,
    "gen/trace_table.c": events.trace_table_c,
    "gen/trace_schema.h": events.trace_schema_h,
    "spoor_gen.py": facts.spoor_gen_py,
    "doc/errors.md": manual.errors_md,
    "doc/syscalls.md": manual.syscalls_md,
    "doc/events.md": manual.events_md,
    "doc/interfaces.md": interface_code.interfaces_md,
}


def write_if_changed(path: Path, content: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="generate code and documents from Spoor's definitions")
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the source tree")
    parser.add_argument("--list", action="store_true", help="print the names of the outputs and write nothing")
    options = parser.parse_args(argv)
    if options.list:
        print("\n".join(OUTPUTS))
        return 0
    try:
        model = read_model(options.root)
    except DefinitionError as error:
        print(f"gen.py: {error}", file=sys.stderr)
        return 1
    contents = {name: make_content(model) for name, make_content in OUTPUTS.items()}
    for name, content in (contents | interface_code.interface_files(model)).items():
        write_if_changed(options.output / name, content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
