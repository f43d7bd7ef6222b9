# SPDX-License-Identifier: MIT
"""spoor_gen.py: the same definitions for tests and tools."""

from __future__ import annotations

from pprint import pformat

from events import fnv1a64, schema_text
from interface_code import operations
from model import SOURCES, Model
from text import hash_head, joined


def assignment(name: str, annotation: str, value: object) -> str:
    return f"{name}: {annotation} = {pformat(value, width=110, sort_dicts=False)}"


def spoor_gen_py(model: Model) -> str:
    syscalls = {
        call.name: {"number": call.number, "raw": call.raw, "args": [arg.name for arg in call.args],
                    "results": [result.name for result in call.results], "errors": list(call.errors)}
        for call in model.syscalls}
    events = {
        event.name: {"id": event.id, "category": event.category, "meta": event.meta, "always": event.always,
                     "words": event.words, "string": event.string is not None,
                     "fields": [{"name": field.name, "word": field.word, "shift": field.shift, "bits": field.bits,
                                 "kind": field.kind, "enum": field.enum, "counter": field.counter}
                                for field in event.fields]}
        for event in model.events}
    text = schema_text(model)
    lines = hash_head(", ".join(SOURCES))
    lines += ['"""Definitions of Spoor as Python objects."""', "from typing import Any", "",
              assignment("ERRORS", "dict[str, int]", {"OK": 0} | {error.name: error.value for error in model.errors}),
              assignment("OBJECTS", "dict[str, int]", {item.name: item.number for item in model.objects}),
              assignment("RIGHTS", "dict[str, dict[str, int]]",
                         {item.name: {name: 1 << bit for name, bit in item.rights.items()} for item in model.objects}),
              assignment("LAYOUT", "dict[str, int]", {item.name: item.value for item in model.constants}),
              assignment("SYSCALLS", "dict[str, dict[str, Any]]", syscalls),
              assignment("CATEGORIES", "dict[str, int]", {item.name: item.bit for item in model.categories}),
              assignment("ENUMS", "dict[str, dict[str, int]]", {enum.name: enum.values for enum in model.enums}),
              assignment("EVENTS", "dict[str, dict[str, Any]]", events),
              assignment("OPERATIONS", "dict[str, int]", {name: label for label, name in operations(model)}),
              assignment("SCHEMA_TEXT", "str", text), f"SCHEMA_HASH: int = {fnv1a64(text.encode()):#018x}"]
    return joined(lines)
