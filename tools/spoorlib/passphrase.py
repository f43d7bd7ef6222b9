# SPDX-License-Identifier: MIT
"""spoor passphrase: the boot option that makes kdebug ask for one."""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import sys

from .console import UserError
from .options import Subparsers, add_command

ROUNDS = 50000
ROUNDS_MAX = 10000000
SALT_BYTES = 16
TEXT_BYTES = 128

EXAMPLES = """\
  spoor passphrase                        asks twice, prints kdebug_passphrase=ROUNDS:SALT:KEY
  spoor passphrase < file                 the first line of a file
Put what it prints on the kernel's command line. It does not tell the passphrase, but who has it can guess; a long
one and many rounds make that dear. A machine needs about 1 ms for 500 rounds.
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "passphrase", "the boot option that makes kdebug ask for a passphrase",
                         "Make the boot option kdebug_passphrase= of a passphrase.", EXAMPLES)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of PBKDF2 (default: {ROUNDS})")
    parser.set_defaults(run=run)


def read_passphrase() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    text = getpass.getpass("Passphrase: ")
    if getpass.getpass("Again: ") != text:
        raise UserError("these are not the same")
    return text


def make_option(text: str, rounds: int, salt: bytes) -> str:
    """kdebug_passphrase=...; UserError: it could not be typed at the prompt."""
    if not 0 < rounds <= ROUNDS_MAX:
        raise UserError(f"--rounds: 1 to {ROUNDS_MAX}")
    if not 0 < len(text) <= TEXT_BYTES or any(not " " <= character <= "~" for character in text):
        raise UserError(f"a passphrase is 1 to {TEXT_BYTES} characters of ASCII: a serial line knows no others")
    key = hashlib.pbkdf2_hmac("sha256", text.encode(), salt, rounds)
    return f"kdebug_passphrase={rounds}:{salt.hex()}:{key.hex()}"


def run(args: argparse.Namespace) -> int:
    print(make_option(read_passphrase(), args.rounds, os.urandom(SALT_BYTES)))
    return 0
