# SPDX-License-Identifier: MIT
"""Who may include whom, and who may call whom.

Each folder has a layer. A file includes its own folder, and the public headers (not *_impl.h) of lower layers. Calls up
the layers go through the headers in UPWARD_HEADERS: they declare, a higher folder defines, the linker binds. The second
rule checks that on the object files: a symbol defined in a higher layer than the file that uses it must be declared
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from findings import Context, Finding, run
from sources import list_sources

# Folder -> layer. Everything below a folder belongs to it unless a longer entry says otherwise.
LAYERS: dict[str, float] = {
    "kernel/base": 0, "kernel/abi": 0, "trace/events": 0, "trace/format": 0, "boot/load": 0,
    "kernel/arch": 1, "trace/ring": 2, "kernel/sync": 3, "kernel/mm": 4, "kernel/object": 5, "kernel/sched": 6,
    "kernel/vm": 7, "kernel/ipc": 8, "kernel/irq": 9, "trace/export": 9,
    # trap, panic and the system call enter it; it reads everything below
    "kdebug/core": 9.5, "kdebug/x86_64": 9.5, "kdebug/remote": 9.5,
    "trace/function": 9.4, "trace/probe": 9.4, "trace/sweep": 9.4, "trace/profile": 9.6,
    "kernel/syscall": 10, "kernel/trap": 11, "kernel/init": 12, "kdebug/cmd": 13, "boot/efi": 15,
}

# Folders that are one thing in two places may include each other.
TOGETHER = ({"kdebug/core", "kdebug/x86_64", "kdebug/remote"},)

# Files that stand higher or lower than their folder, each with its reason.
FILES: dict[str, float] = {
    "trace/probe/plan.c": 9.6,     # understands places and types as kdebug does
    "trace/probe/probe.c": 9.6,    # reads memory as kdebug does
    "trace/ring/layout.h": 0,      # what lies in memory: a format, without code
    "trace/ring/switch.c": 3.5,    # switching and hooks are set under a lock; what a site reaches is in write.c
    "trace/ring/hook.c": 3.5,
    "trace/ring/trigger.c": 3.5,
    "trace/ring/ring.c": 3.5,      # set-up and the meta lane lock; the hot path is ring.h and generated emitters
    "kdebug/core/symbols.h": 1, "kdebug/core/symbols.c": 1,  # names of addresses: a table, nothing of a debugger
    "trace/function/function.c": 9.6,  # it asks kdebug's table for the names of functions
    "kernel/object/handle.c": 6.5,  # look-ups begin at the current thread's process
    "kernel/sched/process.c": 7.5,  # a process is a space and a handle table; the scheduler proper knows neither
}

# Generated headers live in a layer, too. The rest of gen/ is facts and prototypes: layer 0.
GENERATED: dict[str, float] = {"gen/trace_emit.h": 2, "gen/syscall_user.h": 99}
GENERATED_OBJECTS: dict[str, float] = {"gen/gen/trace_emit": 2, "gen/gen/trace_emit_any": 9.4,
                                       "gen/gen/syscall_dispatch": 10}

# Who may look into another folder's *_impl.h.
IMPL_READERS = ("kdebug/cmd", "kdebug/core", "kdebug/x86_64")
IMPL_SHARED = {"kernel/base/log_impl.h": ("kernel/sync", "kernel/irq")}  # the lock of everybody who writes to COM1

# Declared low, defined high. The only way for calls up the layers, but for what the compiler calls on its own and the
# one jump of the entry code.
UPWARD_HEADERS = ("kernel/base/hooks.h", "kernel/base/assert.h", "kernel/base/log.h")
NOT_CALLS = {"__stack_chk_fail", "kernel_main"}

# What user space sees of the rest: the definitions, what rings and captures look like, the one ELF reader, CRC and
# line editor.
USER_VISIBLE = re.compile(r"kernel/abi/|trace/ring/layout\.h|trace/format/|boot/load/(elf|crc32)\.h|"
                          r"kernel/base/(crc32c|line_editor)\.h|userspace/")
USER_GENERATED = re.compile(r"gen/(errors|objects|layout|syscall_numbers|syscall_user|syscall_checks|"
                            r"trace_events|trace_schema|trace_table|interface/\w+)\.h")

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
ROOTS = {"userspace/": ("", "userspace/lib/"), "boot/": ("", "boot/")}
KERNEL_ROOTS = ("", "kernel/")
CHECKED = ("kernel/", "kdebug/", "trace/", "boot/", "userspace/")


ADVICE = "move the code, or call up through kernel/base/hooks.h (the table is in tools/lint/layers.py)"


def folder_of(path: str) -> str:
    """The entry of LAYERS that a file belongs to, "" if there is none."""
    matches = [folder for folder in LAYERS if path.startswith(folder + "/")]
    return max(matches, key=len) if matches else ""


def layer_of(path: str) -> float:
    return FILES.get(path, LAYERS[folder_of(path)])


def resolve(root: Path, file: str, name: str) -> str:
    """The path from the root of an included header, or the name itself if it is generated or unknown."""
    beside = str(Path(file).parent / name)
    if (root / beside).exists():
        return beside
    for prefix in next((value for key, value in ROOTS.items() if file.startswith(key)), KERNEL_ROOTS):
        if (root / (prefix + name)).exists():
            return prefix + name
    return name


def judge_user(target: str) -> str:
    """Why a file of user space may not include this header; "" if it may."""
    if USER_VISIBLE.match(target) or USER_GENERATED.match(target):
        return ""
    return "user space sees kernel/abi, the trace format and generated definitions only"


def judge_kernel(file: str, target: str) -> str:
    own = folder_of(file)
    other = folder_of(target)
    layer = layer_of(file)
    if target.startswith("gen/"):
        if GENERATED.get(target, 0) > layer:
            return f"{target} belongs to layer {GENERATED[target]}, {own} is layer {layer}"
        return ""
    if not other:
        return f"{target} is no header of a layer below {own}"
    if other == own or any({own, other} <= group for group in TOGETHER):
        return ""
    if target.startswith("kernel/arch/x86_64/") and own != "kdebug/x86_64":
        return "kernel/arch/x86_64 is private; arch/*.h is the contract"
    if target.endswith("_impl.h") and own not in (*IMPL_READERS, *IMPL_SHARED.get(target, ())):
        return f"{target} is private to {other}"
    if layer_of(target) >= layer and layer_of(target) > 0:
        return f"{target} is layer {layer_of(target)}, {file} is layer {layer}"
    return ""


def judge(file: str, target: str) -> str:
    if file.startswith("userspace/"):
        return judge_user(target)
    if not folder_of(file):
        return "its folder has no layer" if file.startswith(CHECKED) else ""
    return judge_kernel(file, target)


def check_includes(context: Context) -> list[Finding]:
    found = []
    for file in list_sources(context.root, ".c", ".h"):
        if not file.startswith(CHECKED):
            continue
        text = (context.root / file).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            match = INCLUDE.match(line)
            problem = judge(file, resolve(context.root, file, match[1])) if match else ""
            if problem:
                found.append(Finding(file, number, "layers", problem, ADVICE))
    return found


# ---- the same rule on symbols ----

def object_symbols(context: Context, objects: list[Path]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Symbol -> defining source, and source -> symbols it needs."""
    base = context.output / "kernel.o.d"
    defined: dict[str, str] = {}
    needed: dict[str, set[str]] = {}
    for path in objects:
        source = str(path.relative_to(base).with_suffix(""))
        needed[source] = set()
        for line in run(context, ["nm", str(path)]).stdout.splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                needed[source].add(name)
            elif kind.isupper() or kind in "vw":
                defined[name] = source
    return defined, needed


