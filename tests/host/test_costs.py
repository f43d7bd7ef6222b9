# SPDX-License-Identifier: MIT
"""tools/gen/costs.py on object code whose cost was counted by hand."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gen"))
import costs  # noqa: E402

WRITER = """
1000 <trace_write_1>:
 1000:  mov    (%rdi),%rax
 1001:  cmp    0x8(%rdi),%rax
 1002:  jae    1100 <trace_write_1.cold>
 1003:  rdtsc
 1004:  mov    %rdx,(%rcx)
 1005:  addq   $0x1,0x18(%rdi)
 1006:  addq   $0x10,(%rdi)
 1007:  ret
1100 <trace_write_1.cold>:
 1100:  push   %rbp
 1101:  call   1200 <trace_slow_write>
 1102:  pop    %rbp
 1103:  ret
1200 <trace_slow_write>:
 1200:  ret
1300 <memcpy>:
 1300:  cmp    $0x7,%rdx
 1301:  jbe    1304 <memcpy+0x4>
 1302:  rep movsq %ds:(%rsi),%es:(%rdi)
 1303:  ret
 1304:  mov    %cl,(%r8,%rax,1)
 1305:  add    $0x1,%rax
 1306:  cmp    %rax,%rdx
 1307:  jne    1304 <memcpy+0x4>
 1308:  ret
1400 <trace_emit_log_line>:
 1400:  cmpq   $0x0,0x8(%rdi)
 1401:  je     140a <trace_emit_log_line+0xa>
 1402:  call   1300 <memcpy>
 1403:  add    %r14,(%rbx)
 1404:  ret
 140a:  call   1500 <trace_hook_decide>
 140b:  jmp    1402 <trace_emit_log_line+0x2>
"""
WRITE_1 = 8   # its instructions but those of the cold part
MEMCPY = 4    # by words


def count(block: str, event: int = 40, function: str = "ipc") -> costs.Site:
    """Of a site at 2000 whose block begins at 2010."""
    listing = f"{WRITER}2000 <{function}>:\n 2000:  nopl   0x0(%rax,%rax,1)\n 2001:  ret\n{block}"
    rows = struct.pack("<4Q", 0x2000, 0x2010, 0x2000, event)
    marks = [SimpleNamespace(name="trace_sites_start", address=0), SimpleNamespace(name="trace_sites_end", address=32)]
    elf = SimpleNamespace(symbols=lambda: marks, read=lambda address, size: rows)
    site, = costs.count_sites(elf, listing)
    return site


@pytest.mark.parametrize("block,instructions,per_word", [
    # lane, argument, call, the way back; and the site's own jump
    (" 2010:  mov    %gs:0x30,%rdi\n 2011:  mov    $0x22a,%esi\n 2012:  call   1000 <trace_write_1>\n"
     " 2013:  jmp    2001 <ipc+0x1>\n", 1 + 4 + WRITE_1, 0),
    # registers that were saved for it are part of it; the function's own end, copied behind it, is not
    (" 2010:  push   %rcx\n 2011:  call   1000 <trace_write_1>\n 2012:  mov    -0x8(%rbp),%rcx\n 2013:  leave\n"
     " 2014:  ret\n", 1 + 3 + WRITE_1, 0),
    # nor is what the function decides next
    (" 2010:  call   1000 <trace_write_1>\n 2011:  test   %rax,%rax\n 2012:  jne    2001 <ipc+0x1>\n 2013:  ret\n",
     1 + 2 + WRITE_1, 0),
    # written in place, by way of a block that two sites share
    (" 2010:  jmp    2012 <ipc+0x12>\n 2012:  cmp    0x8(%rdi),%rcx\n 2013:  jae    2018 <ipc+0x18>\n"
     " 2014:  rdtsc\n 2015:  addq   $0x10,(%rdi)\n 2016:  jmp    2001 <ipc+0x1>\n"
     " 2018:  call   1200 <trace_slow_write>\n 2019:  jmp    2001 <ipc+0x1>\n", 1 + 6, 0),
    # a jump in place of call and return
    (" 2010:  mov    %gs:0x30,%rdi\n 2011:  jmp    1000 <trace_write_1>\n", 1 + 2 + WRITE_1, 0),
    # the dearer of two ways to pack
    (" 2010:  test   %eax,%eax\n 2011:  je     2013 <ipc+0x13>\n 2012:  inc    %eax\n"
     " 2013:  call   1000 <trace_write_1>\n 2014:  jmp    2001 <ipc+0x1>\n", 1 + 5 + WRITE_1, 0),
    # a string: by words, not by bytes
    (" 2010:  call   1400 <trace_emit_log_line>\n 2011:  jmp    2001 <ipc+0x1>\n", 1 + 2 + 5 + MEMCPY, 1),
])
def test_the_longest_fast_way_of_a_site(block: str, instructions: int, per_word: int) -> None:
    assert count(block).cost == costs.Way(instructions, per_word)


@pytest.mark.parametrize("block", [
    " 2010:  call   1200 <trace_slow_write>\n 2011:  jmp    2001 <ipc+0x1>\n",   # not the fast path
    " 2010:  jmp    2010 <ipc+0x10>\n",                                          # no way out
    " 2010:  mov    %rax,%rax\n",                                                # leads nowhere
])
def test_a_site_without_a_straight_way_is_an_error(block: str) -> None:
    with pytest.raises(costs.CostError, match="event 40 in ipc: no straight way"):
        count(block)


def test_the_table_has_the_dearest_site_but_not_those_that_only_measure() -> None:
    sites = [costs.Site(0, 1, "a", costs.Way(20)), costs.Site(0, 1, "b", costs.Way(25)),
             costs.Site(0, 3, "c", costs.Way(80, 1)), costs.Site(0, 1, "measure_a", costs.Way(99))]
    assert struct.unpack("<8H", costs.build_table(sites)) == (0, 0, 25, 0, 0, 0, 80, 1)
    assert costs.build_table([]) == b""
