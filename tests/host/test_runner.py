# SPDX-License-Identifier: MIT
"""The test runner itself: what it reads from cmocka and pytest, what counts as failed, the last line."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/runner")]

again, cmocka, mutants, pytests, results, run = (
    importlib.import_module(name) for name in ("again", "cmocka", "mutants", "pytests", "results", "run"))

XML = """<?xml version="1.0" encoding="UTF-8" ?>
<testsuites>
  <testsuite name="t" time="0.000" tests="3" failures="1" errors="0" skipped="1" >
    <testcase name="touching is apart" time="0.250" >
    </testcase>
    <testcase name="a < b & "c" (I2)" time="0.000" >
      <failure><![CDATA[0x8 != 0x9
tests/host/test_a.c:8: error: Failure!]]></failure>
    </testcase>
    <testcase name="later" time="0.000" >
      <skipped/>
    </testcase>
  </testsuite>
</testsuites>
"""


def test_no_two_files_have_one_name() -> None:
    """The long groups collect both folders at once, and pytest tells files apart by their names."""
    tests = Path(__file__).parents[1]
    names = [path.name for folder in ("host", "system") for path in (tests / folder).glob("test_*.py")]
    assert len(names) == len(set(names))


def test_cmocka_cases() -> None:
    rows = cmocka.read_cases("test_a", XML)
    assert [(row.id, row.result) for row in rows] == [
        ("host:test_a:touching is apart", "passed"), ('host:test_a:a < b & "c" (I2)', "failed"),
        ("host:test_a:later", "skipped")]
    assert rows[0].seconds == 0.25
    assert "0x8 != 0x9" in rows[1].message


def program(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "test_x"
    path.write_text("#!/bin/bash\n" + script)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("script,reason", [
    ("exit 0", "no test cases"), ("echo boom; exit 3", "exit code 3"), ("kill -SEGV $$", "exit code -11")])
def test_a_program_that_tells_nothing_is_a_failure(tmp_path: Path, script: str, reason: str) -> None:
    rows = cmocka.run_program(program(tmp_path, script), tmp_path / "xml")
    assert [(row.id, row.result) for row in rows] == [("host:test_x:whole program", "failed")]
    assert reason in rows[0].message


def test_a_program_that_dies_after_good_cases_is_a_failure(tmp_path: Path) -> None:
    good = [line for line in XML.splitlines() if "failure>" not in line and "CDATA" not in line]
    (tmp_path / "good.xml").write_text("\n".join(good))
    script = f'cp {tmp_path}/good.xml "${{CMOCKA_XML_FILE/\\%g/t}}"; exit 1'
    rows = cmocka.run_program(program(tmp_path, script), tmp_path / "xml")
    assert [row.result for row in rows] == ["passed", "passed", "skipped", "failed"]


def test_a_program_that_hangs_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cmocka, "LIMIT_SECONDS", 0.3)
    rows = cmocka.run_program(program(tmp_path, "exec sleep 20"), tmp_path / "xml")
    assert "still running" in rows[0].message


PYTEST_SAMPLE = """
import pytest
@pytest.fixture
def bad_end():
    yield
    raise RuntimeError("teardown")
@pytest.fixture
def bad_start():
    raise RuntimeError("setup")
