# SPDX-License-Identifier: MIT
"""
Captures of the demo workload on four cores: complete, consistent, and what becomes of them when they are damaged.

One machine records for the whole file: streamed over the virtio console, dumped by kdebug over serial, and as an image
of the region's memory. That is three ways out for the same rings.
"""

from __future__ import annotations

import contextlib
import json
import random
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import TRACE_ENDED, BootFunction, make_config, wait_all_done

from qemu.paths import ROOT, trace_tool
from qemu.snapshot import machine_from_firmware
from spoorlib import armour
from spoorlib.capture import extract_region
from spoorlib.capture_format import MAGIC, SUBBUF_BLOCK, SUBBUF_HEADER_BYTES, TYPE_END, TYPE_SUBBUF, Block, read_blocks

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import Report, check_file  # noqa: E402

EVENT_WAKE, REASON_TRACE = 9, 7  # sched.thread.wake and its reason in trace/events/events.toml
REGION_ADDRESS, REGION_BYTES = 0x10000000, 0x4000000  # kernel/abi/layout.toml
LANE_PLACES, LANE_PLACE_BYTES = 424, 40  # in struct trace_region: trace/ring/layout.h
END_SECONDS = 60

pytestmark = pytest.mark.xdist_group("capture")


@dataclass
class Recorded:
    """What the machine left behind."""

    stream: Path
    dump_text: str
    image: Path
    serial: str


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("capture")
    config = make_config("test_capture", {"cpus": 4, "cmdline": "workload=demo", "capture": folder / "stream.spoor"})
    with machine_from_firmware(config) as machine:
        assert wait_all_done(machine, 180)[1] == 0
        assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
        prompt = machine.break_in()
        text = prompt.command("trace dump 8", 180)
        machine.save_physical(REGION_ADDRESS, REGION_BYTES, folder / "memory.img")
        prompt.resume()
        serial = machine.serial.text
    yield Recorded(folder / "stream.spoor", text, folder / "memory.img", serial)


def spoor_trace(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(trace_tool()), *map(str, arguments)], capture_output=True, text=True)


def json_of(*arguments: object) -> dict:
    done = spoor_trace(*arguments)
    assert done.stdout.startswith("{"), done.stderr
    return json.loads(done.stdout)


# ---- the stream ----


def test_the_checker_finds_nothing(recorded: Recorded) -> None:
    """Blocks, time order per lane, conservation, switches, nesting, causal order of IPC."""
    done = spoor_trace("check", recorded.stream)
    assert done.returncode == 0 and "no findings" in done.stdout, done.stdout + done.stderr


def test_nothing_is_lost_and_every_kind_of_event_is_there(recorded: Recorded) -> None:
    info = json_of("info", "--json", recorded.stream)
    assert sum(sum(lane["lost"].values()) for lane in info["lanes"]) == 0
    assert info["blocks"]["missing"] == info["blocks"]["damaged"] == 0 and info["blocks"]["has_end"]
    kinds = info["events"]["kinds"]
    for kind in ("sched.thread.switch", "sched.thread.wake", "irq.enter", "irq.exit", "irq.ipi", "syscall.enter",
                 "syscall.exit", "fault.enter", "fault.exit", "ipc.call", "ipc.receive", "ipc.reply", "ipc.return",
                 "ipc.copy", "life.process.create", "life.process.exit", "life.thread.create", "life.thread.exit",
                 "log.line", "user.mark", "timer.arm", "timer.fire"):
        assert kinds[kind]["total"] > 0, kind
    assert all(count > 0 for count in kinds["sched.thread.switch"]["cpus"])


