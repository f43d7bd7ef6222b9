# SPDX-License-Identifier: MIT
"""The shell: what a person types at the serial line or the keyboard, and what comes of it."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path

import pytest
from conftest import BootFunction, kill_process
from test_keyboard import key_event, send
from test_screen import read_screen, wait_for_rows

from qemu.machine import TIMEOUT_SCALE, Machine

PROMPT = r"^(/\S*) \$ "
SECONDS = 60
ALONE = "workload=none services=shell"


class Person:
    """Types at the serial line, and reads what comes up to the next prompt."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        for _ in range(2):  # what would come between
            machine.expect("init: trace complete|fatfs: (?:no files|FAT)", 120)
        self.greets()

    def greets(self) -> None:
        """However many prompts have been shown: from here on each line is followed by one."""
        self.machine.send("echo rea''dy\r")
        self.machine.expect("^ready\r?$", SECONDS)
        self.machine.expect(PROMPT, SECONDS)

    def types(self, line: str, end: str = "\r") -> str:
        """What was printed between this line and the next prompt."""
        self.machine.send(line + end)
        self.machine.expect(r"\n", SECONDS)
        mark = self.machine.serial.cursor
        self.machine.expect(PROMPT, SECONDS)
        text = self.machine.serial.text_since(mark).replace("\r", "")
        return re.split(PROMPT, text, maxsplit=1, flags=re.MULTILINE)[0]


def test_a_session(boot: BootFunction) -> None:
    """Files, pipes, variables, lists, jobs, and what is wrong."""
    person = Person(boot(cpus=2, cmdline=ALONE))
    types = person.types
    assert types("cd /tmp") == ""
    assert types("pwd; ls") == "/tmp\n"
    assert types("echo one > a; echo two >> a; echo three > b.txt; ls") == "a\nb.txt\n"
    assert types("cat a b.txt | wc") == "3 3 14\n"
    assert types("sort -r < a | head -n 1") == "two\n"
    assert types("cat a | grep -v one | cat | cat") == "two\n"
    assert types("echo * ?.txt none*") == "a b.txt b.txt none*\n"
    assert types("X='a b'; echo $X \"<$X>\" '$X' ; unset X; echo .$X.") == "a b <a b> $X\n..\n"
    assert types("false || echo $? && true && echo yes") == "1\nyes\n"
    assert types("nosuch; echo $?") == "shell: there is no program 'nosuch'; help lists the commands\n127\n"
    assert types("cat nothing; echo $?") == "cat: nothing: ERR_NOT_FOUND\n1\n"
    assert types("cat quiet; echo $?") == "cat: quiet: ERR_NOT_FOUND\n1\n"
    assert types("log") == "shell: 'log' is a service; `service start` starts those\n"
    assert types("ls -l / 2> e | grep tmp; cat e; rm e; ls /tmp/") == (
        f"{'':10}  tmp/\nls: /disk: ERR_NOT_FOUND\na\nb.txt\n")
    assert types("help | tail -n 1").endswith(" enters the kernel's debugger (serial line).\n")
    assert types("cat a b.txt | tail -n 2; tail -n 1 a; tail a b") == (
        "two\nthree\ntwo\ntail: usage: tail [-n LINES] [FILE]\n")
    assert types("head -x") == "head: usage: head [-n LINES] [FILE]\n"
    assert types('echo "a') == 'shell: the quote has no partner\n  echo "a\n       ^\n'
    assert types("mkdir d; mv a d; cp d/a c") == ""
    assert types("ls -l . d") == f".:\n{6:10}  b.txt\n{8:10}  c\n{'':10}  d/\nd:\n{8:10}  a\n"
    assert types("rm -d d; rm d/a; rm -d d; ls") == "rm: d: ERR_NOT_EMPTY\nb.txt\nc\n"
    assert types("hexdump c") == f"00000000  6f 6e 65 0a 74 77 6f 0a{'   ' * 8}  one.two.\n"
    types("cat /boot/LICENSE > x")
    counts = [int(word) for word in types("wc x").split()]
    assert types("cat x x x | wc").split() == [str(3 * count) for count in counts]
    assert types("echo 'echo in a file $Y' > s; Y=4; source s; cat s | shell") == "in a file 4\nin a file 4\n"
    assert types("cat x | head -n 1 | wc").split()[0] == "1"  # who reads ends first
    assert types("cp b.txt ./b.txt; cat b.txt") == "cp: b.txt and ./b.txt are the same file\nthree\n"
    assert types("echo '' | grep '' | wc; shell -c 'cat c' > out; wc out") == "1 0 1\n2 2 8\n"
    assert types("echo 'cat c; cat c' | shell > out; wc out") == "4 4 16\n"
    assert types("cat c no 2> e; cat no 2>> e | wc; cat e") == "one\ntwo\n0 0 0\n" + "cat: no: ERR_NOT_FOUND\n" * 2
    assert types("cat c no c 2>&1 | wc; cat no >> c 2>&1; cat c") == "5 7 39\none\ntwo\ncat: no: ERR_NOT_FOUND\n"
    # What a shell has for errors its programs have, too: in one pipe nothing is lost, whoever writes.
    assert types("shell -c 'cat no; cat no c; echo x 2>&1' 2>&1 | cat | wc") == "6 12 79\n"
    assert types("for_ever=; unset PWD; PWD=/x; pwd; exit_code=1") == (
        "shell: PWD says where the shell is: use cd\n" * 2 + "/tmp\n")
    assert types("shell -c 'exit 3; echo no'; echo $?") == "3\n"
    assert re.fullmatch(r"\[1\] sleep 1000\n\[1\] sleep 1000\n", types("sleep 1000 & jobs"))
    assert types("kill %1; wait; echo $?") == "137\n"


