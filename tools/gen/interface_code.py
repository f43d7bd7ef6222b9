# SPDX-License-Identifier: MIT
"""Interfaces in C: labels, client stubs, and what a server's dispatch needs (userspace/lib/interface.h)."""

from __future__ import annotations

from interface_model import ANY, FOLDER, SCALARS, Interface, Operation, Parameter, buffer_of, handles_of
from model import Model
from text import TOOL, c_head, defines, joined

C_SCALARS = {"u64": "uint64_t", "u32": "uint32_t"}


def upper(interface: Interface, operation: Operation) -> str:
    return f"{interface.name}_{operation.name}".upper()


def rights_mask(item: Parameter) -> str:
    if item.object == ANY:
        return f"{item.name}_rights"
    return " | ".join(f"RIGHT_{right}".upper() if right in ("duplicate", "transfer")
                      else f"RIGHT_{item.object}_{right}".upper() for right in item.rights) or "0"


def load_of(parameters: tuple[Parameter, ...]) -> str:
    """What a message carries beside its words, as the label register says it."""
    parts = ["MESSAGE_SEND"] if buffer_of(parameters) else []
    count = len(handles_of(parameters))
    parts += [f"{count}ull << MESSAGE_HANDLES_SHIFT"] if count else []
    return " | ".join(parts) or "0"


def describe(operation: Operation, extra: list[str]) -> list[str]:
    lines = ["/*", f" * {operation.doc}"]
    for item in (*operation.ins, *operation.outs):
        facts = [item.doc] if item.doc else []
        if item.type == "handle":
            rights = f"{item.name}_rights" if item.object == ANY else " ".join(item.rights)
            facts.append(f"{item.object}, the receiver gets: {rights or 'no right'}"
                         + (", the sender loses it" if item.move else ""))
        elif item.max:
            facts.append(f"at most {item.max} bytes")
        if facts:
            lines.append(f" * @{item.name}  {'; '.join(facts)}")
    if operation.errors:
        lines.append(" * Errors: " + " ".join(operation.errors))
    return lines + [f" * {text}" for text in extra] + [" */"]


def interface_h(interface: Interface) -> str:
    lines = c_head(interface.file, interface.doc)
    lines += ["enum {"]
    lines += [f"    {upper(interface, item)} = {item.label:#x}," for item in interface.operations] + ["};", ""]
    rows = [(f"{upper(interface, operation)}_{item.name.upper()}_MAX", f"{item.max}u", "bytes")
            for operation in interface.operations for item in (*operation.ins, *operation.outs) if item.max]
    rows.append((f"{interface.name.upper()}_RECEIVES", f"{interface.receives + 1 if interface.receives else 0}u",
                 "bytes of buffer that a server needs for what comes"))
    return joined(lines + defines(rows))


# ---- client ----

def in_parameters(parameters: tuple[Parameter, ...]) -> list[str]:
    result = []
    for item in parameters:
        if item.type == "text":
            result.append(f"const char *{item.name}")
        elif item.type == "bytes":
            result += [f"const void *{item.name}", f"uint64_t {item.name}_bytes"]
        else:
            result.append(f"{C_SCALARS.get(item.type, 'uint64_t')} {item.name}")
    return result


def give_handles(parameters: tuple[Parameter, ...], message: str) -> list[str]:
    """In reverse: each comes to stand before those given already."""
    lines = []
    for item in reversed(handles_of(parameters)):
        move = " | MESSAGE_HANDLE_MOVE" if item.move else ""
        lines.append(f"    message_give_handle({message}, {item.name}{move}, {rights_mask(item)});")
    return lines


def client_ins(operation: Operation) -> list[str]:
    rights = [f"uint32_t {item.name}_rights" for item in handles_of(operation.ins) if item.object == ANY]
    return in_parameters(operation.ins) + rights


def client_outs(operation: Operation) -> list[str]:
    result = []
    for item in operation.outs:
        if item.type == "bytes":
            result += [f"void *{item.name}", f"uint64_t {item.name}_capacity", f"uint64_t *out_{item.name}_bytes"]
        else:
            result.append(f"{C_SCALARS.get(item.type, 'uint64_t')} *out_{item.name}")
    return result


def client_results(operation: Operation) -> list[str]:
    lines = []
    for index, item in enumerate(handles_of(operation.outs)):
        lines.append(f"        *out_{item.name} = message_handle(&message, {index});")
    for item in operation.outs:
        if item.type in SCALARS:
            cast = "(uint32_t)" if item.type == "u32" else ""
            lines.append(f"        *out_{item.name} = {cast}message.word[{item.word}];")
        elif item.type == "bytes":
            lines.append(f"        *out_{item.name}_bytes = message.word[1];")
    return lines


