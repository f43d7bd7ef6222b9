# SPDX-License-Identifier: MIT
"""The command `spoor` as a user meets it: help, wrong arguments, and the parts that need no machine or a short run."""

from __future__ import annotations

import http.client
import json
import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BootFunction, wait_all_done

from qemu.paths import ROOT, kernel_elf, trace_tool

SPOOR = str(ROOT / "tools" / "spoor")
OWN = ["run", "trace", "trace record", "attach", "capture", "post", "unpack", "report", "diff", "query", "open", "gdb",
       "demo", "test"]
PASSED_ON = ["convert", "info", "dump", "check", "ipc"]


def spoor(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SPOOR, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def test_help_lists_every_command() -> None:
    output = spoor("--help").stdout
    for command in [*(name for name in OWN if " " not in name), *PASSED_ON]:
        assert re.search(rf"^    {command} ", output, re.MULTILINE), command


@pytest.mark.parametrize("command", OWN + PASSED_ON)
def test_every_command_has_help_with_examples(command: str) -> None:
    done = spoor(*command.split(), "--help")
    assert done.returncode == 0 and "usage: spoor" in done.stdout, done.stderr
    assert f"  spoor {command.split()[0]}" in done.stdout.split("examples:", 1)[1]


def test_trace_without_a_verb_is_help() -> None:
    done = spoor("trace")
    assert done.returncode == 0 and "record" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["nosuch"], ["run", "--cpus", "0"], ["run", "--cpus", "99"], ["open"],
                                       ["trace", "record", "nosuch"], ["trace", "record", "--for", "soon"],
                                       ["trace", "record", "--until", "nosuch"], ["run", "--", "demo"], ["capture"],
                                       ["trace", "record", "--profile", "5"], ["attach", "x", "--colour", "red"]])
def test_wrong_arguments_exit_with_2(arguments: list[str]) -> None:
    done = spoor(*arguments)
    assert done.returncode == 2 and "usage:" in done.stderr


