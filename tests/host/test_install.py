# SPDX-License-Identifier: MIT
"""make install, and make usb: what a user has without the source tree, and a disk for a real machine."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gen_tree import ROOT
from trace_tools import synth, tool


def run_install(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(ROOT / "tools" / "install.py"), *map(str, arguments)],
                          capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What make install leaves, of a build folder with files in place of a kernel."""
    folder = tmp_path_factory.mktemp("install")
    build = folder / "build"
    for name in ("debug/kernel.elf", "debug/boot.img", "debug/esp.img", "debug/user/init", "gen/spoor_gen.py"):
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text(name)
    (build / "tools").mkdir()
    for name in ("spoor-trace", "spoor-post"):
        shutil.copy2(tool(name), build / "tools" / name)
    done = run_install("--build", build, "--prefix", "/opt", "--destdir", folder / "root")
    assert done.returncode == 0, done.stderr
    return folder / "root" / "opt"


def run_installed(installed: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """As a user has it: no source tree in reach, no BUILD."""
    return subprocess.run([str(installed / "bin" / "spoor"), *map(str, arguments)], capture_output=True, text=True,
                          check=False, cwd="/", env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})


def test_an_installed_command_works_without_the_source_tree(installed: Path, tmp_path: Path) -> None:
    capture = synth(tmp_path / "a.spoor", "--events", "2000")
    assert run_installed(installed, "check", capture).returncode == 0
    assert run_installed(installed, "convert", capture, tmp_path / "a.pftrace").returncode == 0
    assert run_installed(installed, "report", capture).returncode == 0
    assert "latency" in run_installed(installed, "trace", "record", "--help").stdout
    assert run_installed(installed, "trace", "record", "nosuch").returncode == 2
    for text in (path.read_text() for path in installed.rglob("*.py")):
        assert str(ROOT) not in text


def test_an_installed_command_says_what_it_is_without(installed: Path) -> None:
    done = run_installed(installed, "test", "host")
    assert done.returncode == 1 and "part of the source tree" in done.stderr


def test_what_is_not_built_is_not_installed(tmp_path: Path) -> None:
    done = run_install("--build", tmp_path, "--prefix", "/x", "--destdir", tmp_path / "root")
    assert done.returncode == 1 and "run 'make' first" in done.stderr


def test_what_users_run_imports_the_standard_library_only() -> None:
    own = {"qemu", "spoorlib", "spoorgdb", "gdb", "spoor_gen", "esp", "bootimg"}
    for folder in ("spoorlib", "qemu", "gdb", "image"):
        for path in (ROOT / "tools" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                    [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
                for name in names:
                    assert name.split(".")[0] in sys.stdlib_module_names | own, f"{path} imports {name}"


def test_the_disk_for_a_real_machine_is_made_of_the_release_build() -> None:
    done = subprocess.run(["make", "-n", "-C", str(ROOT), "usb", "CMDLINE=workload=demo"], capture_output=True,
                          text=True, check=False)
    command = next(line for line in done.stdout.replace("\\\n", " ").splitlines() if "spoor-usb.img --disk-id" in line)
    assert command.count("/release/") == 3 and '"workload=demo"' in command
