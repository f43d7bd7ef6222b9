# SPDX-License-Identifier: MIT
"""A report as one self-contained page: styles inside, plots as SVG, no scripts, nothing fetched from anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from .report_data import (BACK, BACK_READY, QUEUE, QUEUE_IDLE, REST, SPENT, Json, Scale, cause_of, number,
                          operation_name, path_of, slowest_calls, slowness)
from .report_text import by, cost_of_tracing, losses, name_of, why

ROWS = 40
SLOWEST = 8
PLOT_WIDTH, PLOT_HEIGHT, LABEL_HEIGHT = 220, 48, 16
PATH_WIDTH, BAND = 860, 20
COLOURS = ("#4878a8", "#e49444", "#6a9f58", "#d1615d", "#85b6b2", "#a87c9f", "#e7ca60", "#967662", "#8cb369", "#5b5f97",
           "#b8b0ac", "#f1a2a9")
STEP_COLOURS = {**dict(zip(SPENT.values(), ("#6a9f58", "#e7ca60", "#d1615d", "#a87c9f", "#dddddd"), strict=True)),
                QUEUE_IDLE: "#85b6b2", QUEUE: "#e49444", REST: "#967662", BACK_READY: "#b5bd61", BACK: "#b8b0ac"}
STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { margin-top: 2em; border-bottom: 1px solid #ccc; font-size: 1.15em; }
table { border-collapse: collapse; } td, th { padding: .25em .8em; text-align: right; vertical-align: middle; }
td:first-child, th:first-child { text-align: left; padding-left: 0; } th { font-weight: 600; color: #666; }
tr + tr { border-top: 1px solid #eee; } .note { color: #666; } .bad { color: #b00; font-weight: 600; }
summary { cursor: pointer; } .why { background: #f6f4ee; padding: .4em .8em; border-left: 4px solid #e49444; }
svg { display: block; } svg text { font: 11px system-ui, sans-serif; } th.plot { text-align: left; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], plot: str = "") -> str:
    """Cells are HTML already; plot: the head of a last column of pictures."""
    names = "".join(f"<th>{escape(name)}</th>" for name in head) + (f'<th class="plot">{plot}</th>' if plot else "")
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{names}</tr>\n{body}</table>\n"


def section(title: str, content: str, note: str = "") -> str:
    remark = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{remark}{content}</section>\n"


def rectangle(x: float, y: float, width: float, height: float, colour: str, title: str) -> str:
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" fill="{colour}">'
            f"<title>{escape(title)}</title></rect>")


def histogram(values: Json, scale: Scale) -> str:
    """Bars by powers of two; hover tells range and count."""
    octaves = values["octaves"]
    if not octaves:
        return ""
    low = max(octaves[0][0], 1)
    columns = [round(math.log2(max(begin, 1) / low)) for begin, _ in octaves]
    width = PLOT_WIDTH / max(8, columns[-1] + 1)
    peak = max(count for _, count in octaves)
    bottom = PLOT_HEIGHT - LABEL_HEIGHT
    bars = []
    for column, (begin, count) in zip(columns, octaves, strict=True):
        height = bottom * count / peak
        title = f"{scale.text(begin)} to {scale.text(2 * begin)}: {count}"
        bars.append(rectangle(column * width, bottom - height, width - 1, height, COLOURS[0], title))
    label = (f'<text x="0" y="{PLOT_HEIGHT - 4}" fill="#666">{escape(scale.text(octaves[0][0]))} … '
             f"{escape(scale.text(2 * octaves[-1][0]))}</text>")
    return f'<svg width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}">{"".join(bars)}{label}</svg>'


def quantiles(values: Json, scale: Scale) -> list[str]:
    return [number(values["count"]), *(escape(scale.text(values[key])) for key in ("median_ns", "p99_ns", "max_ns"))]


def calls(report: Json, scale: Scale) -> str:
    rows = by([{**row, "total": row["trip"]["total_ns"]} for row in report["calls"]["operations"]], "total")
    return table(["operation", "calls", "median", "p99", "max", "failed", "queue", "serving"],
                 ([escape(operation_name(row)), *quantiles(row["trip"], scale), str(row["failed"]),
                   escape(scale.text(row["queue"]["median_ns"])), escape(scale.text(row["serve"]["median_ns"])),
                   histogram(row["trip"], scale)] for row in rows[:ROWS]), plot="round trips")


def critical_path(call: Json, scale: Scale) -> str:
    """One band per level of nesting, time from left to right."""
    steps = [step for step in path_of(call) if step.ns > 0]
    whole = max(1, sum(step.ns for step in steps))
    shapes = []
    at = 0
    for step in steps:
        title = f"{operation_name(step.call)}: {step.what}, {scale.text(step.ns)}"
        shapes.append(rectangle(PATH_WIDTH * at / whole, step.depth * (BAND + 2), PATH_WIDTH * step.ns / whole, BAND,
                                STEP_COLOURS[step.what], title))
        at += step.ns
    height = (max(step.depth for step in steps) + 1) * (BAND + 2) if steps else 0
    return f'<svg width="{PATH_WIDTH}" height="{height}">{"".join(shapes)}</svg>'


def slowest(report: Json, scale: Scale) -> str:
    parts = []
    for index, call in enumerate(slowest_calls(report)[:SLOWEST]):
        head = (f"{operation_name(call)} called by {call['client']} at {call['start_ns'] / 1e9:.6f} s: "
                f"{scale.text(slowness(call))}")
        reason = escape(why(cause_of(call), call, scale))
        parts.append(f"<details{' open' if index == 0 else ''}><summary>{escape(head)}</summary>"
                     f'<p class="why">{reason}</p>{critical_path(call, scale)}</details>')
    key = "".join(f'<span class="key" style="background:{colour}"></span>{escape(name)}'
                  for name, colour in STEP_COLOURS.items())
    return f"<p>{key}</p>" + "\n".join(parts)


def processors(report: Json, scale: Scale) -> str:
    """A bar per core, divided among processes."""
    rows = by(report["processes"], "cpu_total_ns")
    shown = rows[:len(COLOURS)]
    bars = []
    for index, core in enumerate(report["cores"]):
        at = 60.0
        y = index * (BAND + 4)
        bars.append(f'<text x="0" y="{y + 14}">cpu {core["cpu"]}</text>')
        for colour, item in zip(COLOURS, shown, strict=False):
            width = 800 * item["cpu_ns"][index] / max(1, core["known_ns"])
            title = f"{name_of(item)}: {scale.text(item['cpu_ns'][index])}"
            bars.append(rectangle(at, y, width, BAND, colour, title) if width else "")
            at += width
        bars.append(rectangle(860 - 800 * core["idle_ns"] / max(1, core["known_ns"]), y,
                              800 * core["idle_ns"] / max(1, core["known_ns"]), BAND, "#eeeeee",
                              f"idle: {scale.text(core['idle_ns'])}"))
    key = "".join(f'<span class="key" style="background:{colour}"></span>{escape(name_of(item))}'
                  for colour, item in zip(COLOURS, shown, strict=False))
    plot = f'<svg width="{PATH_WIDTH}" height="{len(report["cores"]) * (BAND + 4)}">{"".join(bars)}</svg>'
    return f"<p>{key}</p>{plot}" + table(["process", "on cores"], ([escape(name_of(item)),
                                         escape(scale.text(item["cpu_total_ns"]))] for item in rows[:ROWS]))


def wakeups(report: Json, scale: Scale) -> str:
    rows = by([{**item, "p99": item["wake"]["p99_ns"]} for item in report["processes"]], "p99")
    every = {"process": "all", "processes": 1, **report["wakeups"]}
    return table(["process", "wake-ups", "median", "p99", "max", "hand-offs"],
                 ([escape(name_of(item)), *quantiles(item["wake"], scale), number(item["handoffs"]),
                   histogram(item["wake"], scale)] for item in [every, *rows[:ROWS]]), plot="latency")


def faults(report: Json, scale: Scale) -> str:
    rows = by([{**item, "total": item["fault"]["total_ns"]} for item in report["processes"]], "total")
    return table(["process", "faults", "median", "p99", "max", "total"],
                 ([escape(name_of(item)), *quantiles(item["fault"], scale), escape(scale.text(item["total"])),
                   histogram(item["fault"], scale)] for item in rows[:ROWS]), plot="cost")


def timed(rows: Iterable[Json], scale: Scale) -> str:
    return table(["", "count", "median", "p99", "max", "total"],
                 ([escape(item["name"]), *quantiles(item["time"], scale), escape(scale.text(item["total"])),
                   histogram(item["time"], scale)]
                  for item in by([{**row, "total": row["time"]["total_ns"]} for row in rows], "total")),
                 plot="duration")


def loss(report: Json) -> str:
    causes = losses(report)
    return f'<p class="bad">LOST events: {escape(causes)}</p>' if causes else ""


def render(report: Json, scale: Scale) -> str:
    title = f"Spoor: {report['file']}"
    head = (f"{report['kernel']} · {report['cmdline']} · {len(report['cores'])} cores · "
            f"{report['duration_ns'] / 1e9:.3f} s · {number(report['events'])} events")
    parts = [
        section("The slowest calls", slowest(report, scale), "The slowest of each operation, with its critical path: "
                "each band is a server, one below the other for calls that a server made. Hover for figures."),
        section("IPC by server and operation", calls(report, scale)),
        section("From wake-up to running", wakeups(report, scale)),
        section("Processor time", processors(report, scale)),
        section("Page faults", faults(report, scale)),
        section("System calls", timed(report["syscalls"], scale)),
        section("Interrupts", timed(report["interrupts"], scale)),
        f'<p class="note">{escape(cost_of_tracing(report, scale))}</p>\n',
    ]
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1><p>{escape(head)}</p>{loss(report)}\n"
            f"{''.join(parts)}</body></html>\n")
