# SPDX-License-Identifier: MIT
"""Runs the libFuzzer programs (tests/fuzz) one after the other, each for a given time, and keeps what they found."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from results import FAILED, PASSED, Row, print_row

ROOT = Path(__file__).resolve().parents[2]


def run_fuzzer(build: Path, name: str, seconds: int, seed: int) -> Row:
    """Starts from tests/fuzz/NAME.seeds and the corpus of earlier runs; inputs that crash land in build/fuzz/NAME."""
    folder = build / "fuzz" / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    command = [str(build / "fuzz" / "bin" / name), f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=20",
               "-print_final_stats=1", f"-artifact_prefix={folder}/", str(corpus)]
    seeds = ROOT / "tests/fuzz" / f"{name}.seeds"
    if seeds.is_dir():
        command.append(str(seeds))
    begin = time.monotonic()
    with open(folder / "log", "w", encoding="utf-8") as log:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
    text = (folder / "log").read_text(encoding="utf-8", errors="replace")
    runs = next((line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line), "0")
    message = f"{runs} inputs, seed {seed}" if code == 0 else "\n".join(text.splitlines()[-40:])
    return Row(f"fuzz:{name}:{seconds} s", PASSED if code == 0 else FAILED, time.monotonic() - begin, message)


def run_fuzzers(build: Path, names: list[str], seconds: int, seed: int) -> list[Row]:
    rows = []
    for name in names:
        rows.append(run_fuzzer(build, name, seconds, seed))
        print_row(rows[-1])
    return rows