def test_nothing_is_used_up(boot: BootFunction) -> None:
    """More redirections than a session may have files open, and what was started ends with the shell."""
    machine = boot(cpus=2, cmdline=ALONE)
    person = Person(machine)
    line = "; ".join(["echo x >> /tmp/f"] * 12)
    for _ in range(7):
        person.types(line)
    assert person.types("wc /tmp/f") == "84 84 168\n"
    person.types("sleep 1000 & sleep 1000 &")
    assert person.types("ps | grep sleep | wc").split()[0] == "2"
    machine.send("service kill shell\r")
    machine.expect("^init: service shell: .*again in", SECONDS)
    person.greets()
    person.types("true | true")  # ends are looked for when something is started
    assert person.types("ps | grep alive | grep sleep | wc").split()[0] == "0"


def test_a_command_for_everything(boot: BootFunction) -> None:
    """Processes, memory, services, the log, devices, the trace; and the way out."""
    person = Person(boot(cpus=2, cmdline="workload=none services=shell,log"))
    types = person.types
    rows = types("ps").splitlines()
    names = {row.split()[-1]: row.split() for row in rows[1:]}
    assert {"init", "shell", "serial_terminal", "ps"} <= set(names)
    assert names["ps"][1:3] == ["alive", "1"]
    with person.machine.at_prompt() as kdebug:
        listed = {words[-1]: words for row in kdebug.command("processes").splitlines() if (words := row.split())}
    for name in ("init", "serial_terminal"):
        assert (names[name][0], names[name][2]) == (listed[name][0], listed[name][2]), name  # id, threads
    memory = [int(row.split()[0]) for row in types("free").splitlines()]
    assert len(memory) == 9 and 500_000 < sum(memory) < 530_000  # of 512 MiB
    assert re.search(r"^running +1 +shell$", types("service"), re.MULTILINE)
    assert "1af4:1003 078000 communication" in types("devices")
    assert "off ipc\n" in types("trace off ipc; trace | grep ipc")
    types("sleep 1000 &")
    process = next(row.split()[0] for row in types("ps").splitlines() if row.endswith(" sleep"))
    assert types(f"kill {process}; wait; echo $?; kill {names['ps'][0]}") == (
        f"137\nkill: {names['ps'][0]}: no program with this number was started by a shell\n")
    service = names["serial_terminal"][0]
    assert types(f"kill {service}") == f"kill: {service} is a service: `service kill NAME` ends those\n"
    assert types("trace on nothing") == "trace: there is no category 'nothing'; `trace` lists them\n"
    assert re.search(r"^\d+ bytes, 0 sub-buffers", types("trace on ipc; trace save /tmp/t"))
    assert types("head -n 1 /tmp/t | hexdump | head -n 1").split()[1:5] == [f"{letter:02x}" for letter in b"SPBK"]
    person.machine.send("kdebug\r")
    person.machine.wait_prompt().resume()
    person.machine.expect(PROMPT, SECONDS)
    person.machine.send("power off\r")
    person.machine.expect("^init: all services have been stopped$", SECONDS)
    person.machine.wait_exit(SECONDS)


