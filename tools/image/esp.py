#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the disk that Spoor boots from: GPT, one EFI system partition (FAT) with loader, kernel and boot image.

Needs no root: mformat and mcopy (package mtools) write into the file. The same inputs give the same bytes.
"""

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import uuid
import zlib
from pathlib import Path

SECTOR_BYTES = 512
MIB = 1 << 20
PARTITION_START = MIB  # where tools expect the first partition
GPT_ENTRIES = 128
GPT_ENTRY_BYTES = 128
GPT_TABLE_SECTORS = GPT_ENTRIES * GPT_ENTRY_BYTES // SECTOR_BYTES
LEAST_BYTES = 64 * MIB
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")  # UEFI 2.10, "GPT Partition Entry"
# Any constant does; two disks of one machine should not share them, so --disk-id changes both.
NAMESPACE = uuid.UUID("5b1f3c0e-6a52-4c0e-9d0b-7f0f6e1d2c3a")
FAT_SERIAL = "53504f52"
FILE_TIME = "1704067200"  # 2024-01-01: FAT cannot say "no time"
LOADER_PATH = "EFI/BOOT/BOOTX64.EFI"  # UEFI 2.10, "Removable Media Boot Behavior"
CMDLINE_PATH = "spoor/cmdline.txt"
CMDLINE_BYTES_MAX = 1023


class EspError(Exception):
    """The disk cannot be made."""


def run_mtool(name: str, *arguments: str) -> None:
    if shutil.which(name) is None:
        raise EspError(f"{name} is missing: apt-get install mtools")
    environment = dict(os.environ, SOURCE_DATE_EPOCH=FILE_TIME, MTOOLS_SKIP_CHECK="1", TZ="UTC", LC_ALL="C")
    done = subprocess.run([name, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EspError(f"{name} failed: {done.stderr.strip() or done.stdout.strip()}")


# ---- GPT (UEFI 2.10, "GUID Partition Table (GPT) Disk Layout") -------------------------------------------------------

def protective_mbr(sectors: int) -> bytes:
    record = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, min(sectors - 1, 0xFFFFFFFF))
    return (b"\0" * 446 + record).ljust(510, b"\0") + b"\x55\xaa"


def gpt_table(disk_id: str, first: int, last: int) -> bytes:
    name = "Spoor".encode("utf-16-le")
    entry = struct.pack("<16s16sQQQ72s", ESP_TYPE.bytes_le, uuid.uuid5(NAMESPACE, disk_id + "/esp").bytes_le,
                        first, last, 0, name)
    return entry.ljust(GPT_ENTRIES * GPT_ENTRY_BYTES, b"\0")


def gpt_header(disk_id: str, sectors: int, at: int, other: int, table_at: int, table: bytes) -> bytes:
    def fields(crc: int) -> bytes:
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x00010000, 92, crc, 0, at, other,
                           2 + GPT_TABLE_SECTORS, sectors - 2 - GPT_TABLE_SECTORS,
                           uuid.uuid5(NAMESPACE, disk_id).bytes_le, table_at, GPT_ENTRIES, GPT_ENTRY_BYTES,
                           zlib.crc32(table))
    return fields(zlib.crc32(fields(0))).ljust(SECTOR_BYTES, b"\0")


def write_gpt(disk: Path, disk_id: str, total_bytes: int) -> None:
    sectors = total_bytes // SECTOR_BYTES
    first = PARTITION_START // SECTOR_BYTES
    last = (total_bytes - MIB) // SECTOR_BYTES - 1
    table = gpt_table(disk_id, first, last)
    with disk.open("r+b") as file:
        file.write(protective_mbr(sectors))
        file.write(gpt_header(disk_id, sectors, 1, sectors - 1, 2, table))
        file.write(table)
        file.seek((sectors - 1 - GPT_TABLE_SECTORS) * SECTOR_BYTES)
        file.write(table)
        file.write(gpt_header(disk_id, sectors, sectors - 1, 1, sectors - 1 - GPT_TABLE_SECTORS, table))


# ---- files -----------------------------------------------------------------------------------------------------------

def encode_cmdline(cmdline: str) -> bytes:
    raw = cmdline.encode()
    if len(raw) > CMDLINE_BYTES_MAX:
        raise EspError(f"the command line is longer than {CMDLINE_BYTES_MAX} bytes")
    return raw + b"\n"


def partition(disk: Path) -> str:
    """How mtools names the file system inside the disk."""
    return f"{disk}@@{PARTITION_START}"


def stage(files: dict[str, Path], cmdline: str | None, folder: Path) -> int:
    """Lay the files out as they will be on the disk; returns their bytes."""
    total = 0
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise EspError(f"{source}: {error.strerror}") from error
        total += target.stat().st_size
    if cmdline is not None:
        target = folder / CMDLINE_PATH
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode_cmdline(cmdline))
    return total


def disk_bytes(content_bytes: int, wanted_mib: int | None) -> int:
    least = content_bytes + content_bytes // 8 + 4 * MIB
    if wanted_mib is None:
        return max(LEAST_BYTES, (least + MIB - 1) // MIB * MIB)
    if wanted_mib * MIB < least:
        raise EspError(f"--size-mib {wanted_mib} is too small, the files need {(least + MIB - 1) // MIB}")
    return wanted_mib * MIB


def format_partition(disk: Path, total_bytes: int) -> None:
    sectors = (total_bytes - 2 * MIB) // SECTOR_BYTES
    # FAT16 below 512 MiB: fewer bytes to write than FAT32, and firmware must know both.
    fat = ["-F"] if total_bytes >= 512 * MIB else []
    run_mtool("mformat", "-i", partition(disk), "-T", str(sectors), "-h", "64", "-s", "32",
              "-H", str(PARTITION_START // SECTOR_BYTES), "-N", FAT_SERIAL, "-v", "SPOOR", *fat, "::")


def copy_tree(disk: Path, folder: Path) -> None:
    """Sorted, one by one: `mcopy -s` would take the order of the host's directories into the disk."""
    for path in sorted(folder.rglob("*")):
        name = "::" + path.relative_to(folder).as_posix()
        if path.is_dir():
            run_mtool("mmd", "-i", partition(disk), name)
        else:
            run_mtool("mcopy", "-i", partition(disk), str(path), name)


