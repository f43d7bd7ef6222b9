# SPDX-License-Identifier: MIT
"""Which events to record: words of the option trace=LIST (trace/ring/choice.h), checked before the machine boots."""

from __future__ import annotations

import tomllib

from qemu.paths import ROOT

EVENTS_TOML = ROOT / "trace" / "events" / "events.toml"


def check(words: str) -> str | None:
    """What is wrong with a comma-separated choice; None: nothing."""
    definitions = tomllib.loads(EVENTS_TOML.read_text())
    categories = list(definitions["category"])
    for word in words.split(","):
        name = word.removeprefix("-")
        if word == "none" or name in ("all", *categories):
            continue
        if not any(event == name or event.startswith(name + ".") for event in definitions["event"]):
            return (f"{word!r} is no category and no event; categories are {' '.join(categories)}; "
                    "events: kdebug> trace events, or make manual")
    return None