def client_stub(interface: Interface, operation: Operation) -> list[str]:
    parts = ["uint64_t service", *client_ins(operation), "uint64_t deadline", *client_outs(operation)]
    lines = describe(operation, ["@service  mailbox with the right to send", "@deadline  absolute monotonic ns"])
    lines += [f"static inline status_t {interface.name}_{operation.name}({', '.join(parts)})", "{",
              f"    struct message message = {{.label = {upper(interface, operation)}}};", ""]
    for item in operation.ins:
        if item.type in SCALARS:
            lines.append(f"    message.word[{item.word}] = {item.name};")
    buffer, answer = buffer_of(operation.ins), buffer_of(operation.outs)
    if buffer:
        size = f"strlen({buffer.name})" if buffer.type == "text" else f"{buffer.name}_bytes"
        lines.append(f"    message_send_buffer(&message, {buffer.name}, {size});")
    if answer:
        lines.append(f"    message_receive_buffer(&message, {answer.name}, {answer.name}_capacity);")
    if handles_of(operation.outs):
        lines.append("    message_accept_handles(&message);")
    lines += give_handles(operation.ins, "&message")
    results = client_results(operation)
    if operation.one_way:
        return lines + ["    return message_send(service, &message, deadline);", "}", ""]
    call = f"interface_call(service, &message, deadline, {load_of(operation.outs)})"
    if not results:
        return lines + [f"    return {call};", "}", ""]
    return lines + [f"    status_t status = {call};", "    if (status == OK) {", *results, "    }",
                    "    return status;", "}", ""]


def client_h(interface: Interface) -> str:
    lines = c_head(interface.file, f"Calls of a client: {interface.doc}")
    lines += ["#include <string.h>", "", f'#include "gen/interface/{interface.name}.h"', '#include "gen/objects.h"',
              '#include "userspace/lib/interface.h"', ""]
    for operation in interface.operations:
        lines += client_stub(interface, operation)
    return joined(lines[:-1])


# ---- server ----

SERVER_HEAD = """\
/*
 * What the server implements: one function per operation, called by interface_serve(). Handles that came belong to
 * it if it returns OK, else they are closed. Results count only with OK. `request` tells who asks (badge).
 */"""


def server_outs(operation: Operation) -> list[str]:
    result = []
    for item in operation.outs:
        if item.type == "bytes":
            result += [f"void *{item.name}", f"uint64_t *out_{item.name}_bytes"]
        else:
            result.append(f"{C_SCALARS.get(item.type, 'uint64_t')} *out_{item.name}")
    return result


def prototype(interface: Interface, operation: Operation) -> str:
    outs = [] if operation.deferred else server_outs(operation)
    parts = ["const struct interface_request *request", *in_parameters(operation.ins), *outs]
    return f"status_t {interface.name}_on_{operation.name}({', '.join(parts)})"


def server_arguments(operation: Operation) -> list[str]:
    result = ["request"]
    handle = 0
    for item in operation.ins:
        if item.type == "handle":
            result.append(f"message_handle(&request->in, {handle})")
            handle += 1
        elif item.type == "text":
            result.append("request->buffer")
        elif item.type == "bytes":
            result += ["request->buffer", "request->in.word[1]"]
        else:
            cast = "(uint32_t)" if item.type == "u32" else ""
            result.append(f"{cast}request->in.word[{item.word}]")
    if operation.deferred:
        return result
    for item in operation.outs:
        result += ["request->answer", f"&{item.name}_bytes"] if item.type == "bytes" else [f"&{item.name}"]
    return result


def fill_answer(operation: Operation, message: str, data: str) -> list[str]:
    lines = [f"    {message}.word[{item.word}] = {item.name};" for item in operation.outs if item.type in SCALARS]
    buffer = buffer_of(operation.outs)
    if buffer:
        lines.append(f"    message_send_buffer(&{message}, {data}, {buffer.name}_bytes);")
    return lines + give_handles(operation.outs, f"&{message}")


def serve_function(interface: Interface, operation: Operation) -> list[str]:
    name = f"{interface.name}_serve_{operation.name}"
    call = f"{interface.name}_on_{operation.name}({', '.join(server_arguments(operation))})"
    lines = [f"static inline status_t {name}(struct interface_request *request)", "{"]
    if operation.deferred or not operation.outs:
        return lines + [f"    return {call};", "}", ""]
    for item in operation.outs:
        if item.type == "bytes":
            lines.append(f"    uint64_t {item.name}_bytes = 0;")
        else:
            lines.append(f"    {C_SCALARS.get(item.type, 'uint64_t')} {item.name} = 0;")
    buffer = buffer_of(operation.outs)
    lines += ["", f"    status_t status = {call};", "    if (status != OK) {", "        return status;", "    }"]
    if buffer:
        limit = f"{upper(interface, operation)}_{buffer.name.upper()}_MAX"
        lines += [f"    if ({buffer.name}_bytes > {limit}) {{", "        return ERR_TOO_BIG;", "    }"]
    return lines + fill_answer(operation, "request->out", "request->answer") + ["    return OK;", "}", ""]


