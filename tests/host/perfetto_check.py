#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks a Perfetto trace the way its importer would read it, and where the importer would say nothing.

    perfetto_check.py FILE [--json] [--build DIR]

Shares no code with the converter: packets are decoded by protobuf's own library from perfetto_subset.proto. The
conditions are those that Perfetto's importer counts as errors or data loss, and those it swallows silently: overlapping
slices, ends without a begin, flows with one end, disorder inside a bundle, a file that was cut.

Exit codes: 0 good, 1 something is wrong, 2 cannot be read. For tests: report = check_file(path, keep=True).
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

PROTO = Path(__file__).with_name("perfetto_subset.proto")
MODULE = "perfetto_subset_pb2"
TEXTS_PER_RULE = 10

SEQ_CLEARED = 1
SEQ_NEEDS = 2
CLOCK_BOOTTIME = 6
CLONE_THREAD = 0x10000
PREEMPTED = 0x100
INVALID_STATE_BITS = 0xFE00
CPU_LIMIT = 1024


def load_proto(build: Path | None = None) -> ModuleType:
    """The generated module; protoc runs only when the definition is newer."""
    if MODULE in sys.modules:
        return sys.modules[MODULE]
    folder = (build or Path(os.environ.get("BUILD", "build"))) / "host"
    target = folder / f"{MODULE}.py"
    if not target.exists() or target.stat().st_mtime < PROTO.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:  # two tests may do this at once
            subprocess.run(["protoc", f"-I{PROTO.parent}", f"--python_out={scratch}", PROTO.name], check=True)
            os.replace(Path(scratch) / f"{MODULE}.py", target)
    sys.path.insert(0, str(folder))
    return importlib.import_module(MODULE)


@dataclass
class Slice:
    track: int
    name: str
    category: str
    begin: int
    end: int | None
    depth: int
    args: dict[str, Any]
    number: int  # among all slices
    end_args: dict[str, Any] = field(default_factory=dict)
    flows: list[int] = field(default_factory=list)
    ended_flows: list[int] = field(default_factory=list)


@dataclass
class Instant:
    track: int
    name: str
    category: str
    time: int
    args: dict[str, Any]
    flows: list[int] = field(default_factory=list)
    ended_flows: list[int] = field(default_factory=list)


@dataclass
class Track:
    uuid: int
    kind: str  # thread, process, counter or plain
    name: str
    parent: int
    pid: int
    tid: int


@dataclass
class Switch:
    time: int
    prev: int
    prev_state: int
    next: int
    priority: int
    name: str


@dataclass
class Waking:
    time: int
    waker: int
    thread: int
    target: int
    in_irq: bool


@dataclass
class State:
    """What a thread did from begin to end; end None: until the trace ends."""

    name: str
    begin: int
    end: int | None
    cpu: int | None = None
    waker: int | None = None
    blocked_on: str = ""


@dataclass
class Sample:
    time: int
    cpu: int
    pid: int
    tid: int
    in_kernel: bool
    stack: str  # outermost first: FILE:FUNCTION:ADDRESS > ...


@dataclass
class Report:
    errors: Counter[str] = field(default_factory=Counter)
    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)
    attributes: dict[str, Any] = field(default_factory=dict)
    stats: dict[int, dict[int, Any]] = field(default_factory=dict)  # by phase and core
    ranks: dict[str, int] = field(default_factory=dict)  # by name of the process
    clocks: list[tuple[int, int]] = field(default_factory=list)  # id and time
    tracks: dict[int, Track] = field(default_factory=dict)
    slices: list[Slice] = field(default_factory=list)
    instants: list[Instant] = field(default_factory=list)
    counters: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    switches: dict[int, list[Switch]] = field(default_factory=lambda: defaultdict(list))
    wakings: dict[int, list[Waking]] = field(default_factory=lambda: defaultdict(list))
    irqs: dict[int, list[tuple[int, int | None, str]]] = field(default_factory=lambda: defaultdict(list))
    states: dict[int, list[State]] = field(default_factory=lambda: defaultdict(list))
    state_ns: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by thread and state
    threads: dict[int, tuple[int, str]] = field(default_factory=dict)
    processes: dict[int, str] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    first: int = 0
    last: int = 0
    has_loss: bool = False  # events are missing
    has_gaps: bool = False  # or were not recorded for a while

    @property
    def ok(self) -> bool:
        return not self.errors

    def error(self, rule: str, text: str) -> None:
        self.errors[rule] += 1
        if len(self.texts[rule]) < TEXTS_PER_RULE:
            self.texts[rule].append(text)

    def summary(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "errors": dict(self.errors),
            "texts": dict(self.texts),
            "counts": dict(sorted(self.counts.items())),
            "attributes": self.attributes,
            "duration_ns": self.last - self.first,
            "cpus": sorted(self.switches),
            "threads": len(self.threads),
            "processes": len(self.processes),
            "has_loss": self.has_loss,
            "has_gaps": self.has_gaps,
        }


