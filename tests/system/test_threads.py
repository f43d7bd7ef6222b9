# SPDX-License-Identifier: MIT
"""Life of threads and processes, and what belongs to each thread alone."""

from __future__ import annotations

import pytest
from conftest import BootFunction, wait_all_done


@pytest.mark.parametrize("cpus", [1, 4])
def test_fpu_and_segment_bases_belong_to_each_thread_alone(boot: BootFunction, cpus: int) -> None:
    machine = boot(cpus=cpus, cmdline="workload=registers:threads=8,hog trace=none tracer=0")
    assert wait_all_done(machine, 180) == (2, 0)