@pytest.mark.parametrize(("arguments", "words"), [
    (["open", "no.pftrace"], "does not exist"),
    (["open", "README.md", "--no-browser"], "not a Perfetto trace"),
    (["attach", "no-such-socket"], "No such file"),
    (["attach", "README.md"], "neither a unix socket nor a terminal"),
    (["capture", "no-file", "-o", "x.spoor"], "does not exist"),
    (["attach", "/dev/ptmx", "--gdb", "99999"], "cannot listen on 99999"),
    (["trace", "record", "--workload", "demo", "--", "demo"], "not both"),
    (["capture", "tools/spoor", "-o", "x.spoor"], "holds neither"),
])
def test_errors_say_what_is_wrong(arguments: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# not a trace\n")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "spoor").write_text("text")
    done = spoor(*arguments, cwd=tmp_path)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_a_missing_build_is_named(tmp_path: Path) -> None:
    for command in (["run"], ["gdb"], ["info", "x"]):
        done = spoor(*command, env={**os.environ, "BUILD": str(tmp_path)})
        assert done.returncode == 1 and "run 'make' first" in done.stderr, done.stderr


# ---- open ----


@pytest.fixture
def trace_file(tmp_path: Path) -> Path:
    path = tmp_path / "small trace.pftrace"
    path.write_bytes(b"\x0a\x03abc" * 1000)
    return path


def start_open(*arguments: object) -> tuple[subprocess.Popen[str], str]:
    server = subprocess.Popen([SPOOR, "open", *map(str, arguments), "--no-browser"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    assert server.stdout
    lines = [server.stdout.readline() for _ in range(3)]
    return server, lines[2].strip()


def test_open_once_serves_the_file_with_the_headers_the_ui_needs(trace_file: Path) -> None:
    server, link = start_open(trace_file, "--once", "--port", "19001")
    assert link == ("https://ui.perfetto.dev/#!/?url=http://127.0.0.1:19001/small%20trace.pftrace"
                    "&referrer=open_trace_in_ui")
    connection = http.client.HTTPConnection("127.0.0.1", 19001, timeout=10)
    requests = (("OPTIONS", "/x", 204), ("HEAD", "/small%20trace.pftrace", 200), ("GET", "/other", 404),
                ("GET", "/../tools/spoor", 404), ("POST", "/", 501))
    for method, path, status in requests:
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status, (method, path)
        if status in (501, 404):
            connection.close()
        else:
            assert answer.headers["Access-Control-Allow-Origin"] == "https://ui.perfetto.dev"
    connection.request("GET", "/small%20trace.pftrace")
    answer = connection.getresponse()
    assert answer.read() == trace_file.read_bytes()
    assert answer.headers["Access-Control-Allow-Origin"] == "https://ui.perfetto.dev"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert server.wait(10) == 0


def test_open_listens_on_loopback_only(trace_file: Path) -> None:
    server, _ = start_open(trace_file, "--port", "19002")
    sockets = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    listening = [line.split()[1] for line in sockets.splitlines() if ":4A3A " in line and " 0A " in line]
    server.terminate()
    server.wait(10)
    assert listening == ["0100007F:4A3A"]


def test_a_busy_port_says_so(trace_file: Path) -> None:
    server, _ = start_open(trace_file, "--port", "19003")
    done = spoor("open", trace_file, "--port", "19003", "--no-browser")
    server.terminate()
    server.wait(10)
    assert done.returncode == 1 and "port 19003 is busy" in done.stderr


# ---- tools around spoor-trace ----


def test_spoor_trace_commands_pass_through(tmp_path: Path) -> None:
    capture = tmp_path / "synth.spoor"
    subprocess.run([str(trace_tool().with_name("spoor-synth")), "--events", "2000", capture], check=True)
    assert "events" in spoor("info", capture).stdout
    assert spoor("check", capture).returncode == 0
    assert "sched.thread.switch" in spoor("dump", "--limit", "200", capture).stdout
    assert spoor("convert", capture, tmp_path / "out.pftrace").returncode == 0
    assert (tmp_path / "out.pftrace").read_bytes()[:1] == b"\x0a"
    assert spoor("info", tmp_path / "nothing").returncode == 2


def test_the_planted_slow_call_is_found(tmp_path: Path) -> None:
    """From nothing to the cause: one call of 60 makes a server touch a thousand fresh pages on another's behalf."""
    trace = tmp_path / "slow.pftrace"
    done = spoor("trace", "record", "--icount", "4", "--cpus", "1", "--workload", "slowcall", "-o", trace)
    assert done.returncode == 0, done.stderr
    report = spoor("report", "--slowest-call", "--json", trace.with_suffix(".spoor"))
    found = json.loads(report.stdout)
    cause = found["cause"]
    assert found["operation"] == "slowcall/desk:0x1" and found["client"] == "slowcall"
    assert (cause["server"], cause["mailbox"], cause["label"]) == ("slowcall", "archive", 3)
    assert cause["what"] == "page faults"
    assert cause["fault"]["count"] >= 2 and cause["time_ns"] > found["trip_ns"] / 2
    assert sum(step["time_ns"] for step in found["path"]) == pytest.approx(found["trip_ns"], abs=50)
    assert " instr" in spoor("report", trace.with_suffix(".spoor")).stdout


def test_a_recording_ends_at_an_event(tmp_path: Path) -> None:
    trace = tmp_path / "until.pftrace"
    done = spoor("trace", "record", "latency", "--until", "sched.thread.switch,state=join", "--cpus", "1", "-o", trace,
                 "--", "hog:steps=1000000000000")
    assert done.returncode == 0, done.stderr
    assert re.search(r"there it is: .* sched\.thread\.switch .*state=join", done.stderr), done.stderr
    assert "state=join" in spoor("dump", "--filter", "sched.thread.switch", trace.with_suffix(".spoor")).stdout
    assert spoor("check", trace.with_suffix(".spoor")).returncode == 0


def test_the_display_is_qemus() -> None:
    done = spoor("run", "--display", "nosuch", stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and "-display nosuch" in done.stderr, done.stderr
    done = spoor("run", "--cpus", "1", "--display", "none", "--cmdline", "workload=none poweroff",
                 stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and "init: all done" in done.stdout, done.stdout + done.stderr


# ---- run and attach on a pseudo-terminal, as a person would ----


class Person:
    """Types into a program on a pseudo-terminal and reads what it shows."""

    def __init__(self, *arguments: object) -> None:
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execve(SPOOR, [SPOOR, *map(str, arguments)], {**os.environ, "NO_COLOR": "1"})
        self.pid, self.shown = pid, ""

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def see(self, pattern: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            try:
                piece = os.read(self.terminal, 65536) if ready else b""
            except OSError:  # the program has ended
                piece = b""
            assert piece, f"no /{pattern}/ in:\n{self.shown[-3000:]}"
            self.shown += piece.decode(errors="replace").replace("\r", "")

    def leave(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_run_gives_a_terminal_that_breaks_in_and_quits() -> None:
    person = Person("run", "--cpus", "2", "--cmdline", "workload=none")
    person.see(r"init: all done: 0 passed, 0 failed", 120)
    person.type("\x1d?")
    person.see(r"break into kdebug")
    person.type("\x1db")
    person.see(r"kdebug: enter reason=break.*\nkdebug> ")
    person.type("print kernel_main\r")
    person.see(r"= kernel_main")
    person.type("continue\r")
    person.see("kdebug: resume")
    person.type("\x1dq")
    person.see("spoor: quit")
    assert person.leave() == 0


def test_run_ends_with_the_machine() -> None:
    person = Person("run", "--cpus", "1", "--cmdline", "workload=none poweroff")
    person.see(r"the machine has ended", 120)
    assert person.leave() == 0


def test_attach_and_capture_over_a_socket(tmp_path: Path) -> None:
    """By turns: a person at the prompt, gdb on the same line, the person again, a capture."""
    socket, gdb_port = tmp_path / "serial.sock", tmp_path / "gdb"
    host = subprocess.Popen([SPOOR, "run", "--cpus", "2", "--serial", socket, "--cmdline", "workload=none"],
                            stderr=subprocess.PIPE, text=True)
    try:
        assert host.stderr and "running" in host.stderr.readline()
        person = Person("attach", socket, "--gdb", gdb_port)
        person.see(r"init: all done", 120)
        script = ["-ex", "info threads", "-ex", "print/x *(int *)&kernel_main == *(int *)kernel_main", "-ex", "detach"]
        gdb = subprocess.run(["gdb", "-nx", "-batch", kernel_elf(), "-ex", f"target remote {gdb_port}", *script],
                             capture_output=True, text=True, timeout=120)
        assert re.search(r"idle of core 1|running on core 1", gdb.stdout), gdb.stdout + gdb.stderr
        assert "$1 = 0x1" in gdb.stdout, gdb.stdout + gdb.stderr
        person.see(r"gdb has the line\](.|\n)*kdebug>")
        person.see(r"gdb has gone")
        person.type("continue\r")
        person.see("kdebug: resume")
        person.shown = ""
        person.type("\x1db")
        person.see(r"kdebug: enter reason=escape.*\nkdebug> ")
        person.type("read kernel_main 16\r")
        person.see(r"ffffffff8\w+ <kernel_main>")
        person.type("continue\r")
        person.see("kdebug: resume")
        person.type("\x1dq")
        assert person.leave() == 0
        target = tmp_path / "live.spoor"
        done = spoor("capture", socket, "--newest", "2", "-o", target)
        assert done.returncode == 0 and "no findings" in done.stdout, done.stdout + done.stderr
        assert "kdebug.enter" in spoor("dump", target).stdout
        done = spoor("unpack", socket, "-c", "report version")
        assert done.returncode == 0 and "Spoor kdebug" in done.stdout, done.stdout + done.stderr
        done = spoor("unpack", socket, "-c", "nonsense")
        assert done.returncode == 1 and "no command 'nonsense'" in done.stderr, done.stdout + done.stderr
    finally:
        host.terminate()
        host.wait(20)


def test_the_echo_program_hears_what_is_typed(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=echo")
    machine.expect("echo: ready", 60)
    machine.send("hello there\r")
    machine.expect(r"^echo: hello there$", 20)
    machine.send("quit\r")
    assert wait_all_done(machine) == (1, 0)
