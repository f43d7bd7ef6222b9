# SPDX-License-Identifier: MIT
"""Files: file systems behind the interface vfs, seen by the program files; operations by name in the trace."""

from __future__ import annotations

import os
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

from conftest import BootFunction, private_esp, wait_all_done
from test_shell import Person

from qemu import esp
from qemu.machine import Machine
from qemu.paths import ROOT, build_folder
from qemu.report import crc32c
from spoorlib import tracetool
from spoorlib.workload import wait_capture

sys.path.insert(0, str(ROOT / "tools" / "image"))
import bootimg  # noqa: E402

OPERATIONS = ("attach", "open", "close", "read", "write", "stat", "list", "remove", "rename", "make_directory",
              "truncate", "sync", "usage", "gone")
FAT_PARTITION = 64  # where it begins, in sectors
LICENSE, MANUAL = ROOT / "LICENSE", build_folder() / "gen/doc/syscalls.md"


def line_of(name: str, source: Path) -> str:
    data = source.read_bytes()
    return f"files: {name} {len(data)} bytes {crc32c(data):08x}"


def lines_of(machine: Machine) -> list[str]:
    return re.findall(r"^files: .*$", machine.serial.text, re.MULTILINE)


def test_files_in_memory_and_of_the_boot_image(boot: BootFunction, tmp_path: Path) -> None:
    """Every operation right and wrong, many clients, clients and services that end, no room: the program checks."""
    capture = tmp_path / "files.spoor"
    machine = boot(cpus=2, capture=capture, cmdline="workload=files:account ramfs=65536 trace=ipc")
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
    assert lines_of(machine) == [line_of("/boot/LICENSE", LICENSE), line_of("/boot/doc/syscalls.md", MANUAL)]
    wait_capture(machine)
    dump = tracetool.output("dump", "--filter", "ipc.receive", str(capture))
    served = {line.rsplit("label=vfs.", 1)[1] for line in dump.splitlines() if "label=vfs." in line}
    assert served == set(OPERATIONS)


def damage_license(image: bytes) -> bytes:
    """The boot image with one wrong byte in what is packed of LICENSE: the loader finds nothing wrong with it."""
    files = dict(bootimg.unpack(image))
    words = next(files["packed"].find(word) for word in (b"Permission", b"WARRANTY") if word in files["packed"])
    files["packed"] = files["packed"][:words] + b"#" + files["packed"][words + 1:]
    return bootimg.pack(list(files.items()))


def test_a_damaged_file_of_the_boot_image(boot: BootFunction, tmp_path: Path) -> None:
    disk = private_esp(tmp_path)
    path = esp.find_file(disk, "boot.img")
    esp.write_file(disk, path, damage_license(esp.read_file(disk, path)))
    machine = boot(cpus=1, esp=disk, cmdline="workload=files:damaged tracer=0")
    assert wait_all_done(machine) == (1, 0), machine.serial.text[-2000:]
    assert lines_of(machine) == [line_of("/boot/doc/syscalls.md", MANUAL)]
    assert len(re.findall(r"^\[.*\] error bootfs: block \d+ is damaged$", machine.serial.text, re.MULTILINE)) == 2


def make_fat_disk(folder: Path) -> tuple[Path, dict[str, bytes]]:
    """A disk with one partition, of FAT32, and what is in its files."""
    numbers = random.Random(4)
    contents = {"readme.txt": b"short\n", "empty": b"", "A rather long name.data": numbers.randbytes(200_000),
                "dir/inner/deep.bin": numbers.randbytes(66_000), "dir/broken.bin": numbers.randbytes(9_000)}
    volume = folder / "volume"
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1"}

    def run(*command: str) -> None:
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    run("/usr/sbin/mkfs.fat", "-F", "32", "-s", "1", "-C", str(volume), "36000")
    run("mmd", "-i", str(volume), "::dir", "::dir/inner")
    for name, data in contents.items():
        (folder / "piece").write_bytes(data)
        run("mcopy", "-i", str(volume), str(folder / "piece"), f"::{name}")
    data = volume.read_bytes()
    entry = struct.pack("<4xB3xII", 0x0C, FAT_PARTITION, len(data) // 512)
    disk = folder / "disk.img"
    disk.write_bytes(bytes(446) + entry + bytes(48) + b"\x55\xaa" + bytes((FAT_PARTITION - 1) * 512) + data)
    return disk, contents


def test_fat_on_a_disk(boot: BootFunction, tmp_path: Path) -> None:
    """Files in a partition of a SATA disk, of which a sector of one cannot be read."""
    disk, contents = make_fat_disk(tmp_path)
    broken = disk.read_bytes().index(contents["dir/broken.bin"]) // 512
    faults = tmp_path / "faults"
    faults.write_text(f'[inject-error]\nevent = "none"\nerrno = "5"\nsector = "{broken + 1}"\n')
    machine = boot(cpus=2, disk=disk, disk_bus="ahci", disk_faults=faults, cmdline="workload=tree")
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
    said = set(re.findall(r"^tree: (/.*)$", machine.serial.text, re.MULTILINE))
    wanted = {f"/disk/{name} {len(data)} bytes {crc32c(data):08x}" for name, data in contents.items()
              if name != "dir/broken.bin"}
    assert said == wanted | {"/disk/dir/broken.bin ERR_IO"}
    assert "fatfs: FAT32 in volume 1" in machine.serial.text


def test_files_of_a_disk_without_a_driver(boot: BootFunction, tmp_path: Path) -> None:
    """Whoever wants them is told so, instead of waiting for ever; they are there when a driver is."""
    person = Person(boot(cpus=2, disk=make_fat_disk(tmp_path)[0],
                         cmdline="workload=none services=shell disk_patience=1500"))
    person.types("service stop disk; service kill fatfs")
    person.machine.expect("error fatfs: no files: no driver", 60)
    assert person.types("cat /disk/readme.txt").endswith("cat: /disk/readme.txt: ERR_IO\n")
    person.types("service start disk")
    person.machine.expect("fatfs: FAT32 in volume 1", 60)
    assert person.types("cat /disk/readme.txt").endswith("short\n")
