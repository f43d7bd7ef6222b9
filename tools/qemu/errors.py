# SPDX-License-Identifier: MIT
"""What can go wrong with a machine, each kind with what the reader should do next."""

from __future__ import annotations


class MachineError(Exception):
    """The machine cannot be started or used; the message says what to do."""


class MachineTimeout(MachineError):
    """What was waited for did not come: a hang. The message carries the log tail and the state of every core."""


class MachineFailed(MachineError):
    """The guest panicked, or QEMU ended, while something else was waited for."""
