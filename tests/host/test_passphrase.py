# SPDX-License-Identifier: MIT
"""spoor passphrase."""

from __future__ import annotations

import hashlib
import io
import re

import pytest

from spoorlib.cli import main
from spoorlib.console import UserError
from spoorlib.passphrase import make_option


def test_what_it_prints_is_the_key_and_not_the_passphrase(monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    printed = set()
    for _ in range(2):
        monkeypatch.setattr("sys.stdin", io.StringIO("open sesame\r\nnot this\n"))
        assert main(["passphrase", "--rounds", "10"]) == 0
        option = capsys.readouterr().out
        match = re.fullmatch(r"kdebug_passphrase=10:([0-9a-f]{32}):([0-9a-f]{64})\n", option)
        assert match
        assert match[2] == hashlib.pbkdf2_hmac("sha256", b"open sesame", bytes.fromhex(match[1]), 10).hex()
        printed.add(option)
    assert len(printed) == 2  # another salt each time


@pytest.mark.parametrize("text, rounds", [("", 10), ("x" * 129, 10), ("gr\xfcn", 10), ("tab\t", 10), ("x", 0),
                                          ("x", 10000001)])
def test_what_could_not_be_typed_is_refused(text: str, rounds: int) -> None:
    with pytest.raises(UserError):
        make_option(text, rounds, b"salt")


def test_it_fits_the_kernels_buffer() -> None:
    assert len(make_option("x" * 128, 10, b"s" * 16).split("=")[1]) < 160
