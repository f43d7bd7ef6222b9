# SPDX-License-Identifier: MIT
"""Pretty printers: a pointer to an object says which one it is, a list how long it is, a lock who holds it."""

from __future__ import annotations

import gdb
import gdb.printing

from .memory import definitions, list_length, name_of, text_of
from .objects import Thread


class OnePrinter:
    """A value in one line, with its members below as gdb shows them."""

    def __init__(self, value: gdb.Value) -> None:
        self._value = value

    def children(self) -> list[tuple[str, gdb.Value]]:
        return [(field.name, self._value[field]) for field in self._value.type.fields() if field.name]


class ThreadPrinter(OnePrinter):
    def to_string(self) -> str:
        thread = Thread(self._value.address)
        return f"thread {thread.tid} '{thread.name}' of {thread.process_name}: {thread.state} {thread.wait}".rstrip()


class ProcessPrinter(OnePrinter):
    def to_string(self) -> str:
        return f"process {int(self._value['object']['id'])} '{text_of(self._value['name'])}'"


class MailboxPrinter(OnePrinter):
    def to_string(self) -> str:
        return f"mailbox {int(self._value['object']['id'])} '{text_of(self._value['name'])}'"


class ObjectPrinter(OnePrinter):
    def to_string(self) -> str:
        return f"{name_of(definitions().OBJECTS, int(self._value['type']))} {int(self._value['id'])}"


class ListPrinter:
    """No members: next and prev of an embedded list say nothing by themselves."""

    def __init__(self, value: gdb.Value) -> None:
        self._value = value

    def to_string(self) -> str:
        count = list_length(self._value) if self._value.address is not None else None
        return f"list at {int(self._value.address or 0):#x}: " + ("?" if count is None else f"{count} others")


class LockPrinter:
    def __init__(self, value: gdb.Value) -> None:
        self._value = value

    def to_string(self) -> str:
        owner = int(self._value["owner"])
        name = self._value["name"]
        return f"lock {name.string() if int(name) else '?'}: " + (f"held by core {owner - 1}" if owner else "free")


class StatusPrinter:
    def __init__(self, value: gdb.Value) -> None:
        self._value = value

    def to_string(self) -> str:
        number = int(self._value.cast(gdb.lookup_type("long")))
        return f"{name_of(definitions().ERRORS, number)} ({number})"


STRUCTS = {"thread": ThreadPrinter, "process": ProcessPrinter, "mailbox": MailboxPrinter, "object": ObjectPrinter,
           "list": ListPrinter, "spinlock": LockPrinter}


class SpoorPrinters(gdb.printing.PrettyPrinter):
    def __init__(self) -> None:
        super().__init__("spoor", [gdb.printing.SubPrettyPrinter(name) for name in (*STRUCTS, "status_t")])

    def __call__(self, value: gdb.Value) -> object:
        if value.type.name == "status_t":
            return StatusPrinter(value)
        plain = value.type.unqualified().strip_typedefs()
        printer = STRUCTS.get(plain.tag or "") if plain.code == gdb.TYPE_CODE_STRUCT else None
        return printer(value) if printer else None


def register() -> None:
    gdb.printing.register_pretty_printer(None, SpoorPrinters(), replace=True)
