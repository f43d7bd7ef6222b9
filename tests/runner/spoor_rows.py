# SPDX-License-Identifier: MIT
"""
A pytest plugin: appends one JSON line per finished test, so that a killed run still tells what it had done. With
pytest-xdist only the controller writes; group marks that it appends to ids are taken off again.
"""

from __future__ import annotations

import json
import os
import re

import pytest

OUTPUT = "" if "PYTEST_XDIST_WORKER" in os.environ else os.environ.get("SPOOR_ROWS", "")
GROUP_MARK = re.compile(r"@[\w.-]+\Z")
slowest: dict[str, float] = {}


def write(node: str, result: str, seconds: float, message: str) -> None:
    node = GROUP_MARK.sub("", node)
    if OUTPUT:
        with open(OUTPUT, "a", encoding="utf-8") as file:
            file.write(json.dumps({"node": node, "result": result, "seconds": seconds, "message": message}) + "\n")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test has three phases; it passes when its call passes and its teardown does not fail afterwards."""
    slowest[report.nodeid] = slowest.get(report.nodeid, 0.0) + report.duration
    finished = report.when == "call" or report.outcome != "passed"
    if finished:
        write(report.nodeid, report.outcome, slowest[report.nodeid], report.longreprtext)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        write(report.nodeid, "failed", 0.0, str(report.longrepr))