def later_function(interface: Interface, operation: Operation) -> list[str]:
    """The answer to a deferred operation: what its results are is known now."""
    parts = ["uint64_t mailbox", "uint64_t token", "status_t result"]
    for item in operation.outs:
        parts += [f"const void *{item.name}", f"uint64_t {item.name}_bytes"] if item.type == "bytes" else \
            [f"{C_SCALARS.get(item.type, 'uint64_t')} {item.name}"]
    lines = [f"/* {interface.name}_{operation.name}_answer() - to who asked with this token. With an error the rest",
             " * does not matter; handles to be moved are closed if they cannot be given. */",
             f"static inline status_t {interface.name}_{operation.name}_answer({', '.join(parts)})", "{",
             "    struct message message = {.label = (uint32_t)result, .token = token};", ""]
    buffer = buffer_of(operation.outs)
    filled = fill_answer(operation, "message", buffer.name if buffer else "")
    if filled:
        lines += ["    if (result == OK) {", *(f"    {line}" for line in filled), "    }"]
    return lines + ["    return interface_answer(mailbox, &message);", "}", ""]


def operation_row(interface: Interface, operation: Operation) -> str:
    buffer = buffer_of(operation.ins)
    narrow = sum(1 << item.word for item in operation.ins if item.type == "u32")
    flags = ["INTERFACE_TEXT"] if buffer and buffer.type == "text" else []
    flags += ["INTERFACE_DEFERRED"] if operation.deferred else []
    flags += ["INTERFACE_ONE_WAY"] if operation.one_way else []
    return (f"    [{operation.number}] = {{{interface.name}_serve_{operation.name}, {load_of(operation.ins)}, "
            f"{buffer.max if buffer else 0}, {narrow:#x}, {' | '.join(flags) or '0'}}},")


def server_h(interface: Interface) -> str:
    lines = c_head(interface.file, f"A server's side: {interface.doc}")
    lines += [f'#include "gen/interface/{interface.name}.h"', '#include "gen/objects.h"',
              '#include "userspace/lib/interface.h"', "", SERVER_HEAD, ""]
    for operation in interface.operations:
        note = ["Keep request->in.token and answer later, or return an error now."] if operation.deferred else []
        lines += describe(operation, note) + [prototype(interface, operation) + ";", ""]
    for operation in interface.operations:
        lines += serve_function(interface, operation)
        lines += later_function(interface, operation) if operation.deferred else []
    count = max(operation.number for operation in interface.operations) + 1
    lines += [f"static const struct interface_operation {interface.name}_operations[{count}] = {{"]
    lines += [operation_row(interface, operation) for operation in interface.operations]
    lines += ["};", f"static const struct interface {interface.name}_interface = {{",
              f"    {interface.number}, {interface.version}, {count}, {interface.receives}, {interface.answers}, "
              f"{interface.name}_operations}};"]
    return joined(lines)


# ---- all of them ----

def operations(model: Model) -> list[tuple[int, str]]:
    """Label and full name of every operation, by label."""
    return sorted((operation.label, f"{interface.name}.{operation.name}")
                  for interface in model.interfaces for operation in interface.operations)


def interface_files(model: Model) -> dict[str, str]:
    result: dict[str, str] = {}
    for interface in model.interfaces:
        stem = f"gen/interface/{interface.name}"
        result |= {f"{stem}.h": interface_h(interface), f"{stem}_client.h": client_h(interface),
                   f"{stem}_server.h": server_h(interface)}
    return result


def interfaces_md(model: Model) -> str:
    lines = [f"<!-- Generated from {FOLDER}/*.toml by {TOOL}; do not edit. -->", "# Interfaces", "",
             "A request's label is the interface's number, its version, the operation's number: 16, 8 and 8 bits.", ""]
    for interface in model.interfaces:
        lines += [f"## {interface.name}", "",
                  f"Number {interface.number}, version {interface.version}. {interface.doc}", "",
                  "| operation | number | in | out | errors | what |", "|---|---|---|---|---|---|"]
        for item in interface.operations:
            ins, outs = (", ".join(f"`{part.name}` {part.object or part.type}" for part in parts)
                         for parts in (item.ins, item.outs))
            kind = " (answered later)" if item.deferred else " (never answered)" if item.one_way else ""
            errors = " ".join(item.errors)
            lines.append(f"| {item.name} | {item.number} | {ins} | {outs} | {errors} | {item.doc}{kind} |")
        lines.append("")
    return joined(lines[:-1])
