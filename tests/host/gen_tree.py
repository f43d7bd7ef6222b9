# SPDX-License-Identifier: MIT
"""For the generator's tests: trees of definitions to break, running the generator, compiling what it writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests/host/gen_fixture"
SOURCES = ("kernel/abi/errors.toml", "kernel/abi/objects.toml", "kernel/abi/layout.toml", "kernel/abi/syscalls.toml",
           "trace/events/events.toml")
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def copy_definitions(tree: Path) -> Path:
    interfaces = [str(path.relative_to(ROOT)) for path in (ROOT / "userspace/interfaces").glob("*.toml")]
    for file in (*SOURCES, *interfaces):
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    return tree


def generate(tree: Path, output: Path) -> subprocess.CompletedProcess[str]:
    command = ["/usr/bin/python3", str(ROOT / "tools/gen/gen.py"), "--root", str(tree), str(output)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def must_generate(tree: Path, output: Path) -> Path:
    done = generate(tree, output)
    assert done.returncode == 0, done.stderr
    return output


def compile_c(output: Path, generated: Path, *arguments: str, fixture: bool = True) -> None:
    """A host program out of generated and test code; the fixture's ring.h comes before the real one."""
    include = [f"-I{FIXTURE}"] if fixture else []
    command = ["gcc", "-std=gnu17", "-O2", "-g", *WARNINGS, *include, f"-I{generated}", f"-I{ROOT}",
               f"-I{ROOT / 'kernel'}", *arguments, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run_program(path: Path) -> str:
    done = subprocess.run([str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
