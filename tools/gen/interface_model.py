# SPDX-License-Identifier: MIT
"""Interfaces of services (userspace/interfaces/*.toml) as checked Python objects, with every word's place decided."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from source import NAME, Node, Unique, load

FOLDER = "userspace/interfaces"
PARAMETER_TYPES = ("u64", "u32", "text", "bytes", "handle")
SCALARS = ("u64", "u32")
BUFFERS = ("text", "bytes")
WORDS = 8            # of a message (kernel/abi/message.h)
SEND_WORDS = (0, 1)  # descriptors of buffers
RECEIVE_WORDS = (2, 3)
BUFFER_MAX = 0x100000

ANY = "any"  # object of a handle: whatever the client gives

# Names that the generated functions use themselves.
TAKEN_NAMES = frozenset(("service", "deadline", "message", "status", "request", "mailbox", "token"))


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    doc: str
    max: int                 # bytes of a text (without its NUL) or of bytes
    object: str              # of a handle
    rights: tuple[str, ...]  # what the receiver gets of a handle
    move: bool               # the sender of a handle loses it
    word: int                # of a scalar: its place in the message


@dataclass(frozen=True)
class Operation:
    name: str
    number: int
    doc: str
    label: int
    ins: tuple[Parameter, ...]
    outs: tuple[Parameter, ...]
    errors: tuple[str, ...]
    deferred: bool  # answered later, by a call of its own
    one_way: bool   # never answered


@dataclass(frozen=True)
class Interface:
    name: str
    number: int
    version: int
    doc: str
    file: str
    operations: tuple[Operation, ...]

    @property
    def receives(self) -> int:
        """Bytes of the longest buffer that may come."""
        return max((item.max for operation in self.operations for item in operation.ins), default=0)

    @property
    def answers(self) -> int:
        """Bytes of the longest buffer that may be answered."""
        return max((item.max for operation in self.operations for item in operation.outs), default=0)


@dataclass(frozen=True)
class Known:
    """What interfaces may name of the other definitions."""

    rights: dict[str, dict[str, int]]  # of each object type
    errors: Collection[str]


def buffer_of(parameters: tuple[Parameter, ...]) -> Parameter | None:
    return next((item for item in parameters if item.type in BUFFERS), None)


def handles_of(parameters: tuple[Parameter, ...]) -> list[Parameter]:
    return [item for item in parameters if item.type == "handle"]


def read_parameter(node: Node, known: Known, way: str) -> Parameter:
    node.allow("name", "type", "doc", "max", "object", "rights", "move")
    name = node.check_name(node.text("name"))
    if name in TAKEN_NAMES:
        raise node.fail(f"'{name}' is a name that generated code uses itself", "name")
    kind = node.one_of("type", PARAMETER_TYPES)
    if kind == "text" and way == "out":
        raise node.fail("a text goes in only: answer with bytes", "type")
    for key, kinds in (("max", BUFFERS), ("object", ("handle",)), ("rights", ("handle",)), ("move", ("handle",))):
        if key in node.table and kind not in kinds:
            raise node.fail(f"does not go with type {kind}", key)
    limit = node.number("max", 1, BUFFER_MAX - 1) if kind in BUFFERS else 0
    target = ""
    rights: tuple[str, ...] = ()
    if kind == "handle":
        target = node.text("object")
        if target == ANY and (way == "out" or "rights" in node.table):
            raise node.fail("goes in only, with the rights that the caller says", "object")
        if target != ANY and target not in known.rights:
            raise node.fail(f"'{target}' is no object type", "object")
        rights = () if target == ANY else tuple(node.strings("rights"))
        for right in rights:
            if right not in known.rights[target]:
                raise node.fail(f"{target} has no right '{right}'; it has {', '.join(known.rights[target])}", "rights")
    return Parameter(name, kind, node.text("doc", ""), limit, target, rights, node.flag("move"), -1)


def read_parameters(node: Node, way: str, known: Known) -> tuple[Parameter, ...]:
    rows = node.rows(way)
    result = tuple(read_parameter(row, known, way) for row in rows)
    if sum(item.type in BUFFERS for item in result) > 1:
        raise node.fail("more than one buffer", way)
    return result


def place(node: Node, way: str, parameters: tuple[Parameter, ...], descriptors: set[int]) -> tuple[Parameter, ...]:
    """Scalars take the lowest words that neither a buffer's descriptor nor a handle needs; handles take the last."""
    handles = len(handles_of(parameters))
    last = WORDS - handles
    if handles and last <= max(descriptors, default=-1):
        raise node.fail(f"no room for {handles} handles beside the buffers", way)
    free = [word for word in range(last) if word not in descriptors]
    scalars = [item for item in parameters if item.type in SCALARS]
    if len(scalars) > len(free):
        raise node.fail(f"{len(scalars)} numbers, but only {len(free)} words are left for them", way)
    words = dict(zip((item.name for item in scalars), free))
    return tuple(replace(item, word=words.get(item.name, -1)) for item in parameters)


def read_operation(name: str, node: Node, base: int, known: Known) -> Operation:
    if not NAME.match(name):  # C keywords such as 'register' are fine: the interface's name comes before
        raise node.fail("an operation is named by lower case letters, digits and _")
    node.allow("number", "doc", "in", "out", "errors", "deferred", "one_way")
    number = node.number("number", 1, 255)
    ins, outs = read_parameters(node, "in", known), read_parameters(node, "out", known)
    names = Unique("parameter")
    for item in (*ins, *outs):
        names.take(node, item.name, item.name)
    deferred, one_way = node.flag("deferred"), node.flag("one_way")
    if one_way and (outs or deferred):
        raise node.fail("what is never answered has nothing to bring back", "one_way")
    errors = tuple(node.strings("errors"))
    for error in errors:
        if error not in known.errors:
            raise node.fail(f"there is no error '{error}'", "errors")
    asked = set(SEND_WORDS) if buffer_of(ins) else set()
    asked |= set(RECEIVE_WORDS) if buffer_of(outs) else set()
    answered = set(SEND_WORDS) if buffer_of(outs) else set()
    answered |= set(RECEIVE_WORDS)  # the server receives the next request, of any of its interfaces, with its reply
    return Operation(name, number, node.text("doc"), base | number, place(node, "in", ins, asked),
                     place(node, "out", outs, answered), errors, deferred, one_way)


def read_interface(root: Node, known: Known) -> Interface:
    root.allow("interface", "operation")
    head = root.child("interface")
    head.allow("name", "number", "version", "doc")
    name = head.check_name(head.text("name"))
    if name != Path(root.file).stem:
        raise head.fail(f"'{name}' lies in {root.file}", "name")
    number, version = head.number("number", 1, 0xffff), head.number("version", 1, 255)
    children = root.child("operation").children()
    numbers = Unique("number")
    operations = []
    for key, node in children:
        operations.append(read_operation(key, node, number << 16 | version << 8, known))
        numbers.take(node, operations[-1].number, key)
    if not operations:
        raise root.fail("has no operations")
    return Interface(name, number, version, head.text("doc"), root.file, tuple(operations))


def read_interfaces(root: Path, known: Known) -> list[Interface]:
    numbers = Unique("number")
    result = []
    for path in sorted((root / FOLDER).glob("*.toml")):
        node = load(root, f"{FOLDER}/{path.name}")
        result.append(read_interface(node, known))
        numbers.take(node.child("interface"), result[-1].number, result[-1].name)
    return sorted(result, key=lambda item: item.number)
