# SPDX-License-Identifier: MIT
"""Memory: protection of the kernel itself, spaces and areas under load, and that nothing is lost."""

from __future__ import annotations

import re

from conftest import BootFunction


def test_no_page_lies_below_the_stacks_of_the_kernel_image(boot: BootFunction) -> None:
    kdebug = boot(cpus=2, cmdline="workload=none kdebug=wait").wait_prompt(60)
    found = re.search(r"([0-9a-f]{16})\s+\w\s+(\d+)\s+cpu_stacks", kdebug.command("sym cpu_stacks"))
    assert found
    stacks = int(found[1], 16)
    guards = [line for line in (kdebug.command(f"walk kernel {stacks + page * 4096:#x}") for page in range(36))
              if "is not mapped" in line]
    assert len(guards) == 12  # of two cores: boot, NMI and its work stack, #DB, #DF, #MC
    assert "is not mapped" in kdebug.command("walk kernel boot_stack")