def split_packets(data: bytes, report: Report) -> list[memoryview]:
    """The packets of a file, checked for the frame: field 1, whole, to the last byte."""
    view = memoryview(data)
    packets = []
    at = 0
    while at < len(data):
        if data[at] != 0x0A:
            report.error("frame", f"byte {at:#x}: not a packet")
            break
        size, at, whole = read_varint(data, at + 1)
        if not whole or at + size > len(data):
            report.error("frame", f"the file is cut inside the packet that ends at byte {at + size:#x}")
            break
        packets.append(view[at:at + size])
        at += size
    return packets


def read_varint(data: bytes, at: int) -> tuple[int, int, bool]:
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at, True
    return 0, at, False


class Checker:
    """Reads packets in the order of the file; what depends on time is judged at the end."""

    def __init__(self, report: Report, keep: bool) -> None:
        self.report = report
        self.keep = keep
        self.cleared: set[int] = set()
        self.interned: dict[tuple[int, str], dict[int, str]] = defaultdict(dict)
        self.events: dict[int, list[tuple[int, int, Any, int]]] = defaultdict(list)  # by track
        self.rows: list[tuple[int, int, int, str, Any]] = []  # time, order, cpu, kind, payload
        self.sched_last: dict[tuple[int, str], int] = {}
        self.first_switch: dict[int, int] = {}
        self.order = 0
        self.have_clock = False
        self.have_system = False

    # ---- packets ----

    def packet(self, packet: Any) -> None:
        report = self.report
        report.counts["packets"] += 1
        sequence = packet.trusted_packet_sequence_id
        if sequence == 0:
            report.error("sequence", "a packet without a sequence id")
        if packet.sequence_flags & SEQ_CLEARED:
            self.cleared.add(sequence)
        if packet.sequence_flags & SEQ_NEEDS and sequence not in self.cleared:
            report.error("sequence", f"sequence {sequence}: state is needed before it was cleared")
        if packet.HasField("previous_packet_dropped"):
            report.error("sequence", f"sequence {sequence}: previous_packet_dropped")
        if packet.HasField("timestamp_clock_id"):
            report.error("clock", f"clock {packet.timestamp_clock_id} instead of the trace clock")
        if packet.HasField("interned_data"):
            self.intern(sequence, packet)
        self.data(sequence, packet)

    def data(self, sequence: int, packet: Any) -> None:
        if packet.HasField("clock_snapshot"):
            self.clock(packet.clock_snapshot)
        elif packet.HasField("system_info"):
            self.have_system = packet.system_info.utsname.release == "6.1.0"
        elif packet.HasField("trace_attributes"):
            for item in packet.trace_attributes.attribute:
                self.report.attributes[item.key] = getattr(item, item.WhichOneof("value"))
        elif packet.HasField("process_tree"):
            self.process_tree(packet)
        elif packet.HasField("ftrace_stats"):
            self.stats(packet.ftrace_stats)
        elif packet.HasField("track_descriptor"):
            self.descriptor(packet.track_descriptor)
        elif packet.HasField("track_event"):
            self.track_event(sequence, packet)
        elif packet.HasField("perf_sample"):
            self.sample(sequence, packet)
        elif packet.HasField("ftrace_events"):
            self.bundle(sequence, packet.ftrace_events)
        elif not packet.HasField("interned_data"):
            self.report.error("packet", "a packet that says nothing")

    def stats(self, stats: Any) -> None:
        """At both ends, so that the importer can tell what was lost in between."""
        self.report.counts[f"stats_phase_{stats.phase}"] += 1
        if stats.phase not in (1, 2) or self.report.counts[f"stats_phase_{stats.phase}"] > 1:
            self.report.error("stats", f"phase {stats.phase} is unknown or comes twice")
        self.report.stats[stats.phase] = {cpu.cpu: cpu for cpu in stats.cpu_stats}

    def clock(self, snapshot: Any) -> None:
        ids = [clock.clock_id for clock in snapshot.clocks]
        if CLOCK_BOOTTIME not in ids or snapshot.primary_trace_clock != CLOCK_BOOTTIME:
            self.report.error("clock", f"clocks {ids}, primary {snapshot.primary_trace_clock}")
        self.report.clocks = [(clock.clock_id, clock.timestamp) for clock in snapshot.clocks]
        self.have_clock = True

    def intern(self, sequence: int, packet: Any) -> None:
        if sequence not in self.cleared:
            self.report.error("intern", f"sequence {sequence}: interned data before the state was cleared")
        data = packet.interned_data
        for kind in ("event_categories", "event_names", "debug_annotation_names"):
            for entry in getattr(data, kind):
                self.intern_one(sequence, kind, entry.iid, entry.name)
        for kind in ("kernel_symbols", "function_names", "mapping_paths"):
            for entry in getattr(data, kind):
                self.intern_one(sequence, kind, entry.iid, entry.str.decode())
        for mapping in data.mappings:
            path = "/".join(self.lookup(sequence, "mapping_paths", iid) for iid in mapping.path_string_ids)
            self.intern_one(sequence, "mappings", mapping.iid, path)
        for frame in data.frames:
            if not frame.HasField("rel_pc"):
                self.report.error("intern", f"frame {frame.iid} has a mapping but no rel_pc")
            text = (f"{self.lookup(sequence, 'mappings', frame.mapping_id)}:"
                    f"{self.lookup(sequence, 'function_names', frame.function_name_id)}:{frame.rel_pc:x}")
            self.intern_one(sequence, "frames", frame.iid, text)
        for stack in data.callstacks:
            frames = [self.lookup(sequence, "frames", iid) for iid in stack.frame_ids]
            self.intern_one(sequence, "callstacks", stack.iid, " > ".join(frames))

    def intern_one(self, sequence: int, kind: str, iid: int, text: str) -> None:
        table = self.interned[sequence, kind]
        if iid == 0 or table.get(iid, text) != text:
            self.report.error("intern", f"{kind} {iid} is {text!r}, was {table.get(iid)!r}")
        table[iid] = text

    def lookup(self, sequence: int, kind: str, iid: int) -> str:
        text = self.interned[sequence, kind].get(iid)
        if text is None:
            self.report.error("intern", f"sequence {sequence}: {kind} {iid} is not defined")
            return "?"
        return text

    def sample(self, sequence: int, packet: Any) -> None:
        """The stack as text, outermost frame first: FILE:FUNCTION:ADDRESS > ..."""
        sample = packet.perf_sample
        stack = self.lookup(sequence, "callstacks", sample.callstack_iid)
        if sample.cpu_mode not in (1, 2) or not packet.HasField("timestamp"):
            self.report.error("sample", f"mode {sample.cpu_mode}, time {packet.timestamp}")
        self.report.counts["samples"] += 1
        if self.keep:
            self.report.samples.append(Sample(packet.timestamp, sample.cpu, sample.pid, sample.tid,
                                              sample.cpu_mode == 1, stack))

    # ---- processes and tracks ----

    def process_tree(self, packet: Any) -> None:
        if not packet.HasField("timestamp"):
            self.report.error("tree", "a process tree without a time")
        for process in packet.process_tree.processes:
            if process.pid <= 0 or not process.cmdline:
                self.report.error("tree", f"process {process.pid} has no name")
            if self.report.parents.setdefault(process.pid, process.ppid) != process.ppid:
                self.report.error("tree", f"process {process.pid}: another parent makes it another process")
            self.report.processes[process.pid] = process.cmdline[0] if process.cmdline else ""
        for thread in packet.process_tree.threads:
            if thread.tid <= 0 or thread.tgid <= 0 or not thread.name:
                self.report.error("tree", f"thread {thread.tid} of process {thread.tgid}, name {thread.name!r}")
            known = self.report.threads.get(thread.tid)
            if known is not None and known[0] != thread.tgid:
                self.report.error("tree", f"thread {thread.tid} moves from process {known[0]} to {thread.tgid}")
            self.report.threads[thread.tid] = (thread.tgid, thread.name)

    def descriptor(self, descriptor: Any) -> None:
        report = self.report
        uuid = descriptor.uuid
        kind = "plain"
        pid = tid = 0
        name = descriptor.name
        if descriptor.HasField("thread"):
            kind, pid, tid = "thread", descriptor.thread.pid, descriptor.thread.tid
            name = descriptor.thread.thread_name
            if pid <= 0 or tid <= 0:
                report.error("descriptor", f"thread track {uuid} has pid {pid}, tid {tid}")
        elif descriptor.HasField("process"):
            kind, pid, name = "process", descriptor.process.pid, descriptor.process.process_name
            report.ranks[name] = descriptor.sibling_order_rank
            if pid <= 0:
                report.error("descriptor", f"process track {uuid} has pid {pid}")
        elif descriptor.HasField("counter"):
            kind = "counter"
        if uuid == 0 and descriptor.process_ordering == descriptor.thread_ordering == 1:
            report.counts["roots"] += 1
            return
        if uuid == 0 or uuid in report.tracks:
            report.error("descriptor", f"track {uuid} is described twice or has no uuid")
        if not name:
            report.error("descriptor", f"track {uuid} has no name")
        if descriptor.parent_uuid and descriptor.parent_uuid not in report.tracks:
            report.error("descriptor", f"track {uuid}: its parent {descriptor.parent_uuid} is not described yet")
        report.tracks[uuid] = Track(uuid, kind, name, descriptor.parent_uuid, pid, tid)

    def track_event(self, sequence: int, packet: Any) -> None:
        event = packet.track_event
        report = self.report
        report.counts["track_events"] += 1
        track = report.tracks.get(event.track_uuid)
        if track is None:
            report.error("track", f"event on track {event.track_uuid}, which is not described yet")
            return
        if not packet.HasField("timestamp") or not 0 < packet.timestamp < 1 << 63:
            report.error("time", "a track event without a time")
        if (event.type == event.TYPE_COUNTER) != (track.kind == "counter"):
            report.error("track", f"a counter value on track {track.name!r}, or an event on a counter")
        for iid in event.category_iids:
            self.lookup(sequence, "event_categories", iid)
        self.order += 1
        self.events[event.track_uuid].append((packet.timestamp, self.order, event, sequence))

    # ---- bundles ----

    def bundle(self, sequence: int, bundle: Any) -> None:
        report = self.report
        report.counts["bundles"] += 1
        if not bundle.HasField("cpu") or bundle.cpu >= CPU_LIMIT:
            report.error("bundle", "a bundle without a core")
        report.has_loss |= bundle.lost_events
        if bundle.HasField("compact_sched"):
            self.compact(bundle.cpu, bundle.compact_sched)
        for event in bundle.event:
            self.ftrace_event(sequence, bundle.cpu, event)

    def compact(self, cpu: int, sched: Any) -> None:
        columns = (sched.switch_timestamp, sched.switch_prev_state, sched.switch_next_pid, sched.switch_next_prio,
                   sched.switch_next_comm_index)
        if len({len(column) for column in columns}) != 1:
            self.report.error("compact", f"cpu {cpu}: columns of switches of different lengths")
        time = 0
        for delta, state, pid, priority, comm in zip(*columns, strict=False):
            time += delta
            self.in_order(cpu, "switch", time)
            self.first_switch.setdefault(cpu, time)
            if state < 0 or state & INVALID_STATE_BITS:
                self.report.error("state", f"cpu {cpu}: state {state:#x}")
            self.row(time, cpu, "switch", (state, pid, priority, self.comm(sched, comm)))
        wakings = (sched.waking_timestamp, sched.waking_pid, sched.waking_target_cpu, sched.waking_prio,
                   sched.waking_comm_index, sched.waking_common_flags)
        if len({len(column) for column in wakings}) != 1:
            self.report.error("compact", f"cpu {cpu}: columns of wakings of different lengths")
        time = 0
        for delta, pid, target, _, comm, flags in zip(*wakings, strict=False):
            time += delta
            self.in_order(cpu, "waking", time)
            self.comm(sched, comm)
            self.row(time, cpu, "waking", (pid, target, flags))

    def comm(self, sched: Any, index: int) -> str:
        if index >= len(sched.intern_table):
            self.report.error("compact", f"name {index} of {len(sched.intern_table)}")
            return "?"
        return str(sched.intern_table[index])

    def in_order(self, cpu: int, kind: str, time: int) -> None:
        if time <= self.sched_last.get((cpu, kind), 0):
            self.report.error("order", f"cpu {cpu}: {kind} at {time} is not later than the one before")
        self.sched_last[cpu, kind] = time

    def ftrace_event(self, sequence: int, cpu: int, event: Any) -> None:
        kind = event.WhichOneof("event")
        if not event.HasField("pid") or not event.HasField("timestamp") or kind is None:
            self.report.error("ftrace", f"cpu {cpu}: an event without pid, time or contents")
            return
        if event.HasField("common_flags"):
            self.report.error("ftrace", f"cpu {cpu}: common_flags is set")
        self.in_order(cpu, "event", event.timestamp)
        payload = getattr(event, kind)
        blocked_on = ""
        if kind == "sched_blocked_reason":
            blocked_on = self.lookup(sequence, "kernel_symbols", payload.caller)
        self.row(event.timestamp, cpu, kind, (event.pid, payload, blocked_on))

    def row(self, time: int, cpu: int, kind: str, payload: Any) -> None:
        self.order += 1
        self.rows.append((time, self.order, cpu, kind, payload))

    # ---- the end ----

    def finish(self) -> None:
        report = self.report
        if not self.have_clock:
            report.error("clock", "there is no clock snapshot")
        if set(report.stats) != {1, 2} or set(report.stats[1]) != set(report.stats[2]):
            report.error("stats", f"FtraceStats of phases {sorted(report.stats)}")
        if not self.have_system:
            report.error("system", "SystemInfo does not name release 6.1.0")
        times = [row[0] for row in self.rows] + [entry[0] for events in self.events.values() for entry in events]
        report.first, report.last = (min(times), max(times)) if times else (0, 0)
        flows = FlowChecker(report)
        for uuid, events in self.events.items():
            self.finish_track(report.tracks[uuid], events, flows)
        self.check_loss()
        SchedChecker(self).run()
        flows.finish()

    def finish_track(self, track: Track, events: list[tuple[int, int, Any, int]], flows: FlowChecker) -> None:
        report = self.report
        events.sort(key=lambda entry: entry[:2])
        stack: list[Slice] = []
        for time, _, event, sequence in events:
            if event.type == event.TYPE_SLICE_BEGIN:
                stack.append(self.begin_slice(track, time, event, sequence, len(stack)))
                flows.touch(stack[-1], time)
            elif event.type == event.TYPE_SLICE_END:
                if not stack:
                    report.error("nesting", f"track {track.name!r}: an end at {time} without a begin")
                    continue
                self.end_slice(stack.pop(), time, event, sequence, flows)
            elif event.type == event.TYPE_INSTANT:
                self.instant(track, time, event, sequence, flows)
            elif event.type == event.TYPE_COUNTER:
                report.counts["counter_values"] += 1
                if self.keep:
                    report.counters[track.uuid].append((time, event.counter_value))
            else:
                report.error("track", f"track {track.name!r}: an event of type {event.type}")
        report.counts["slices_open"] += len(stack)
        for item in stack:
            flows.leave_open(item)

    def name(self, event: Any, sequence: int) -> str:
        return event.name if event.HasField("name") else self.lookup(sequence, "event_names", event.name_iid)

    def args(self, event: Any, sequence: int) -> dict[str, Any]:
        found = {}
        for arg in event.debug_annotations:
            value = arg.WhichOneof("value")
            if value is None:
                self.report.error("track", "an annotation without a value")
                continue
            found[self.lookup(sequence, "debug_annotation_names", arg.name_iid)] = getattr(arg, value)
        return found

    def category(self, event: Any, sequence: int) -> str:
        return self.lookup(sequence, "event_categories", event.category_iids[0]) if event.category_iids else ""

    def begin_slice(self, track: Track, time: int, event: Any, sequence: int, depth: int) -> Slice:
        category = self.category(event, sequence)
        item = Slice(track.uuid, self.name(event, sequence), category, time, None, depth, self.args(event, sequence),
                     self.report.counts["slices"], flows=list(event.flow_ids),
                     ended_flows=list(event.terminating_flow_ids))
        self.report.counts["slices"] += 1
        self.report.counts[f"slices.{category}"] += 1
        if self.keep or item.name.startswith(("LOST", "OFF")):
            self.report.slices.append(item)
        return item

    def end_slice(self, item: Slice, time: int, event: Any, sequence: int, flows: FlowChecker) -> None:
        item.end = time
        item.end_args = self.args(event, sequence)
        item.ended_flows += event.terminating_flow_ids
        item.flows += event.flow_ids
        if time <= item.begin:
            self.report.error("duration", f"slice {item.name!r} lasts from {item.begin} to {time}")
        flows.end(item, time)

    def instant(self, track: Track, time: int, event: Any, sequence: int, flows: FlowChecker) -> None:
        category = self.category(event, sequence)
        self.report.counts["instants"] += 1
        self.report.counts[f"instants.{category}"] += 1
        name = self.name(event, sequence)
        item = Instant(track.uuid, name, category, time, self.args(event, sequence), list(event.flow_ids),
                       list(event.terminating_flow_ids))
        flows.pass_instant(item, -self.report.counts["instants"])
        if self.keep:
            self.report.instants.append(item)

    def check_loss(self) -> None:
        lost = [item for item in self.report.slices if item.name.startswith("LOST")]
        self.report.counts["lost_slices"] = len(lost)
        if self.report.has_loss and not lost:
            self.report.error("loss", "bundles tell of lost events, but no slice shows where")
        self.report.has_loss |= bool(lost)
        self.report.has_gaps = self.report.has_loss or any(item.name.startswith("OFF") for item in self.report.slices)


