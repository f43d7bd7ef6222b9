#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""All checks of form, one line per rule, every finding with file, line and what to do.

    tools/lint/lint.py [--build DIR] [--mode debug] [--json FILE] [RULE...]

Needs a built tree (object-code rules) and BUILD/compile_commands.json (clang rules); `make lint` sees to both.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import callgraph
import emitters
import form
import layers
import objcode
import python_rules
import words
from findings import Context, Finding, Rule
from sizes import size_table

RULES: dict[str, Rule] = {
    "head": form.check_heads,
    "format": form.check_format,
    "layers": layers.check_includes,
    "layers-link": layers.check_symbols,
    "header-alone": form.check_headers,
    "thread-safety": form.check_thread_safety,
    "tidy": form.check_tidy,
    "flake8": python_rules.check_flake8,
    "mypy": python_rules.check_mypy,
    "words": words.check_words,
    "kdebug-calls": callgraph.check_debugger,
} | objcode.RULES | emitters.RULES

SHOWN_MAX = 40


def run_rule(name: str, context: Context) -> dict[str, object]:
    begin = time.monotonic()
    findings: list[Finding] = RULES[name](context)
    seconds = time.monotonic() - begin
    print(f"  {'failed' if findings else 'passed':<8}{name}  ({seconds:.1f} s)", flush=True)
    for finding in findings[:SHOWN_MAX]:
        print(finding, flush=True)
    if len(findings) > SHOWN_MAX:
        print(f"... and {len(findings) - SHOWN_MAX} more", flush=True)
    return {"rule": name, "result": "failed" if findings else "passed", "seconds": round(seconds, 1),
            "message": "\n".join(str(finding) for finding in findings[:SHOWN_MAX])}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="check the form of the source tree")
    parser.add_argument("rules", nargs="*", choices=[*RULES, []], metavar="RULE", help=", ".join(RULES))
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--mode", default="debug")
    parser.add_argument("--json", type=Path, help="write the results there")
    options = parser.parse_args(argv)
    context = Context(options.root.resolve(), options.build, options.mode)
    results = [run_rule(name, context) for name in options.rules or RULES]
    print(size_table(context.root))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 1 if any(result["result"] == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
