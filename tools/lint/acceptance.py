#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Which parts of an issue are shown to work: tests/acceptance.toml against build/test.json, long/*.json and bench.json.

    tools/lint/acceptance.py [--build DIR] [AREA]

A part passes when every test and every figure it names passed. A test or figure that has no result makes it missing;
one that failed makes it failed. An id may hold * for any run of characters and then stands for all ids it matches, at
least one. A skipped test counts as missing, and so does one of a long tier whose result is of another commit than that
of build/test.json. A part may also want so many tests of some kinds: those that passed count.

tests/acceptance.toml:

    [trail.1]
    title = "Build"
    tests = ["host:test_gen_input.py::*", "lint:layers"]
    bench = ["syscall.null <= 130"]
    at_least = {passed = 40, of = ["host:test_gen_*"]}
"""

from __future__ import annotations

import argparse
import json
import operator
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PASSED, FAILED, MISSING = "passed", "failed", "missing"
COMPARE: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}
GOAL = re.compile(r"([\w.]+)\s*(<=|>=|=)\s*([0-9.]+)\Z")


class AcceptanceError(Exception):
    pass


@dataclass
class Verdict:
    what: str
    result: str
    text: str = ""


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def read_tests(build: Path) -> dict[str, str]:
    """Id -> result; if an id comes twice the worse one counts."""
    result: dict[str, str] = {}
    short = read_json(build / "test.json")
    tiers = [read_json(path) for path in sorted((build / "long").glob("*.json"))]
    same = [tier for tier in tiers if tier.get("commit") == short.get("commit")]
    for row in (row for tier in [short, *same] for row in tier.get("results", [])):
        if result.get(row["id"]) != FAILED:
            result[row["id"]] = row["result"]
    return result


def read_figures(build: Path) -> dict[str, float]:
    """Keys of bench.json; a value is a number, or a table whose "value" is one."""
    content = read_json(build / "bench.json")
    rows = content.get("results", content)
    figures = {}
    for key, value in rows.items():
        number = value.get("value") if isinstance(value, dict) else value
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            figures[key] = float(number)
    return figures


def find_tests(pattern: str, tests: dict[str, str]) -> list[tuple[str, str]]:
    expression = re.compile(".*".join(re.escape(part) for part in pattern.split("*")) + r"\Z", re.S)
    return [(name, result) for name, result in tests.items() if expression.match(name)]


def judge_test(pattern: str, tests: dict[str, str]) -> Verdict:
    found = find_tests(pattern, tests)
    failed = [name for name, result in found if result == FAILED]
    if failed:
        return Verdict(pattern, FAILED, ", ".join(failed[:5]))
    absent = [name for name, result in found if result != PASSED]
    if absent or not found:
        return Verdict(pattern, MISSING, ", ".join(absent[:5]) or "no result")
    return Verdict(pattern, PASSED)


def judge_count(wanted: dict[str, Any], tests: dict[str, str]) -> Verdict:
    passed = {name for pattern in wanted["of"] for name, result in find_tests(pattern, tests) if result == PASSED}
    what = f"{wanted['passed']} tests of {', '.join(wanted['of'])}"
    return Verdict(what, PASSED if len(passed) >= wanted["passed"] else MISSING, f"{len(passed)} passed")


def judge_figure(goal: str, figures: dict[str, float]) -> Verdict:
    match = GOAL.match(goal)
    if not match:
        raise AcceptanceError(f"'{goal}' is no goal: want KEY <= NUMBER, KEY >= NUMBER or KEY = NUMBER")
    key, sign, limit = match.groups()
    if key not in figures:
        return Verdict(goal, MISSING, "no figure in bench.json")
    good = COMPARE[sign](figures[key], float(limit))
    return Verdict(goal, PASSED if good else FAILED, f"is {figures[key]:g}")


def judge_part(part: dict[str, Any], tests: dict[str, str], figures: dict[str, float]) -> tuple[str, list[Verdict]]:
    unknown = set(part) - {"title", "tests", "bench", "at_least"}
    if unknown:
        raise AcceptanceError(f"unknown keys {', '.join(sorted(unknown))}")
    verdicts = [judge_test(pattern, tests) for pattern in part.get("tests", [])]
    verdicts += [judge_figure(goal, figures) for goal in part.get("bench", [])]
    verdicts += [judge_count(part["at_least"], tests)] if "at_least" in part else []
    results = {verdict.result for verdict in verdicts}
    if FAILED in results:
        return FAILED, verdicts
    return (MISSING if MISSING in results or not verdicts else PASSED), verdicts


def report(area: str, parts: dict[str, Any], tests: dict[str, str], figures: dict[str, float]) -> bool:
    counts = {PASSED: 0, FAILED: 0, MISSING: 0}
    for number in sorted(parts, key=lambda key: (len(key), key)):
        try:
            result, verdicts = judge_part(parts[number], tests, figures)
        except AcceptanceError as error:
            raise AcceptanceError(f"[{area}.{number}]: {error}") from None
        counts[result] += 1
        print(f"{area + '.' + number:<12}{result:<9}{parts[number].get('title', '')}")
        for verdict in verdicts:
            if verdict.result != PASSED:
                print(f"    {verdict.result}: {verdict.what}" + (f" ({verdict.text})" if verdict.text else ""))
    print(f"{area}: {counts[PASSED]} passed, {counts[FAILED]} failed, {counts[MISSING]} missing")
    return counts[PASSED] == len(parts)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="show which parts of an issue are fulfilled")
    parser.add_argument("area", nargs="?", default="", help="such as trail; without it, all")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--file", type=Path, default=ROOT / "tests/acceptance.toml")
    options = parser.parse_args(argv)
    try:
        areas = tomllib.loads(options.file.read_text(encoding="utf-8"))
        wanted = [options.area] if options.area else sorted(areas)
        for area in wanted:
            if area not in areas:
                raise AcceptanceError(f"no area '{area}'; there are: {', '.join(sorted(areas))}")
        tests, figures = read_tests(options.build), read_figures(options.build)
        good = [report(area, areas[area], tests, figures) for area in wanted]
    except (AcceptanceError, tomllib.TOMLDecodeError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 2
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