def test_good(): pass
def test_bad(): assert 1 == 2
def test_end(bad_end): pass
def test_start(bad_start): pass
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_n(n): assert n == 1
@pytest.mark.long
def test_long(): assert False
"""


def run_pytest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str],
               limit_seconds: float = 60) -> dict[str, str]:
    monkeypatch.setattr(pytests, "ROOT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    (tmp_path / "tests").mkdir(exist_ok=True)
    (tmp_path / "tests/runner").symlink_to(ROOT / "tests/runner")
    (tmp_path / "pytest.ini").write_text((ROOT / "pytest.ini").read_text())
    for name, text in files.items():
        (tmp_path / "tests" / name).write_text(text)
    rows = pytests.run_pytest(tmp_path / "build", "group", "tests", run.SHORT, limit_seconds)
    return {row.id: row.result for row in rows}


def test_pytest_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_pytest(tmp_path, monkeypatch, {"test_s.py": PYTEST_SAMPLE}) == {
        "group:test_s.py::test_good": "passed", "group:test_s.py::test_bad": "failed",
        "group:test_s.py::test_end": "failed", "group:test_s.py::test_start": "failed",
        "group:test_s.py::test_skipped": "skipped", "group:test_s.py::test_n[1]": "passed",
        "group:test_s.py::test_n[2]": "failed"}


def test_pytest_file_that_cannot_be_read_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run_pytest(tmp_path, monkeypatch, {"test_s.py": "import nothing_of_that_name\n"})
    assert rows == {"group:test_s.py": "failed"}


def test_pytest_killed_keeps_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run_pytest(tmp_path, monkeypatch, {
        "test_s.py": "import time\ndef test_a(): pass\ndef test_b(): time.sleep(60)\n"}, limit_seconds=8)
    assert rows == {"group:test_s.py::test_a": "passed", "group:pytest:time": "failed"}


GROUPED = """
import os, pytest
pytestmark = pytest.mark.xdist_group("one")
@pytest.mark.parametrize("n", range(8))
def test_n(n):
    with open("workers", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_tests_that_share_a_machine_stay_on_one_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("SPOOR_JOBS", "2")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/conftest.py").symlink_to(ROOT / "tests/system/conftest.py")
    rows = run_pytest(tmp_path, monkeypatch, {"test_s.py": GROUPED})
    assert list(rows.values()) == ["passed"] * 8 and "group:test_s.py::test_n[0]" in rows
    assert len(set((tmp_path / "workers").read_text().split())) == 1


COUNTED = """
from pathlib import Path
import pytest
@pytest.mark.parametrize("good_from", [2, 3, 9])
def test_late(good_from):
    runs = Path(f"runs{good_from}")
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    assert len(runs.read_text()) >= good_from and len(runs.read_text()) != 4
"""


def test_a_failure_is_forgiven_that_passes_twice_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good from its second run on: forgiven. From the third: it failed alone, too."""
    (tmp_path / "tests/group").mkdir(parents=True)
    first = run_pytest(tmp_path, monkeypatch, {"group/test_c.py": COUNTED})
    rows = [results.Row(name, result, 1.0) for name, result in first.items()]
    assert [row.result for row in rows] == ["failed"] * 3
    monkeypatch.setenv("SECOND_LOOK", "0")
    again.look_again(tmp_path / "build", rows)
    assert [row.result for row in rows] == ["failed"] * 3
    monkeypatch.delenv("SECOND_LOOK")
    again.look_again(tmp_path / "build", rows)
    assert [(row.id, row.result, row.unsteady) for row in rows] == [
        ("group:test_c.py::test_late[2]", "passed", True), ("group:test_c.py::test_late[3]", "failed", False),
        ("group:test_c.py::test_late[9]", "failed", False)]


def test_a_host_program_gets_a_second_look(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(XML.replace("failure>", "x>").replace("CDATA", ""))
    (tmp_path / "host").mkdir()
    (tmp_path / "host/test_x").write_text(f'#!/bin/bash\ncp {tmp_path}/good.xml "${{CMOCKA_XML_FILE/\\%g/t}}"\n')
    (tmp_path / "host/test_x").chmod(0o755)
    rows = [results.Row("host:test_x:touching is apart", "failed", 1.0, "why"),
            results.Row("host:test_x:no such case", "failed", 1.0), results.Row("host:gone:case", "failed", 1.0),
            results.Row("lint:rule", "failed", 1.0)]
    again.look_again(tmp_path, rows)
    assert [(row.result, row.unsteady) for row in rows] == [("passed", True)] + [("failed", False)] * 3
    assert rows[0].message == "why"


def test_many_failures_are_no_accident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "run_alone", lambda build, row: results.Row(row.id, "passed", 0.0))
    rows = [results.Row(f"system:test_{i}.py::t", "failed", 1.0) for i in range(again.TESTS_MAX + 1)]
    again.look_again(tmp_path, rows)
    assert all(row.result == "failed" for row in rows)
    again.look_again(tmp_path, rows[1:])
    assert [row.result for row in rows] == ["failed"] + ["passed"] * again.TESTS_MAX


def test_what_was_forgiven_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.finish([results.Row("x:1", "passed", 0.0, unsteady=True), results.Row("x:2", "passed", 0.0)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Failed at first, passed twice alone:", "  x:1", "2 passed, 0 failed"]


def test_merging_keeps_groups_that_did_not_run() -> None:
    old = [results.Row("host:a:b", "failed", 1.0), results.Row("system:a:b", "passed", 1.0)]
    new = [results.Row("host:c:d", "passed", 1.0)]
    assert [row.id for row in results.merge_rows(old, new, ["host"])] == ["system:a:b", "host:c:d"]


def test_json_file(tmp_path: Path) -> None:
    rows = [results.Row("host:a:b", "failed", 1.0, "m"), results.Row("host:a:c", "passed", 0.5)]
    results.write_rows(tmp_path / "x/test.json", rows, {"mode": "debug"})
    assert results.read_rows(tmp_path / "x/test.json") == rows
    content = json.loads((tmp_path / "x/test.json").read_text())
    assert (content["passed"], content["failed"], content["mode"]) == (1, 1, "debug")


@pytest.mark.parametrize("outcome,line,code", [
    ([], "0 passed, 0 failed", 1), (["passed"], "1 passed, 0 failed", 0),
    (["passed", "skipped"], "1 passed, 0 failed", 0), (["passed", "failed"], "1 passed, 1 failed", 1)])
def test_the_last_line(capsys: pytest.CaptureFixture[str], outcome: list[str], line: str, code: int) -> None:
    assert run.finish([results.Row(f"x:{i}", result, 0.0) for i, result in enumerate(outcome)]) == code
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_mutants_are_made_of_code_only(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text('/* a < b */\n * x == y\nif (a < b) { /* c == d */\nlog_info("a < b");\n'
                                  'ASSERT(a < b);\nprint("a < b");\n')
    assert [(item.line, item.new) for item in mutants.mutants_of(tmp_path, "a.c")] == [
        (2, "if (a <= b) { /* c == d */")]


def test_a_mutant_is_noticed_or_survives(tmp_path: Path) -> None:
    """A tree of its own with one tested line and one that no test looks at."""
    (tmp_path / "Makefile").write_text(
        "print-%: ; @echo '$($*)'\nHOST_t_SRC := a.c tests/t.c\n"
        "build/host/t: a.c\n\t@mkdir -p build/host; gcc -Dmain_=main a.c tests/t.c -o $@\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/t.c").write_text("int f(int); int main(void) { return f(1) != 1 || f(5) != 0; }\n")
    (tmp_path / "a.c").write_text("int g(int x) {\n    return x < 3;\n}\nint f(int x) {\n    return x < 5;\n}\n")
    sources = mutants.tested_sources(tmp_path, ["t"])
    assert sources == {"a.c": ["t"]}
    rows = [mutants.try_mutant(tmp_path, item, ["t"]) for item in mutants.mutants_of(tmp_path, "a.c")]
    assert [(row.id, row.result) for row in rows] == [("mutants:a.c:2", "failed"), ("mutants:a.c:5", "passed")]


# ---- small tools of the build ----

def test_compile_commands() -> None:
    sys.path.insert(0, str(ROOT / "tools/lint"))
    tool = importlib.import_module("compile_commands")
    lines = ["mkdir -p x", "gcc -DX='a b' -c kernel/a.c -o x/a.o", "gcc -c kernel/a.c -DY", "ld a.o",
             "nasm b.asm -o b.o"]
    assert tool.read_commands(lines, ["gcc"], "/r") == [
        {"directory": "/r", "file": "kernel/a.c", "arguments": ["gcc", "-DX=a b", "-c", "kernel/a.c", "-o", "x/a.o"]}]


@pytest.mark.parametrize("second,expected", [
    ([(1, "f"), (9, "symtab_blob_start"), (50, "symtab_blob_end"), (64, "kernel_end")], 0),
    ([(2, "f"), (9, "symtab_blob_start"), (50, "symtab_blob_end")], 1),
    ([(1, "f"), (16, "symtab_blob_start"), (50, "symtab_blob_end")], 1)])
def test_check_link(second: list[tuple[int, str]], expected: int) -> None:
    sys.path.insert(0, str(ROOT / "tools/gen"))
    tool = importlib.import_module("check_link")
    first = [(1, "f"), (9, "symtab_blob_start"), (9, "symtab_blob_end"), (17, "kernel_end")]
    assert len(tool.moved(first, second)) == expected


def test_check_link_without_a_blob() -> None:
    tool = importlib.import_module("check_link")
    assert "symtab_blob_start is missing" in tool.moved([(1, "f")], [(1, "f")])[0]


def test_deps_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "deps.sh").write_text((ROOT / "tools/deps.sh").read_text())
    (tmp_path / "deps.txt").write_text("# head\nbash | bash | build | a shell\nnosuch | nosuch-tool | test | nothing\n"
                                       "window | no-window | browser | only on request\n")
    check = ["bash", str(tmp_path / "deps.sh"), "check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nosuch" in done.stdout and "bash" not in done.stdout and "run 'make deps'" in done.stderr
    assert "window" not in done.stdout
    assert subprocess.run([*check, "browser"], capture_output=True, check=False).returncode == 1
    assert subprocess.run([*check, "build"], capture_output=True, check=False).returncode == 0


def test_make_says_what_to_do_when_a_package_is_missing(tmp_path: Path) -> None:
    """A PATH without nasm: make stops before it compiles anything."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "mkdir", "touch", "dirname", "cat", "cmp", "printf", "gcc", "ld", "make"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(["/usr/bin/make", "-C", str(ROOT), f"BUILD={tmp_path}/build", "generate"],
                          env={"PATH": str(folder), "HOME": os.environ.get("HOME", "/")}, capture_output=True,
                          text=True, check=False)
    assert done.returncode != 0
    assert "nasm" in done.stdout and "run 'make deps'" in done.stderr
