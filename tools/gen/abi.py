# SPDX-License-Identifier: MIT
"""errors.h, objects.h, layout.h and layout.inc (nasm)."""

from __future__ import annotations

from model import ERRORS_TOML, LAYOUT_TOML, OBJECTS_TOML, Model
from text import c_head, defines, joined


def errors_h(model: Model) -> str:
    lines = c_head(ERRORS_TOML, "status_t: what fallible functions and system calls return.")
    lines += ["#include <stdint.h>", "", "typedef int32_t status_t;", ""]
    rows = [("OK", "0", "")]
    rows += [(f"ERR_{error.name}", f"({error.value})", error.doc) for error in model.errors]
    lines += defines(rows)
    lines += ["", "/* status_name() - \"ERR_RANGE\" and so on; \"ERR_?\" for a number that means nothing. */",
              "static inline const char *status_name(status_t status)", "{", "    switch (status) {",
              "    case OK:", '        return "OK";']
    for error in model.errors:
        lines += [f"    case ERR_{error.name}:", f'        return "ERR_{error.name}";']
    lines += ["    default:", '        return "ERR_?";', "    }", "}"]
    return joined(lines)


def objects_h(model: Model) -> str:
    lines = c_head(OBJECTS_TOML, "Types of objects and their rights.")
    lines += ["enum object_type {", "    OBJECT_ANY = 0, /* no type: where every one will do */"]
    for item in model.objects:
        lines.append(f"    OBJECT_{item.name.upper()} = {item.number}, /* {item.doc} */")
    highest = max((item.number for item in model.objects), default=0)
    lines += ["};", "", f"#define OBJECT_TYPE_COUNT {highest + 1} /* highest type plus 1 */", ""]
    rows = [(f"RIGHT_{name.upper()}", f"(1u << {bit})", "every type") for name, bit in model.common_rights.items()]
    for item in model.objects:
        own = [(name, bit) for name, bit in item.rights.items() if name not in model.common_rights]
        rows += [(f"RIGHT_{item.name}_{name}".upper(), f"(1u << {bit})", "") for name, bit in own]
        mask = sum(1 << bit for bit in item.rights.values())
        rows.append((f"RIGHTS_{item.name}".upper(), f"{mask:#x}u", "all of them"))
    lines += defines(rows)
    lines += ["", "/* object_type_name() - \"mailbox\" and so on; \"?\" for a number that means nothing. */",
              "static inline const char *object_type_name(unsigned type)", "{", "    switch (type) {"]
    for item in model.objects:
        lines += [f"    case OBJECT_{item.name.upper()}:", f'        return "{item.name}";']
    lines += ["    default:", '        return "?";', "    }", "}", "",
              "/* object_rights_all() - the rights this type knows; 0 for a number that means nothing. */",
              "static inline unsigned object_rights_all(unsigned type)", "{", "    switch (type) {"]
    for item in model.objects:
        lines += [f"    case OBJECT_{item.name.upper()}:", f"        return RIGHTS_{item.name.upper()};"]
    lines += ["    default:", "        return 0;", "    }", "}"]
    lines += ["", "/* object_right_name() - \"send\" and so on; \"?\" for a bit that means nothing for the type. */",
              "static inline const char *object_right_name(unsigned type, unsigned bit)", "{",
              "    switch (type << 5 | bit) {"]
    for item in model.objects:
        for name, bit in item.rights.items():
            lines += [f"    case {item.number}u << 5 | {bit}u:", f'        return "{name}";']
    lines += ["    default:", '        return "?";', "    }", "}"]
    return joined(lines)


def layout_h(model: Model) -> str:
    lines = c_head(LAYOUT_TOML, "Address space layout and common sizes.")
    rows = []
    for item in model.constants:
        number = f"{item.value:#x}" if item.value > 9 else str(item.value)
        rows.append((item.name, number + ("ull" if item.value >> 32 else ""), item.doc))
    # Guarded: a host test may put a region, above all the direct map, where its own process has room.
    for name, value, doc in rows:
        lines += [f"#ifndef {name}", f"#define {name} {value} /* {doc} */", "#endif"]
    return joined(lines)


def layout_inc(model: Model) -> str:
    lines = [f"; Generated from {LAYOUT_TOML} by tools/gen/gen.py; do not edit.", "; SPDX-License-Identifier: MIT", ""]
    lines += [f"%define {item.name} {item.value:#x}" for item in model.constants]
    return joined(lines)
