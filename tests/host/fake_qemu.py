#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A stand-in for QEMU with a tiny guest that talks like Spoor: enough to test the machine class without a machine.

'-fake WORD' as last arguments chooses the guest: normal, hang (says nothing after a break), panic (soon after start),
refuse (QEMU itself ends with an error), reset (the guest resets itself on the command 'reboot').
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading

REGISTERS = """
CPU#0
RAX=0000000000000012 RBX=0000000000000000 RSP=ffffc00000003f00 R8 =0000000000000001
RIP=ffffffff80000010 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0008 0000000000000000 ffffffff 00af9a00 DPL=0 CS64 [-R-]
CR0=80010033 CR2=0000000000000000 CR3=0000000000101000 CR4=00000020
CPU#1
RAX=0000000000000000 RSP=ffffc00000007f00
RIP=ffffffff80000020 RFL=00000246 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1
CR3=0000000000101000
"""


def argument(pattern: str) -> str:
    found = re.search(pattern, " ".join(sys.argv))
    assert found, f"no {pattern} in {sys.argv}"
    return found.group(1)


class FakeQemu:
    def __init__(self) -> None:
        self.kind = sys.argv[-1] if sys.argv[-2] == "-fake" else "normal"
        pipes = argument(r"id=com1,path=(\S+)")
        self.typed = os.open(pipes + ".in", os.O_RDWR)
        self.serial = os.open(pipes + ".out", os.O_RDWR)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.connect(argument(r"id=qmp,path=(\S+)"))
        self.stopped = False

    def say(self, text: str) -> None:
        os.write(self.serial, text.replace("\n", "\r\n").encode())

    def tell(self, message: dict[str, object]) -> None:
        self.monitor.sendall(json.dumps(message).encode() + b"\r\n")

    def enter(self, reason: str) -> None:
        self.stopped = True
        self.say(f"\nkdebug: enter reason={reason} cpu=1 boot=00000000000000ff\nkdebug> ")

    def run_guest(self) -> None:
        line = b""
        while data := os.read(self.typed, 1):
            if data == b"\x1c":
                self.enter("escape")
            elif data != b"\r":
                line += data
            else:
                self.take_line(line.decode())
                line = b""

    def take_line(self, line: str) -> None:
        self.say(line + "\n")
        if line == "continue":
            self.stopped = False
            self.say("kdebug: resume\nguest: goes on\n")
        elif line == "reboot" and self.kind == "reset":
            self.tell({"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-reset"}})
        elif self.stopped:
            self.say(f"you said {line}\nsecond line\nkdebug> ")

    def obey(self, request: dict[str, str]) -> object:
        name = request["execute"]
        if name == "cont":
            self.say("guest: started\n")
            if self.kind == "panic":
                self.say("panic: out of luck\n")
                self.enter("panic")
        elif name == "chardev-send-break" and self.kind != "hang":
            self.enter("break")
        elif name == "human-monitor-command":
            return REGISTERS
        elif name == "quit":
            sys.exit(0)
        return {}

    def run_monitor(self) -> None:
        self.tell({"QMP": {"version": {}}})
        for line in self.monitor.makefile():
            request = json.loads(line)
            if request["execute"] == "no-such-command":
                self.tell({"id": request["id"], "error": {"class": "CommandNotFound", "desc": "no such command"}})
            else:
                self.tell({"id": request["id"], "return": self.obey(request)})


def main() -> None:
    if sys.argv[-1] == "refuse":
        sys.exit("qemu: no such machine")
    fake = FakeQemu()
    threading.Thread(target=fake.run_guest, daemon=True).start()
    fake.run_monitor()


if __name__ == "__main__":
    main()
