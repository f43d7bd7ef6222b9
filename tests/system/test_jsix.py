# SPDX-License-Identifier: MIT
"""
What broke in jsix, tried here: each test is named after the symptom that was seen there.

Its other symptoms are tested elsewhere: no answer from a core (test_boot.py), a fault or a wrong system call ends the
machine (test_faults.py), no time in the log (test_kdebug.py), no power-off (test_power.py).
"""

from __future__ import annotations

import re
import subprocess

import pytest
from conftest import TRACE_ENDED, BootFunction, make_config, wait_all_done, wait_for_rest

from qemu.machine import Machine
from qemu.paths import trace_tool
from qemu.snapshot import machine_from_firmware

FRAMES_TOLERATED = 32  # kernel heap slabs that some runs touch and others do not


def finished(machine: Machine, programs: int, timeout: float = 180) -> Machine:
    """The machine when its workload has passed and everything has come to rest."""
    assert wait_all_done(machine, timeout) == (programs, 0)
    wait_for_rest(machine)
    return machine


def free_frames(machine: Machine) -> int:
    """Free frames, those in per-core caches included."""
    with machine.at_prompt() as kdebug:
        match = re.search(r"^ *free +(\d+)", kdebug.command("mem"), re.MULTILINE)
        assert match
        return int(match.group(1))


def checks_hold(machine: Machine) -> None:
    with machine.at_prompt() as kdebug:
        output = kdebug.command("check", 60)
        assert re.search(r"^check: 0 broken$", output, re.MULTILINE), output


@pytest.mark.parametrize("cpus", [2, 4])
def test_a_call_is_never_lost_between_cores(boot: BootFunction, cpus: int) -> None:
    """jsix: mailbox wake-ups get lost; with four cores no run ever ends."""
    workload = ",".join(["ipcload:calls=1500:clients=6:servers=2:threads=2"] * 2)
    finished(boot(cpus=cpus, cmdline=f"workload={workload} tracer=0"), 2)


@pytest.mark.parametrize("memory", ["256M", "2G", "5G"])
def test_a_program_may_touch_much_memory(boot: BootFunction, memory: str) -> None:
    """jsix: panics after 3 to 9 MiB in any guest."""
    finished(boot(cpus=2, memory=memory, cmdline="workload=touch:rounds=3:pages=16384 tracer=0"), 1)


def end_state_frames(name: str, workload: str) -> int:
    config = make_config(name, {"cpus": 1, "cmdline": f"workload={workload} tracer=0 trace=none"})
    with machine_from_firmware(config) as machine:
        return free_frames(finished(machine, workload.count(",") + 1))


@pytest.mark.parametrize(("few", "many"), [("touch:rounds=4", "touch:rounds=200"),
                                           ("churn:processes=12", "churn:processes=400"),
                                           ("ipcload:calls=50", "ipcload:calls=2000"),
                                           ("syscheck", "syscheck,syscheck,syscheck")])
def test_what_is_given_back_can_be_had_again(few: str, many: str) -> None:
    """jsix: frames of destroyed areas, processes and references of failed calls are never freed."""
    name = few.split(":", 1)[0]
    after_few = end_state_frames(f"test_jsix-frames-{name}-few", few)
    after_many = end_state_frames(f"test_jsix-frames-{name}-many", many)
    assert abs(after_few - after_many) <= FRAMES_TOLERATED, f"{after_few - after_many} frames are gone"


def test_processes_that_have_ended_are_gone(boot: BootFunction) -> None:
    """jsix: processes are never destroyed."""
    machine = finished(boot(cpus=4, cmdline="workload=churn:processes=100:parallel=8 tracer=0"), 1)
    with machine.at_prompt() as kdebug:
        alive = re.findall(r"^ +\d+ +\w+ +\d+ .* (\w+)$", kdebug.command("processes"), re.MULTILINE)
        assert alive == ["init"]
        assert [thread.process for thread in kdebug.threads()] == ["init", "init"]  # with its supervisor


