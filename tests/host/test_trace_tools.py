# SPDX-License-Identifier: MIT
"""spoor-trace's other commands from the outside: info, dump, ipc, pipes, compression, sessions, wrong usage."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
from pathlib import Path

import perfetto_check
import pytest
from capture_writer import SYMBOLS, Capture
from test_convert import CLIENT, MAILBOX, OTHER, SERVER, begin, play_call, stage, start_server, with_hole
from trace_tools import BUILD, spoor_json, spoor_trace, synth, tool


def save(folder: Path, capture: Capture | bytes, name: str = "capture.spoor") -> Path:
    path = folder / name
    path.write_bytes(capture if isinstance(capture, bytes) else capture.finish())
    return path


def called(calls: int = 1) -> Capture:
    capture = begin(stage())
    start_server(capture)
    for number in range(calls):
        play_call(capture, 10000 * (number + 1))
    return capture


# ---- info ----

def test_info(tmp_path: Path) -> None:
    info = spoor_json("info", save(tmp_path, called(3)))
    assert (info["kind"], info["cpus"], info["tsc_khz"], info["boot_id"]) == ("capture", 1, 1000000, "0xb007")
    assert info["kernel"] == "Spoor test" and info["cmdline"] == "trace=all"
    assert info["events"]["kinds"]["ipc.call"] == {"total": 3, "cpus": [3], "meta": 0}
    assert info["events"]["kinds"]["life.thread.create"]["meta"] == 3
    assert info["events"]["total"] == sum(kind["total"] for kind in info["events"]["kinds"].values())
    assert info["duration_s"] == pytest.approx((30900 - 5000) / 1e9)
    assert info["blocks"] == {"intact": 7, "missing": 0, "damaged": 0, "bytes_skipped": 0, "has_end": True}
    assert info["holes"] == 0 and set(info["lost"].values()) == {0}


def test_info_tells_losses_by_cause(tmp_path: Path) -> None:
    capture = with_hole(drop=2)
    capture.lanes[1].lost[1] = 5
    info = spoor_json("info", save(tmp_path, capture))
    assert info["lost"]["overwritten"] == 200 and info["lost"]["nested"] == 5 and info["holes"] == 1
    text = spoor_trace("info", save(tmp_path, with_hole(drop=2))).stdout.decode()
    assert "lost        200 overwritten\n" in text


def test_info_of_an_image(tmp_path: Path) -> None:
    info = spoor_json("info", synth(tmp_path / "work.img", "--image", "--cpus", "2", "--events", "2000"))
    assert info["kind"] == "image" and info["cpus"] == 2 and info["events"]["total"] >= 2000


# ---- dump ----

def dump(path: Path, *options: str) -> list[str]:
    return spoor_trace("dump", *options, path).stdout.decode().splitlines()


def test_dump_formats_fields_by_kind(tmp_path: Path) -> None:
    lines = dump(save(tmp_path, called()), "--from", "0")
    text = "\n".join(lines)
    assert f"state=reply reason=handoff prev={CLIENT}(main) next={SERVER}(serve) priority=8" in text
    assert "syscall.enter number=1(mailbox_call) arg0=0x7" in text
    assert f"ipc.receive call=0xc0ffee badge=0x9 mailbox={MAILBOX}(box) label=0x5" in text
    assert "ipc.return status=OK call=0xc0ffee" in text
    assert lines[0].split() == ["0.000000000", "cpu0", f"{CLIENT}:main", "trace.sync", "tsc=0x1388"]
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)


def test_dump_filters(tmp_path: Path) -> None:
    path = save(tmp_path, called(2))
    everything = dump(path)
    assert len(dump(path, "--filter", "ipc")) == sum(" ipc." in line for line in everything) == 10
    assert len(dump(path, "--filter", "ipc.call,ipc.return")) == 4
    assert len(dump(path, "--filter", "sched.")) == sum(" sched." in line for line in everything)
    assert len(dump(path, "--filter", "syscall", "--filter", "thread=serve")) == 5
    assert len(dump(path, "--filter", f"syscall,thread={SERVER}")) == 5
    assert dump(path, "--filter", "cpu=1") == []
    assert len(dump(path, "--limit", "3")) == 3
    assert len(dump(path, "--from", "0.0000151", "--to", "0.0000153")) == 3
    assert b'named "nonsense"' in spoor_trace("dump", "--filter", "nonsense", path, code=2).stderr


def test_dump_filters_by_fields(tmp_path: Path) -> None:
    path = save(tmp_path, called())
    returns = dump(path, "--filter", "ipc.return")
    good = [line for line in returns if "status=OK" in line]
    assert good and good == dump(path, "--filter", "ipc.return,status=OK")
    assert good == dump(path, "--filter", "ipc.return,status=0")
    assert [line for line in returns if line not in good] == dump(path, "--filter", "ipc.return,status!=OK")
    switches = [json.loads(line)["fields"]["next"] for line in dump(path, "--json", "--filter", "sched.thread.switch")]
    for relation, holds in (("<", int.__lt__), ("<=", int.__le__), (">", int.__gt__), (">=", int.__ge__),
                            ("=", int.__eq__), ("!=", int.__ne__)):
        found = dump(path, "--filter", f"sched.thread.switch,next{relation}{SERVER:#x}")
        assert len(found) == sum(holds(tid, SERVER) for tid in switches), relation
    assert any(tid == SERVER for tid in switches) and any(tid != SERVER for tid in switches)


@pytest.mark.parametrize(("words", "trouble"), [
    ("nosuch=1", b'has a field "nosuch"'), ("sched.thread.switch,status=OK", b'has a field "status"'),
    ("reason=nonsense", b'"nonsense" is no value of "reason"'), ("status=", b'"" is no value'),
    ("cpu=4711", b"no core 4711"), ("nosuch", b'named "nosuch"'), ("name=x", b'has a field "name"')])
def test_a_filter_that_can_match_nothing_is_refused(tmp_path: Path, words: str, trouble: bytes) -> None:
    assert trouble in spoor_trace("dump", "--filter", words, code=2).stderr
    assert trouble in spoor_trace("dump", "--filter", words, save(tmp_path, called()), code=2).stderr


def test_a_good_filter_can_be_tested_without_a_capture() -> None:
    assert spoor_trace("dump", "--filter", "ipc.,status!=OK,thread=x,cpu=1").stdout == b""


def test_dump_as_json_says_the_same_as_the_text(tmp_path: Path) -> None:
    path = save(tmp_path, with_hole())
    rows = [json.loads(line) for line in dump(path, "--json")]
    lines = dump(path)
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines):
        assert row.get("event", "") in line and f"{abs(row['ns']) % 10**9:09}" in line
        if "lost" in row:
            assert f"LOST {row['lost']} events in {row['duration']} ns ({row['cause']})" in line
        for name in row.get("fields", {}):
            assert f" {name}=" in line
    assert any("lost" in row for row in rows)
    names = {row["fields"]["name"] for row in rows if "name" in row.get("fields", {})}
    assert names and all('"' not in name for name in names)


def test_dump_shows_holes(tmp_path: Path) -> None:
    lines = dump(save(tmp_path, with_hole()), "--filter", "sched")
    assert [line.split(maxsplit=1)[1] for line in lines if "LOST" in line] == [
        "cpu 0: LOST 100 events in 40000 ns (overwritten)"]


def test_dump_and_convert_name_kernel_addresses(tmp_path: Path) -> None:
    capture = called()
    capture.emit(0, 40000, "fault.enter", error=0, address=1, ip=0xFFFFFFFF80001010)
    capture.emit(0, 41000, "fault.exit", outcome="failed")
    capture.add(SYMBOLS, b"ffffffff80001000 copy_from_user\nffffffff80002000 next\n")
    path = save(tmp_path, capture)
    assert "ip=0xffffffff80001010(copy_from_user+0x10)" in "\n".join(dump(path))
    spoor_trace("convert", path, tmp_path / "out.pftrace")
    report = perfetto_check.check_file(tmp_path / "out.pftrace", keep=True, build=BUILD)
    assert next(item for item in report.slices if item.name == "page fault").args["symbol"] == "copy_from_user"


def make_elf(symbols: list[tuple[str, int]], build_id: bytes = b"") -> bytes:
    """The least ELF64 file with a symbol table, and a build id if one is given."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name, _ in symbols)
    table = bytes(24)
    at = 1
    for name, address in symbols:
        table += struct.pack("<IBBHQQ", at, 2, 0, 1, address, 16)
        at += len(name) + 1
    offset = 64
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, offset, len(table), 2, 0, 8, 24)
    sections += struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, offset + len(table), len(names), 0, 0, 1, 0)
    note = struct.pack("<III4s", 4, len(build_id), 3, b"GNU") + build_id
    sections += struct.pack("<IIQQQQIIQQ", 0, 7 if build_id else 0, 0, 0, offset + len(table) + len(names), len(note),
                            0, 0, 4, 0)
    where = offset + len(table) + len(names) + len(note)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, where, 0, 64, 0, 0, 64, 4, 0)
    return head + table + names + note + sections


