# SPDX-License-Identifier: MIT
"""
Tests that run inside the system: which there are, and what their lines on the console say (userspace/lib/test.h).

A program either says a line for each of its tests or is one test by itself, whose verdict init gives. They run one
after the other, so all that is said before a verdict is about its program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

AREAS = ("handles", "ipc", "memory", "threads", "processes", "drivers")
SCRIPTS = ("language", "text", "files", "system", "memory", "numbers")
PROGRAMS = (*(f"tests:area={area}" for area in AREAS), "waits:rounds=200:kib=128", "life:rounds=6", "syscheck",
            "registers:rounds=20", "sleeper:sleeps=20", "typed:rounds=1", "files", "libc:rounds=200", "libc_files",
            *(f"lua:/boot/lua/{name}.lua:first" for name in SCRIPTS))
PLANTED = ("tests:area=planted", "tests:area=planted:fault")
OPTIONAL = ("libc", "libc_files", "lua")  # a build without a C library is without them
OPTIONS = "sequential tracer=0 env.GIVEN=at_boot"

BEGIN = re.compile(r"^init: workload ")
PLAN = re.compile(r"^(\w+): 1\.\.(\d+)$")
STARTED = re.compile(r"^\w+: # (\d+) - (.*)$")
ENDED = re.compile(r"^\w+: (not ok|ok) (\d+) - (.*?)(?: # SKIP (.*))?$")
COMMENT = re.compile(r"^\w+: # (.*)$")
VERDICT = re.compile(r"^(PASS|FAIL) (\w+) (.*)$")


@dataclass
class Result:
    """One test."""

    name: str
    verdict: str
    message: str = ""


@dataclass
class Program:
    """One program, or what was left of it."""

    name: str
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0


def count(programs: list[Program], verdict: str) -> int:
    return sum(result.verdict == verdict for program in programs for result in program.results)


class Collector:
    """Takes the lines of the console, in order."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self._begin()

    def _begin(self) -> None:
        self._name = ""       # of the plan
        self._planned = 0
        self._running = ""    # the test that has begun
        self._said: list[str] = []
        self._results: list[Result] = []

    def take(self, line: str) -> None:
        if match := VERDICT.match(line):
            self._end(match[2], match[1] == "PASS", match[3])
        elif match := PLAN.match(line):
            self._name, self._planned = match[1], int(match[2])
        elif match := STARTED.match(line):
            self._running, self._said = match[2], []
        elif match := ENDED.match(line):
            verdict = SKIPPED if match[4] is not None else PASSED if match[1] == "ok" else FAILED
            self._results.append(Result(match[3], verdict, match[4] or ""))
            self._running = ""
        elif (match := COMMENT.match(line)) and not self._running and self._results[-1:] and \
                self._results[-1].verdict == FAILED:
            self._results[-1].message += match[1]
        else:
            self._said.append(line)

    def _end(self, program: str, passed: bool, rest: str) -> None:
        milliseconds = re.search(r"\bms=(\d+)", rest)
        name = program if self._name in ("", program) else f"{program} {self._name}"
        self.programs.append(Program(name, self._complete(program, passed, rest),
                                     int(milliseconds[1]) / 1000 if milliseconds else 0.0))
        self._begin()

    def _complete(self, program: str, passed: bool, rest: str) -> list[Result]:
        """What the program said itself, and what follows from how it ended."""
        results, last_words = self._results, " | ".join([*self._said[-2:], rest])
        if not self._name:
            if "start=ERR_NOT_FOUND" in rest and program in OPTIONAL:
                return [Result(program, SKIPPED, "not in this build")]
            return [Result(program, PASSED if passed else FAILED, "" if passed else last_words)]
        if self._running:
            results.append(Result(self._running, FAILED, last_words))
        if (missing := self._planned - len(results)) != 0:
            results.append(Result(f"{missing} more", FAILED, "never ran"))
        if not passed and not any(result.verdict == FAILED for result in results):
            results.append(Result("its end", FAILED, last_words))
        return results

    def give_up(self, wanted: list[str], why: str) -> None:
        """The machine says nothing more: the program that runs hangs, and those behind it never ran."""
        for number, name in enumerate(wanted[len(self.programs):]):
            if number == 0:
                self._end(name.split(":")[0], False, why)
            else:
                self.programs.append(Program(name, [Result(name, FAILED, "never ran")]))


def collect(text: str) -> Collector:
    """What a console has said so far."""
    collector = Collector()
    lines = iter(text.splitlines())
    for line in lines:
        if BEGIN.match(line):
            break
    for line in lines:
        collector.take(line)
    return collector


def tap(programs: list[Program]) -> str:
    """TAP version 14, a subtest for each program."""
    lines = ["TAP version 14"]
    for number, program in enumerate(programs, 1):
        lines.append(f"# Subtest: {program.name}")
        for inner, result in enumerate(program.results, 1):
            skipped = f" # SKIP {result.message}" if result.verdict == SKIPPED else ""
            lines.append(f"    {'not ' if result.verdict == FAILED else ''}ok {inner} - {result.name}{skipped}")
            if result.verdict == FAILED and result.message:
                lines += ["      ---", "      message: '" + result.message.replace("'", "''") + "'", "      ..."]
        lines.append(f"    1..{len(program.results)}")
        failed = any(result.verdict == FAILED for result in program.results)
        lines.append(f"{'not ' if failed else ''}ok {number} - {program.name}")
    lines.append(f"1..{len(programs)}")
    lines.append("# " + ", ".join(f"{count(programs, verdict)} {verdict}" for verdict in (PASSED, FAILED, SKIPPED)))
    return "\n".join(lines) + "\n"


def as_json(programs: list[Program]) -> dict[str, object]:
    rows = [{"program": program.name, "test": result.name, "result": result.verdict, "message": result.message}
            for program in programs for result in program.results]
    return {verdict: count(programs, verdict) for verdict in (PASSED, FAILED, SKIPPED)} | {"tests": rows}


def junit(programs: list[Program]) -> bytes:
    """As CI services read it."""
    root = ElementTree.Element("testsuites")
    for program in programs:
        suite = ElementTree.SubElement(root, "testsuite", name=program.name, tests=str(len(program.results)),
                                       failures=str(count([program], FAILED)), skipped=str(count([program], SKIPPED)),
                                       time=f"{program.seconds:.3f}")
        for result in program.results:
            case = ElementTree.SubElement(suite, "testcase", classname=program.name, name=result.name)
            if result.verdict == FAILED:
                ElementTree.SubElement(case, "failure", message=result.message)
            elif result.verdict == SKIPPED:
                ElementTree.SubElement(case, "skipped", message=result.message)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