def test_a_computing_thread_is_preempted(boot: BootFunction, tmp_path) -> None:
    """jsix: a thread switched to from the timer interrupt is never preempted; a second one makes no progress."""
    capture = tmp_path / "hog.spoor"
    machine = boot(cpus=1, cmdline="workload=hog:threads=3,ipcload:calls=200", capture=capture)
    assert wait_all_done(machine, 180) == (2, 0)
    machine.expect(TRACE_ENDED, 60)
    dump = subprocess.run([str(trace_tool()), "dump", "--filter", "sched.thread.switch,thread=hog", str(capture)],
                          capture_output=True, text=True, check=True).stdout
    preempted = re.findall(r"state=preempted.*?prev=(\d+)", dump)
    assert len(preempted) >= 6 and len(set(preempted)) >= 3, dump[-3000:]


def test_a_sleep_ends_when_it_should(boot: BootFunction) -> None:
    """jsix: sleep(10 ms) takes 64 ms on an idle core: time-outs are only seen at the next switch."""
    report = ""
    for _ in range(3):  # on a busy host a guest may be late by the host's doing
        machine = boot(cpus=1, cmdline="workload=sleeper tracer=0")
        finished(machine, 1)
        match = re.search(r"^sleeper: \d+ sleeps, late by (\d+) us on average", machine.serial.text, re.MULTILINE)
        assert match
        machine.stop()
        if int(match.group(1)) < 10_000:
            return
        report = match.group(0)
    raise AssertionError(report)


@pytest.mark.parametrize("what", ["jump_null", "read_null", "execute_data", "execute_stack", "divide_by_zero",
                                  "undefined", "breakpoint", "halt", "read_direct_map", "jump_kernel"])
def test_a_user_fault_ends_only_the_process(boot: BootFunction, what: str) -> None:
    """jsix: any user fault panics the kernel; data can be executed."""
    machine = finished(boot(cpus=2, cmdline=f"workload=faulter:only={what} tracer=0"), 1)
    assert "panic" not in machine.serial.text


def test_wrong_system_calls_and_pointers_are_refused(boot: BootFunction) -> None:
    """jsix: a bad system call number, a NULL buffer, too many handles panic or overflow; sizes are cut to 16 bits."""
    machine = finished(boot(cpus=2, cmdline="workload=syscheck,ipcload:calls=100"), 2)
    report = re.search(r"^syscheck: (\d+) checks", machine.serial.text, re.MULTILINE)
    assert report and int(report.group(1)) > 100


def test_pages_are_shot_down_on_every_core_before_they_are_reused(boot: BootFunction) -> None:
    """jsix: shootdowns are sent and not waited for; fresh pages hold what others left."""
    workload = "touch:rounds=60,touch:rounds=60,touch:rounds=60,churn"
    checks_hold(finished(boot(cpus=4, cmdline=f"workload={workload} tracer=0"), 4))


def test_the_log_has_time_and_order_and_counts_what_it_loses(boot: BootFunction) -> None:
    """jsix: the log has no time, and its ring overruns silently."""
    machine = boot(cpus=2, cmdline="workload=none")
    wait_all_done(machine)
    machine.expect(TRACE_ENDED, 60)
    with machine.at_prompt() as kdebug:
        lines = kdebug.command("log").splitlines()
        assert "LOST" in kdebug.command("trace")
    times = [float(line.lstrip("-").split()[0]) for line in lines if line.strip()]
    assert len(times) >= 3 and any(line.rstrip().endswith("cores: 2 of 2 run") for line in lines)


def test_the_invariants_hold_after_load(boot: BootFunction) -> None:
    """jsix: queues, lists and tables are changed without their locks."""
    load = "ipcload:calls=800,touch:rounds=10,hog:steps=3000000,sleeper:sleeps=10,churn:processes=30"
    checks_hold(finished(boot(cpus=4, cmdline=f"workload={load}"), 5))