def test_every_call_has_its_reply(recorded: Recorded) -> None:
    """Counted in the text dump, by nobody's code but ours."""
    text = spoor_trace("dump", "--filter", "ipc", recorded.stream).stdout
    seen: dict[str, Counter[str]] = {name: Counter() for name in ("call", "receive", "reply", "return")}
    for line in text.splitlines():
        for name, counter in seen.items():
            if f" ipc.{name} " in line:
                counter[line.split("call=", 1)[1].split()[0]] += 1
    assert len(seen["call"]) > 4000
    assert all(set(counter.values()) == {1} for counter in seen.values()), "a call id appears twice"
    assert seen["receive"].keys() == seen["reply"].keys() <= seen["call"].keys()
    # One call may be open: a thread that waits when the capture ends, or was killed while it waited.
    assert len(seen["call"].keys() - seen["reply"].keys()) <= 1
    assert seen["reply"].keys() <= seen["return"].keys()


def test_time_rises_on_every_core(recorded: Recorded) -> None:
    text = spoor_trace("dump", recorded.stream).stdout
    last = float("-inf")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) > 50_000
    for words in lines:
        now = float(words[0])
        assert now >= last, words
        last = now


@pytest.fixture(scope="module")
def report(recorded: Recorded) -> Report:
    target = recorded.stream.with_suffix(".pftrace")
    done = spoor_trace("convert", "--quiet", recorded.stream, target)
    assert done.returncode == 0, done.stderr
    return check_file(target, keep=True, build=recorded.stream.parent)


def test_an_independent_reader_finds_the_perfetto_file_good(report: Report) -> None:
    assert report.ok, dict(report.texts)


def test_the_perfetto_file_has_everything(report: Report, recorded: Recorded) -> None:
    kinds = json_of("info", "--json", recorded.stream)["events"]["kinds"]
    assert sorted(report.switches) == [0, 1, 2, 3]
    # One synthetic switch per core says who ran at the start.
    assert report.counts["switches"] == kinds["sched.thread.switch"]["total"] + 4
    assert report.counts["irqs"] == kinds["irq.enter"]["total"]
    assert report.counts["flows"] == kinds["ipc.call"]["total"]
    assert report.counts["flows"] - report.counts["flows_whole"] <= 1
    names = set(report.processes.values())
    assert {"init", "tracer", "ipc server 0", "ipc client 0", "touch"} <= names
    assert report.counts["lost_slices"] == 0


def test_thread_states_sum_to_the_span(report: Report) -> None:
    """Every nanosecond of a thread between its first and last moment is in exactly one state."""
    assert len(report.states) > 50
    for tid, states in report.states.items():
        for before, after in zip(states, states[1:]):
            assert before.end == after.begin, f"thread {tid}: gap or overlap at {before.end}"
        end = states[-1].end if states[-1].end is not None else report.last
        assert sum(report.state_ns[tid].values()) == end - states[0].begin, f"thread {tid}"
    running = sum(state_ns["Running"] for state_ns in report.state_ns.values())
    assert 0 < running <= 4 * (report.last - report.first)


# ---- kdebug's dump, the memory image ----


