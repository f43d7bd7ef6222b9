# SPDX-License-Identifier: MIT
"""The reference pages: doc/errors.md, doc/syscalls.md, doc/events.md."""

from __future__ import annotations

from model import ANY_OBJECT, CHECKED_TYPES, ERRORS_TOML, EVENTS_TOML, SYSCALLS_TOML, Arg, Event, Model
from syscalls import user_parameters
from text import TOOL, joined


def head(title: str, source: str) -> list[str]:
    return [f"<!-- Generated from {source} by {TOOL}; do not edit. -->", f"# {title}", ""]


def errors_md(model: Model) -> str:
    lines = head("Status codes", ERRORS_TOML)
    lines += ["| name | value | meaning |", "|---|---|---|", "| `OK` | 0 | It worked. |"]
    lines += [f"| `ERR_{error.name}` | {error.value} | {error.doc} |" for error in model.errors]
    return joined(lines)


def argument_row(arg: Arg) -> str:
    kind = arg.type
    if arg.type in CHECKED_TYPES:
        what = "anything" if arg.object == ANY_OBJECT else f"a {arg.object}"
        kind = f"handle of {what}; rights: {', '.join(arg.rights) or 'any'}"
    elif arg.type == "user_ptr":
        kind = f"user pointer ({arg.dir})"
    return f"| `{arg.name}` | {arg.register} | {kind} | {arg.doc} |"


def syscalls_md(model: Model) -> str:
    lines = head("System calls", SYSCALLS_TOML)
    lines += ["The number travels in rax, the status comes back in rax. rcx and r11 are lost, every other register is",
              "preserved unless it carries a result. Calls marked *raw* return message words in r8 r9 r10 r12 r13 r14",
              "r15 rbx.", "", "| number | name | summary |", "|---|---|---|"]
    lines += [f"| {call.number} | [{call.name}](#{call.name}) | {call.doc} |" for call in model.syscalls]
    for call in model.syscalls:
        result = "void" if call.noreturn else "status_t"
        lines += ["", f"## {call.name}", "", f"    {result} sys_{call.name}({user_parameters(call)})", "",
                  f"Number {call.number}{', raw' if call.raw else ''}. {call.doc}"]
        if call.args:
            lines += ["", "| argument | register | type | meaning |", "|---|---|---|---|"]
            lines += [argument_row(arg) for arg in call.args]
        if call.results:
            lines += ["", "Results: " + ", ".join(f"`{item.name}` in {item.register}" for item in call.results) + "."]
        if call.errors:
            lines += ["", "Errors: " + ", ".join(f"`ERR_{name}`" for name in call.errors) + "."]
    return joined(lines)


def event_rows(event: Event) -> list[str]:
    rows = []
    for field in event.fields:
        place = f"words {field.word}…" if field.is_string else \
            f"{'header' if field.is_small else f'word {field.word}'} bits {field.shift}–{field.shift + field.bits - 1}"
        kind = f"enum {field.enum}" if field.enum else field.kind
        rows.append(f"| `{field.name}` | {place} | {kind} |")
    return rows


def events_md(model: Model) -> str:
    lines = head("Trace events", EVENTS_TOML)
    lines += ["A record is a header {time 42 | small 8 | words 5 | event 9} and payload words of 64 bits.", "",
              "| category | bit | holds |", "|---|---|---|"]
    lines += [f"| {item.name} | {item.bit} | {item.doc} |" for item in model.categories]
    for event in model.events:
        notes = [event.category]
        if event.meta:
            notes.append("meta lane")
        if event.always:
            notes.append("also for exempt threads")
        size = f"{8 * (1 + event.words)} bytes" + (" and the string" if event.string else "")
        lines += ["", f"## {event.name}", "", f"Id {event.id}, {', '.join(notes)}, {size}. {event.doc}"]
        if event.fields:
            lines += ["", "| field | where | shown as |", "|---|---|---|", *event_rows(event)]
    lines += ["", "## Enums", ""]
    for enum in model.enums:
        lines.append(f"- {enum.name}: " + ", ".join(f"{value} {name}" for name, value in enum.values.items()))
    return joined(lines)