class FlowChecker:
    """Every flow joins at least two slices, in order of time, and ends."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.points: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)  # time, number of the slice, is the end
        self.excused: set[int] = set()

    def points_of(self, flows: list[int], time: int, number: int, is_end: bool) -> None:
        for flow in flows:
            self.points[flow].append((time, number, is_end))

    def touch(self, item: Slice, time: int) -> None:
        self.points_of(item.flows, time, item.number, False)

    def end(self, item: Slice, time: int) -> None:
        self.points_of(item.ended_flows, time, item.number, True)
        if item.end_args.get("served") is False:
            self.excused.update(item.flows)

    def pass_instant(self, item: Instant, number: int) -> None:
        """For the importer it is a slice without duration. number: unlike that of any slice."""
        self.points_of(item.flows, item.time, number, False)
        self.points_of(item.ended_flows, item.time, number, True)

    def leave_open(self, item: Slice) -> None:
        self.excused.update(item.flows)

    def finish(self) -> None:
        report = self.report
        for flow, points in self.points.items():
            points.sort()
            ends = [point for point in points if point[2]]
            if points[0][2]:
                report.error("flow", f"flow {flow} ends without a beginning")
            elif len(ends) > 1 or (ends and ends[0] != points[-1]):
                report.error("flow", f"flow {flow} goes on after its end")
            elif ends and len({point[1] for point in points}) < 2:
                report.error("flow", f"flow {flow} joins a slice with itself")
            elif not ends and flow not in self.excused and not report.has_gaps:
                report.error("flow", f"flow {flow} has no end")
            report.counts["flows"] += 1
            report.counts["flows_whole"] += bool(ends) and len({point[1] for point in points}) > 1


class SchedChecker:
    """Plays switches, wakings and interrupts in order of time, like the importer: who runs where, in which state."""

    def __init__(self, checker: Checker) -> None:
        self.report = checker.report
        self.keep = checker.keep
        self.rows = sorted(checker.rows, key=lambda row: row[:2])
        self.first_switch = checker.first_switch
        self.current: dict[int, int] = {}
        self.running: dict[int, int] = {}
        self.irq: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
        self.state: dict[int, State] = {}
        self.first_seen: dict[int, int] = {}
        self.freed: dict[int, int] = {}
        self.seen: set[int] = set()

    def run(self) -> None:
        handlers = {"switch": self.switch, "waking": self.waking, "sched_waking": self.waking_by,
                    "sched_blocked_reason": self.blocked, "irq_handler_entry": self.irq_enter,
                    "irq_handler_exit": self.irq_exit, "task_newtask": self.new_task,
                    "sched_process_free": self.process_free}
        for time, _, cpu, kind, payload in self.rows:
            handlers[kind](time, cpu, payload)
        self.finish()

    def set_state(self, tid: int, time: int, name: str, **details: Any) -> None:
        if tid == 0:
            return
        self.seen.add(tid)
        if tid in self.freed:
            self.report.error("life", f"thread {tid} is {name} at {time} after it was freed at {self.freed[tid]}")
        old = self.state.get(tid)
        if old is not None:
            old.end = time
            self.report.state_ns[tid][old.name] += time - old.begin
            if time <= old.begin:
                self.report.error("duration", f"thread {tid} is {old.name} from {old.begin} to {time}")
        else:
            self.first_seen[tid] = time
        self.state[tid] = State(name, time, None, **details)
        if self.keep:
            self.report.states[tid].append(self.state[tid])

    def switch(self, time: int, cpu: int, payload: Any) -> None:
        state, pid, priority, name = payload
        report = self.report
        report.counts["switches"] += 1
        prev = self.current.get(cpu)
        if prev is None:
            report.counts["first_switches"] += 1
            if pid != 0:
                report.error("first", f"cpu {cpu}: the first switch, which is swallowed, is to thread {pid}")
        elif prev != 0 or pid != 0:
            self.leave(time, cpu, prev, state)
        if pid != 0 and self.running.get(pid, cpu) != cpu and not report.has_gaps:
            report.error("twice", f"thread {pid} runs on cpu {self.running[pid]} and {cpu} at {time}")
        old = self.state.get(pid)
        if old is not None and old.name not in ("R", "R+", "Running") and prev is not None:
            report.counts["unwoken"] += 1
            if not report.has_gaps:
                report.error("unwoken", f"thread {pid} runs at {time} though it is {old.name} since {old.begin}")
        self.current[cpu] = pid
        if pid != 0:
            self.running[pid] = cpu
            self.set_state(pid, time, "Running", cpu=cpu)
        if self.keep:
            report.switches[cpu].append(Switch(time, prev if prev is not None else -1, state, pid, priority, name))
        else:
            report.switches[cpu] = []

    def leave(self, time: int, cpu: int, prev: int, state: int) -> None:
        if prev != 0:
            if self.running.get(prev) == cpu:
                del self.running[prev]
            names = {0: "R", 1: "S", 2: "D", 4: "T", 0x10: "X", PREEMPTED: "R+"}
            self.set_state(prev, time, names.get(state, hex(state)))

    def wake(self, time: int, waker: int, tid: int) -> None:
        self.report.counts["wakings"] += 1
        old = self.state.get(tid)
        if old is not None and old.name in ("R", "Running"):
            self.report.counts["spurious_wakings"] += 1
            return
        if waker:
            self.report.counts["wakings_with_waker"] += 1
        self.set_state(tid, time, "R", waker=waker)

    def waking(self, time: int, cpu: int, payload: Any) -> None:
        tid, target, flags = payload
        if time < self.first_switch.get(cpu, time + 1):
            self.report.error("waking", f"cpu {cpu}: a waking at {time} before the core's first switch is dropped")
        waker = self.current.get(cpu, 0)
        self.wake(time, waker, tid)
        if self.keep:
            self.report.wakings[cpu].append(Waking(time, waker, tid, target, bool(flags & 8)))

    def waking_by(self, time: int, cpu: int, payload: Any) -> None:
        waker, event, _ = payload
        self.wake(time, waker, event.pid)
        if self.keep:
            self.report.wakings[cpu].append(Waking(time, waker, event.pid, event.target_cpu, False))

    def blocked(self, time: int, cpu: int, payload: Any) -> None:
        _, event, blocked_on = payload
        state = self.state.get(event.pid)
        if state is None or state.name in ("R", "R+", "Running"):
            self.report.error("blocked", f"cpu {cpu}: thread {event.pid} is not blocked at {time}")
        elif time <= state.begin:
            self.report.error("blocked", f"cpu {cpu}: the reason comes no later than the switch at {time}")
        else:
            state.blocked_on = blocked_on

    def irq_enter(self, time: int, cpu: int, payload: Any) -> None:
        _, event, _ = payload
        self.report.counts["irqs"] += 1
        if not event.name:
            self.report.error("irq", f"cpu {cpu}: interrupt {event.irq} has no name")
        self.irq[cpu].append((time, event.irq, event.name))

    def irq_exit(self, time: int, cpu: int, payload: Any) -> None:
        _, event, _ = payload
        if not self.irq[cpu]:
            self.report.error("irq", f"cpu {cpu}: interrupt {event.irq} ends at {time} without a beginning")
            return
        begin, number, name = self.irq[cpu].pop()
        if number != event.irq or time <= begin:
            self.report.error("irq", f"cpu {cpu}: interrupt {number} of {begin} ends as {event.irq} at {time}")
        if self.keep:
            self.report.irqs[cpu].append((begin, time, name))

    def new_task(self, time: int, cpu: int, payload: Any) -> None:
        _, event, _ = payload
        self.report.counts["threads_born"] += 1
        if event.pid in self.seen:
            self.report.error("life", f"cpu {cpu}: thread {event.pid} is born at {time} but was seen before")
        creator, event, _ = payload
        self.set_state(event.pid, time, "R")
        if event.clone_flags & CLONE_THREAD == 0 and self.report.parents.get(event.pid) != creator:
            self.report.error("life", f"process {event.pid} is born of {creator}, but its parent is "
                                      f"{self.report.parents.get(event.pid)}")

    def process_free(self, time: int, cpu: int, payload: Any) -> None:
        _, event, _ = payload
        self.report.counts["threads_freed"] += 1
        if event.pid in self.running:
            self.report.error("life", f"cpu {cpu}: thread {event.pid} is freed at {time} while it runs")
        self.freed[event.pid] = time

    def finish(self) -> None:
        """Every moment of a thread's life in the trace belongs to exactly one state."""
        last = self.report.last
        for tid, state in self.state.items():
            self.report.state_ns[tid][state.name] += last - state.begin
            total = sum(self.report.state_ns[tid].values())
            if total != last - self.first_seen[tid]:
                self.report.error("sum", f"thread {tid}: states last {total} of {last - self.first_seen[tid]} ns")


