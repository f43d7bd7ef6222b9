# SPDX-License-Identifier: MIT
"""Options that several subcommands share, and how they become a machine."""

from __future__ import annotations

import argparse
import os
from typing import Any

from qemu.config import MEMORY_DEFAULT, MachineConfig

Subparsers = Any  # argparse's _SubParsersAction, which has no public name


def add_command(subparsers: Subparsers, name: str, summary: str, description: str,
                examples: str) -> argparse.ArgumentParser:
    """A subcommand with its help page: summary in the list, then description and examples."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=description, epilog="examples:\n" + examples.rstrip("\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    return parser


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """--cpus, --mem, --kvm, --cmdline, --release."""
    parser.add_argument("--cpus", type=_core_count, default=int(os.environ.get("CPUS", "4")), metavar="N",
                        help="cores, 1 to 32 (default: $CPUS or 4)")
    parser.add_argument("--mem", default=MEMORY_DEFAULT, metavar="SIZE", help="memory, such as 512M or 4G "
                        f"(default: {MEMORY_DEFAULT})")
    parser.add_argument("--kvm", action="store_true", help="use KVM instead of emulation (needs /dev/kvm)")
    parser.add_argument("--release", action="store_true", help="the release build (make MODE=release)")
    parser.add_argument("--cmdline", metavar="TEXT", help="kernel command line (default: the one on the disk image)")


def add_colour_option(parser: argparse.ArgumentParser) -> None:
    """--colour, of commands that show what the machine says; for colours.is_wanted()."""
    parser.add_argument("--colour", "--color", choices=("auto", "always", "never"), default="auto",
                        help="colours: auto is on a terminal, unless NO_COLOR is set (default: auto)")


def machine_config(args: argparse.Namespace, **changes: Any) -> MachineConfig:
    """The machine that add_machine_options() describes."""
    values: dict[str, Any] = {"cpus": args.cpus, "memory": args.mem, "kvm": args.kvm, "mode": build_mode(args),
                              "cmdline": args.cmdline}
    return MachineConfig(**{**values, **changes})


def build_mode(args: argparse.Namespace) -> str:
    return "release" if args.release else os.environ.get("MODE", "debug")


def _core_count(text: str) -> int:
    count = int(text) if text.isdigit() else 0
    if not 1 <= count <= 32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 32")
    return count
