# SPDX-License-Identifier: MIT
"""The manifest of services: bad ones are refused with file, line, key and reason; the file says what init reads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gen_tree import ROOT

sys.path.insert(0, str(ROOT / "tools" / "gen"))
import manifest  # noqa: E402

FILE = "manifest.toml"
OTHERS = '[others]\nhandles = [ {name = "image", rights = ["read"]} ]\n'
PROGRAMS = "a b c names"


def service(name: str, rest: str = "", program: str = "a") -> str:
    return f'[service.{name}]\ndoc = "d"\nprogram = "{program}"\n{rest}\n'


def make(tmp_path: Path, text: str, programs: str = PROGRAMS) -> subprocess.CompletedProcess[str]:
    objects = tmp_path / "kernel/abi/objects.toml"
    objects.parent.mkdir(parents=True, exist_ok=True)
    objects.write_text((ROOT / "kernel/abi/objects.toml").read_text())
    (tmp_path / FILE).write_text(text)
    command = ["/usr/bin/python3", str(ROOT / "tools/gen/manifest.py"), "--root", str(tmp_path), "--programs", programs,
               FILE, str(tmp_path / "out")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


A, B = service("a"), service("b")  # four lines each

BAD = [
    ("a circle of two", service("a", 'needs = ["b"]') + service("b", 'needs = ["a"]'),
     ":4: [service.a.needs]: a circle: a needs b needs a"),
    ("a circle of one", service("a", 'needs = ["a"]'), ":4: [service.a.needs]: a circle: a needs a"),
    ("a circle behind others", A + service("b", 'needs = ["c"]') + service("c", 'needs = ["a", "b"]'),
     "a circle: b needs c needs b"),
    ("an unknown service", A + service("b", 'needs = ["a", "x"]'), ":8: [service.b.needs]: there is no service 'x'"),
    ("an unknown service of a program", A + '[program.b]\nneeds = ["x"]\n',
     ":6: [program.b.needs]: there is no service 'x'"),
    ("an unknown program", service("a", program="x"), ":3: [service.a.program]: there is no program 'x'"),
    ("an unknown program with handles", A + "[program.x]\n", ":5: [program.x]: there is no program 'x'"),
    ("an unknown handle", service("a", 'handles = [ {name = "sofa"} ]'),
     ":4: [service.a.handles.sofa.name]: 'sofa' is none of"),
    ("an unknown right", service("a", 'handles = [ {name = "trace", rights = ["sit"]} ]'),
     ":4: [service.a.handles.trace.rights]: trace has no right 'sit'"),
    ("an unknown key", service("a", "restart = true"), ":4: [service.a.restart]: unknown key"),
    ("an unknown start", service("a", 'start = "never"'), ":4: [service.a.start]: 'never' is none of always, needed"),
    ("too long a name", service("a" * 16), "up to 15 lower case letters"),
    ("too long a value", service("a", 'arguments = [ {name = "x", value = "abcdefghijklmnop"} ]'),
     "longer than 15 letters"),
    ("an unknown owner of a badge", service("a", 'arguments = [ {name = "x", badge_of = "z"} ]'),
     ":4: [service.a.arguments.x.badge_of]: there is no service 'z'"),
    ("too many restarts", service("a", "restarts = 1001"), ":4: [service.a.restarts]: 1001 is not in 0..1000"),
    ("too many services", "".join(service(f"s{index}") for index in range(33)), "more than 32 services"),
    ("no doc", "[service.a]\n", ":1: [service.a]: 'doc' is missing"),
    ("bad TOML", A + "[service.b\n", "(at line 5,"),
]


@pytest.mark.parametrize("text,expected", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_manifest(tmp_path: Path, text: str, expected: str) -> None:
    done = make(tmp_path, text + OTHERS)
    assert done.returncode == 1 and FILE in done.stderr and expected in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def read(tmp_path: Path, text: str) -> tuple[list[tuple[str, int, int]], bytes]:
    """Services as (name, flags, needs), in order; and the whole file."""
    done = make(tmp_path, text + OTHERS)
    assert done.returncode == 0, done.stderr
    content = (tmp_path / "out").read_bytes()
    magic, size, services, *_ = manifest.HEADER.unpack_from(content)
    assert magic == manifest.MAGIC and size == len(content)
    rows = (manifest.SERVICE.unpack_from(content, manifest.HEADER.size + index * manifest.SERVICE.size)
            for index in range(services))
    return [(row[0].rstrip(b"\0").decode(), row[3], row[4]) for row in rows], content


def test_needed_services_come_first(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, service("a", 'needs = ["c"]') + service("b") + service("c", 'needs = ["b"]'))
    assert [(name, needs) for name, _, needs in rows] == [("b", 0), ("c", 0b1), ("a", 0b10)]


def test_who_needs_a_service_needs_the_name_service(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, service("a", 'needs = ["b"]') + service("b") + service("names", program="names"))
    assert [(name, needs) for name, _, needs in rows] == [("b", 0), ("names", 0), ("a", 0b11)]


def test_what_a_build_does_not_have_is_left_out(tmp_path: Path) -> None:
    row = '[program.{}]\n{}\n'
    with_it = read(tmp_path, service("a") + row.format("b", "optional = true"))[1]
    assert read(tmp_path, service("a") + row.format("z", "optional = true") + row.format("b", ""))[1] == with_it
    assert make(tmp_path, service("a") + row.format("z", "") + OTHERS).returncode == 1


def test_an_account_of_its_own_and_memory_of_devices(tmp_path: Path) -> None:
    _, content = read(tmp_path, service("a", "memory = 77\ndma = 5"))
    assert manifest.SERVICE.unpack_from(content, manifest.HEADER.size)[-2:] == (77, 5 << 10)
    _, content = read(tmp_path, service("a") + "[program.b]\nmemory = 78\n")
    program = manifest.HEADER.size + manifest.SERVICE.size + manifest.PROGRAM.size  # behind that of the others
    assert manifest.PROGRAM.unpack_from(content, program)[-1] == 78


def test_a_badge_as_an_argument(tmp_path: Path) -> None:
    """As init has it: of a service that comes behind, whatever the order of the file."""
    text = service("b", 'needs = ["a"]') + service("a", 'arguments = [ {name = "who", badge_of = "b"} ]')
    _, content = read(tmp_path, text)
    name, _, value = manifest.ARGUMENT.unpack(content[-manifest.ARGUMENT.size:])
    assert (name.rstrip(b"\0"), int(value.rstrip(b"\0"))) == (b"who", manifest.SERVICE_BADGE_FIRST + 1)


def test_flags(tmp_path: Path) -> None:
    set_here = ("resident", "keep", "reserve")
    text = 'start = "always"\nrestarts = 0\nmailbox = false\n' + "\n".join(f"{name} = true" for name in set_here)
    rows, _ = read(tmp_path, service("a", text))
    assert rows[0][1] == manifest.flags_of(always=True, **dict.fromkeys(set_here, True))
    rows, _ = read(tmp_path, service("a", "named = false"))
    assert rows[0][1] == manifest.flags_of(restart=True, mailbox=True)


def test_the_records_are_those_of_the_header(tmp_path: Path) -> None:
    """Sizes and flags as a C compiler has them."""
    source = tmp_path / "sizes.c"
    records = ("header", "service", "program", "grant", "argument")
    prints = [f'printf("%zu ", sizeof(struct manifest_{name}));' for name in records]
    prints += [f'printf("%u ", MANIFEST_{name.upper()});' for name in manifest.FLAGS]
    source.write_text('#include <stdio.h>\n#include "userspace/services/init/manifest_file.h"\nint main(void) {\n'
                      + "\n".join(prints) + 'printf("%u %llx", SERVICE_BADGE_FIRST, MANIFEST_MAGIC); return 0; }\n')
    subprocess.run(["gcc", f"-I{ROOT}", "-o", str(tmp_path / "sizes"), str(source)], check=True)
    values = subprocess.run([str(tmp_path / "sizes")], capture_output=True, text=True, check=True).stdout.split()
    layouts = (manifest.HEADER, manifest.SERVICE, manifest.PROGRAM, manifest.GRANT, manifest.ARGUMENT)
    assert [int(value) for value in values[:5]] == [layout.size for layout in layouts]
    assert int(values[-2]) == manifest.SERVICE_BADGE_FIRST
    assert [int(value) for value in values[5:-2]] == [1 << bit for bit in range(len(manifest.FLAGS))]
    assert int(values[-1], 16) == manifest.MAGIC


def test_the_tree_s_own_manifest(tmp_path: Path) -> None:
    """In it, tests and shutdown have what they count on."""
    text = (ROOT / "userspace/services/manifest.toml").read_text()
    listed = re.findall(r"^\[(?:program|service)\.(\w+)\]", text, re.MULTILINE)
    programs = " ".join([*listed, *re.findall(r'^program = "(\w+)"', text, re.MULTILINE)])
    assert make(tmp_path, text, programs).returncode == 0
