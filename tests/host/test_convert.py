# SPDX-License-Identifier: MIT
"""What the converter makes of captures whose contents are known, decoded by a protobuf library."""

from __future__ import annotations

from pathlib import Path

import pytest
from capture_writer import NMI, Capture
from perfetto_check import Instant, Report, Slice
from trace_tools import BUILD, convert, spoor_trace, synth
import perfetto_check
import spoor_gen

CLIENT, SERVER, OTHER = 31, 21, 32
MAILBOX = 100


def stage(cpus: int = 1, **options: object) -> Capture:
    """A server and a client process with a mailbox; the client runs on core 0."""
    capture = Capture(cpus, **options)  # type: ignore[arg-type]
    capture.process(1, "init")
    capture.process(2, "server")
    capture.process(3, "client")
    capture.thread(SERVER, "serve", process=2)
    capture.thread(CLIENT, "main", process=3)
    capture.thread(OTHER, "second", process=3)
    capture.mailbox(MAILBOX, "box")
    for cpu in range(cpus):
        capture.start_core(cpu, CLIENT if cpu == 0 else 0)
    return capture


def begin(capture: Capture, time: int = 5000) -> Capture:
    """A first event on every core, so that those of a test do not share their time with the beginning."""
    for cpu in range(capture.cpus):
        capture.emit(cpu, time, "trace.sync", tsc=time)
    return capture


def on_track(report: Report, name: str) -> list[Slice]:
    """Slices of the tracks of that name, in order of time."""
    uuids = {uuid for uuid, track in report.tracks.items() if track.name == name}
    return sorted((item for item in report.slices if item.track in uuids), key=lambda item: item.begin)


def named(report: Report, name: str) -> list[Slice]:
    return sorted((item for item in report.slices if item.name == name), key=lambda item: item.begin)


def instants(report: Report, name: str) -> list[Instant]:
    return [item for item in report.instants if item.name == name]


# ---- scheduling ----

LETTERS = {"ready": "R", "preempted": "R+", "yielded": "R", "receive": "S", "call": "D", "reply": "D", "sleep": "S",
           "join": "S", "futex": "S", "fault": "D", "suspended": "T", "console": "S", "trace": "S"}


@pytest.mark.parametrize("state", sorted(LETTERS))
def test_state_of_the_thread_switched_away_from(tmp_path: Path, state: str) -> None:
    capture = stage()
    capture.switch(0, 10000, CLIENT, OTHER, state)
    capture.switch(0, 20000, OTHER, 0, "yielded")
    report = convert(tmp_path, capture.finish())
    states = [(item.name, item.end - item.begin if item.end else None) for item in report.states[CLIENT]]
    assert states[-1][0] == LETTERS[state]
    assert states[0] == ("Running", report.states[CLIENT][1].begin - report.states[CLIENT][0].begin)
    blocked = LETTERS[state] not in ("R", "R+")
    assert report.states[CLIENT][-1].blocked_on == (state if blocked else "")