def test_symbols_of_an_elf_file(tmp_path: Path) -> None:
    capture = called()
    capture.emit(0, 40000, "fault.enter", error=0, address=1, ip=0xFFFFFFFF80003004)
    path = save(tmp_path, capture)
    elf = tmp_path / "kernel.elf"
    elf.write_bytes(make_elf([("later", 0xFFFFFFFF80004000), ("fault_here", 0xFFFFFFFF80003000)]))
    assert "ip=0xffffffff80003004(fault_here+0x4)" in "\n".join(dump(path, "--symbols", str(elf)))
    own = elf.parent / "own.elf"
    own.write_bytes(make_elf([("fault_here", 0xFFFFFFFF80003000)], (0x1D).to_bytes(8, "big") + bytes(12)))
    assert b"build" not in spoor_trace("dump", "--symbols", own, path).stderr
    own.write_bytes(make_elf([("fault_here", 0xFFFFFFFF80003000)], (0x1E).to_bytes(8, "big") + bytes(12)))
    warning = spoor_trace("dump", "--symbols", own, path).stderr.decode()
    assert "is of build 000000000000001e, the capture of 000000000000001d" in warning
    elf.write_bytes(b"\x7fELF but not more")
    spoor_trace("dump", "--symbols", elf, path, code=2)


