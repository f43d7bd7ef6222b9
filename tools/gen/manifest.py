#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turns the manifest of services (userspace/services/manifest.toml) into the file that init reads from the boot image.

    tools/gen/manifest.py [--root DIR] --programs "NAME NAME..." MANIFEST OUTPUT

The layout is userspace/services/init/manifest_file.h. Services come in an order in which each stands behind those
that it needs, so that init starts them as they stand and stops them from the last one on.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from model import OBJECTS_TOML, read_objects
from source import NAME, DefinitionError, Node, load

MAGIC = 0x7473656669006e61  # checked by init, as are the sizes
NAME_BYTES = 16
SERVICES_MAX = 32
SERVICE_BADGE_FIRST = 2  # of the first service; manifest_file.h, too
NAMES = "names"  # the name service: needed by whoever needs a service that has a name

HEADER = struct.Struct("<Q5I4x")
SERVICE = struct.Struct("<16s16s16s11I")
PROGRAM = struct.Struct("<16s6I")
GRANT = struct.Struct("<16sII")
ARGUMENT = struct.Struct("<16s16s16s")

# What init has to give: of which type.
HANDLES = {"image": "area", "trace": "trace", "debug": "debug", "system": "system", "framebuffer": "area",
           "hpet": "area"}

FLAGS = ("always", "restart", "resident", "mailbox", "named", "controls", "own_account", "keep", "starts", "reserve")


def flags_of(**values: bool) -> int:
    return sum(1 << FLAGS.index(name) for name, value in values.items() if value)


@dataclass(frozen=True)
class Grant:
    handle: str
    rights: int


@dataclass(frozen=True)
class Service:
    name: str
    program: str
    option: str
    flags: int
    needs: tuple[str, ...]
    grants: tuple[Grant, ...]
    arguments: tuple[tuple[str, str, str, str], ...]  # name, option, value, whose badge
    restarts: int
    backoff_ms: int
    stop_ms: int
    memory: int  # pages
    dma: int  # KiB
    node: Node


@dataclass(frozen=True)
class Program:
    name: str
    flags: int
    needs: tuple[str, ...]
    grants: tuple[Grant, ...]
    priority: int
    memory: int


def short(node: Node, key: str, default: str | None = None) -> str:
    value = node.text(key, default)
    if len(value.encode()) >= NAME_BYTES:
        raise node.fail(f"'{value}' is longer than {NAME_BYTES - 1} letters", key)
    return value


class Reader:
    def __init__(self, root: Node, objects: dict[str, dict[str, int]], programs: Collection[str]) -> None:
        self.objects = objects
        self.programs = programs
        self.badges_of: list[tuple[Node, str]] = []
        root.allow("service", "program", "others")
        services = [self.service(name, node) for name, node in root.child("service").children()]
        self.by_name = {item.name: item for item in services}
        for row, name in self.badges_of:
            if name not in self.by_name:
                raise row.fail(f"there is no service '{name}'", "badge_of")
        if len(services) > SERVICES_MAX:
            raise root.fail(f"more than {SERVICES_MAX} services")
        others = root.child("others", required=False)
        others.allow("handles")
        self.programs_of = [Program("", 0, (), self.grants(others), 0, 0)]
        listed = root.child("program", required=False).children()
        self.programs_of += [self.program(name, node) for name, node in listed if not self.is_left_out(name, node)]
        self.services = self.ordered(services)

    def program_name(self, node: Node, name: str, key: str = "") -> str:
        if name not in self.programs:
            raise node.fail(f"there is no program '{name}'", key)
        return name

    def grants(self, node: Node) -> tuple[Grant, ...]:
        result = []
        for row in node.rows("handles"):
            row.allow("name", "rights")
            name = row.one_of("name", tuple(HANDLES))
            known = self.objects[HANDLES[name]]
            mask = 0
            for right in row.strings("rights"):
                if right not in known:
                    raise row.fail(f"{name} has no right '{right}'; it has {', '.join(known)}", "rights")
                mask |= 1 << known[right]
            result.append(Grant(name, mask))
        return tuple(result)

    def arguments(self, node: Node) -> tuple[tuple[str, str, str, str], ...]:
        result = []
        for row in node.rows("arguments"):
            row.allow("name", "option", "value", "badge_of")
            badge_of = short(row, "badge_of", "")
            self.badges_of += [(row, badge_of)] if badge_of else []
            result.append((short(row, "name"), short(row, "option", ""), short(row, "value", ""), badge_of))
        return tuple(result)

    def service(self, name: str, node: Node) -> Service:
        node.allow("doc", "program", "start", "option", "needs", "handles", "arguments", "restarts", "backoff_ms",
                   "stop_ms", "memory", "resident", "mailbox", "named", "keep", "starts", "dma", "reserve")
        if not NAME.match(name) or len(name) >= NAME_BYTES:
            raise node.fail(f"a service is named by up to {NAME_BYTES - 1} lower case letters, digits and _")
        node.text("doc")
        restarts = node.number("restarts", 0, 1000, 5)
        mailbox = not node.table.get("mailbox") is False
        named = mailbox and not node.table.get("named") is False
        flags = flags_of(always=node.one_of("start", ("always", "needed"), "needed") == "always", restart=restarts > 0,
                         resident=node.flag("resident"), mailbox=mailbox, named=named, keep=node.flag("keep"),
                         starts=node.flag("starts"), reserve=node.flag("reserve"))
        program = self.program_name(node, short(node, "program", name), "program")
        return Service(name, program, short(node, "option", ""), flags, tuple(node.strings("needs")), self.grants(node),
                       self.arguments(node), restarts, node.number("backoff_ms", 1, 60000, 20),
                       node.number("stop_ms", 1, 60000, 5000), node.number("memory", 0, 1 << 30, 0),
                       node.number("dma", 0, 1 << 20, 0), node)

    def is_left_out(self, name: str, node: Node) -> bool:
        """A program that not every build has: those with a C library."""
        return node.flag("optional") and name not in self.programs

    def program(self, name: str, node: Node) -> Program:
        node.allow("handles", "needs", "priority", "own_account", "memory", "controls", "starts", "optional")
        self.program_name(node, name)
        needs = tuple(node.strings("needs"))
        self.check_needs(node, needs)
        flags = flags_of(controls=node.flag("controls"), own_account=node.flag("own_account"),
                         starts=node.flag("starts"))
        return Program(name, flags, self.with_names(needs), self.grants(node), node.number("priority", 0, 31, 0),
                       node.number("memory", 0, 1 << 30, 0))

    def check_needs(self, node: Node, needs: tuple[str, ...]) -> None:
        for need in needs:
            if need not in self.by_name:
                raise node.fail(f"there is no service '{need}'", "needs")

    def with_names(self, needs: tuple[str, ...]) -> tuple[str, ...]:
        return (*needs, NAMES) if needs and NAMES in self.by_name and NAMES not in needs else needs

    def needs_of(self, item: Service) -> tuple[str, ...]:
        return item.needs if item.name == NAMES else self.with_names(item.needs)

    def ordered(self, services: list[Service]) -> list[Service]:
        result: list[Service] = []
        path: list[str] = []

        def visit(item: Service) -> None:
            self.check_needs(item.node, item.needs)
            if item.name in path:
                circle = " needs ".join([*path[path.index(item.name):], item.name])
                raise item.node.fail(f"a circle: {circle}", "needs")
            path.append(item.name)
            for need in self.needs_of(item):
                if self.by_name[need] not in result:
                    visit(self.by_name[need])
            path.pop()
            result.append(item)

        for item in services:
            if item not in result:
                visit(item)
        return result