def test_keys_of_the_line(boot: BootFunction) -> None:
    """Editing, history, completion, typing ahead, Ctrl-C, Ctrl-D."""
    machine = boot(cpus=2, cmdline=ALONE)
    person = Person(machine)
    types = person.types
    assert types("echo abd\x02c") == "abcd\n"
    assert types("\x1b[A") == "abcd\n"
    assert types("upt\t").startswith("up 0:")
    assert types("cat /boot/LIC\t | head -n 1") == types("head -n 1 /boot/LICENSE")
    machine.send("cat\r")
    machine.expect(r"cat\r?\n", SECONDS)
    machine.send("typed to cat\r")
    machine.expect("^typed to cat\r?\ntyped to cat\r?\n", SECONDS)
    machine.send("\x04")
    machine.expect(PROMPT, SECONDS)
    for line in ("sleep 1000", "sleep 1000; echo not done"):  # whether it has begun or not
        machine.send(f"{line}\r")
        machine.expect(re.escape(line) + r"\r?\n", SECONDS)
        machine.send("\x03")
        machine.expect(r"\^C\r?\n/ \$ ", SECONDS)
        assert types("echo $?") == "130\n"
    machine.send("shell\r")
    machine.expect(r"shell\r?\n", SECONDS)
    machine.send("exit\r")
    machine.expect(r"exit\r?\n/ \$ ", SECONDS)
    machine.send("sleep 1000\r\x03")  # also after another shell had the terminal
    machine.expect(r"\^C\r?\n/ \$ ", SECONDS)
    assert types("echo $?") == "130\n"
    machine.send("abc\x03\x03")
    machine.expect(r"\^C\r?\n(?:.*\n)*?/ \$ ", SECONDS)
    person.greets()  # is not taken for what was to be ended
    machine.send("A=1\recho $A\r\x04")
    machine.expect("^1\r?$", SECONDS)
    machine.expect(PROMPT, SECONDS)
    machine.expect(PROMPT, SECONDS)  # a new shell, which knows nothing of the old one's
    assert types("echo .$A.") == "..\n"


