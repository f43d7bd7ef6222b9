# SPDX-License-Identifier: MIT
"""
A machine: QEMU with Spoor in it, as an object.

    with Machine(MachineConfig(cpus=4, cmdline="workload=smoke")) as machine:
        machine.expect(r"init: all done: (\\d+) passed, 0 failed", timeout=60)
        with machine.at_prompt() as kdebug:
            print(kdebug.command("threads"))

What the guest says goes to build/logs/<name>.serial.log, what QEMU says to <name>.qemu.log. Whatever happens
(exception, time-out, our own death by any signal) QEMU ends with us. A wait that ends in vain gathers evidence before
it raises: the registers of all cores from the monitor, and kdebug's backtrace of every core if it still answers; that
text is in the exception and in <name>.diagnosis.log.

Nothing here sleeps: QEMU connects to our sockets, the guest starts when we are connected, every wait is for an event.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import paths
from .config import MachineConfig, MachinePaths, qemu_arguments
from .core import add_addresses
from .errors import MachineError, MachineFailed, MachineTimeout
from .esp import copy_esp
from .kdebug import PROMPT, KdebugPrompt
from .process import Pipes, QemuProcess, listen
from .qmp import Json, QmpClient
from .registers import CoreRegisters, parse_registers
from .serial import FATAL, Listeners, SerialLine
from .symbols import SymbolTable

# Slow or busy hosts stretch every time limit: SPOOR_TIMEOUT_SCALE=3.
TIMEOUT_SCALE = float(os.environ.get("SPOOR_TIMEOUT_SCALE", "1"))

PROMPT_SECONDS = 20.0
DIAGNOSIS_SECONDS = 8.0
SAVE_SECONDS = 120.0

_running: weakref.WeakSet[Machine] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for machine in list(_running):
        machine.stop()


class Machine:
    """A QEMU machine. Use it in a with statement, or call start() and stop()."""

    def __init__(self, config: MachineConfig, state: Path | None = None,
                 after: Callable[[Machine], None] | None = None) -> None:
        """
        config  what to start
        state   a file that save_state() wrote on a machine of the same config: go on from there instead of power-on
        after   called at the end of start(), as long as the machine must be led on
        """
        self.config = config
        self._state = state
        self._after = after
        self._stack = contextlib.ExitStack()
        self._diagnosing = False
        self._symbols: SymbolTable | None = None
        self._listeners: Listeners = (None, None)
        self._folder: Path
        self._capture_input: int | None = None
        self.serial: SerialLine
        self.process: QemuProcess
        self._qmp: QmpClient

    # -- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Machine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start QEMU and let the guest run. MachineError: what is missing, or what QEMU said."""
        try:
            self._launch()
            if self._state:
                self._restore(self._state)
            if self.config.capture:
                self._add_capture()
            if not self.config.hold:
                self.qmp("cont")
            if self._after:
                self._after(self)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End QEMU and give everything back. May be called again."""
        _running.discard(self)
        self._stack.close()

    def on_serial(self, take: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        """Have what the guest says passed on, too, on a thread of its own. What came before is not."""
        self._listeners = (take, ended)
        if hasattr(self, "serial"):
            self.serial.on_data(take, ended)

    def _launch(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="spoor-"))
        self._stack.callback(shutil.rmtree, folder, True)
        code, template = paths.firmware()
        variables = folder / "vars.fd"
        shutil.copyfile(template, variables)
        place = MachinePaths(code, variables, self._disk(folder), folder / "serial", folder / "qmp")
        serial = Pipes(place.serial)
        self._stack.callback(serial.close)
        self._stack.callback(self._close_serial)
        qmp_listener = self._stack.enter_context(listen(place.monitor))
        if self.config.capture:
            self.config.capture.parent.mkdir(parents=True, exist_ok=True)
        arguments = qemu_arguments(self.config, place, incoming=self._state is not None)
        self.process = QemuProcess(arguments, self.log("qemu"))
        self._stack.callback(self.process.kill)
        _running.add(self)
        # The monitor comes last, so QEMU has the pipes by now.
        self._qmp = QmpClient(self.process.accept(qmp_listener))
        self._stack.callback(self._qmp.close)
        try:
            serial.open()
        except OSError:
            raise MachineError(f"QEMU ended at once: {self.process.output() or 'it said nothing'}") from None
        self.serial = SerialLine(serial, self.log("serial"), *self._listeners)
        self._folder = folder

    def _close_serial(self) -> None:
        if hasattr(self, "serial"):
            self.serial.close()

    def _add_capture(self) -> None:
        """Listen to the capture port: out to the capture file, in from a FIFO that capture_command() writes to."""
        path = self._folder / "capture"
        os.mkfifo(path)
        # For reading, too: then neither we nor QEMU wait for the other to open it.
        self._capture_input = os.open(path, os.O_RDWR)
        self._stack.callback(os.close, self._capture_input)
        # Only the monitor can name a file chardev's input in this version of QEMU. The guest has not started yet.
        data = {"out": str(self.config.capture), "in": str(path)}
        backend = {"id": "capture", "backend": {"type": "file", "data": data}}
        if self.config.capture_port == "com2":
            self.qmp("chardev-change", backend)
            return
        self.qmp("chardev-add", backend)
        self.qmp("device_add", {"driver": "virtconsole", "chardev": "capture"})

    def _disk(self, folder: Path) -> Path:
        disk = self.config.esp or paths.esp_image(self.config.mode)
        if self.config.cmdline is None:
            return disk
        return copy_esp(disk, folder / "esp.img", self.config.cmdline)

    def log(self, kind: str) -> Path:
        """Where the log of one kind (serial, qemu, diagnosis) of this machine lies."""
        return paths.logs_folder() / f"{self.config.name}.{kind}.log"

    # -- the serial line ------------------------------------------------------------------------------------------

    def expect(self, pattern: str | re.Pattern[str], timeout: float,
               fatal: re.Pattern[str] | None = FATAL) -> re.Match[str]:
        """SerialLine.expect(), and on failure the state of every core in the message."""
        try:
            return self.serial.expect(pattern, timeout * TIMEOUT_SCALE, fatal)
        except (MachineTimeout, MachineFailed) as error:
            evidence = self.diagnose(prompt_seen=isinstance(error, MachineFailed))
            raise type(error)(f"{self.config.name}: {error}\n{evidence}") from None

    def send(self, data: str | bytes) -> None:
        """Type on the serial line."""
        self.serial.send(data)

    def send_break(self) -> None:
        """Put a BREAK on the serial line: what stops the guest in kdebug."""
        self.qmp("chardev-send-break", {"id": "com1"})

    @contextlib.contextmanager
    def at_prompt(self, by: str = "break") -> Iterator[KdebugPrompt]:
        """
        Break in, give kdebug's prompt, let the guest go on afterwards.

        by  how: "break" (serial BREAK), "escape" (the byte 0x1c), "nmi" (the NMI button), "wait" (it comes by itself)
        """
        prompt = self.break_in(by)
        yield prompt
        prompt.resume()

    def break_in(self, by: str = "break", timeout: float = PROMPT_SECONDS) -> KdebugPrompt:
        """Enter kdebug and return its prompt; the guest stays stopped until prompt.resume()."""
        if by == "break":
            self.send_break()
        elif by == "escape":
            self.send(b"\x1c")
        elif by == "nmi":
            self.qmp("inject-nmi")
        elif by != "wait":
            raise ValueError(f"break_in(by={by!r})")
        return self.wait_prompt(timeout)

    def wait_prompt(self, timeout: float = PROMPT_SECONDS) -> KdebugPrompt:
        """Wait for kdebug's prompt, entered for whatever reason, panic included."""
        mark = self.serial.cursor
        self.expect(PROMPT, timeout, fatal=None)
        return KdebugPrompt(self, self.serial.text_since(mark))

    def capture_command(self, line: str) -> None:
        """Send a line to the trace consumer over the capture port: start, dump, flush, stop."""
        if self._capture_input is None:
            raise MachineError("this machine has no capture file")
        os.write(self._capture_input, line.encode() + b"\n")

    # -- QEMU -----------------------------------------------------------------------------------------------------

    def qmp(self, command: str, arguments: Json | None = None, timeout: float = 30.0) -> Any:
        """A QMP command and its result."""
        return self._qmp.command(command, arguments, timeout)

    def monitor(self, line: str) -> str:
        """A line for QEMU's human monitor and what it printed."""
        answer = self.qmp("human-monitor-command", {"command-line": line})
        return str(answer).replace("\r", "")

    def registers(self) -> list[CoreRegisters]:
        """The registers of all cores, seen from outside."""
        return parse_registers(self.monitor("info registers -a"))

    def inject_nmi(self) -> None:
        """Press the NMI button: every core gets one."""
        self.qmp("inject-nmi")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Hold all cores still from outside."""
        self.qmp("stop")
        yield
        self.qmp("cont")

    def read_physical(self, address: int, count: int) -> bytes:
        """Guest memory by physical address."""
        return self._save_memory("pmemsave", {"val": address, "size": count})

    def read_virtual(self, address: int, count: int, cpu: int = 0) -> bytes:
        """Guest memory by virtual address, through the page tables that a core has loaded."""
        # The monitor's numbers are signed.
        signed = address - (1 << 64) if address >> 63 else address
        return self._save_memory("memsave", {"val": signed, "size": count, "cpu-index": cpu})

    def save_physical(self, address: int, count: int, target: Path) -> None:
        """Write guest memory to a file."""
        self.qmp("pmemsave", {"val": address, "size": count, "filename": str(target.resolve())}, timeout=120)

    def save_core(self, target: Path) -> None:
        """Write memory and registers to a core file for gdb (qemu/core.py); the guest stands still meanwhile."""
        self.qmp("dump-guest-memory", {"paging": False, "protocol": f"file:{target.resolve()}"}, timeout=120)
        target.chmod(0o600)
        add_addresses(target)

    def _save_memory(self, command: str, arguments: Json) -> bytes:
        with tempfile.NamedTemporaryFile(prefix="spoor-") as file:
            self.qmp(command, {**arguments, "filename": file.name})
            return Path(file.name).read_bytes()

    def wait_exit(self, timeout: float) -> str:
        """Wait until the guest has powered off or reset; returns QEMU's reason: guest-shutdown, guest-reset ..."""
        event = self._qmp.wait_event("SHUTDOWN", timeout=timeout * TIMEOUT_SCALE)
        if event is None:
            raise MachineTimeout(f"{self.config.name}: still on after {timeout:g} s\n{self.serial.tail()}\n"
                                 f"{self.diagnose()}")
        return str(event["data"]["reason"])

    def wait_reset(self, timeout: float) -> None:
        """Wait until the guest has reset itself (config.reboot must be set, else QEMU ends: wait_exit)."""
        if self._qmp.wait_event("RESET", timeout=timeout * TIMEOUT_SCALE) is None:
            raise MachineTimeout(f"{self.config.name}: no reset within {timeout:g} s\n{self.serial.tail()}")

    # -- saved state ----------------------------------------------------------------------------------------------

    def save_state(self, target: Path) -> None:
        """Write the whole state of the machine to a file, for Machine(config, state). It is stopped then: stop() it."""
        self.qmp("stop")
        self._set_migration_events()
        self.qmp("migrate", {"uri": f"exec:cat > '{target}'"})
        self._await_migration("save the machine to", target)

    def _restore(self, source: Path) -> None:
        self._set_migration_events()
        self.qmp("migrate-incoming", {"uri": f"exec:cat '{source}'"})
        self._await_migration("load the machine from", source)

    def _set_migration_events(self) -> None:
        self.qmp("migrate-set-capabilities", {"capabilities": [{"capability": "events", "state": True}]})
        # 0: as fast as the pipe takes it.
        self.qmp("migrate-set-parameters", {"max-bandwidth": 0})

    def _await_migration(self, what: str, path: Path) -> None:
        while True:
            event = self._qmp.wait_event("MIGRATION", timeout=SAVE_SECONDS)
            status = event["data"]["status"] if event else "no answer"
            if status == "completed":
                return
            if status in ("failed", "cancelled", "no answer"):
                raise MachineError(f"could not {what} {path}: {status}; QEMU says: {self.process.output()}")

    # -- evidence -------------------------------------------------------------------------------------------------

    @property
    def symbols(self) -> SymbolTable | None:
        """The kernel's symbols, if the kernel has been built."""
        if self._symbols is None:
            with contextlib.suppress(MachineError, ValueError, OSError):
                self._symbols = SymbolTable.from_elf(paths.kernel_elf(self.config.mode))
        return self._symbols

    def diagnose(self, prompt_seen: bool = False) -> str:
        """
        The state of every core: registers from the monitor, then kdebug's backtraces if it still answers.

        prompt_seen  the guest is on its way into kdebug by itself: do not break in
        Never raises; returns text and writes it to the diagnosis log.
        """
        if self._diagnosing:
            return ""
        self._diagnosing = True
        lines = ["  state of the cores:"]
        try:
            lines += ["  | " + core.describe(self.symbols) for core in self.registers()]
            lines += ["  | " + line for line in self._backtraces(prompt_seen)]
        except (MachineError, OSError) as error:
            lines.append(f"  | (no more to be had: {str(error).splitlines()[0]})")
        finally:
            self._diagnosing = False
        text = "\n".join(lines)
        self.log("diagnosis").write_text(text + "\n")
        return text

    def _backtraces(self, prompt_seen: bool) -> list[str]:
        self.serial.skip()
        if not prompt_seen:
            self.send_break()
        elif re.search(PROMPT, self.serial.text):
            self.send("\r")
        self.serial.expect(PROMPT, DIAGNOSIS_SECONDS, fatal=None)
        prompt = KdebugPrompt(self, "")
        lines: list[str] = []
        for command in ("cpus", *(f"bt cpu {cpu}" for cpu in range(self.config.cpus))):
            lines += [f"kdebug> {command}", *prompt.command(command, DIAGNOSIS_SECONDS).splitlines()]
        return lines
