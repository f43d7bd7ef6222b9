# SPDX-License-Identifier: MIT
"""`spoor picture`: a few moments of a capture as an SVG, for pages that cannot open the Perfetto UI."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from . import tracetool
from .console import UserError

WIDTH, LEFT, ROW, BAR = 1100, 150, 26, 18
PALETTE = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f", "#86bcb6", "#d37295")
EVENT = re.compile(r"(-?\d+\.\d+)\s+(cpu(\d+)|meta)\s+(?:(\d+):(.*?))?\s+([a-z]+\.[a-z.]+)\s?(.*)")
PERSON = re.compile(r"(\d+)\((.*?)\)")


@dataclass(frozen=True)
class Slice:
    """What is drawn as a bar: begin and end in seconds."""

    begin: float
    end: float
    label: str
    colour: str


@dataclass
class Scene:
    """What was found between two moments."""

    begin: float
    end: float
    cores: dict[int, list[Slice]] = field(default_factory=dict)
    calls: dict[str, list[Slice]] = field(default_factory=dict)
    arrows: list[tuple[float, str, float, str]] = field(default_factory=list)
    colours: dict[str, str] = field(default_factory=dict)

    def run(self, core: int, begin: float, end: float, thread: str) -> None:
        """A bar on a core; threads get colours in the order in which they come."""
        if thread and not thread.startswith("idle"):
            colour = self.colours.setdefault(thread, PALETTE[len(self.colours) % len(PALETTE)])
            self.cores[core].append(Slice(begin, end, thread, colour))


def events(capture: Path, begin: float, end: float) -> Iterator[tuple[float, int, str, str, str]]:
    """(seconds, core, thread, event, fields) of the dump, cores only."""
    for line in tracetool.output("dump", "--from", str(begin), "--to", str(end), str(capture)).splitlines():
        found = EVENT.match(line)
        if found and found[3] is not None:
            thread = f"{(found[5] or '').strip()} ({found[4]})"
            yield float(found[1]), int(found[3]), thread, found[6], found[7]


def value(fields: str, name: str) -> str:
    found = re.search(rf"\b{name}=(\S+?(?:\(.*?\))?)(?=\s|$)", fields)
    return found[1] if found else ""


def read_scene(capture: Path, begin: float, end: float) -> Scene:
    """Cores from switches; calls and serves from the message events, with an arrow for each call and reply."""
    scene = Scene(begin, end)
    running: dict[int, tuple[float, str]] = {}
    open_calls: dict[str, tuple[float, str]] = {}
    open_serves: dict[str, tuple[float, str]] = {}
    for time, core, thread, event, fields in events(capture, begin, end):
        scene.cores.setdefault(core, [])
        call = value(fields, "call")
        if event == "sched.thread.switch":
            since, name = running.get(core, (begin, ""))
            scene.run(core, since, time, name)
            person = PERSON.search(value(fields, "next"))
            running[core] = (time, f"{person[2]} ({person[1]})" if person else "")
        elif event == "ipc.call":
            open_calls[call] = (time, thread)
        elif event == "ipc.receive":
            open_serves[call] = (time, thread)
            if call in open_calls:
                scene.arrows.append((*open_calls[call], time, thread))
        elif event == "ipc.reply" and call in open_serves:
            since, server = open_serves.pop(call)
            scene.calls.setdefault(server, []).append(Slice(since, time, "serve", "#59a14f"))
            if call in open_calls:
                scene.arrows.append((time, server, time, open_calls[call][1]))
        elif event == "ipc.return" and call in open_calls:
            since, client = open_calls.pop(call)
            scene.calls.setdefault(client, []).append(Slice(since, time, "call", "#4e79a7"))
    for core, (since, name) in running.items():
        scene.run(core, since, end, name)
    for since, client in open_calls.values():
        scene.calls.setdefault(client, []).append(Slice(since, end, "call", "#4e79a7"))
    return scene


class Drawing:
    """SVG text, row by row."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.parts: list[str] = []
        self.rows: dict[str, int] = {}
        self.y = 34

    def x(self, time: float) -> float:
        share = (time - self.scene.begin) / (self.scene.end - self.scene.begin)
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - 10)

    def row(self, title: str, slices: list[Slice]) -> None:
        self.rows[title] = self.y + BAR // 2
        self.parts.append(f'<text x="8" y="{self.y + 13}" class="t">{escape(title[:22])}</text>')
        for part in slices:
            left, width = self.x(part.begin), max(self.x(part.end) - self.x(part.begin), 0.8)
            self.parts.append(f'<rect x="{left:.1f}" y="{self.y}" width="{width:.1f}" height="{BAR}" rx="2" '
                              f'fill="{part.colour}"><title>{escape(part.label)}</title></rect>')
            if width > 7 * len(part.label):
                self.parts.append(f'<text x="{left + 4:.1f}" y="{self.y + 13}" class="b">{escape(part.label)}</text>')
        self.y += ROW

    def arrow(self, begin: float, source: str, end: float, target: str) -> None:
        if source in self.rows and target in self.rows:
            self.parts.append(f'<line x1="{self.x(begin):.1f}" y1="{self.rows[source]}" x2="{self.x(end):.1f}" '
                              f'y2="{self.rows[target]}" class="a" marker-end="url(#m)"/>')

    def finish(self) -> str:
        span = (self.scene.end - self.scene.begin) * 1e6
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.y + 8}" '
                f'viewBox="0 0 {WIDTH} {self.y + 8}" font-family="sans-serif" font-size="12">'
                '<style>.t{fill:#333}.b{fill:#fff;font-size:11px}.a{stroke:#c33;stroke-width:1}</style>'
                '<defs><marker id="m" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" '
                'orient="auto">'
                '<path d="M0 0 6 3 0 6z" fill="#c33"/></marker></defs>'
                f'<rect width="100%" height="100%" fill="#fafafa"/>'
                f'<text x="8" y="20" class="t">{span:.0f} microseconds from {self.scene.begin:.6f} s</text>')
        return head + "".join(self.parts) + "</svg>\n"


def draw(scene: Scene, people: int) -> str:
    drawing = Drawing(scene)
    for core in sorted(scene.cores):
        drawing.row(f"CPU {core}", scene.cores[core])
    busiest = sorted(scene.calls, key=lambda name: -len(scene.calls[name]))[:people]
    for name in sorted(busiest):
        drawing.row(name, scene.calls[name])
    for arrow in scene.arrows:
        drawing.arrow(*arrow)
    return drawing.finish()


def run(args: argparse.Namespace) -> int:
    if args.end <= args.begin:
        raise UserError("--to must come after --from")
    scene = read_scene(args.capture, args.begin, args.end)
    if not scene.cores:
        raise UserError(f"{args.capture}: no event between {args.begin} s and {args.end} s; "
                        "`spoor info` tells how long it is")
    args.out.write_text(draw(scene, args.threads))
    print(f"{args.out}: {len(scene.cores)} cores, {len(scene.calls)} threads with calls, {len(scene.arrows)} arrows")
    return 0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("picture", help="some moments of a capture as an SVG",
                                 description="Draw cores, calls and serves between two moments of a capture as an SVG.",
                                 epilog="example: spoor picture build/demo/demo.spoor out.svg --from 1.2 --to 1.201")
    parser.add_argument("capture", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="begin", type=float, required=True, metavar="S", help="seconds since the start")
    parser.add_argument("--to", dest="end", type=float, required=True, metavar="S")
    parser.add_argument("--threads", type=int, default=8, help="threads with the most calls (default: 8)")
    parser.set_defaults(run=run)
