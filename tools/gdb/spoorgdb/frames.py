# SPDX-License-Identifier: MIT
"""
Backtraces of threads that no core runs.

A blocked thread's kernel stack holds, from context.rsp up, r15 r14 r13 r12 rbx rbp and the return address
(kernel/arch/context.h), and the kernel keeps frame pointers, so its backtrace is a walk along rbp.
"""

from __future__ import annotations

from collections.abc import Iterator

import gdb

from .memory import USER_END, WORD_BYTES, read_word
from .objects import Thread

CALLEE_SAVED = ("r15", "r14", "r13", "r12", "rbx", "rbp")
FRAMES_MAX = 64


def unwind(rip: int, rbp: int) -> Iterator[int]:
    """Return addresses along the chain of frame pointers, the given rip first; ends when the chain does not rise."""
    for _ in range(FRAMES_MAX):
        yield rip
        if rbp < USER_END or rbp % WORD_BYTES:
            return
        try:
            upper, rip = read_word(rbp), read_word(rbp + WORD_BYTES)
        except gdb.MemoryError:
            return
        if rip == 0:
            return
        rbp = upper if upper > rbp else 0


def blocked_frames(thread: Thread) -> Iterator[int]:
    """Frames of a thread that is not running, from its saved context."""
    rsp = int(thread.value["context"]["rsp"])
    rbp = read_word(rsp + CALLEE_SAVED.index("rbp") * WORD_BYTES)
    return unwind(read_word(rsp + len(CALLEE_SAVED) * WORD_BYTES), rbp)
