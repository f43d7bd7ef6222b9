# SPDX-License-Identifier: MIT
"""Files: file systems behind the interface vfs, seen by the program files; operations by name in the trace."""

from __future__ import annotations

import os
import random
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

from conftest import BootFunction, kill_process, private_esp, wait_all_done
from test_shell import Person

from qemu import esp
from qemu.machine import TIMEOUT_SCALE, Machine
from qemu.paths import ROOT, build_folder
from qemu.checksum import crc32c
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


def run_outside(*command: str) -> bytes:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1"}
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout


def make_fat_disk(folder: Path) -> tuple[Path, dict[str, bytes]]:
    """A disk with one partition, of FAT32, and what is in its files."""
    numbers = random.Random(4)
    contents = {"readme.txt": b"short\n", "empty": b"", "A rather long name.data": numbers.randbytes(200_000),
                "dir/inner/deep.bin": numbers.randbytes(66_000), "dir/broken.bin": numbers.randbytes(9_000)}
    volume = folder / "volume"
    run_outside("/usr/sbin/mkfs.fat", "-F", "32", "-s", "1", "-C", str(volume), "36000")
    run_outside("mmd", "-i", str(volume), "::dir", "::dir/inner")
    for name, data in contents.items():
        (folder / "piece").write_bytes(data)
        run_outside("mcopy", "-i", str(volume), str(folder / "piece"), f"::{name}")
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


def test_what_is_saved_on_a_disk(boot: BootFunction, tmp_path: Path) -> None:
    """Copied, moved, captured in the shell, while the driver is killed; then read from outside: nothing is wrong."""
    disk, contents = make_fat_disk(tmp_path)
    person = Person(boot(cpus=2, disk=disk, cmdline="workload=none services=shell"))
    types, machine = person.types, person.machine
    assert types("cp /boot/LICENSE /disk/x; mkdir /disk/d; mv /disk/x '/disk/d/the License'") == ""
    assert types("echo short > /disk/d/S.TXT; echo more >> /disk/d/S.TXT; rm /disk/empty") == ""
    assert types("mkdir /disk/e; rm -d /disk/e") == ""
    assert types("mv /disk/dir /disk/dir/inner") == "mv: /disk/dir: ERR_BAD_ARGUMENT\n"
    saved = re.fullmatch(r"(\d+) bytes, .*\n", types("trace save /disk/t.spoor"))
    assert types("cd /disk; cp /boot/doc/syscalls.md m") == ""
    machine.send("cat m m m m m m m m > long\r")
    machine.expect(r"> long\r?\n", 60)
    kill_process(machine, "disk")
    machine.expect("^init: service disk: .*again in", 60)
    person.greets()
    deadline = time.monotonic() + 60 * TIMEOUT_SCALE
    while disk.read_bytes()[FAT_PARTITION * 512 + 65] & 1:  # all who wrote have ended: it is soon as if nobody had it
        assert time.monotonic() < deadline
        time.sleep(0.1)
    types("echo last > last")
    machine.send("power off\r")
    machine.wait_exit(60)

    image = ["-i", f"{disk}@@{FAT_PARTITION * 512}"]
    volume = tmp_path / "after"
    volume.write_bytes(disk.read_bytes()[FAT_PARTITION * 512:])
    run_outside("/usr/sbin/fsck.fat", "-n", str(volume))  # nor is the mark still there
    for name, data in (contents | {"d/the License": LICENSE.read_bytes(), "d/S.TXT": b"short\nmore\n",
                                   "long": 8 * MANUAL.read_bytes(), "last": b"last\n"}).items():
        if name != "empty":
            assert run_outside("mcopy", *image, f"::{name}", "-") == data, name
    assert run_outside("mdir", "-b", *image, "::").decode().split("\n").count("::/empty") == 0
    (tmp_path / "t.spoor").write_bytes(run_outside("mcopy", *image, "::t.spoor", "-"))
    assert saved and (tmp_path / "t.spoor").stat().st_size == int(saved[1])
    assert "sched" in tracetool.output("info", str(tmp_path / "t.spoor"))