def test_switch_times_names_and_priorities_are_exact(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.switch(0, 10000, CLIENT, OTHER, "preempted")
    capture.switch(0, 20000, OTHER, 0, "sleep")
    capture.switch(0, 30000, 0, CLIENT, "ready")
    report = convert(tmp_path, capture.finish())
    switches = [(item.time, item.prev, item.prev_state, item.next, item.name) for item in report.switches[0]]
    assert switches[0][1:] == (-1, 0, 0, "idle"), "the first switch of a core is swallowed: it must be a made-up one"
    assert switches[1] == (5000, 0, 0, CLIENT, "main")
    assert switches[2:] == [(10000, CLIENT, 0x100, OTHER, "second"), (20000, OTHER, 1, 0, "idle"),
                            (30000, 0, 0, CLIENT, "main")]
    assert [item.priority for item in report.switches[0]][2:] == [8, 8, 8]


def test_waker_and_interrupt_context(tmp_path: Path) -> None:
    capture = stage()
    capture.switch(0, 10000, CLIENT, OTHER, "receive")
    capture.wake(0, 11000, CLIENT)
    capture.switch(0, 12000, OTHER, CLIENT, "sleep")
    capture.emit(0, 13000, "irq.enter", vector=0xE0)
    capture.wake(0, 13100, OTHER)
    capture.emit(0, 13200, "irq.exit", vector=0xE0)
    report = convert(tmp_path, capture.finish())
    wakings = [(item.time, item.waker, item.thread, item.in_irq) for item in report.wakings[0]]
    assert wakings == [(11000, OTHER, CLIENT, False), (13100, CLIENT, OTHER, True)]
    assert report.counts["spurious_wakings"] == 0
    assert report.irqs[0] == [(13000, 13200, "timer")]


def test_direct_switch_means_that_prev_woke_next(tmp_path: Path) -> None:
    capture = stage()
    capture.switch(0, 10000, CLIENT, OTHER, "receive")
    capture.switch(0, 20000, OTHER, CLIENT, "reply", reason="handoff")
    report = convert(tmp_path, capture.finish())
    assert [(item.time, item.waker, item.thread) for item in report.wakings[0]] == [(20000, OTHER, CLIENT)]
    assert report.switches[0][-1].time == 20001


def test_wake_up_before_the_thread_has_left_its_core(tmp_path: Path) -> None:
    """The importer would take it for spurious and show the thread asleep until it runs."""
    capture = stage(cpus=2)
    capture.start_core(1, OTHER)
    capture.emit(1, 9000, "syscall.enter", number=0, arg0=0)
    capture.emit(0, 9000, "syscall.enter", number=0, arg0=0)
    capture.wake(1, 10000, CLIENT)
    capture.switch(0, 10010, CLIENT, 0, "receive")
    capture.switch(0, 11000, 0, CLIENT, "ready")
    report = convert(tmp_path, capture.finish())
    assert [(item.waker, item.thread) for item in report.wakings[1]] == [(OTHER, CLIENT)]
    assert report.wakings[1][0].time > 10010
    assert report.counts["spurious_wakings"] == 0
    assert [item.name for item in report.states[CLIENT]] == ["Running", "S", "R", "Running"]


def test_the_same_when_the_waker_has_left_its_core_by_then(tmp_path: Path) -> None:
    capture = stage(cpus=2)
    capture.start_core(1, OTHER)
    capture.emit(0, 9000, "syscall.enter", number=0, arg0=0)
    capture.wake(1, 10000, CLIENT)
    capture.switch(1, 10005, OTHER, 0, "sleep")
    capture.switch(0, 10010, CLIENT, 0, "receive")
    capture.switch(0, 11000, 0, CLIENT, "ready")
    report = convert(tmp_path, capture.finish())
    assert [(item.waker, item.thread) for item in report.wakings[0]] == [(OTHER, CLIENT)]


def test_interrupts_have_names_and_nest(tmp_path: Path) -> None:
    capture = stage()
    capture.emit(0, 9000, "irq.exit", vector=0xE2)  # it began before the capture
    for time, name, vector in ((10000, "enter", 0x34), (10100, "enter", 0xE1), (10200, "exit", 0xE1),
                               (10300, "exit", 0x34), (11000, "enter", 0xE3), (11100, "exit", 0xE3)):
        capture.emit(0, time, f"irq.{name}", vector=vector)
    report = convert(tmp_path, capture.finish())
    assert report.irqs[0] == [(10100, 10200, "reschedule"), (10000, 10300, "line 4"), (11000, 11100, "console")]


# ---- processes and threads ----

def test_a_process_has_the_id_of_its_first_thread(tmp_path: Path) -> None:
    capture = stage()
    capture.switch(0, 10000, CLIENT, OTHER)
    capture.emit(0, 11000, "syscall.enter", number=0, arg0=0)
    report = convert(tmp_path, capture.finish())
    assert report.threads == {SERVER: (SERVER, "serve"), CLIENT: (CLIENT, "main"), OTHER: (CLIENT, "second")}
    assert report.processes == {SERVER: "server", CLIENT: "client"}


def test_a_thread_without_a_life_event_still_works(tmp_path: Path) -> None:
    capture = stage()
    capture.switch(0, 10000, CLIENT, 77)
    capture.emit(0, 11000, "syscall.enter", number=0, arg0=0)
    capture.emit(0, 12000, "syscall.exit", status=0)
    report = convert(tmp_path, capture.finish())
    assert report.threads[77] == (77, "thread 77")
    assert [item.name for item in on_track(report, "thread 77")] == ["null"]


def test_kernel_threads_belong_to_the_kernel(tmp_path: Path) -> None:
    capture = stage()
    capture.thread(5, "reaper", process=0, tsc=1100)
    capture.switch(0, 10000, CLIENT, 5)
    report = convert(tmp_path, capture.finish())
    assert report.threads[5] == (5, "reaper") and report.processes[5] == "kernel"


def test_birth_and_death_of_a_thread(tmp_path: Path) -> None:
    capture = stage()
    capture.emit(0, 9000, "syscall.enter", number=13, arg0=0)
    capture.thread(50, "worker", process=3, tsc=10000)
    capture.wake(0, 10100, 50, reason="created")
    capture.switch(0, 10200, CLIENT, 50)
    capture.emit(0, 10300, "syscall.enter", number=14, arg0=0)
    capture.emit(0, 10400, "life.thread.exit", thread=50, process=3)
    capture.switch(0, 10500, 50, CLIENT, "dead")
    report = convert(tmp_path, capture.finish())
    assert [item.name for item in report.states[50]] == ["R", "Running", "X"]
    assert report.counts["threads_born"] == 1 and report.counts["threads_freed"] == 1
    assert report.counts["spurious_wakings"] == 0
    exit_slice = on_track(report, "worker")[0]
    assert exit_slice.end is not None and exit_slice.end <= 10500, "what a thread had open ends with it"


def test_birth_and_death_of_a_process(tmp_path: Path) -> None:
    """The process ends for the importer with its main thread: so that one is kept to the last."""
    capture = stage()
    capture.emit(0, 9000, "syscall.enter", number=9, arg0=0)
    capture.process(4, "child", tsc=10000, creator=3)
    capture.thread(60, "first", process=4, tsc=10010)
    capture.wake(0, 10020, 60, reason="created")
    capture.thread(61, "later", process=4, tsc=10030)
    capture.wake(0, 10040, 61, reason="created")
    capture.switch(0, 10100, CLIENT, 60)
    capture.emit(0, 10200, "life.thread.exit", thread=60, process=4)
    capture.switch(0, 10300, 60, 61, "dead")
    capture.emit(0, 10400, "life.thread.exit", thread=61, process=4)
    capture.emit(0, 10410, "life.process.exit", fault=0, process=4, code=0)
    capture.switch(0, 10500, 61, CLIENT, "dead")
    report = convert(tmp_path, capture.finish())
    assert report.threads[60] == (60, "first") and report.threads[61] == (60, "later")
    assert report.parents[60] == CLIENT
    end = instants(report, "exit")[0]
    assert report.tracks[end.track].name == "child" and end.args == {"code": 0}
    assert report.counts["threads_born"] == 2 and report.counts["threads_freed"] == 2


def test_a_process_that_a_fault_ends(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 10000, "life.process.exit", fault=15, process=2, code=0xFFFFFFFF)
    report = convert(tmp_path, capture.finish())
    assert instants(report, "ended by a fault")[0].args == {"code": -1, "cause": "page fault"}


def test_names_with_spaces_stay_whole(tmp_path: Path) -> None:
    capture = stage()
    capture.process(4, "two words", tsc=1050)
    capture.thread(60, "a thread", process=4, tsc=1060)
    report = convert(tmp_path, begin(capture).finish())
    assert report.processes[60] == "two words" and report.threads[60] == (60, "a thread")


# ---- slices ----

def test_system_calls_with_argument_and_status(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 10000, "syscall.enter", number=19, arg0=0x1234)
    capture.emit(0, 10500, "syscall.exit", status=-7)
    capture.emit(0, 11000, "syscall.enter", number=200, arg0=0)
    capture.emit(0, 11500, "syscall.exit", status=-100)
    report = convert(tmp_path, capture.finish())
    first, second = on_track(report, "main")
    assert (first.name, first.begin, first.end) == ("area_map", 10000, 10500)
    assert first.args == {"arg0": 0x1234} and first.end_args == {"status": "NO_MEMORY"}
    assert second.name == "syscall 200" and second.end_args == {"status": -100}


def test_page_fault_inside_a_system_call(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 10000, "syscall.enter", number=22, arg0=0)
    capture.emit(0, 10100, "fault.enter", error=6, address=0x400123, ip=0x401000)
    capture.emit(0, 10200, "fault.exit", outcome="zeroed")
    capture.emit(0, 10300, "syscall.exit", status=0)
    capture.emit(0, 10400, "fault.exception", vector=13, ip=0x402000, address=0)
    report = convert(tmp_path, capture.finish())
    outer, inner = on_track(report, "main")
    assert (inner.name, inner.depth, inner.begin, inner.end) == ("page fault", 1, 10100, 10200)
    assert inner.args == {"address": 0x400123, "ip": 0x401000, "error": "absent write user"}
    assert inner.end_args == {"outcome": "zeroed"}
    assert (outer.begin, outer.end) == (10000, 10300)
    assert instants(report, "protection fault")[0].args == {"vector": 13, "ip": 0x402000, "address": 0}


def play_call(capture: Capture, at: int = 10000, status: int = 0) -> None:
    """The server waits in reply_receive; the client calls, both on core 0; the server answers and waits again."""
    capture.emit(0, at, "syscall.enter", number=1, arg0=7)
    capture.emit(0, at + 100, "ipc.call", flags=0, call=0xC0FFEE, mailbox=MAILBOX, label=5)
    capture.switch(0, at + 200, CLIENT, SERVER, "reply", "handoff")
    capture.emit(0, at + 300, "ipc.receive", call=0xC0FFEE, badge=9, mailbox=MAILBOX, label=5)
    ends = {"from": CLIENT, "to": SERVER}
    capture.emit(0, at + 350, "ipc.copy", status=0, call=0xC0FFEE, reply=0, **ends, bytes=4096)
    capture.emit(0, at + 400, "syscall.exit", status=0)
    capture.emit(0, at + 500, "syscall.enter", number=4, arg0=0)
    capture.emit(0, at + 600, "ipc.reply", flags=0, call=0xC0FFEE)
    capture.switch(0, at + 700, SERVER, CLIENT, "receive", "handoff")
    capture.emit(0, at + 800, "ipc.return", status=status, call=0xC0FFEE)
    capture.emit(0, at + 900, "syscall.exit", status=status)


def start_server(capture: Capture) -> None:
    capture.switch(0, 5000, CLIENT, SERVER)
    capture.emit(0, 5100, "syscall.enter", number=4, arg0=0)
    capture.switch(0, 5200, SERVER, CLIENT, "receive")


def test_a_call_and_its_service(tmp_path: Path) -> None:
    capture = stage()
    start_server(capture)
    play_call(capture)
    report = convert(tmp_path, capture.finish())
    call = named(report, "call box")[0]
    serve = named(report, "serve box")[0]
    outer = named(report, "mailbox_call")[0]
    assert (call.begin, call.end) == (10100, 10801) and call.args == {"call": 0xC0FFEE, "label": 5}
    assert call.end_args == {"status": "OK"}
    assert outer.depth == 0 and call.depth == 1 and outer.begin < call.begin
    assert call.end is not None and outer.end is not None and call.end < outer.end
    assert serve.depth == 0 and abs(serve.begin - 10300) <= 2 and abs((serve.end or 0) - 10600) <= 2
    assert serve.args == {"call": 0xC0FFEE, "label": 5, "badge": 9, "client": "main"}
    reply, = instants(report, "reply")
    assert (reply.track, reply.time) == (call.track, 10800)
    assert call.flows == serve.flows == reply.ended_flows and len(call.flows) == 1
    assert not call.ended_flows and not serve.ended_flows and not reply.flows
    assert report.counts["flows_whole"] == 1
    copy = instants(report, "copy")[0]
    assert copy.args == {"bytes": 4096, "from": CLIENT, "to": SERVER, "reply": False, "status": "OK"}


def test_system_calls_of_the_server_are_cut_where_serving_begins_and_ends(tmp_path: Path) -> None:
    capture = stage()
    start_server(capture)
    play_call(capture)
    report = convert(tmp_path, capture.finish())
    pieces = [(item.name, item.depth, bool(item.args.get("continued")), item.end is None)
              for item in on_track(report, "serve")]
    assert pieces == [
        ("mailbox_reply_receive", 0, False, False),  # waits
        ("serve box", 0, False, False),
        ("mailbox_reply_receive", 1, True, False),   # returns with the message
        ("mailbox_reply_receive", 1, False, False),  # comes back with the answer
        ("mailbox_reply_receive", 0, True, True),    # waits again, to the end of the capture
    ]


def test_a_server_that_holds_two_calls(tmp_path: Path) -> None:
    capture = stage()
    start_server(capture)
    capture.emit(0, 10000, "ipc.call", flags=0, call=1, mailbox=MAILBOX, label=1)
    capture.switch(0, 10100, CLIENT, SERVER, "reply", "handoff")
    capture.emit(0, 10200, "ipc.receive", call=1, badge=0, mailbox=MAILBOX, label=1)
    capture.switch(0, 10300, SERVER, OTHER, "receive")
    capture.emit(0, 10400, "ipc.call", flags=0, call=2, mailbox=MAILBOX, label=2)
    capture.switch(0, 10500, OTHER, SERVER, "reply", "handoff")
    capture.emit(0, 10600, "ipc.receive", call=2, badge=0, mailbox=MAILBOX, label=2)
    capture.emit(0, 10700, "ipc.reply", flags=0, call=1)
    capture.wake(0, 10710, CLIENT, reason="reply")
    capture.emit(0, 10800, "ipc.reply", flags=0, call=2)
    capture.switch(0, 10900, SERVER, OTHER, "receive", "handoff")
    capture.emit(0, 11000, "ipc.return", status=0, call=2)
    capture.switch(0, 11100, OTHER, CLIENT, "sleep")
    capture.emit(0, 11200, "ipc.return", status=0, call=1)
    report = convert(tmp_path, capture.finish())
    first, second = named(report, "serve box")
    assert report.tracks[first.track].kind == "thread"
    held = report.tracks[second.track]
    parent = report.tracks[held.parent]
    assert (held.kind, parent.kind, parent.name) == ("plain", "process", "server")
    assert (second.begin, second.end) == (10600, 10800)
    assert report.counts["flows_whole"] == 2


def test_a_call_that_nobody_served(tmp_path: Path) -> None:
    capture = stage()
    capture.emit(0, 10000, "ipc.call", flags=0, call=1, mailbox=MAILBOX, label=1)
    capture.emit(0, 10100, "ipc.return", status=-9, call=1)
    report = convert(tmp_path, capture.finish())
    call = named(report, "call box")[0]
    assert call.end_args == {"status": "TIMED_OUT", "served": False}
    assert not call.ended_flows and not instants(report, "reply") + instants(report, "no reply")


def test_a_service_whose_client_gave_up_ends_with_the_next_call(tmp_path: Path) -> None:
    capture = stage()
    start_server(capture)
    capture.emit(0, 10000, "ipc.call", flags=0, call=1, mailbox=MAILBOX, label=1)
    capture.switch(0, 10100, CLIENT, SERVER, "reply", "handoff")
    capture.emit(0, 10200, "ipc.receive", call=1, badge=0, mailbox=MAILBOX, label=1)
    capture.wake(0, 10300, CLIENT, reason="timeout")
    capture.switch(0, 10400, SERVER, CLIENT, "preempted")
    capture.emit(0, 10500, "ipc.return", status=-9, call=1)
    capture.emit(0, 10600, "ipc.call", flags=0, call=3, mailbox=MAILBOX, label=1)
    capture.switch(0, 10700, CLIENT, SERVER, "call")
    capture.emit(0, 10800, "ipc.receive", call=3, badge=0, mailbox=MAILBOX, label=1)
    report = convert(tmp_path, capture.finish())
    first, second = named(report, "serve box")
    assert first.end is not None and abs(first.end - 10800) <= 3 and second.end is None
    assert report.tracks[first.track] == report.tracks[second.track]
    given_up, = instants(report, "no reply")
    assert given_up.ended_flows == first.flows and not instants(report, "reply")


def test_what_began_before_the_capture_is_shown_from_its_start(tmp_path: Path) -> None:
    """Innermost first: a page fault inside a call inside a system call; who was asleep all the time counts, too."""
    capture = begin(stage())
    capture.emit(0, 10000, "fault.exit", outcome="mapped")
    capture.emit(0, 10100, "ipc.return", status=0, call=9)
    capture.emit(0, 10200, "syscall.exit", status=0)
    capture.switch(0, 10300, CLIENT, SERVER)
    capture.emit(0, 10400, "syscall.exit", status=0)
    report = convert(tmp_path, capture.finish())
    main = on_track(report, "main")
    assert [(item.name, item.depth, item.end) for item in main] == [
        ("system call", 0, 10200), ("call", 1, 10100), ("page fault", 2, 10000)]
    assert all(item.args == {"truncated": True} and 4990 < item.begin < 5000 for item in main)
    assert [(item.name, item.end) for item in on_track(report, "serve")] == [("system call", 10400)]


@pytest.mark.parametrize("case", ["hole", "born", "category"])
def test_what_may_have_begun_later_is_not(tmp_path: Path, case: str) -> None:
    capture = with_hole() if case == "hole" else begin(stage())
    tid = 70 if case == "born" else OTHER
    if case == "category":
        capture.emit(0, 8000, "trace.switched", mask=0x7FB)  # without system calls ...
        capture.emit(0, 9000, "trace.switched", mask=0x7FF)
    if case == "born":
        capture.thread(tid, "young", process=3, tsc=69000)
    capture.switch(0, 70000, CLIENT, tid)
    capture.emit(0, 71000, "syscall.exit", status=0)
    report = convert(tmp_path, capture.finish())
    assert named(report, "system call") == []


def test_ends_without_a_beginning_are_not_shown(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 10000, "syscall.exit", status=0)
    capture.emit(0, 10100, "fault.exit", outcome="mapped")
    capture.emit(0, 10200, "ipc.return", status=0, call=9)
    capture.emit(0, 10300, "ipc.reply", flags=0, call=8)
    capture.emit(0, 10400, "kdebug.leave", lane=NMI, reason="break")
    report = convert(tmp_path, capture.finish())
    assert [(item.name, item.end) for item in report.slices] == [("system call", 10000)], "behind it nothing is older"


def test_a_wait_names_the_server(tmp_path: Path) -> None:
    capture = stage()
    start_server(capture)
    play_call(capture)
    capture.emit(0, 20000, "ipc.call", flags=0, call=1, mailbox=MAILBOX, label=1)
    capture.switch(0, 20100, CLIENT, OTHER, "call")
    report = convert(tmp_path, capture.finish())
    reasons = [item.blocked_on for item in report.states[CLIENT] if item.blocked_on]
    assert reasons == ["reply of box", "call, not yet received by box"]
    assert [item.blocked_on for item in report.states[SERVER] if item.name == "S"] == ["receive", "receive"]


def test_calls_in_flight(tmp_path: Path) -> None:
    """Every new greatest number, else one value a millisecond, and the last."""
    capture = begin(stage(cpus=2))
    capture.start_core(1, OTHER)
    capture.emit(0, 10000, "ipc.call", flags=0, call=1, mailbox=MAILBOX, label=1)
    capture.emit(1, 11000, "ipc.call", flags=0, call=2, mailbox=MAILBOX, label=1)
    capture.emit(0, 12000, "ipc.return", status=0, call=1)
    capture.emit(1, 2000000, "ipc.return", status=0, call=2)
    capture.emit(1, 2001000, "ipc.call", flags=0, call=3, mailbox=MAILBOX, label=1)
    report = convert(tmp_path, capture.finish())
    curve, = [values for uuid, values in report.counters.items() if report.tracks[uuid].name == "calls in flight"]
    assert [value for _, value in curve] == [1, 2, 0, 1] and curve[2][0] - 2000000 < 5


def test_processes_have_an_order(tmp_path: Path) -> None:
    capture = stage()
    capture.process(0, "kernel", creator=0)
    capture.thread(5, "reaper", process=0)
    capture.thread(10, "main", process=1)
    ranks = convert(tmp_path, begin(capture).finish()).ranks
    assert sorted(ranks, key=lambda name: ranks[name]) == ["server", "client", "init", "kernel"]


def test_a_call_received_though_its_beginning_is_not_in_the_capture(tmp_path: Path) -> None:
    capture = stage()
    capture.start_core(0, SERVER)
    capture.emit(0, 10000, "ipc.receive", call=4, badge=2, mailbox=MAILBOX, label=1)
    capture.emit(0, 10100, "ipc.reply", flags=0, call=4)
    report = convert(tmp_path, capture.finish())
    serve = named(report, "serve box")[0]
    assert serve.end == 10100 and serve.flows == []


# ---- the rest ----

def test_marks_log_lines_timers_and_ipis(tmp_path: Path) -> None:
    capture = begin(stage(cpus=2))
    capture.emit(0, 10000, "user.mark", id=5, value=42)
    capture.emit(0, 10100, "log.line", level="warning", text="disk is \x7f full")
    capture.emit(0, 10200, "timer.arm", thread=OTHER, deadline=99)
    capture.emit(0, 10300, "timer.fire", thread=OTHER, deadline=99)
    capture.emit(0, 10400, "irq.ipi", kind="shootdown", target=1)
    report = convert(tmp_path, capture.finish())
    mark = instants(report, "mark 5")[0]
    assert mark.time == 10000 and mark.args == {"value": 42} and report.tracks[mark.track].tid == CLIENT
    counter = next(uuid for uuid, track in report.tracks.items() if track.name == "mark 5")
    assert [value for _, value in report.counters[counter]] == [42]
    assert report.tracks[report.tracks[counter].parent].name == "client"
    line = instants(report, "disk is ? full")[0]
    assert line.args == {"level": "warning"} and report.tracks[line.track].name == "kernel log"
    assert report.tracks[instants(report, "timer armed")[0].track].tid == OTHER
    assert instants(report, "timer fires")[0].args == {"deadline": 99}
    assert report.tracks[instants(report, "shootdown to cpu 1")[0].track].name == "cpu 0 sends"


def test_stops_in_kdebug(tmp_path: Path) -> None:
    capture = begin(stage(cpus=2))
    for cpu in range(2):
        capture.emit(cpu, 10000 + cpu, "kdebug.enter", lane=NMI, reason="panic")
        capture.emit(cpu, 20000 + cpu, "kdebug.leave", lane=NMI, reason="panic")
    report = convert(tmp_path, capture.finish())
    stops = named(report, "kdebug: panic")
    assert [(item.begin, item.end) for item in stops] == [(10000, 20000), (10001, 20001)]
    assert {report.tracks[report.tracks[item.track].parent].name for item in stops} == {"stopped in kdebug"}


def with_hole(drop: int = 1) -> Capture:
    """Core 0: the client computes, then so many sub-buffers are missing, then the other thread runs."""
    capture = stage()
    capture.emit(0, 9000, "syscall.enter", number=0, arg0=1)
    time = 10000
    capture.emit(0, time, "irq.enter", vector=0xE0)
    capture.next_subbuf(1)
    for _ in range(drop):
        capture.lanes[1].drop_next = True
        for _ in range(100):
            time += 100
            capture.emit(0, time, "user.mark", id=1, value=1)
        capture.next_subbuf(1)
    capture.lanes[1].current = OTHER
    capture.emit(0, 50000, "user.mark", id=2, value=1)
    capture.switch(0, 60000, OTHER, CLIENT, "sleep")
    capture.emit(0, 61000, "syscall.enter", number=0, arg0=2)
    capture.emit(0, 62000, "syscall.exit", status=0)
    return capture


def test_the_importer_is_told_how_much_is_missing(tmp_path: Path) -> None:
    capture = with_hole(drop=3)
    capture.lanes[1].lost[1] = 5
    capture.next_subbuf(1)
    capture.emit(0, 70000, "user.mark", id=2, value=1)
    report = convert(tmp_path, capture.finish())
    begin_stats, end_stats = report.stats[1][0], report.stats[2][0]
    assert (begin_stats.entries, begin_stats.overrun, begin_stats.dropped_events) == (0, 0, 0)
    assert (end_stats.overrun, end_stats.commit_overrun, end_stats.dropped_events) == (300, 5, 0)
    assert end_stats.entries > 0 and end_stats.bytes > 0
    curves = {report.tracks[uuid].name: values for uuid, values in report.counters.items()}
    assert curves["events lost"][-1][1] == 300 and len(curves["cpu 0 events/s"]) >= 1


def test_a_hole_is_drawn_and_nothing_is_stretched_over_it(tmp_path: Path) -> None:
    report = convert(tmp_path, with_hole(drop=3).finish())
    lost = [item for item in report.slices if item.name.startswith("LOST")]
    assert [(item.name, item.args["events"]) for item in lost] == [("LOST 300 events (overwritten)", 300)]
    assert lost[0].begin - 10000 in range(3) and lost[0].end == 50000
    assert report.tracks[lost[0].track].name == "cpu 0 lost"
    assert report.tracks[report.tracks[lost[0].track].parent].name == "trace health"
    running = [(item.begin, item.end) for item in report.states[CLIENT] if item.name == "Running"]
    assert running[0][1] is not None and running[0][1] < 10010
    other = report.states[OTHER][0]
    assert (other.name, other.begin - 50000 in range(3), other.end) == ("Running", True, 60000)
    first, second = named(report, "null")
    assert first.end is not None and first.end < 10010, "the system call ends where knowledge ends"
    assert (second.begin, second.end) == (61000, 62000)
    assert report.irqs[0][0][1] is not None and report.irqs[0][0][1] < 10010
    assert report.has_loss


def test_losses_that_the_recorder_reports(tmp_path: Path) -> None:
    capture = stage()
    capture.emit(0, 10000, "user.mark", id=1, value=1)
    capture.emit(0, 20000, "trace.lost", cause=1, count=7, first_tsc=11000, last_tsc=19000)
    report = convert(tmp_path, capture.finish())
    lost = [(item.name, item.begin, item.end) for item in report.slices if item.name.startswith("LOST")]
    assert lost == [("LOST 7 events (nested)", 11000, 19000)]


def test_a_lane_that_is_full_is_not_recorded_any_more(tmp_path: Path) -> None:
    """It keeps its oldest: what came behind its last record was refused, and nobody is said to run on until the end."""
    capture = stage()
    capture.emit(0, 10000, "user.mark", id=1, value=1)
    capture.lanes[1].refused = (7, 12000, 19000)
    report = convert(tmp_path, capture.finish(), "--all")
    lost = [item for item in report.slices if item.name.startswith("LOST")]
    assert [item.name for item in lost] == ["LOST: not recorded any more"]


def test_the_recorders_account_of_itself(tmp_path: Path) -> None:
    """How full its ring is, how far the consumer is behind, what is lost and what recording costs, for each core."""
    capture = begin(stage(cpus=2))
    capture.emit(0, 1040, "trace.cost", event=spoor_gen.EVENTS["user.mark"]["id"], instructions=25, per_word=0)
    lane = capture.lanes[1]
    for number in range(4):
        lane.unread = (0, 2, 5, 40)[number]
        lane.lost[1] = 7 * (number // 2)
        lane.drop_next = number == 1
        capture.next_subbuf(1)
        for time in range(100):
            capture.emit(0, 10000 * (number + 1) + 50 * time, "user.mark", id=1, value=time)
    report = convert(tmp_path, capture.finish(), "--all")
    curves = {report.tracks[uuid].name: values for uuid, values in report.counters.items()}
    ring = capture.lanes[1].ring
    assert [value for _, value in curves["cpu 0 ring fill"]] == [0, 2 * 16384, 3 * 16384, 4 * 16384]
    assert curves["cpu 0 unread"] == [(20000, 16384), (30000, 4 * 16384), (40000, ring)]
    assert [value for _, value in curves["cpu 0 events lost"]] == [0, 100, 107]
    assert curves["cpu 0 tracing instructions/s"][-1] == (20000, 25 * 100 * 10**9 // 10000)  # and so it stays
    assert [value for _, value in curves["cpu 1 ring fill"]] == [0] and "cpu 1 unread" not in curves
    assert all(report.tracks[report.tracks[uuid].parent].name == "trace health" for uuid in report.counters
               if report.tracks[uuid].name.startswith("cpu "))


SCHED, SYSCALL = 1 << 0, 1 << 2
ALL = 0x7FF


def test_while_sched_is_off_nobody_is_said_to_run(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 9000, "syscall.enter", number=0, arg0=0)
    capture.emit(0, 10000, "trace.switched", mask=ALL & ~SCHED)
    capture.emit(0, 11000, "syscall.exit", status=0)  # nobody knows whose
    capture.emit(0, 20000, "trace.switched", mask=ALL)
    capture.switch(0, 21000, OTHER, CLIENT, "sleep")
    report = convert(tmp_path, capture.finish())
    off = named(report, "OFF: sched")
    assert len(off) == 1 and off[0].begin - 10000 in range(5) and off[0].end == 20001
    assert report.has_gaps and not report.has_loss
    first = report.states[CLIENT][0]
    assert first.name == "Running" and (first.end or 0) - 10000 in range(10)
    syscall = named(report, "null")[0]
    assert (syscall.end or 0) - 10000 in range(10) and "status" not in syscall.end_args
    assert [item.next for item in report.switches[0]] == [0, CLIENT, 0, OTHER, CLIENT]


def test_what_is_open_when_its_category_goes_off_ends_there(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 9000, "syscall.enter", number=1, arg0=0)
    capture.emit(0, 10000, "trace.switched", mask=ALL & ~SYSCALL)
    capture.emit(0, 20000, "trace.switched", mask=ALL)
    capture.emit(0, 30000, "syscall.enter", number=0, arg0=0)
    report = convert(tmp_path, capture.finish())
    first, second = on_track(report, "main")
    assert (first.end or 0) - 10000 in range(5) and second.begin == 30000
    assert [item.name for item in report.instants] == ["recording " + " ".join(
        name for name in ("sched", "irq", "fault", "ipc", "life", "log", "user", "timer", "kdebug", "trace")),
        "recording sched irq syscall fault ipc life log user timer kdebug trace"]


def test_recording_that_a_trigger_held_is_a_slice_until_it_goes_on(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 9000, "ipc.return", status=-9, call=1)
    capture.emit(0, 9010, "trace.trigger", action="stop", event=spoor_gen.EVENTS["ipc.return"]["id"], trigger=2, hits=1,
                 ns=0)
    capture.emit(0, 10000, "trace.switched", mask=0)
    capture.emit(0, 10010, "trace.held", trigger=2, events=5)
    capture.emit(0, 20000, "trace.switched", mask=ALL)
    capture.switch(0, 21000, OTHER, CLIENT, "sleep")
    report = convert(tmp_path, capture.finish())
    off, held = on_track(report, "recording")
    assert (off.name, held.name, held.depth) == ("OFF: sched", "HELD by a trigger on ipc.return", 1)
    assert (held.begin, held.end, held.args) == (10010, 20000, {"events": 5})
    assert off.end is not None and off.end > 20000


def test_window(tmp_path: Path) -> None:
    capture = stage()
    capture.emit(0, 10000, "syscall.enter", number=1, arg0=0)
    capture.emit(0, 10100, "ipc.call", flags=0, call=1, mailbox=MAILBOX, label=1)
    capture.emit(0, 30000, "ipc.return", status=-9, call=1)
    capture.emit(0, 31000, "syscall.exit", status=-9)
    capture.switch(0, 40000, CLIENT, OTHER)
    capture.switch(0, 50000, OTHER, CLIENT)
    report = convert(tmp_path, capture.finish(), "--from", "0.000010", "--to", "0.0000305")
    assert report.first >= 19999 and report.last <= 40510
    outer, inner = on_track(report, "main")
    assert outer.args == {"truncated": True} and outer.name == "mailbox_call" and abs(outer.begin - 20000) < 10
    assert inner.name == "call box" and inner.depth == 1 and (inner.end, outer.end) == (30000, 31000)
    assert [item.next for item in report.switches[0]] == [0, CLIENT, OTHER]


def test_clock_and_attributes(tmp_path: Path) -> None:
    """2.5 GHz, 1 s of monotonic time at tick 0; wall clock known. Times are exact to the nanosecond after an hour."""
    capture = begin(stage(khz=2500000, clock=(0, 1_000_000_000), unix=(2_500_000_000, 1_700_000_000_000_000_000)))
    base = 2_500_000_000 * 3600
    capture.next_subbuf(1)
    capture.emit(0, base, "user.mark", id=1, value=1)
    capture.emit(0, base + 2501, "user.mark", id=1, value=2)
    report = convert(tmp_path, capture.finish())
    assert [item.time for item in instants(report, "mark 1")] == [3_601_000_000_000, 3_601_000_001_000]
    assert report.attributes["spoor.version"] == "Spoor test" and report.attributes["spoor.cmdline"] == "trace=all"
    assert report.attributes["spoor.cores"] == 1 and report.attributes["spoor.boot_id"] == "000000000000b007"
    boot, wall = report.clocks
    assert boot == (6, 1_000_002_000) and wall == (1, 1_699_999_999_000_002_000)


def test_times_before_the_clock_was_set_up(tmp_path: Path) -> None:
    capture = begin(stage(clock=(1_000_000, 0)))
    capture.emit(0, 6000, "user.mark", id=1, value=1)
    capture.emit(0, 2_000_000, "user.mark", id=1, value=2)
    report = convert(tmp_path, capture.finish())
    first, second = (item.time for item in instants(report, "mark 1"))
    assert second - first == 1_994_000 and first > 0
    assert report.attributes["spoor.time_offset_ns"] == 1_000_000 - 10


def test_another_schema_is_read_from_the_capture(tmp_path: Path) -> None:
    """Every event has another number and the fields of a switch other places: the names decide."""
    import spoor_gen
    moved = spoor_gen.SCHEMA_TEXT.replace("event 8 sched.thread.switch", "event 300 sched.thread.switch")
    moved = moved.replace("field prev 1 0 24 tid", "field prev 1 40 24 tid")
    moved = moved.replace("field next 1 24 24 tid", "field next 1 0 24 tid")
    moved = moved.replace("field priority 1 48 8 dec", "field priority 1 24 8 dec")
    capture = stage(schema=moved)
    capture.write(1, 10000, 300, [CLIENT << 40 | 9 << 24 | OTHER], 1)
    report = convert(tmp_path, capture.finish())
    last = report.switches[0][-1]
    assert (last.prev, last.next, last.prev_state, last.priority) == (CLIENT, OTHER, 0x100, 9)


@pytest.mark.parametrize("khz", [1_000_000, 2_995_200, 3_700_001, 24_000])
@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
def test_synthetic_workloads_convert_without_a_fault(tmp_path: Path, cpus: int, khz: int) -> None:
    options = ("--cpus", str(cpus), "--khz", str(khz), "--seed", str(cpus), "--events", "8000")
    source = synth(tmp_path / "work.spoor", *options)
    target = tmp_path / "work.pftrace"
    spoor_trace("convert", source, target)
    report = perfetto_check.check_file(target, build=BUILD)
    assert report.ok, dict(report.texts)
    assert report.counts["flows"] == report.counts["flows_whole"] > 300
    assert report.counts["spurious_wakings"] == 0 and report.counts["unwoken"] == 0
    assert report.counts["first_switches"] == cpus


def test_image_of_memory_of_a_flight_recorder(tmp_path: Path) -> None:
    """Every ring reaches back another while: the timeline begins where all do, or with --all shows what is missing."""
    source = synth(tmp_path / "work.img", "--image", "--cpus", "4", "--events", "300000")
    target = tmp_path / "work.pftrace"
    done = spoor_trace("convert", source, target)
    assert b"events left out" in done.stderr
    report = perfetto_check.check_file(target, build=BUILD)
    assert report.ok, dict(report.texts)
    assert report.counts["flows_whole"] > 1000 and not report.has_loss
    spoor_trace("convert", "--all", source, target)
    whole = perfetto_check.check_file(target, build=BUILD)
    assert whole.ok and whole.has_loss and whole.first < report.first
    assert whole.counts["lost_slices"] == 3, "all cores but the one whose ring reaches back farthest"
