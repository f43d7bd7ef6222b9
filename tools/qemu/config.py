# SPDX-License-Identifier: MIT
"""What a machine looks like, and the QEMU command line that makes it so."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

QEMU = "qemu-system-x86_64"
MEMORY_DEFAULT = "512M"
# What the firmware may find the boot disk behind.
BOOT_DISKS = {
    "virtio": ["-device", "virtio-blk-pci,drive=esp,bootindex=0,serial=spoor-boot"],
    "ahci": ["-device", "ide-hd,drive=esp,bus=ide.0,bootindex=0,serial=spoor-boot"],
    "nvme": ["-device", "nvme,drive=esp,serial=spoor,bootindex=0"],
    "usb": ["-device", "qemu-xhci", "-device", "usb-storage,drive=esp,bootindex=0"],
}
# What a further disk, which the guest may write, is behind; without ioeventfd as below.
DISKS = {
    "virtio": "virtio-blk-pci,drive=disk,serial=spoor-disk,ioeventfd=off",
    "ahci": "ide-hd,drive=disk,bus=ide.1,serial=spoor-disk",
}


@dataclass(frozen=True)
class MachineConfig:
    """Everything that decides how a machine boots. The defaults are what `make run` uses."""

    name: str = "machine"          # names the logs
    cpus: int = 4
    memory: str = MEMORY_DEFAULT   # as QEMU takes it: 512M, 5G
    mode: str = "debug"            # which build: debug or release
    cmdline: str | None = None     # kernel command line; None: the one on the ESP
    esp: Path | None = None        # boot disk, used as it is and never written; None: the built one
    boot_disk: str = "virtio"      # of BOOT_DISKS
    disk: Path | None = None       # a further disk, which is written
    disk_bus: str = "virtio"       # of DISKS
    disk_read_only: bool = False
    disk_faults: Path | None = None  # rules of QEMU's blkdebug: what of it fails
    disk_options: str = ""         # further properties of its device: "logical_block_size=4096"
    machine: str = "q35"           # QEMU's -machine
    cpu: str = "max"               # QEMU's -cpu
    topology: str = ""             # how the cores are arranged: "sockets=2,cores=1,threads=2"; "": a socket each
    kvm: bool = False
    icount: int | None = None      # -icount shift: the TSC advances 2^shift per guest instruction
    icount_sleep: bool = False     # let idle time pass in real time under icount
    capture: Path | None = None    # the bytes of the capture port go to this file; None: nobody listens
    capture_port: str = "virtio"   # a virtio console that is plugged in with the file, or com2, which is always there
    gdb: str | None = None         # QEMU's own gdb stub: "tcp::1234" or "unix:/path,server=on,wait=off"
    hold: bool = False             # leave the guest stopped at the reset vector: gdb or qmp("cont") starts it
    reboot: bool = False           # a guest reset boots again; otherwise it ends QEMU
    qemu: str = QEMU
    usb: tuple[str, ...] = field(default=())  # devices at a USB controller, as QEMU calls them: usb-kbd
    extra: tuple[str, ...] = field(default=())  # further QEMU arguments


@dataclass(frozen=True)
class MachinePaths:
    """The private files and sockets of one running machine."""

    code: Path
    variables: Path
    disk: Path
    serial: Path
    monitor: Path


def qemu_arguments(config: MachineConfig, paths: MachinePaths, incoming: bool = False) -> list[str]:
    """The whole command line. QEMU connects to our sockets and starts stopped: nothing the guest says can be missed."""
    arguments = [
        config.qemu, "-name", f"spoor-{config.name}",
        "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-nic", "none",
        "-machine", config.machine, "-smp", ",".join(filter(None, [str(config.cpus), config.topology])),
        "-m", config.memory,
        *_accelerator(config),
        "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={paths.code}",
        "-drive", f"if=pflash,unit=1,format=raw,file={paths.variables}",
        "-drive", f"if=none,id=esp,format=raw,snapshot=on,file={paths.disk}",
        *BOOT_DISKS[config.boot_disk],
        *_disk(config),
        "-chardev", f"pipe,id=com1,path={paths.serial}", "-serial", "chardev:com1",
        # The console port itself is plugged in before the guest starts: machine.py.
        # Without ioeventfd the device works inside the port write that notifies it, and no driver waits for the host.
        "-device", "virtio-serial-pci,disable-modern=on,max_ports=2,ioeventfd=off",
        "-chardev", f"socket,id=qmp,path={paths.monitor}", "-mon", "chardev=qmp,mode=control",
        "-S",
    ]
    if config.capture_port == "com2":
        arguments += ["-chardev", "null,id=capture", "-serial", "chardev:capture"]
    for device in ("qemu-xhci,id=xhci", *config.usb) if config.usb else ():
        arguments += ["-device", device]
    if not config.reboot:
        arguments.append("-no-reboot")
    if config.gdb:
        arguments += ["-gdb", config.gdb]
    if incoming:
        arguments += ["-incoming", "defer"]
    return arguments + list(config.extra)


def _disk(config: MachineConfig) -> list[str]:
    if config.disk is None:
        return []
    file = f"file={config.disk}"
    if config.disk_faults is not None:
        file = f"file.driver=blkdebug,file.config={config.disk_faults},file.image.filename={config.disk}"
    if config.disk_read_only:
        file = f"readonly=on,{file}"
    device = ",".join(filter(None, [DISKS[config.disk_bus], config.disk_options]))
    return ["-drive", f"if=none,id=disk,format=raw,{file}", "-device", device]


def _accelerator(config: MachineConfig) -> list[str]:
    if config.kvm:
        return ["-accel", "kvm", "-cpu", "host"]
    if config.icount is not None:
        sleep = "on" if config.icount_sleep else "off"
        return ["-accel", "tcg,thread=single", "-cpu", config.cpu, "-icount", f"shift={config.icount},sleep={sleep}"]
    return ["-accel", "tcg,thread=multi", "-cpu", config.cpu]
