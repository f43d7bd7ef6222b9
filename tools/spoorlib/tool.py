# SPDX-License-Identifier: MIT
"""spoor convert, info, dump, check, ipc: the C program spoor-trace under one roof with the rest."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from qemu.paths import trace_tool


@dataclass(frozen=True)
class ToolCommand:
    """One subcommand that spoor-trace does."""

    name: str
    summary: str
    examples: str


COMMANDS = (
    ToolCommand("convert", "make a Perfetto file of a capture", """\
  spoor convert build/demo/demo.spoor build/demo/demo.pftrace
  spoor convert --symbols build/debug/kernel.elf --from 1.5 --to 2 demo.spoor slice.pftrace
  spoor open build/demo/demo.pftrace
"""),
    ToolCommand("info", "what a capture holds: machine, kernel, events per kind and core, losses", """\
  spoor info build/demo/demo.spoor
"""),
    ToolCommand("dump", "print a capture as text, one line per event", """\
  spoor dump build/demo/demo.spoor | less
  spoor dump --filter ipc,cpu=2 --limit 50 build/demo/demo.spoor
"""),
    ToolCommand("check", "look for damage and contradictions in a capture; exit code 1 if there are any", """\
  spoor check build/demo/demo.spoor
"""),
    ToolCommand("ipc", "round-trip times of mailbox calls", """\
  spoor ipc build/demo/demo.spoor
"""),
)


def find(name: str) -> ToolCommand | None:
    return next((command for command in COMMANDS if command.name == name), None)


def run(command: ToolCommand, arguments: list[str]) -> int:
    """Run spoor-trace with the user's arguments; its output and exit code are ours."""
    if "-h" in arguments or "--help" in arguments:
        print(f"usage: spoor {command.name} [options] FILE\n\n{command.summary}\n", flush=True)
        status = subprocess.run([str(trace_tool()), command.name, "--help"]).returncode
        print("\nexamples:\n" + command.examples, end="")
        return status
    return subprocess.run([str(trace_tool()), command.name, *arguments]).returncode