# ---- ipc ----

def test_ipc(tmp_path: Path) -> None:
    capture = called(5)
    capture.emit(0, 90000, "ipc.call", flags=0, call=99, mailbox=MAILBOX, label=0)
    capture.emit(0, 91000, "ipc.return", status=-9, call=99)
    result = spoor_json("ipc", save(tmp_path, capture))
    box = result["mailboxes"][0]
    assert (box["mailbox"], box["name"], box["count"], box["failed"]) == (MAILBOX, "box", 5, 1)
    assert box["bytes_copied"] == 5 * 4096
    assert box["min_ns"] == box["max_ns"] == 700 and 694 <= box["median_ns"] <= 700 and 694 <= box["p99_ns"] <= 700
    assert 297 <= box["serve_median_ns"] <= 300
    assert result["all"]["count"] == 5 and result["incomplete"] == 0


# ---- convert: ways in and out ----

def test_pipes(tmp_path: Path) -> None:
    path = synth(tmp_path / "work.spoor", "--events", "3000")
    spoor_trace("convert", path, tmp_path / "file.pftrace")
    done = spoor_trace("convert", "-", "-", stdin=path.read_bytes())
    assert done.stdout == (tmp_path / "file.pftrace").read_bytes()


def test_conversion_is_deterministic(tmp_path: Path) -> None:
    path = synth(tmp_path / "work.spoor", "--events", "3000")
    outputs = [spoor_trace("convert", path, "-").stdout for _ in range(2)]
    assert outputs[0] == outputs[1]


def test_compression(tmp_path: Path) -> None:
    path = synth(tmp_path / "work.spoor", "--events", "20000")
    plain = spoor_trace("convert", path, "-").stdout
    packed = spoor_trace("convert", "--compress", path, "-").stdout
    assert gzip.decompress(packed) == plain and len(packed) < len(plain) / 2
    spoor_trace("convert", "--compress", path, tmp_path / "packed.pftrace")
    assert perfetto_check.check_file(tmp_path / "packed.pftrace", build=BUILD).ok


def test_sessions(tmp_path: Path) -> None:
    one, two = called(1), called(3)
    path = save(tmp_path, one.finish() + two.finish())
    assert spoor_json("info", path)["sessions"] == 2
    assert spoor_json("ipc", path)["all"]["count"] == 1
    assert spoor_json("ipc", path, "--session", "1")["all"]["count"] == 3
    done = spoor_trace("convert", path, tmp_path / "out.pftrace")
    assert b"the file holds 2 sessions; this is session 0" in done.stderr
    assert b"holds 2 sessions; session 2 was asked for" in spoor_trace("info", "--session", "2", path, code=2).stderr


def test_damaged_input_converts_as_far_as_it_goes(tmp_path: Path) -> None:
    data = bytearray(synth(tmp_path / "work.spoor", "--events", "20000").read_bytes())
    for at in range(50_000, len(data), 97_001):
        data[at] ^= 0x10
    path = save(tmp_path, bytes(data[:-1000]))
    done = spoor_trace("convert", path, tmp_path / "out.pftrace", code=1)
    assert b"block-missing" in done.stderr and b"LOST" in done.stderr
    report = perfetto_check.check_file(tmp_path / "out.pftrace", build=BUILD)
    assert report.ok and report.has_loss and report.counts["lost_slices"] > 0, dict(report.texts)
    for command in ("info", "check", "dump", "ipc"):
        spoor_trace(command, path, code=1)