def object_layers(source: str) -> tuple[float, float] | None:
    """
    The layer of an object as one that uses others, and as one that is used. They differ for the files in FILES: what
    they define belongs to their folder's public headers.
    """
    if source.startswith("gen/gen/"):
        layer = GENERATED_OBJECTS.get(source, 0)
        return layer, layer
    folder = folder_of(source)
    return (layer_of(source + ".c"), LAYERS[folder]) if folder else None


def declared_names(root: Path, headers: Iterable[str]) -> set[str]:
    text = "".join((root / header).read_text(encoding="utf-8") for header in headers if (root / header).exists())
    return set(re.findall(r"\b([a-z_]\w*)\s*[(\[;]", text))


def check_symbols(context: Context) -> list[Finding]:
    objects = sorted((context.output / "kernel.o.d").rglob("*.o"))
    defined, needed = object_symbols(context, objects)
    allowed = declared_names(context.root, UPWARD_HEADERS)
    found = []
    for source, names in needed.items():
        user = object_layers(source)
        for name in sorted(names & defined.keys() - allowed - NOT_CALLS):
            other = object_layers(defined[name])
            if user and other and other[1] > user[0]:
                found.append(Finding(source, 0, "layers-link",
                                     f"uses {name} of {defined[name]} (layer {other[1]}) from layer {user[0]}",
                                     "declare it in kernel/base/hooks.h, or move one of the two"))
    return found
