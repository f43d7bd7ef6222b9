# SPDX-License-Identifier: MIT
"""Form of the C sources: clang-format, clang-tidy, thread-safety, heads of files, headers that compile alone."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from findings import Context, Finding, in_parallel, run
from sources import list_sources

MESSAGE = re.compile(r"([^:\s]+):(\d+):\d+: (?:fatal )?(?:warning|error): (.*)")
SPDX = "SPDX-License-Identifier: MIT"


def read_messages(context: Context, rule: str, text: str, advice: str) -> list[Finding]:
    """Compiler-style messages; those about a header come once per file that includes it, so they are made unique."""
    found = {}
    for match in MESSAGE.finditer(text):
        path = Path(match[1])
        file = str(path.relative_to(context.root) if path.is_relative_to(context.root) else path)
        found[Finding(file, int(match[2]), rule, match[3], advice)] = True
    return list(found)


def check_format(context: Context) -> list[Finding]:
    def check(file: str) -> list[Finding]:
        done = run(context, ["clang-format", "--dry-run", "-Werror", file])
        lines = sorted({int(match[2]) for match in MESSAGE.finditer(done.stderr)})
        if not done.returncode:
            return []
        where = ", ".join(str(line) for line in lines[:8]) + (" ..." if len(lines) > 8 else "")
        return [Finding(file, lines[0] if lines else 0, "format", f"not as clang-format writes it: lines {where}",
                        "run make format")]
    return in_parallel(check, list_sources(context.root, ".c", ".h"))


def commands(context: Context) -> list[dict[str, list[str]]]:
    """compile_commands.json without generated files."""
    path = context.build / "compile_commands.json"
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    generated = str(context.build)
    return [entry for entry in entries if not entry["file"].startswith((generated, "/"))
            and (context.root / entry["file"]).exists()]


def clang_arguments(arguments: list[str]) -> list[str]:
    """A gcc command line without output options and what clang does not know."""
    result = []
    skip = False
    for word in arguments[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-c"):
            skip = True
        elif word not in ("-MMD", "-MP", "-fcallgraph-info", "-fno-tree-loop-distribute-patterns"):
            result.append(word)
    return result


def check_tidy(context: Context) -> list[Finding]:
    """clang-tidy is slow, so a file whose preprocessed text was clean before is not looked at again."""
    config = b"".join(path.read_bytes() for path in sorted([context.root / ".clang-tidy",
                                                            *context.root.glob("*/.clang-tidy")]))
    cache = context.build / "lint" / "tidy"
    cache.mkdir(parents=True, exist_ok=True)

    def check(entry: dict[str, list[str]]) -> list[Finding]:
        file = str(entry["file"])
        arguments = clang_arguments(entry["arguments"])
        text = run(context, ["clang", *arguments, "-Wno-unknown-warning-option", "-E", "-C", file]).stdout
        mark = cache / hashlib.sha256(config + " ".join(arguments).encode() + text.encode()).hexdigest()
        if text and mark.exists():
            return []
        done = run(context, ["clang-tidy", "--quiet", file, "--", *arguments, "-Wno-unknown-warning-option"])
        found = [finding for finding in read_messages(context, "tidy", done.stdout, "")
                 if not finding.file.startswith((str(context.build), "/"))]  # generated, or the system's
        if done.returncode and not MESSAGE.search(done.stdout):
            found = [Finding(file, 0, "tidy", "clang-tidy failed: " + done.stderr.strip()[-500:])]
        if not found:
            mark.touch()
        return found
    return sorted(set(in_parallel(check, commands(context))), key=lambda item: (item.file, item.line, item.text))


def check_thread_safety(context: Context) -> list[Finding]:
    """clang's analysis of REQUIRES, ACQUIRES, RELEASES, EXCLUDES."""
    def check(entry: dict[str, list[str]]) -> list[Finding]:
        arguments = clang_arguments(entry["arguments"])
        done = run(context, ["clang", *[word for word in arguments if not word.startswith("-W")], "-Wno-everything",
                             "-Wthread-safety", "-fsyntax-only", str(entry["file"])])
        found = read_messages(context, "thread-safety", done.stderr, "the lock annotations and the code disagree")
        return [finding for finding in found if "-Wthread-safety" in finding.text]  # other errors are tidy's
    kernel = [entry for entry in commands(context) if str(entry["file"]).startswith(("kernel/", "kdebug/", "trace/"))]
    return in_parallel(check, kernel)


# Flags to compile a header of each folder alone; the longest match wins.
HEADER_FLAGS = {
    "boot/efi/": ["-ffreestanding", "-fshort-wchar", "-fpic", "-DGNU_EFI_USE_MS_ABI", "-isystem", "/usr/include/efi",
                  "-isystem", "/usr/include/efi/x86_64", "-I.", "-Iboot"],
    "boot/": ["-ffreestanding", "-I.", "-Iboot"],
    "kernel/": ["-ffreestanding", "-I.", "-Ikernel", "-mcmodel=kernel", "-fno-pic", "-mgeneral-regs-only",
                "-DCONFIG_DEBUG=1"],
    "kdebug/": ["-ffreestanding", "-I.", "-Ikernel", "-mcmodel=kernel", "-fno-pic", "-mgeneral-regs-only",
                "-DCONFIG_DEBUG=1"],
    "trace/": ["-ffreestanding", "-I.", "-Ikernel", "-mgeneral-regs-only"],
    "userspace/": ["-ffreestanding", "-I.", "-Iuserspace/lib", "-mgeneral-regs-only"],
    "tools/": ["-D_GNU_SOURCE", "-I.", "-Ikernel"],
    "tests/": ["-D_GNU_SOURCE", "-I.", "-Ikernel", "-DCONFIG_DEBUG=1"],
}


def check_headers(context: Context) -> list[Finding]:
    """Every header includes what it needs."""
    def check(file: str) -> list[Finding]:
        folder = max((name for name in HEADER_FLAGS if file.startswith(name)), key=len)
        done = run(context, ["gcc", "-std=gnu17", "-fsyntax-only", "-Wall", "-Wextra", "-Wundef", "-Wstrict-prototypes",
                             "-Wno-unused-function", *HEADER_FLAGS[folder], f"-I{context.build / 'gen'}", "-x", "c",
                             "-include", file, "/dev/null"])
        found = read_messages(context, "header-alone", done.stderr, "include what it uses")
        if done.returncode and not found:
            found = [Finding(file, 0, "header-alone", done.stderr.strip()[-300:])]
        return found[:3]
    names = [file for file in list_sources(context.root, ".h") if not file.startswith("tests/host/") or
             not file.endswith("_names.h")]
    return in_parallel(check, names)


def check_heads(context: Context) -> list[Finding]:
    """A licence line within the first two lines; #pragma once in headers."""
    found = []
    for file in list_sources(context.root, ".c", ".h", ".asm", ".py", ".sh", ".ld"):
        text = (context.root / file).read_text(encoding="utf-8", errors="replace")
        if text.strip() and SPDX not in "".join(text.splitlines(keepends=True)[:3]):
            found.append(Finding(file, 1, "head", "no licence line", f"begin the file with /* {SPDX} */"))
        if file.endswith(".h") and "#pragma once" not in text:
            found.append(Finding(file, 1, "head", "no #pragma once", "add it after the comment at the top"))
    return found
