# SPDX-License-Identifier: MIT
"""
spoor demo: the whole path on one machine, in one go.

Boot four cores, run the demo workload, break into kdebug over the serial line while it runs, show a few commands,
resume, let the trace stream out until the workload has ended, convert it, check both files, say what is in them.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from qemu import paths
from qemu.config import MachineConfig
from qemu.errors import MachineError
from qemu.kdebug import KdebugPrompt, ThreadRow
from qemu.machine import Machine
from qemu.paths import show

from . import tracetool
from .console import Progress, UserError, describe_file
from .options import Subparsers, add_command, add_machine_options, machine_config
from .workload import FIRST_REPORT, STARTED, wait_capture, wait_workload

EXAMPLES = """\
  spoor demo                      what 'make demo' runs once everything is built
  spoor demo --cpus 2 --mem 1G
Writes build/demo/demo.spoor (capture), build/demo/demo.pftrace (for the Perfetto UI) and logs beside them.
"""

BOOT_SECONDS = 120.0
WORKLOAD_SECONDS = 240.0
SYSTEM_PROCESSES = ("init", "tracer", "kernel")
MAILBOX_STATES = ("reply", "call", "receive")
BREAK_INS_MAX = 20
RULE_COLUMNS = 100
PERFETTO_CHECK = paths.ROOT / "tests" / "host" / "perfetto_check.py"


@dataclass(frozen=True)
class DemoFiles:
    """What the demo leaves behind."""

    folder: Path

    @property
    def capture(self) -> Path:
        return self.folder / "demo.spoor"

    @property
    def trace(self) -> Path:
        return self.folder / "demo.pftrace"

    @property
    def transcript(self) -> Path:
        return self.folder / "transcript.txt"


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "demo", "boot, break in, capture, convert, check: the whole path",
                         (__doc__ or "").split("\n\n", 1)[1], EXAMPLES)
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    files = DemoFiles(paths.work_folder() / "demo")
    files.folder.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    config = machine_config(args, name="demo", capture=files.capture)
    if config.cmdline is None:
        config = machine_config(args, name="demo", capture=files.capture, cmdline="workload=demo")
    machine = Machine(config)
    try:
        record(machine, config, files, progress)
        passed = examine(files, progress)
    except (MachineError, UserError) as error:
        raise UserError(f"the demo failed: {error}\nlogs: {_keep_logs(machine, files)}") from error
    _keep_logs(machine, files)
    print(f"\n{'All checks passed' if passed else 'SOME CHECKS FAILED'} after {progress.seconds:.0f} s. "
          f"See the timeline with:\n\n  tools/spoor open {show(files.trace)}\n\n"
          f"or drag that file onto https://ui.perfetto.dev (it stays on this machine).\n"
          f"Logs: {show(files.folder)}/*.log")
    return 0 if passed else 1


def record(machine: Machine, config: MachineConfig, files: DemoFiles, progress: Progress) -> None:
    """Run the machine until the workload has ended and everything is in the capture file."""
    with progress.step(f"booting {config.cpus} cores in QEMU"), machine:
        machine.expect(STARTED, BOOT_SECONDS)
        machine.expect(FIRST_REPORT, WORKLOAD_SECONDS)
        progress.say("the workload runs; sending BREAK on the serial line ...")
        prompt, thread = stop_at_blocked_thread(machine)
        text = show_debugger(prompt, thread)
        files.transcript.write_text(text + "\n")
        print(text, flush=True)
        prompt.resume()
        progress.say("resumed; the capture streams until the workload is done ...")
        wait_workload(machine, WORKLOAD_SECONDS, progress)
        wait_capture(machine)


def stop_at_blocked_thread(machine: Machine) -> tuple[KdebugPrompt, ThreadRow]:
    """Break in at a moment when a thread of the workload waits in a mailbox call or for one; try again if need be."""
    for _ in range(BREAK_INS_MAX):
        prompt = machine.break_in()
        threads = [thread for thread in prompt.threads() if thread.process not in SYSTEM_PROCESSES]
        for wanted in MAILBOX_STATES:
            for thread in threads:
                if thread.state == wanted:
                    return prompt, thread
        prompt.resume()
    raise UserError(f"no thread of the workload was blocked in a mailbox at any of {BREAK_INS_MAX} break-ins")


def show_debugger(prompt: KdebugPrompt, thread: ThreadRow) -> str:
    """The transcript: a few commands and their output, as a person would see them."""
    lines = [f"---- kdebug: stopped on core {prompt.cpu} by {prompt.reason} ".ljust(RULE_COLUMNS, "-")]
    for command in ("cpus", "threads", f"bt {thread.tid}", "trace last 12"):
        lines += [f"kdebug> {command}", prompt.command(command).rstrip("\n")]
    return "\n".join([*lines, "kdebug> continue", "-" * RULE_COLUMNS])


def examine(files: DemoFiles, progress: Progress) -> bool:
    """Convert, check both files, print what they hold; True if nothing is wrong."""
    with progress.step("converting to a Perfetto trace"):
        tracetool.convert(files.capture, files.trace)
    with progress.step("checking both files"):
        capture_good, capture_text = tracetool.check(files.capture)
        trace_good, trace_text = check_perfetto(files.trace)
    print(f"\n{tracetool.output('info', str(files.capture)).rstrip()}\n")
    print("IPC round trips\n" + tracetool.output("ipc", str(files.capture)).rstrip() + "\n")
    for path, text in ((files.capture, capture_text), (files.trace, trace_text)):
        print(f"{describe_file(path)} checked:\n" + "\n".join("  " + line for line in text.splitlines()))
    return capture_good and trace_good


def check_perfetto(trace: Path) -> tuple[bool, str]:
    """Read the trace with an independent decoder (protobuf's own), where that is installed."""
    if importlib.util.find_spec("google.protobuf") is None or shutil.which("protoc") is None:
        return True, "skipped: python3-protobuf and protobuf-compiler are not installed ('make deps' installs them)"
    if not PERFETTO_CHECK.exists():
        return True, "skipped: that decoder is part of the source tree, which this installation is without"
    command = [sys.executable, str(PERFETTO_CHECK), "--build", str(paths.build_folder()), str(trace)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def _keep_logs(machine: Machine, files: DemoFiles) -> str:
    """Put the machine's logs beside the results; returns their names."""
    names = []
    for kind in ("serial", "qemu", "diagnosis"):
        if machine.log(kind).exists():
            target = files.folder / f"{kind}.log"
            shutil.copyfile(machine.log(kind), target)
            names.append(show(target))
    return " ".join(names)