class Writer:
    """The records, with grants and arguments in tables of their own."""

    def __init__(self, reader: Reader) -> None:
        self.index = {item.name: place for place, item in enumerate(reader.services)}
        self.grants = b""
        self.arguments = b""
        services = b"".join(self.service(item, reader.needs_of(item)) for item in reader.services)
        programs = b"".join(self.program(item) for item in reader.programs_of)
        body = services + programs + self.grants + self.arguments
        self.content = HEADER.pack(MAGIC, HEADER.size + len(body), len(reader.services), len(reader.programs_of),
                                   len(self.grants) // GRANT.size, len(self.arguments) // ARGUMENT.size) + body

    def mask(self, needs: tuple[str, ...]) -> int:
        return sum(1 << self.index[need] for need in set(needs))

    def add_grants(self, grants: tuple[Grant, ...]) -> tuple[int, int]:
        first = len(self.grants) // GRANT.size
        self.grants += b"".join(GRANT.pack(item.handle.encode(), item.rights, 0) for item in grants)
        return first, len(grants)

    def argument(self, name: str, option: str, value: str, badge_of: str) -> bytes:
        value = str(SERVICE_BADGE_FIRST + self.index[badge_of]) if badge_of else value
        return ARGUMENT.pack(name.encode(), option.encode(), value.encode())

    def service(self, item: Service, needs: tuple[str, ...]) -> bytes:
        first = len(self.arguments) // ARGUMENT.size
        self.arguments += b"".join(self.argument(*row) for row in item.arguments)
        return SERVICE.pack(item.name.encode(), item.program.encode(), item.option.encode(), item.flags,
                            self.mask(needs), *self.add_grants(item.grants), first, len(item.arguments),
                            item.restarts, item.backoff_ms, item.stop_ms, item.memory, item.dma << 10)

    def program(self, item: Program) -> bytes:
        return PROGRAM.pack(item.name.encode(), item.flags, self.mask(item.needs), *self.add_grants(item.grants),
                            item.priority, item.memory)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="make the manifest of services for the boot image")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the source tree")
    parser.add_argument("--programs", required=True, help="the programs of the boot image")
    parser.add_argument("manifest", help="relative to the source tree")
    parser.add_argument("output", type=Path)
    options = parser.parse_args(argv)
    try:
        objects = {item.name: item.rights for item in read_objects(load(options.root, OBJECTS_TOML))[1]}
        reader = Reader(load(options.root, options.manifest), objects, options.programs.split())
    except DefinitionError as error:
        print(f"manifest.py: {error}", file=sys.stderr)
        return 1
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(Writer(reader).content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
