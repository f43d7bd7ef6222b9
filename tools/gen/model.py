# SPDX-License-Identifier: MIT
"""The definitions as checked Python objects. Whatever gets through here can be printed without further checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from interface_model import Interface, Known, read_interfaces
from source import NAME, UPPER_NAME, DefinitionError, Node, Unique, load

ERRORS_TOML = "kernel/abi/errors.toml"
OBJECTS_TOML = "kernel/abi/objects.toml"
LAYOUT_TOML = "kernel/abi/layout.toml"
SYSCALLS_TOML = "kernel/abi/syscalls.toml"
EVENTS_TOML = "trace/events/events.toml"
SOURCES = (ERRORS_TOML, OBJECTS_TOML, LAYOUT_TOML, SYSCALLS_TOML, EVENTS_TOML)

ARG_TYPES = ("handle", "entry", "handle_number", "user_ptr", "u64", "u32", "ns", "va")
CHECKED_TYPES = ("handle", "entry")  # looked up, type and rights checked by generated code
ANY_OBJECT = "any"
ARG_REGISTERS = ("rdi", "rsi", "rdx", "r8", "r9", "r10")
RESULT_REGISTERS = ("rdi", "rsi", "rdx")
RAW_ARGS_MAX = 3  # of calls with message words, which are in the registers after that
NO_RESULT = "-"   # in results of a raw call: this register brings nothing back

KINDS = ("dec", "hex", "tid", "pid", "cpu", "vector", "syscall", "status", "bytes", "call", "object", "string", "ns",
         "frames", "code", "operation")
TAIL_KINDS = ("string", "frames")  # of any length, up to the end of the record
COUNTER_KINDS = ("dec", "bytes", "ns")
EVENT_MAX = 512
HEADER_SMALL_SHIFT = 14
SMALL_BITS = 8
WORDS_MAX = 30
STRING_WORDS_MAX = 29

# Names that the emitters use themselves.
EMITTER_NAMES = ("lane", "record", "payload", "string_words", "header", "word1", "word2", "word3")


@dataclass(frozen=True)
class Error:
    name: str
    value: int
    doc: str


@dataclass(frozen=True)
class ObjectType:
    name: str
    number: int
    doc: str
    rights: dict[str, int]  # name -> bit, common ones included


@dataclass(frozen=True)
class Constant:
    name: str
    value: int
    doc: str


@dataclass(frozen=True)
class Arg:
    name: str
    type: str
    object: str
    rights: tuple[str, ...]
    dir: str
    doc: str
    register: str


@dataclass(frozen=True)
class Result:
    name: str
    register: str


@dataclass(frozen=True)
class Syscall:
    name: str
    number: int
    doc: str
    raw: bool
    noreturn: bool
    words: str  # "none", "in" or "inout": message words of a raw call
    args: tuple[Arg, ...]
    results: tuple[Result, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Category:
    name: str
    bit: int
    doc: str


@dataclass(frozen=True)
class Enum:
    name: str
    values: dict[str, int]


@dataclass(frozen=True)
class Field:
    name: str
    word: int   # 0: the header
    shift: int  # from bit 0 of that word
    bits: int   # 0 for a string
    kind: str   # one of KINDS, or "enum"
    enum: str
    counter: bool = False
    per_core: bool = False

    @property
    def is_string(self) -> bool:
        return self.kind in TAIL_KINDS

    @property
    def is_small(self) -> bool:
        return self.word == 0


@dataclass(frozen=True)
class Event:
    name: str
    id: int
    category: str
    doc: str
    meta: bool
    always: bool
    extra: bool
    fields: tuple[Field, ...]
    words: int  # payload words before a string

    @property
    def c_name(self) -> str:
        return self.name.replace(".", "_")

    @property
    def string(self) -> Field | None:
        return self.fields[-1] if self.fields and self.fields[-1].is_string else None

    @property
    def has_emitter(self) -> bool:
        """The recorder writes the events about itself: padding, sync, losses."""
        return self.meta or self.category != "trace"

    @property
    def string_words_max(self) -> int:
        return min(STRING_WORDS_MAX, WORDS_MAX - self.words)


@dataclass
class Model:
    errors: list[Error] = field(default_factory=list)
    common_rights: dict[str, int] = field(default_factory=dict)
    objects: list[ObjectType] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    syscalls: list[Syscall] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    enums: list[Enum] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)

    def object_type(self, name: str) -> ObjectType | None:
        return next((item for item in self.objects if item.name == name), None)


def read_errors(root: Node) -> list[Error]:
    root.allow("error")
    values = Unique("value")
    result = []
    for name, node in root.child("error").children():
        node.check_name(name, UPPER_NAME)
        node.allow("value", "doc")
        error = Error(name, node.number("value", -127, -1), node.text("doc"))
        values.take(node, error.value, name)
        result.append(error)
    return sorted(result, key=lambda error: -error.value)


def read_rights(node: Node, taken: dict[str, int]) -> dict[str, int]:
    bits = Unique("bit")
    for name, bit in taken.items():
        bits.take(node, bit, name)
    result = dict(taken)
    for name in node.table:
        node.check_name(name)
        if name in taken:
            raise node.fail("is a common right", name)
        result[name] = node.number(name, 0, 31)
        bits.take(node, result[name], name)
    return result


def read_objects(root: Node) -> tuple[dict[str, int], list[ObjectType]]:
    root.allow("common_rights", "object")
    common = read_rights(root.child("common_rights"), {})
    numbers = Unique("type")
    result = []
    for name, node in root.child("object").children():
        node.check_name(name)
        node.allow("type", "doc", "rights")
        rights = read_rights(node.child("rights", required=False), common)
        item = ObjectType(name, node.number("type", 1, 255), node.text("doc"), rights)
        numbers.take(node, item.number, name)
        result.append(item)
    return common, sorted(result, key=lambda item: item.number)


def read_constants(root: Node) -> list[Constant]:
    root.allow("constant")
    result = []
    for name, node in root.child("constant").children():
        node.check_name(name, UPPER_NAME)
        node.allow("value", "doc")
        result.append(Constant(name, node.number("value", 0, 2**64 - 1), node.text("doc")))
    return result


def rights_known(node: Node, kind: str, target: str, model: Model) -> dict[str, int]:
    """The rights that an argument may ask for. Only an entry may be of any type: its call gets to know which."""
    if target == ANY_OBJECT and kind == "entry":
        return model.common_rights
    known = model.object_type(target)
    if known is None:
        raise node.fail(f"'{target}' is no object type of {OBJECTS_TOML}", "object")
    return known.rights


def read_arg(node: Node, register: str, model: Model) -> Arg:
    node.allow("name", "type", "object", "rights", "dir", "of", "doc")
    name = node.check_name(node.text("name"))
    kind = node.one_of("type", ARG_TYPES)
    target = ""
    rights: tuple[str, ...] = ()
    if kind in CHECKED_TYPES:
        target = node.text("object")
        known = rights_known(node, kind, target, model)
        rights = tuple(node.strings("rights"))
        for right in rights:
            if right not in known:
                raise node.fail(f"{target} has no right '{right}'; it has {', '.join(known)}", "rights")
    elif "object" in node.table or "rights" in node.table:
        raise node.fail("'object' and 'rights' are for arguments of type handle and entry")
    elif kind == "u64" and (name == "handle" or model.object_type(name) is not None):
        raise node.fail("names an object: its type is 'handle', 'entry' or 'handle_number'", "type")
    if "dir" in node.table and kind != "user_ptr":
        raise node.fail("is for arguments of type user_ptr", "dir")
    direction = node.one_of("dir", ("in", "out", "inout"), "in")
    return Arg(name, kind, target, rights, direction, node.text("doc", ""), register)


def read_results(node: Node, raw: bool, args: tuple[Arg, ...]) -> tuple[Result, ...]:
    """For a raw call a result may share name and register with an argument: one in-out parameter of the user stub."""
    names = node.strings("results")
    if len(names) > len(RESULT_REGISTERS):
        raise node.fail(f"more than {len(RESULT_REGISTERS)} results", "results")
    results = []
    taken = Unique("result")
    for name, register in zip(names, RESULT_REGISTERS):
        if name == NO_RESULT and raw:
            continue
        node.check_name(name)
        taken.take(node, name, name)
        same = next((arg for arg in args if arg.name == name), None)
        if raw and same and (same.register != register or same.type in CHECKED_TYPES):
            raise node.fail(f"'{name}' goes in by {same.register} and comes back by {register}", "results")
        results.append(Result(name, register))
    return tuple(results)


def with_implied(errors: tuple[str, ...], args: tuple[Arg, ...], known: set[str]) -> tuple[str, ...]:
    """What the look-up of a handle can answer is said once, here."""
    checked = [arg for arg in args if arg.type in CHECKED_TYPES]
    implied = ["BAD_HANDLE", "REVOKED"] if checked else []
    implied += ["WRONG_TYPE"] if any(arg.object != ANY_OBJECT for arg in checked) else []
    implied += ["NO_RIGHTS"] if any(arg.rights for arg in checked) else []
    return errors + tuple(name for name in implied if name not in errors and name in known)


def read_syscall(name: str, node: Node, model: Model) -> Syscall:
    node.check_name(name)
    node.allow("number", "doc", "raw", "noreturn", "words", "args", "results", "errors")
    raw = node.flag("raw")
    rows = node.rows("args")
    limit = RAW_ARGS_MAX if raw and "words" in node.table else len(ARG_REGISTERS)
    if len(rows) > limit:
        raise node.fail(f"more than {limit} arguments", "args")
    args = tuple(read_arg(row, register, model) for row, register in zip(rows, ARG_REGISTERS))
    names = Unique("argument")
    for row, arg in zip(rows, args):
        names.take(row, arg.name, arg.name)
    if raw and (not args or args[0].type != "handle" or any(arg.type in CHECKED_TYPES for arg in args[1:])):
        raise node.fail("a raw call takes one handle, as its first argument", "args")
    if "words" in node.table and not raw:
        raise node.fail("is for raw calls", "words")
    words = node.one_of("words", ("none", "in", "inout"), "none")
    noreturn = node.flag("noreturn")
    if noreturn and (raw or node.strings("results")):
        raise node.fail("a call that does not return is not raw and has no results", "noreturn")
    errors = tuple(node.strings("errors"))
    known = {error.name for error in model.errors}
    for error in errors:
        if error not in known:
            raise node.fail(f"'{error}' is not in {ERRORS_TOML}", "errors")
    return Syscall(name, node.number("number", 0, 255), node.text("doc"), raw, noreturn, words, args,
                   read_results(node, raw, args), with_implied(errors, args, known))


def read_syscalls(root: Node, model: Model) -> list[Syscall]:
    root.allow("syscall")
    numbers = Unique("number")
    result = []
    for name, node in root.child("syscall").children():
        call = read_syscall(name, node, model)
        numbers.take(node, call.number, name)
        result.append(call)
    return sorted(result, key=lambda call: call.number)


def read_categories(root: Node) -> list[Category]:
    bits = Unique("bit")
    result = []
    for name, node in root.child("category").children():
        node.check_name(name)
        node.allow("bit", "doc")
        category = Category(name, node.number("bit", 0, 63), node.text("doc"))
        bits.take(node, category.bit, name)
        result.append(category)
    return sorted(result, key=lambda category: category.bit)


def read_enums(root: Node) -> list[Enum]:
    result = []
    for name, node in root.child("enum", required=False).children():
        node.check_name(name)
        numbers = Unique("value")
        values = {}
        for key in node.table:
            if not key.replace("_", "a").isalnum() or key != key.lower():
                raise node.fail("value names are lower case letters, digits and _", key)
            values[key] = node.number(key, 0, 255)
            numbers.take(node, values[key], key)
        if not values:
            raise node.fail("has no values")
        result.append(Enum(name, values))
    return result


class FieldPacker:
    """Places fields in the order written; the rules are at the top of events.toml."""

    def __init__(self, enums: dict[str, Enum]) -> None:
        self.enums = enums
        self.small_used = 0
        self.word = 0
        self.word_used = 64
        self.string_seen = False

    def place(self, node: Node) -> Field:
        node.allow("name", "type", "bits", "place", "kind", "enum", "counter", "per_core", "doc")
        name = node.check_name(node.text("name"))
        if name in EMITTER_NAMES:
            raise node.fail(f"'{name}' is a name the emitters use themselves")
        if self.string_seen:
            raise node.fail("nothing can follow a string")
        kind = node.one_of("type", ("number", *TAIL_KINDS), "number")
        if kind in TAIL_KINDS:
            for key in ("bits", "place", "kind", "enum", "counter", "per_core"):
                if key in node.table:
                    raise node.fail(f"does not go with type {kind}", key)
            self.string_seen = True
            return Field(name, self.word + 1, 0, 0, kind, "")
        kind, enum = self.read_kind(node)
        bits = node.number("bits", 1, 64, 64)
        if enum:
            highest = max(self.enums[enum].values.values())
            if highest >> bits:
                raise node.fail(f"{bits} bits cannot hold the value {highest} of enum {enum}", "bits")
        counter = node.flag("counter")
        if counter and kind not in COUNTER_KINDS:
            raise node.fail(f"a counter is of kind {', '.join(COUNTER_KINDS)}", "counter")
        per_core = node.flag("per_core")
        if per_core and not counter:
            raise node.fail("only a counter is of a core", "per_core")
        is_small = node.one_of("place", ("small", "word"), "word") == "small"
        place = self.place_small if is_small else self.place_word
        return replace(place(node, name, bits, kind, enum), counter=counter, per_core=per_core)

    def read_kind(self, node: Node) -> tuple[str, str]:
        if "enum" not in node.table:
            kind = node.one_of("kind", KINDS, "dec")
            if kind in TAIL_KINDS:
                raise node.fail(f"a {kind} is declared by type = '{kind}'", "kind")
            return kind, ""
        if "kind" in node.table:
            raise node.fail("'kind' and 'enum' exclude each other")
        enum = node.text("enum")
        if enum not in self.enums:
            raise node.fail(f"there is no [enum] '{enum}'", "enum")
        return "enum", enum

    def place_small(self, node: Node, name: str, bits: int, kind: str, enum: str) -> Field:
        if self.small_used + bits > SMALL_BITS:
            raise node.fail(f"the small fields take {self.small_used + bits} bits, there are {SMALL_BITS}")
        shift = HEADER_SMALL_SHIFT + self.small_used
        self.small_used += bits
        return Field(name, 0, shift, bits, kind, enum)

    def place_word(self, node: Node, name: str, bits: int, kind: str, enum: str) -> Field:
        if self.word_used + bits > 64:
            self.word += 1
            self.word_used = 0
            if self.word > WORDS_MAX:
                raise node.fail(f"more than {WORDS_MAX} payload words")
        shift = self.word_used
        self.word_used += bits
        return Field(name, self.word, shift, bits, kind, enum)


def read_event(name: str, node: Node, model: Model) -> Event:
    for part in name.split("."):
        if not NAME.match(part):  # C keywords such as 'return' are fine: parts are joined
            raise node.fail("an event is named by lower case words with dots between")
    node.allow("id", "category", "doc", "lane", "always", "extra", "fields")
    category = node.text("category")
    if category not in {item.name for item in model.categories}:
        raise node.fail(f"there is no [category] '{category}'", "category")
    packer = FieldPacker({enum.name: enum for enum in model.enums})
    names = Unique("field")
    fields = []
    for row in node.rows("fields"):
        fields.append(packer.place(row))
        names.take(row, fields[-1].name, fields[-1].name)
    if packer.string_seen and packer.word >= WORDS_MAX:
        raise node.fail("no payload word is left for the string", "fields")
    return Event(name, node.number("id", 0, EVENT_MAX - 1), category, node.text("doc"),
                 node.one_of("lane", ("context", "meta"), "context") == "meta", node.flag("always"), node.flag("extra"),
                 tuple(fields), packer.word)


def read_events(root: Node, model: Model) -> None:
    root.allow("category", "enum", "event")
    model.categories = read_categories(root)
    model.enums = read_enums(root)
    ids = Unique("id")
    c_names = Unique("C name")
    for name, node in root.child("event").children():
        event = read_event(name, node, model)
        ids.take(node, event.id, name)
        c_names.take(node, event.c_name, name)
        model.events.append(event)
    model.events.sort(key=lambda event: event.id)


def check_identifiers(model: Model) -> None:
    """Names from different files must not meet as the same C identifier."""
    node = Node("definitions", "", {})
    taken = Unique("identifier")
    for error in model.errors:
        taken.take(node, f"ERR_{error.name}", ERRORS_TOML)
    for item in model.objects:
        taken.take(node, f"OBJECT_{item.name.upper()}", OBJECTS_TOML)
        for right in item.rights:
            taken.take(node, f"RIGHT_{item.name}_{right}".upper(), OBJECTS_TOML)
    for right in model.common_rights:
        taken.take(node, f"RIGHT_{right}".upper(), OBJECTS_TOML)
    for constant in model.constants:
        taken.take(node, constant.name, LAYOUT_TOML)
    for call in model.syscalls:
        taken.take(node, f"SYSCALL_{call.name}".upper(), SYSCALLS_TOML)
    for event in model.events:
        taken.take(node, f"TRACE_EVENT_{event.c_name}".upper(), EVENTS_TOML)
    for category in model.categories:
        taken.take(node, f"TRACE_CATEGORY_{category.name}".upper(), EVENTS_TOML)
    for enum in model.enums:
        for value in enum.values:
            taken.take(node, f"TRACE_{enum.name}_{value}".upper(), EVENTS_TOML)


def read_model(root: Path) -> Model:
    model = Model()
    model.errors = read_errors(load(root, ERRORS_TOML))
    model.common_rights, model.objects = read_objects(load(root, OBJECTS_TOML))
    model.constants = read_constants(load(root, LAYOUT_TOML))
    model.syscalls = read_syscalls(load(root, SYSCALLS_TOML), model)
    read_events(load(root, EVENTS_TOML), model)
    known = Known({item.name: item.rights for item in model.objects}, {error.name for error in model.errors})
    model.interfaces = read_interfaces(root, known)
    check_identifiers(model)
    return model


__all__ = ["DefinitionError", "Model", "read_model"]
