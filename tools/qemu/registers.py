# SPDX-License-Identifier: MIT
"""The registers of every core as QEMU's monitor prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .symbols import SymbolTable

CORE = re.compile(r"^CPU#(\d+)\s*$", re.MULTILINE)
# "RAX=0000000000000012", "CR3=...", "R8 =..."; segments ("CS =0008 0000 ...") give their selector.
REGISTER = re.compile(r"\b([A-Z][A-Z0-9]{1,3}) ?=([0-9a-f]+)\b")


@dataclass(frozen=True)
class CoreRegisters:
    """One core: registers by lower-case name (rax, rip, rfl, cs, cr3, hlt ...)."""

    cpu: int
    value: dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.value[name]

    @property
    def interrupts_on(self) -> bool:
        return bool(self.value["rfl"] & 0x200)

    @property
    def halted(self) -> bool:
        return self.value.get("hlt", 0) == 1

    def describe(self, symbols: SymbolTable | None) -> str:
        """One line: where the core is and what it does."""
        rip = self.value["rip"]
        name = symbols.name_of(rip) if symbols else None
        where = f" <{name}>" if name else ""
        return (f"cpu {self.cpu}: rip {rip:016x}{where} rsp {self.value['rsp']:016x} cr3 {self.value['cr3']:x} "
                f"cpl {self.value.get('cpl', 0)} if {int(self.interrupts_on)}{' halted' if self.halted else ''}")


def parse_registers(text: str) -> list[CoreRegisters]:
    """The output of 'info registers -a', core by core."""
    cores = []
    pieces = CORE.split(text)[1:]
    for number, body in zip(pieces[::2], pieces[1::2]):
        value = {name.lower(): int(digits, 16) for name, digits in REGISTER.findall(body)}
        # A core that is not in 64-bit mode yet shows EAX, EIP, EFL.
        value |= {"r" + name[1:]: word for name, word in value.items() if re.fullmatch("e[a-z]{2}", name)}
        cores.append(CoreRegisters(int(number), value))
    return cores