def test_events_after_the_last_look_at_a_lane(tmp_path: Path) -> None:
    """A consumer that stops reads one lane after the other, and the cores go on: the timeline ends where all are."""
    capture = begin(stage(cpus=2))
    capture.switch(0, 6000, CLIENT, OTHER, "sleep")
    capture.send(1)
    capture.wake(0, 7000, CLIENT, target=1)  # after core 0 was read
    capture.switch(1, 7100, 0, CLIENT, "ready")
    capture.send(3)
    capture.lanes[1].data = bytearray()
    capture.lanes[3].data = bytearray()
    path = save(tmp_path, capture)
    assert spoor_json("check", path)["findings"] == 0
    done = spoor_trace("convert", path, tmp_path / "out.pftrace")
    assert b"1 events left out" in done.stderr
    report = perfetto_check.check_file(tmp_path / "out.pftrace", keep=True, build=BUILD)
    assert report.ok and not report.has_loss and report.last < 7000
    spoor_trace("convert", "--all", path, tmp_path / "all.pftrace")
    whole = perfetto_check.check_file(tmp_path / "all.pftrace", keep=True, build=BUILD)
    assert whole.ok and whole.has_loss and whole.last >= 7100


@pytest.mark.parametrize("cut", [2, 10_000, 60_000, 300_000])
def test_cut_files_give_good_traces(tmp_path: Path, cut: int) -> None:
    data = synth(tmp_path / "work.spoor", "--events", "30000").read_bytes()
    path = save(tmp_path, data[:-cut])
    spoor_trace("convert", path, tmp_path / "out.pftrace", code=1)
    report = perfetto_check.check_file(tmp_path / "out.pftrace", build=BUILD)
    assert report.ok, dict(report.texts)


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """Of 60 MiB of input: less than half of it. A program in between, so that the figure is of no other child."""
    path = synth(tmp_path / "big.spoor", "--kind", "sched", "--events", "4600000")
    assert path.stat().st_size > 60 << 20
    script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    for arguments in (["convert", str(path), "/dev/null"], ["check", "--quiet", str(path)]):
        done = subprocess.run(["/usr/bin/python3", "-c", script, tool("spoor-trace"), *arguments],
                              capture_output=True, check=True)
        assert int(done.stdout.split()[-1]) < 32 << 10, "KiB"


# ---- wrong usage ----

COMMANDS = ("convert", "dump", "info", "check", "ipc")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str) -> None:
    assert f"usage: spoor-trace {command}" in spoor_trace(command, "--help").stdout.decode()


def test_general_help_and_unknown_commands() -> None:
    text = spoor_trace("--help").stdout.decode()
    assert all(f"  {command} " in text for command in COMMANDS)
    assert spoor_trace(code=2).stderr and spoor_trace("dance", code=2).stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("arguments", [(), ("a", "b", "c"), ("--nonsense", "a"), ("--session", "x", "a"),
                                       ("--session", "-1", "a")])
def test_wrong_arguments(command: str, arguments: tuple[str, ...]) -> None:
    assert spoor_trace(command, *arguments, code=2).stderr


def test_unreadable_inputs(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"not a capture")
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    for path in (text, empty, tmp_path, tmp_path / "missing"):
        for command in COMMANDS[1:]:
            assert spoor_trace(command, path, code=2).stderr
        assert spoor_trace("convert", path, tmp_path / "out", code=2).stderr


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    path = save(tmp_path, called())
    assert spoor_trace("convert", path, tmp_path / "no" / "where", code=2).stderr
    assert b"cannot be written" in spoor_trace("convert", path, "/dev/full", code=2).stderr


def test_wrong_windows(tmp_path: Path) -> None:
    path = save(tmp_path, called())
    spoor_trace("convert", "--from", "2", "--to", "1", path, "-", code=2)
    spoor_trace("convert", "--from", "soon", path, "-", code=2)
    spoor_trace("convert", "--to", "nan", path, "-", code=2)
    far = spoor_trace("convert", "--from", "1000", path, "-").stdout
    assert far and perfetto_check.check_data(far, build=BUILD).ok


def test_json_survives_strange_names(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.mailbox(101, 'a"b\\c', tsc=1040)
    capture.emit(0, 10000, "ipc.call", flags=0, call=1, mailbox=101, label=0)
    capture.emit(0, 11000, "ipc.return", status=0, call=1)
    done = spoor_trace("ipc", "--json", save(tmp_path, capture))
    assert json.loads(done.stdout)["mailboxes"][0]["name"] == 'a"b\\c'
    assert OTHER