def test_a_dump_over_serial_decodes(recorded: Recorded, tmp_path: Path) -> None:
    dump, = armour.find_dumps(recorded.dump_text)
    assert dump.trouble == ""
    target = tmp_path / "dump.spoor"
    target.write_bytes(dump.data)
    done = spoor_trace("check", target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json_of("info", "--json", target)["events"]["total"] > 1000
    assert "kdebug.enter" in spoor_trace("dump", target).stdout


def test_spoor_capture_reads_the_serial_log(recorded: Recorded, tmp_path: Path) -> None:
    log, target = tmp_path / "serial.log", tmp_path / "out.spoor"
    log.write_text(recorded.serial)
    done = subprocess.run([ROOT / "tools" / "spoor", "capture", log, "-o", target], capture_output=True, text=True)
    assert done.returncode == 0 and "no findings" in done.stdout, done.stdout + done.stderr


def test_a_damaged_dump_keeps_its_intact_blocks(recorded: Recorded, tmp_path: Path) -> None:
    lines = recorded.dump_text.splitlines()
    middle = len(lines) // 2
    lines[middle] = "~" + lines[middle][1:]
    dump, = armour.find_dumps("\n".join(lines))
    assert len(dump.missing()) == 1 and dump.trouble
    target = tmp_path / "dump.spoor"
    target.write_bytes(dump.data)
    blocks = json_of("info", "--json", target)["blocks"]
    undamaged = write(tmp_path / "whole.spoor", armour.find_dumps(recorded.dump_text)[0].data)
    whole = json_of("info", "--json", undamaged)["blocks"]
    assert blocks["damaged"] == 1 and blocks["intact"] == whole["intact"] - 1


def test_a_dump_comes_whole_over_a_bad_line(boot: BootFunction, tmp_path: Path) -> None:
    """One byte in a hundred is another one; what is missing is asked for again by the numbers of its lines."""
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=100 tracer=0")
    assert wait_all_done(machine, 120) == (1, 0)
    noise = random.Random(1)
    commands: list[str] = []
    with machine.at_prompt() as kdebug:
        def ask(command: str) -> str:
            commands.append(command)
            text = kdebug.command(command, 60)
            return "".join(chr(noise.randrange(256)) if noise.random() < 0.01 else c for c in text)

        dump = armour.fetch(ask, "trace dump 1")
    assert dump.trouble == "" and len(commands) > 3 and any(" lines 0x" in command for command in commands)
    done = spoor_trace("check", write(tmp_path / "dump.spoor", dump.data))
    assert done.returncode == 0, done.stdout + done.stderr


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_an_image_of_the_memory_decodes(recorded: Recorded, tmp_path: Path) -> None:
    target = tmp_path / "region.spoor"
    assert extract_region(recorded.image, target)
    done = spoor_trace("check", target)
    assert done.returncode == 0, done.stdout + done.stderr
    image, stream = (json_of("info", "--json", path)["events"]["kinds"] for path in (target, recorded.stream))
    # The rings have not lapped: the image holds at least all that was streamed.
    for kind in ("ipc.call", "ipc.reply", "fault.enter", "life.process.create", "user.mark"):
        assert image[kind]["total"] >= stream[kind]["total"] > 0, kind


# ---- damage ----


def subbuf_blocks(data: bytes) -> list[Block]:
    return [block for block in read_blocks(data) if block.type == TYPE_SUBBUF]


def lane_of(block: Block) -> int:
    return int.from_bytes(block.payload[:4], "little")


def test_a_cut_file_keeps_what_came_before(recorded: Recorded, tmp_path: Path) -> None:
    data = recorded.stream.read_bytes()
    blocks = list(read_blocks(data))
    victim = subbuf_blocks(data)[-3]
    target = write(tmp_path / "cut.spoor", data[:victim.offset + victim.bytes // 2])
    info = json_of("info", "--json", target)
    assert info["blocks"]["intact"] == sum(block.offset < victim.offset for block in blocks)
    assert not info["blocks"]["has_end"]
    done = spoor_trace("check", target)
    assert done.returncode == 1 and "cut" in done.stdout + done.stderr
    assert spoor_trace("convert", "--quiet", target, tmp_path / "cut.pftrace").returncode in (0, 1)
    assert check_file(tmp_path / "cut.pftrace", build=tmp_path).counts["switches"] > 0


def test_a_spoilt_block_is_left_out_and_named(recorded: Recorded, tmp_path: Path) -> None:
    data = bytearray(recorded.stream.read_bytes())
    lanes = [lane_of(block) for block in subbuf_blocks(bytes(data))]
    fullest = max(lanes, key=lanes.count)
    victim = [block for block in subbuf_blocks(bytes(data)) if lane_of(block) == fullest][1]  # not a lane's first
    data[victim.offset + victim.bytes // 2] ^= 0x40
    target = write(tmp_path / "spoilt.spoor", data)
    before, after = (json_of("info", "--json", path) for path in (recorded.stream, target))
    assert after["blocks"]["intact"] == before["blocks"]["intact"] - 1 and after["blocks"]["damaged"] == 1
    assert after["events"]["total"] < before["events"]["total"]
    lost = sum(sum(lane["lost"].values()) for lane in after["lanes"])
    assert lost == before["events"]["total"] - after["events"]["total"], "the loss is counted exactly"
    assert spoor_trace("check", target).returncode == 1


def test_a_missing_block_is_noticed(recorded: Recorded, tmp_path: Path) -> None:
    data = recorded.stream.read_bytes()
    victim = subbuf_blocks(data)[4]
    target = write(tmp_path / "missing.spoor", data[:victim.offset] + data[victim.offset + victim.bytes:])
    assert json_of("info", "--json", target)["blocks"]["missing"] == 1


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_never_stops_the_reader(recorded: Recorded, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(recorded.stream.read_bytes())
    for _ in range(20):
        at = dice.randrange(len(data))
        data[at:at + dice.choice((1, 8, 300))] = dice.randbytes(dice.choice((0, 1, 8, 300)))
    target = write(tmp_path / "damaged.spoor", data)
    info = json_of("info", "--json", target)
    assert info["blocks"]["intact"] > 10
    assert spoor_trace("check", target).returncode == 1
    assert spoor_trace("convert", "--quiet", target, tmp_path / "out.pftrace").returncode in (0, 1)


def test_the_stream_ends_with_its_end_block(recorded: Recorded) -> None:
    assert list(read_blocks(recorded.stream.read_bytes()))[-1].type == TYPE_END


# ---- other numbers of cores ----


def capture_of(boot: BootFunction, stream: Path, calls: int, **settings: object) -> Path:
    machine = boot(cmdline=f"workload=ipcload:calls={calls} trace=all", capture=stream, **settings)
    assert wait_all_done(machine, 180) == (1, 0)
    assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
    return stream


def test_a_capture_through_com2(boot: BootFunction, tmp_path: Path) -> None:
    """Byte by byte what lies in the rings; and it takes the host's commands as the console does."""
    stream = tmp_path / "stream.spoor"
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=50 tracer_port=com2", capture=stream, capture_port="com2")
    assert wait_all_done(machine, 180) == (1, 0)
    assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
    assert "tracer: capturing through the COM port" in machine.serial.text
    first = stream.read_bytes()
    done = spoor_trace("check", stream)
    assert done.returncode == 0 and "no findings" in done.stdout, done.stdout + done.stderr
    machine.save_physical(REGION_ADDRESS, REGION_BYTES, tmp_path / "memory.img")
    rings = (tmp_path / "memory.img").read_bytes()
    blocks = list(read_blocks(behind_the_firmware(first)))
    lanes = lane_places(blocks[0])
    for block in (block for block in blocks if block.type == TYPE_SUBBUF):
        lane, _, position = SUBBUF_BLOCK.unpack_from(block.payload)
        offset, ring_bytes = lanes[lane]
        at = offset + position % ring_bytes
        assert block.payload[SUBBUF_BLOCK.size:] == rings[at:at + len(block.payload) - SUBBUF_BLOCK.size], block
    kinds = json_of("info", "--json", stream)["events"]["kinds"]
    assert kinds["ipc.call"]["total"] - 1 == kinds["ipc.reply"]["total"] >= 200, "the one is what ends the session"
    for line in ("dump", "stop"):
        machine.capture_command(line)
    wait_for_sessions(stream, 2)
    again = write(tmp_path / "again.spoor", stream.read_bytes()[len(first):])
    assert json_of("check", "--json", again)["findings"] == 0
    assert json_of("info", "--json", again)["events"]["kinds"]["ipc.call"]["total"] >= kinds["ipc.call"]["total"]


def behind_the_firmware(data: bytes) -> bytes:
    """It prints on every serial line it finds."""
    return data[data.index(struct.pack("<I", MAGIC)):]


def lane_places(start: Block) -> list[tuple[int, ...]]:
    """Where each ring lies in the region, and its bytes, as the START block says."""
    count, = struct.unpack_from("<I", start.payload, 12)
    return [struct.unpack_from("<8xQQ", start.payload, LANE_PLACES + LANE_PLACE_BYTES * i) for i in range(count)]


def wait_for_sessions(stream: Path, count: int) -> None:
    """Until the capture has that many ends. The UART is asked once a second whether there are commands."""
    limit = time.monotonic() + END_SECONDS
    while True:
        with contextlib.suppress(ValueError):  # in the middle of a block
            blocks = read_blocks(behind_the_firmware(stream.read_bytes()))
            if sum(block.type == TYPE_END for block in blocks) >= count:
                return
        assert time.monotonic() < limit, "the session never ended"
        time.sleep(0.1)


@pytest.mark.parametrize("cpus", [2, 8])
def test_the_checker_finds_nothing_on_other_numbers_of_cores(boot: BootFunction, tmp_path: Path, cpus: int) -> None:
    stream = capture_of(boot, tmp_path / "stream.spoor", 60, cpus=cpus)
    assert json_of("check", "--json", stream)["findings"] == 0
    cores = [lane["cpu"] for lane in json_of("info", "--json", stream)["lanes"] if lane["kind"] == 0]
    assert cores == list(range(cpus))


def wake_of_the_consumer(payload: bytes) -> int | None:
    """Ticks from the begin of a sub-buffer to the first record in it that says that the consumer was woken."""
    begin, = struct.unpack_from("<Q", payload, SUBBUF_BLOCK.size + 32)
    at = SUBBUF_BLOCK.size + SUBBUF_HEADER_BYTES
    while at + 8 <= len(payload):
        header, = struct.unpack_from("<Q", payload, at)
        if (header & 0x1FF, header >> 14 & 0xFF) == (EVENT_WAKE, REASON_TRACE):
            return ((header >> 22) - begin) % 2**42
        at += 8 * (1 + (header >> 9 & 0x1F))
    return None


def test_a_consumer_that_sleeps_is_woken_when_there_is_something(boot: BootFunction, tmp_path: Path) -> None:
    """On one core, in virtual time: nobody else delays it."""
    stream = capture_of(boot, tmp_path / "stream.spoor", 300, cpus=1, icount=4)
    assert json_of("check", "--json", stream)["findings"] == 0
    begun = [block.payload for block in read_blocks(stream.read_bytes()) if block.type == TYPE_SUBBUF]
    late = [wake_of_the_consumer(payload) for payload in begun if SUBBUF_BLOCK.unpack_from(payload)[0] == 1]
    khz = json_of("info", "--json", stream)["tsc_khz"]
    # The first of them begins nothing new, and the workload starts before the consumer first waits.
    assert len(late) > 10 and all(ticks is not None and ticks < khz for ticks in late[2:]), late


# ---- the ring in overwrite mode, and recording for a time ----


def test_a_small_ring_overwrites_and_counts_what_it_loses(boot: BootFunction, tmp_path: Path) -> None:
    """No consumer, small rings for two cores: the newest events are there, the loss is exact."""
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=8000 tracer=0 trace_size=3M")
    assert wait_all_done(machine, 180) == (1, 0)
    prompt = machine.break_in()
    dump, = armour.find_dumps(prompt.command("trace dump", 180))
    target = write(tmp_path / "ring.spoor", dump.data)
    info = json_of("info", "--json", target)
    assert sum(lane["events_before"] for lane in info["lanes"]) > 10_000, "nothing was overwritten"
    done = spoor_trace("check", target)
    assert done.returncode == 0, done.stdout + done.stderr


def test_recording_for_a_time_gives_a_whole_capture(tmp_path: Path) -> None:
    target = tmp_path / "out.pftrace"
    command = [ROOT / "tools" / "spoor", "trace", "record", "sched,ipc", "--for", "1s", "--cpus", "2", "-o", target,
               "--workload", "hog:steps=2000000000,ipcload:calls=1000000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0 and "no findings" in done.stdout, done.stdout + done.stderr
    info = json_of("info", "--json", target.with_suffix(".spoor"))
    assert info["blocks"]["has_end"] and 0.3 < info["duration_s"] < 30
    kinds = info["events"]["kinds"]
    assert kinds["ipc.call"]["total"] > 0 and not kinds.get("syscall.enter", {}).get("total")