def test_jobs_stop_and_go_on(boot: BootFunction) -> None:
    """Ctrl-Z, fg, bg: all of a job stands still, and reads only while it has the terminal."""
    machine = boot(cpus=2, cmdline=ALONE)
    person = Person(machine)
    types = person.types
    assert types("sleep 1000 | cat\r\x1a", "").endswith("^Z\n[1] stopped: sleep 1000 | cat\n")
    assert types("echo $?; jobs") == "148\n[1] stopped: sleep 1000 | cat\n"
    states = {row.split()[-1]: row.split()[1] for row in types("ps").splitlines()}
    assert (states["sleep"], states["cat"], states["shell"]) == ("stopped", "stopped", "alive")
    assert types("bg; jobs") == "[1] sleep 1000 | cat\n" * 2
    assert types("ps | grep sleep").split()[1] == "alive"
    assert "\nsleep 1000 | cat\n" in "\n" + types("fg\r\x1a", "")
    with machine.at_prompt() as kdebug:
        thread = next(thread for thread in kdebug.threads() if thread.process == "sleep")
        assert ", and its process is suspended\n" in kdebug.command(f"why {thread.tid}")
    assert types("kill; wait; echo $?; jobs") == "137\n"

    # A reader is not asked while it stands still, and asks anew when it goes on.
    machine.send("cat\rone\r")
    machine.expect(r"^one\r?\none\r?\n", SECONDS)
    machine.send("half a li\x1a")
    machine.expect(PROMPT, SECONDS)
    assert types("echo mine") == "mine\n"
    machine.send("fg\rtwo\r\x04")
    machine.expect(r"^two\r?\ntwo\r?\n", SECONDS)
    machine.expect(PROMPT, SECONDS)
    assert types("cat > /tmp/typed &") == "[1] cat > /tmp/typed\n"
    assert types("echo mine") == "mine\n"
    machine.send("fg %1\rits own\r\x04")
    machine.expect(PROMPT, SECONDS)
    assert types("cat /tmp/typed") == "its own\n"

    # A shell in a shell has jobs of its own; they end with it.
    types("shell")
    assert types("sleep 1000\r\x1a", "").endswith("[1] stopped: sleep 1000\n")
    assert types("\x1ajobs") == "[1] stopped: sleep 1000\n"  # nothing at a prompt
    assert types("exit 5") == ""
    assert types("echo $?; jobs; true | true") == "5\n"
    assert types("ps | grep stopped") == ""


@pytest.mark.parametrize("name", ["serial_terminal", "ramfs", "names"])
def test_services_die_under_a_session(boot: BootFunction, name: str) -> None:
    machine = boot(cpus=2, cmdline=ALONE)
    person = Person(machine)
    person.types("cd /tmp; echo before > a")
    kill_process(machine, name)
    machine.expect(f"^init: service {name}: .*again in", SECONDS)
    person.greets()
    assert person.types("echo after > a; cat a") == "after\n"


def ends_with(text: str, rows: list[str]) -> bool:
    return bool(rows) and rows[-1].endswith(text)


def type_keys(machine: Machine, folder: Path, text: str) -> None:
    """As fast as they are seen: the keyboard has room for 16 bytes, up to three for a key."""
    names = {" ": "spc", "/": "slash", ">": "shift-dot"}
    for line in text.splitlines():
        for piece in re.findall(".{1,4}", line):
            for letter in piece:
                keys = names.get(letter, letter).split("-")
                for key, is_down in [(key, True) for key in keys] + [(key, False) for key in reversed(keys)]:
                    send(machine, key_event(key, is_down))
            wait_for_rows(machine, folder, partial(ends_with, piece.rstrip()))
        for is_down in (True, False):
            send(machine, key_event("ret", is_down))


def test_at_the_screen(boot: BootFunction, tmp_path: Path) -> None:
    """The same shell, for who sits at the machine; also when the keyboard's driver or the screen ended meanwhile."""
    machine = boot(cpus=2, cmdline="workload=none services=screen_shell")
    wait_for_rows(machine, tmp_path, lambda rows: rows[-1:] == ["/ $"])
    type_keys(machine, tmp_path, "echo hello > /tmp/a\ncat /tmp/a\n")
    wait_for_rows(machine, tmp_path, lambda rows: rows[-3:] == ["/ $ cat /tmp/a", "hello", "/ $"])
    deadline = time.monotonic() + SECONDS * TIMEOUT_SCALE
    for name in ("input", "screen", "screen_terminal"):
        kill_process(machine, name)
        machine.expect(f"^init: service {name}: .*again in", SECONDS)
    rows: list[str] = []
    while rows[-2:] != ["/ $", "/ $"]:  # what is typed while nobody drives the keyboard is lost
        type_keys(machine, tmp_path, "\n")
        rows = [row for row in read_screen(machine, tmp_path) if row]
        assert time.monotonic() < deadline, rows
    type_keys(machine, tmp_path, "pwd\n")
    wait_for_rows(machine, tmp_path, lambda rows: rows[-3:] == ["/ $ pwd", "/", "/ $"])
