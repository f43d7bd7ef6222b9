# SPDX-License-Identifier: MIT
"""A report for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .report_data import (Json, Scale, Step, cause_of, fault_of, number, operation_name, path_of, slowest_calls,
                          slowness)

ROWS = 12
BARS = "▁▂▃▄▅▆▇█"
BAR_COLUMNS = 30


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A title and columns; the first is left-aligned, the rest right-aligned. Nothing if there are no rows."""
    body = [list(row) for row in rows]
    if not body:
        return []
    widths = [max(len(row[i]) for row in [list(head), *body]) for i in range(len(head))]
    lines = ["", title]
    for row in [list(head), *body]:
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def histogram(values: Json) -> str:
    """One character for each power of two from the least to the greatest value."""
    octaves = values["octaves"]
    if not octaves:
        return ""
    peak = max(count for _, count in octaves)
    rows = dict(octaves)
    low, high = (max(octaves[i][0], 1) for i in (0, -1))
    cells = [rows.get(octaves[0][0], 0)]
    start = low
    while start * 2 <= high * 1.5 and len(cells) < 64:
        start *= 2
        cells.append(next((count for begin, count in octaves if start * 0.75 <= begin <= start * 1.5), 0))
    return "".join(" " if count == 0 else BARS[min(7, count * 8 // (peak + 1))] for count in cells)


def quantiles(values: Json, scale: Scale) -> list[str]:
    return [number(values["count"]), *(scale.text(values[key]) for key in ("median_ns", "p99_ns", "max_ns"))]


def calls(report: Json, scale: Scale) -> list[str]:
    found = report["calls"]
    rows = by([{**row, "total": row["trip"]["total_ns"]} for row in found["operations"]], "total")
    head = ["operation", "calls", "median", "p99", "max", "failed", "serving", "by octave"]
    lines = table("IPC by server and operation, most time first", head,
                  ([operation_name(row), *quantiles(row["trip"], scale), str(row["failed"]),
                    scale.text(row["serve"]["median_ns"]), histogram(row["trip"])] for row in rows[:ROWS]))
    if len(rows) > ROWS:
        lines.append(f"  ... and {len(rows) - ROWS} more")
    if found["incomplete"]:
        lines.append(f"  {found['incomplete']} calls are not whole in this capture")
    return lines


def why(step: Step, call: Json, scale: Scale) -> str:
    """'ipc server 0 was running (45%)', one line."""
    share = 100 * step.ns // max(1, call["trip_ns"])
    text = f"{operation_name(step.call)}: {step.what}, {scale.text(step.ns)} ({share}%)"
    fault = fault_of(call)
    if fault is not None:
        symbol = f" in {fault['symbol']}" if fault["symbol"] else ""
        text += (f"; {fault['count']} faults, the longest {scale.text(fault['time_ns'])} at {fault['address']} "
                 f"({fault['outcome']}) from {fault['ip']}{symbol}")
    return text


def slowest_call(call: Json, scale: Scale) -> list[str]:
    """A call, its critical path as a tree with bars, and what it comes down to."""
    lines = [f"{operation_name(call)} called by {call['client']} ({call['client_thread']}, {call['client_tid']}) "
             f"at {call['start_ns'] / 1e9:.6f} s took {scale.text(call['trip_ns'])}"]
    depth = 0
    for step in path_of(call):
        if step.depth > depth:
            lines.append("  " * (step.depth + 1) + f"└ call {operation_name(step.call)}  "
                         f"{scale.text(step.call['trip_ns'])}")
        depth = step.depth
        if step.ns:
            bar = "█" * max(1, BAR_COLUMNS * step.ns // max(1, call["trip_ns"]))
            lines.append(f"{'  ' * (step.depth + 2)}{step.what:<22}{scale.text(step.ns):>12}  {bar}")
    if call["calls_left_out"]:
        lines.append(f"    {call['calls_left_out']} nested calls are not shown")
    return [*lines, f"  => {why(cause_of(call), call, scale)}"]


def slowest(report: Json, scale: Scale) -> list[str]:
    found = slowest_calls(report)
    if not found:
        return []
    return ["", "The slowest call", *("  " + line for line in slowest_call(found[0], scale)),
            *table("The slowest of each operation", ["operation", "took", "at s", "because of"],
                   ([operation_name(call), scale.text(slowness(call)), f"{call['start_ns'] / 1e9:.6f}",
                     why(cause_of(call), call, scale)] for call in found[1:6]))]


def processors(report: Json, scale: Scale) -> list[str]:
    cores = report["cores"]
    known = [max(1, core["known_ns"]) for core in cores]
    head = ["process", "total", *(f"cpu {core['cpu']}" for core in cores)]

    def row(name: str, total: str, values: Sequence[int]) -> list[str]:
        return [name, total, *(f"{100 * value / whole:.1f}%" for value, whole in zip(values, known, strict=True))]

    busy = by(report["processes"], "cpu_total_ns")
    rows = [row(name_of(item), scale.text(item["cpu_total_ns"]), item["cpu_ns"]) for item in busy[:ROWS]]
    for name, key in (("(idle)", "idle_ns"), ("(in interrupts, of the above)", "irq_ns")):
        rows.append(row(name, scale.text(sum(core[key] for core in cores)), [core[key] for core in cores]))
    return table("Processor time", head, rows)


def by(rows: Iterable[Json], key: str) -> list[Json]:
    """Rows that have any of it, the greatest first."""
    return sorted((row for row in rows if row[key]), key=lambda row: int(row[key]), reverse=True)


def name_of(process: Json) -> str:
    name = str(process["process"])
    return f"{name} ×{process['processes']}" if process["processes"] > 1 else name


def wakeups(report: Json, scale: Scale) -> list[str]:
    rows = by([{**item, "p99": item["wake"]["p99_ns"]} for item in report["processes"]], "p99")
    every: list[Json] = [{"process": "all", "processes": 1, **report["wakeups"]}] if rows else []
    return table("From wake-up to running", ["process", "wake-ups", "median", "p99", "max", "hand-offs", "by octave"],
                 ([name_of(item), *quantiles(item["wake"], scale), number(item["handoffs"]), histogram(item["wake"])]
                  for item in every + rows[:ROWS]))


def faults(report: Json, scale: Scale) -> list[str]:
    rows = by([{**item, "total": item["fault"]["total_ns"]} for item in report["processes"]], "total")
    return table("Page faults", ["process", "faults", "median", "p99", "max", "total", "outcomes"],
                 ([name_of(item), *quantiles(item["fault"], scale), scale.text(item["fault"]["total_ns"]),
                   " ".join(f"{name}={count}" for name, count in item["fault_outcomes"].items())]
                  for item in rows[:ROWS]))


def syscalls(report: Json, scale: Scale) -> list[str]:
    rows = by(report["syscalls"], "cpu_ns")
    return table("System calls, most processor time first",
                 ["call", "count", "median", "p99", "max", "failed", "on a core"],
                 ([item["name"], *quantiles(item["time"], scale), str(item["failed"]), scale.text(item["cpu_ns"])]
                  for item in rows[:ROWS]))


def interrupts(report: Json, scale: Scale) -> list[str]:
    rows = by([{**item, "total": item["time"]["total_ns"]} for item in report["interrupts"]], "total")
    return table("Interrupts", ["interrupt", "count", "median", "p99", "max", "total"],
                 ([item["name"], *quantiles(item["time"], scale), scale.text(item["time"]["total_ns"])]
                  for item in rows[:ROWS]))


def numbers(report: Json, scale: Scale) -> list[str]:
    """Measurements of the kernel that this program has never heard of."""
    rows = []
    for item in report["numbers"]:
        if "time" in item:
            rows.append([item["event"], *quantiles(item["time"], scale)])
        else:
            values = item["values"]
            unit = f" {item['unit']}" if item["unit"] else ""
            rows.append([f"{item['event']} {item['field']}", number(values["count"]),
                         *(number(values[key]) + unit for key in ("median", "p99", "max"))])
    return table("Other events", ["event", "count", "median", "p99", "max"], rows)


def tracing(report: Json, scale: Scale) -> list[str]:
    """What the recorder says about itself. Nothing if the kernel did not tell what a record costs."""
    text = cost_of_tracing(report, scale)
    return ["", text] if text else []


def cost_of_tracing(report: Json, scale: Scale) -> str:
    """'tracing cost at most 1.2M instructions (30.1 for each of 40k events) = 1.9 % of what the cores executed'."""
    cores = report["cores"]
    spent, events = (sum(core.get(key, 0) for core in cores) for key in ("trace_instructions", "events"))
    if not spent:
        return ""
    busy_ns = max(1, sum(core["known_ns"] - core["idle_ns"] for core in cores))
    share = (f"{100 * spent / max(1, scale.value(busy_ns)):.1f} % of what the cores executed" if scale.shift is not None
             else f"{1000 * spent / busy_ns:.1f} in each µs that a core was busy")
    behind = max(core["unread_max_bytes"] for core in cores)
    late = f"; its consumer was up to {behind >> 10} KiB behind" if behind else ""
    each = f"{spent / events:.1f} for each of {number(events)} events"
    return f"tracing cost at most {number(spent)} instructions ({each}) = {share}{late}"


def loss(report: Json) -> list[str]:
    causes = losses(report)
    return ["", f"LOST events: {causes}; what is said above is incomplete"] if causes else []


def losses(report: Json) -> str:
    """'12 overwritten, 3 not written'; empty if nothing was lost."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report["loss"].items()
                     if name != "holes" and count)


def render(report: Json, scale: Scale) -> str:
    head = (f"{report['file']}: {report['kernel']}, {len(report['cores'])} cores, "
            f"{report['duration_ns'] / 1e9:.3f} s, {number(report['events'])} events")
    parts = [calls(report, scale), slowest(report, scale), wakeups(report, scale), processors(report, scale),
             faults(report, scale), syscalls(report, scale), interrupts(report, scale), numbers(report, scale),
             tracing(report, scale), loss(report)]
    return "\n".join([head, *(line for part in parts for line in part)])