def convert_to_qcow2(disk: Path, target: Path) -> None:
    """A copy that can hold QEMU's snapshots."""
    if shutil.which("qemu-img") is None:
        raise EspError("qemu-img is missing: apt-get install qemu-utils")
    command = ["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", str(disk), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EspError(f"qemu-img failed: {done.stderr.strip()}")


def make_disk(disk: Path, files: dict[str, Path], cmdline: str | None, wanted_mib: int | None, disk_id: str) -> None:
    """Write the disk; on an error no half of it is left."""
    unfinished = disk.with_name(disk.name + ".part")
    try:
        with tempfile.TemporaryDirectory(prefix="spoor-esp-") as temporary:
            folder = Path(temporary)
            total_bytes = disk_bytes(stage(files, cmdline, folder), wanted_mib)
            with unfinished.open("wb") as file:
                file.truncate(total_bytes)
            format_partition(unfinished, total_bytes)
            copy_tree(unfinished, folder)
        write_gpt(unfinished, disk_id, total_bytes)
        unfinished.replace(disk)
    finally:
        unfinished.unlink(missing_ok=True)


def set_cmdline(disk: Path, cmdline: str) -> None:
    """Replace the command line of an existing disk, in place."""
    if not disk.is_file():
        raise EspError("there is no such disk")
    with tempfile.TemporaryDirectory(prefix="spoor-esp-") as temporary:
        text = Path(temporary) / "cmdline.txt"
        text.write_bytes(encode_cmdline(cmdline))
        run_mtool("mcopy", "-o", "-i", partition(disk), str(text), f"::{CMDLINE_PATH}")


def parse_extra(argument: str) -> tuple[str, Path]:
    name, equals, path = argument.partition("=")
    if not equals or not name:
        raise EspError(f"--file wants NAME=PATH, not {argument!r}")
    return name, Path(path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="esp.py", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("disk", type=Path, help="disk image to write")
    parser.add_argument("--efi", type=Path, help="the loader, becomes " + LOADER_PATH)
    parser.add_argument("--kernel", type=Path, help="becomes spoor/kernel.elf")
    parser.add_argument("--image", type=Path, help="the boot image, becomes spoor/boot.img")
    parser.add_argument("--cmdline", help="kernel command line, becomes " + CMDLINE_PATH)
    parser.add_argument("--file", action="append", default=[], metavar="NAME=PATH", help="one more file")
    parser.add_argument("--size-mib", type=int, help="size of the disk (default: what the files need, at least 64)")
    parser.add_argument("--disk-id", default="spoor", help="text that the disk's GUIDs are made from")
    parser.add_argument("--qcow2", type=Path, metavar="FILE", help="also write a copy that can hold snapshots")
    parser.add_argument("--set-cmdline", metavar="TEXT", help="only replace the command line of an existing disk")
    options = parser.parse_args(arguments)
    places = {LOADER_PATH: options.efi, "spoor/kernel.elf": options.kernel, "spoor/boot.img": options.image}
    try:
        if options.set_cmdline is not None:
            set_cmdline(options.disk, options.set_cmdline)
            return 0
        if options.efi is None:
            raise EspError("--efi is needed to make a disk (or --set-cmdline to change one)")
        files = {name: path for name, path in places.items() if path is not None}
        files.update(parse_extra(extra) for extra in options.file)
        make_disk(options.disk, files, options.cmdline, options.size_mib, options.disk_id)
        if options.qcow2 is not None:
            convert_to_qcow2(options.disk, options.qcow2)
    except (EspError, OSError) as error:
        print(f"esp.py: {options.disk}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