def check_data(data: bytes, keep: bool = False, build: Path | None = None) -> Report:
    """Check a trace in memory. keep: fill in slices, states and so on, for tests to look at."""
    proto = load_proto(build)
    report = Report()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    report.counts["bytes"] = len(data)
    checker = Checker(report, keep)
    for raw in split_packets(data, report):
        packet = proto.TracePacket()
        try:
            packet.ParseFromString(bytes(raw))
        except Exception as error:  # the library's exception types differ between its implementations
            report.error("decode", f"packet {report.counts['packets']}: {error}")
            continue
        if has_unknown(packet):
            report.error("unknown", f"packet {report.counts['packets']}: a field that the definition does not have")
        checker.packet(packet)
    checker.finish()
    return report


def has_unknown(packet: Any) -> bool:
    """Unknown fields anywhere change the length when the message is written again without them."""
    size = packet.ByteSize()
    packet.DiscardUnknownFields()
    return bool(packet.ByteSize() != size)


def check_file(path: str | Path, keep: bool = False, build: Path | None = None) -> Report:
    return check_data(Path(path).read_bytes(), keep, build)


def print_report(report: Report) -> None:
    for rule, texts in report.texts.items():
        for text in texts:
            print(f"{rule}: {text}")
        if report.errors[rule] > len(texts):
            print(f"{rule}: ... and {report.errors[rule] - len(texts)} more")
    counts = report.counts
    print(f"{counts['packets']} packets, {counts['bytes']} bytes, {(report.last - report.first) / 1e9:.6f} s, "
          f"{len(report.switches)} cores, {len(report.threads)} threads")
    print(f"{counts['switches']} switches, {counts['wakings']} wakings, {counts['irqs']} interrupts, "
          f"{counts['slices']} slices, {counts['instants']} instants, "
          f"{counts['flows_whole']} of {counts['flows']} flows whole, {counts['lost_slices']} losses")
    print("good" if report.ok else f"{sum(report.errors.values())} errors")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="check a Perfetto trace independently of the converter")
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--build", type=Path, help="where the compiled definition goes (BUILD or build)")
    options = parser.parse_args(argv)
    try:
        report = check_file(options.file, build=options.build)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"perfetto_check.py: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report.summary(), indent=2))
    else:
        print_report(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
