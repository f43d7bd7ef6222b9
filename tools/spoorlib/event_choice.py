# SPDX-License-Identifier: MIT
"""Which events to record: presets, and words of the option trace=LIST (trace/ring/choice.h), checked before boot."""

from __future__ import annotations

import tomllib

from qemu.paths import ROOT

EVENTS_TOML = ROOT / "trace" / "events" / "events.toml"

# A question and the events that answer it. Each has the switches, without which nobody knows whose time it is.
PRESETS = {
    "latency": ("who runs, who waits for a core, and what took it", "sched,irq,timer"),
    "calls": ("calls from client to server and back, and what they wait for", "ipc,sched,syscall,user,log"),
    "memory": ("faults, frames, mappings, shootdowns", "fault,mm,sched,log"),
    "quiet": ("everything but the events that come most often", "all,-sched.queue.depth,-irq,-timer"),
}


def expand(words: str) -> str:
    """The same choice without presets."""
    return ",".join(PRESETS[word][1] if word in PRESETS else word for word in words.split(","))


def presets_text() -> str:
    """A line per preset, for help pages."""
    return "".join(f"  {name:8} {doc}: {words}\n" for name, (doc, words) in PRESETS.items())


def check(words: str) -> str | None:
    """What is wrong with a comma-separated choice, presets included; None: nothing."""
    definitions = tomllib.loads(EVENTS_TOML.read_text())
    categories = list(definitions["category"])
    for word in expand(words).split(","):
        name = word.removeprefix("-")
        if word == "none" or name in ("all", *categories):
            continue
        if not any(event == name or event.startswith(name + ".") for event in definitions["event"]):
            return (f"{word!r} is no preset, category or event; presets are {' '.join(PRESETS)}; categories are "
                    f"{' '.join(categories)}; events: kdebug> trace events, or make manual")
    return None
