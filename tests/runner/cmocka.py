# SPDX-License-Identifier: MIT
"""Runs the C host tests and reads the XML that cmocka writes, one row per case."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from results import FAILED, PASSED, SKIPPED, Row, print_row

LIMIT_SECONDS = 300

# Line by line, not with an XML parser: cmocka does not escape names, and ours are sentences.
CASE = re.compile(r'\s*<testcase name="(.*)" time="([0-9.]+)" >\s*\Z')


def read_cases(program: str, text: str) -> list[Row]:
    rows: list[Row] = []
    inside = False
    for line in text.splitlines():
        begin = CASE.match(line)
        if begin and not inside:
            rows.append(Row(f"host:{program}:{begin[1]}", PASSED, float(begin[2])))
            inside = True
        elif inside and line.strip() == "</testcase>":
            inside = False
        elif inside and "<skipped/>" in line:
            rows[-1].result = SKIPPED
        elif inside:
            rows[-1].result = FAILED
            rows[-1].message += re.sub(r"</?failure>|<!\[CDATA\[|\]\]>", "", line) + "\n"
    return rows


def run_program(path: Path, xml: Path) -> list[Row]:
    """The cases of one program. A program that dies, hangs or holds no case counts as one failed case."""
    shutil.rmtree(xml, ignore_errors=True)
    xml.mkdir(parents=True)
    environment = os.environ | {
        "CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(xml / "%g.xml"),
        "UBSAN_OPTIONS": "print_stacktrace=1"}
    begin = time.monotonic()
    try:
        done = subprocess.run([str(path)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT_SECONDS, check=False)
        code, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as error:
        code, output = -1, f"still running after {LIMIT_SECONDS} s\n" + (error.stdout or b"").decode(errors="replace")
    rows = []
    for file in sorted(xml.glob("*.xml")):
        rows += read_cases(path.name, file.read_text(encoding="utf-8", errors="replace"))
    if (code != 0 and not any(row.result == FAILED for row in rows)) or not rows:
        reason = f"exit code {code}" if code else "no test cases"
        rows.append(Row(f"host:{path.name}:whole program", FAILED, time.monotonic() - begin, f"{reason}\n{output}"))
    return rows


def run_host_programs(build: Path, names: list[str], jobs: int) -> list[Row]:
    rows: list[Row] = []
    with ThreadPoolExecutor(jobs) as pool:
        paths = [(build / "host" / name, build / "host" / "results" / name) for name in names]
        for result in pool.map(lambda pair: run_program(*pair), paths):
            for row in result:
                print_row(row)
            rows += result
    return rows
