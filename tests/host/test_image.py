# SPDX-License-Identifier: MIT
"""tools/image: the boot image and the boot disk, read back by code that shares nothing with what wrote them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import uuid
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools" / "image"
needs_mtools = pytest.mark.skipif(shutil.which("mformat") is None, reason="mtools is not installed")


def run_tool(name: str, *arguments: str | Path, time_zone: str = "UTC") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ, TZ=time_zone))


def make_file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# ---- boot image ------------------------------------------------------------------------------------------------------

def pack(folder: Path, *files: str) -> bytes:
    done = run_tool("bootimg.py", folder / "boot.img", *files)
    assert done.returncode == 0, done.stderr
    return (folder / "boot.img").read_bytes()


def test_image_has_the_layout_of_boot_image_h(tmp_path: Path) -> None:
    first = make_file(tmp_path, "a", b"A" * 5000)
    second = make_file(tmp_path, "b", b"")
    third = make_file(tmp_path, "c", b"C" * 4096)
    image = pack(tmp_path, f"init={first}", f"empty={second}", str(third))
    magic, count, crc, size, reserved = struct.unpack_from("<8sIIQQ", image)
    assert (magic, count, size, reserved) == (b"POORIMG1", 3, len(image), 0)
    assert crc == zlib.crc32(image[32:])
    found = []
    for index in range(count):
        name, offset, length = struct.unpack_from("<48sQQ", image, 32 + 64 * index)
        assert offset % 4096 == 0 and offset >= 32 + 64 * count
        found.append((name.rstrip(b"\0"), image[offset:offset + length]))
    assert found == [(b"init", b"A" * 5000), (b"empty", b""), (b"c", b"C" * 4096)]
    assert len(image) % 4096 == 0


def test_image_depends_on_contents_only(tmp_path: Path) -> None:
    a = make_file(tmp_path, "one/x", b"x" * 10)
    b = make_file(tmp_path, "two/y", b"x" * 10)
    os.utime(b, (1, 1))
    assert pack(tmp_path, f"init={a}") == pack(tmp_path, f"init={b}")


def test_image_list_names_files_and_finds_damage(tmp_path: Path) -> None:
    image = pack(tmp_path, f"init={make_file(tmp_path, 'a', b'hello')}")
    done = run_tool("bootimg.py", "--list", tmp_path / "boot.img")
    assert done.returncode == 0 and done.stdout.split() == ["5", "init"]
    for damaged in (image[:-1], image[:20], b"X" + image[1:], image[:4096] + b"J" + image[4097:]):
        make_file(tmp_path, "boot.img", damaged)
        done = run_tool("bootimg.py", "--list", tmp_path / "boot.img")
        assert done.returncode == 1 and "boot.img" in done.stderr


def test_image_of_nothing_is_valid(tmp_path: Path) -> None:
    assert struct.unpack_from("<QIIQ", pack(tmp_path))[1] == 0


BAD_FILES = {
    "missing file": ["init={tmp}/nowhere"],
    "empty name": ["={tmp}/a"],
    "long name": ["n" * 48 + "={tmp}/a"],
    "same name twice": ["init={tmp}/a", "init={tmp}/b"],
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_image_refuses(tmp_path: Path, case: str) -> None:
    make_file(tmp_path, "a", b"a")
    make_file(tmp_path, "b", b"b")
    done = run_tool("bootimg.py", tmp_path / "boot.img", *(file.format(tmp=tmp_path) for file in BAD_FILES[case]))
    assert done.returncode == 1
    assert done.stderr.startswith("bootimg.py: ") and "Traceback" not in done.stderr
    assert not (tmp_path / "boot.img").exists()


def test_image_takes_the_longest_name(tmp_path: Path) -> None:
    image = pack(tmp_path, "n" * 47 + f"={make_file(tmp_path, 'a', b'a')}")
    assert image[32:32 + 48] == b"n" * 47 + b"\0"


# ---- boot disk -------------------------------------------------------------------------------------------------------

@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    return {name: make_file(tmp_path, name, name.encode() * 3000) for name in ("loader", "kernel", "image")}


def make_disk(disk: Path, parts: dict[str, Path], *more: str | Path, time_zone: str = "UTC") -> bytes:
    done = run_tool("esp.py", disk, "--efi", parts["loader"], "--kernel", parts["kernel"], "--image", parts["image"],
                    *more, time_zone=time_zone)
    assert done.returncode == 0, done.stderr
    return disk.read_bytes()


def find_partition(disk: bytes) -> tuple[int, int]:
    """First byte and length of the one partition, after every check that UEFI asks for."""
    assert disk[510:512] == b"\x55\xaa" and disk[450] == 0xEE
    sectors = len(disk) // 512
    tables = []
    for at in (1, sectors - 1):
        header = disk[at * 512:at * 512 + 92]
        signature, _, size, crc, _, mine, other, low, high = struct.unpack_from("<8sIIIIQQQQ", header)
        table_at, entries, entry_bytes, table_crc = struct.unpack_from("<QIII", header, 72)
        assert (signature, size, mine, other) == (b"EFI PART", 92, at, sectors - at)
        assert crc == zlib.crc32(header[:16] + b"\0" * 4 + header[20:])
        table = disk[table_at * 512:table_at * 512 + entries * entry_bytes]
        assert table_crc == zlib.crc32(table)
        tables.append(table)
    assert tables[0] == tables[1]
    kind, unique, first, last = struct.unpack_from("<16s16sQQ", tables[0])
    assert uuid.UUID(bytes_le=kind) == uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
    assert unique != bytes(16) and tables[0][128:] == bytes(127 * 128)
    assert low <= first <= last <= high
    return first * 512, (last - first + 1) * 512


def read_file(disk: Path, name: str) -> bytes:
    start, _ = find_partition(disk.read_bytes())
    return subprocess.run(["mtype", "-i", f"{disk}@@{start}", f"::{name}"], capture_output=True, check=True).stdout


@needs_mtools
def test_disk_holds_the_files_where_firmware_looks(tmp_path: Path, parts: dict[str, Path]) -> None:
    disk = tmp_path / "esp.img"
    make_disk(disk, parts, "--cmdline", "trace=all x=1", "--file", f"spoor/more.txt={parts['image']}")
    assert read_file(disk, "EFI/BOOT/BOOTX64.EFI") == parts["loader"].read_bytes()
    assert read_file(disk, "spoor/kernel.elf") == parts["kernel"].read_bytes()
    assert read_file(disk, "spoor/boot.img") == parts["image"].read_bytes()
    assert read_file(disk, "spoor/more.txt") == parts["image"].read_bytes()
    assert read_file(disk, "spoor/cmdline.txt") == b"trace=all x=1\n"


@needs_mtools
def test_disk_depends_on_contents_only(tmp_path: Path, parts: dict[str, Path]) -> None:
    first = make_disk(tmp_path / "one.img", parts, "--cmdline", "a")
    os.utime(parts["kernel"], (10**9, 10**9))
    assert first == make_disk(tmp_path / "two.img", parts, "--cmdline", "a", time_zone="Asia/Tokyo")
    assert first != make_disk(tmp_path / "three.img", parts, "--cmdline", "a", "--disk-id", "another")


@needs_mtools
@pytest.mark.skipif(shutil.which("fsck.vfat") is None, reason="dosfstools is not installed")
@pytest.mark.parametrize("size_mib", [64, 100, 512])
def test_disk_passes_fsck(tmp_path: Path, parts: dict[str, Path], size_mib: int) -> None:
    disk = make_disk(tmp_path / "esp.img", parts, "--cmdline", "a", "--size-mib", str(size_mib))
    assert len(disk) == size_mib << 20
    start, length = find_partition(disk)
    fat = make_file(tmp_path, "fat", disk[start:start + length])
    checked = subprocess.run(["fsck.vfat", "-n", str(fat)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert (b"FAT32   " if size_mib >= 512 else b"FAT16   ") in disk[start:start + 512]


@needs_mtools
def test_disk_grows_with_its_files(tmp_path: Path, parts: dict[str, Path]) -> None:
    make_file(tmp_path, "image", os.urandom(80 << 20))
    make_disk(tmp_path / "esp.img", parts)
    assert read_file(tmp_path / "esp.img", "spoor/boot.img") == parts["image"].read_bytes()


@needs_mtools
def test_command_line_is_replaced_in_place(tmp_path: Path, parts: dict[str, Path]) -> None:
    disk = tmp_path / "esp.img"
    make_disk(disk, parts, "--cmdline", "old and longer")
    for text in ("new", "", "x" * 1023, "again"):
        done = run_tool("esp.py", "--set-cmdline", text, disk)
        assert done.returncode == 0, done.stderr
        assert read_file(disk, "spoor/cmdline.txt") == text.encode() + b"\n"
    assert read_file(disk, "spoor/kernel.elf") == parts["kernel"].read_bytes()


@needs_mtools
def test_command_line_is_added_where_there_was_none(tmp_path: Path, parts: dict[str, Path]) -> None:
    disk = tmp_path / "esp.img"
    make_disk(disk, parts)
    assert run_tool("esp.py", "--set-cmdline", "first", disk).returncode == 0
    assert read_file(disk, "spoor/cmdline.txt") == b"first\n"


@needs_mtools
@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-utils is not installed")
def test_disk_as_qcow2_has_the_same_contents(tmp_path: Path, parts: dict[str, Path]) -> None:
    raw = make_disk(tmp_path / "esp.img", parts, "--qcow2", tmp_path / "esp.qcow2")
    subprocess.run(["qemu-img", "convert", "-O", "raw", tmp_path / "esp.qcow2", tmp_path / "back"], check=True)
    assert (tmp_path / "back").read_bytes() == raw


BAD_DISKS: dict[str, list[str]] = {
    "no loader given": [],
    "missing loader": ["--efi", "{tmp}/nowhere"],
    "long command line": ["--efi", "{tmp}/loader", "--cmdline", "x" * 1024],
    "file without name": ["--efi", "{tmp}/loader", "--file", "{tmp}/kernel"],
    "too small": ["--efi", "{tmp}/loader", "--size-mib", "3"],
    "command line of no disk": ["--set-cmdline", "x"],
}


@needs_mtools
@pytest.mark.parametrize("case", BAD_DISKS)
@pytest.mark.usefixtures("parts")
def test_disk_refuses(tmp_path: Path, case: str) -> None:
    done = run_tool("esp.py", tmp_path / "esp.img", *(word.format(tmp=tmp_path) for word in BAD_DISKS[case]))
    assert done.returncode == 1
    assert done.stderr.startswith("esp.py: ") and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("esp.img*"))


@needs_mtools
def test_an_old_disk_survives_a_failure(tmp_path: Path, parts: dict[str, Path]) -> None:
    before = make_disk(tmp_path / "esp.img", parts)
    done = run_tool("esp.py", tmp_path / "esp.img", "--efi", tmp_path / "nowhere")
    assert done.returncode == 1
    assert (tmp_path / "esp.img").read_bytes() == before


def test_missing_mtools_are_named(tmp_path: Path, parts: dict[str, Path]) -> None:
    command = [sys.executable, str(TOOLS / "esp.py"), str(tmp_path / "esp.img"), "--efi", str(parts["loader"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)})
    assert done.returncode == 1 and "apt-get install mtools" in done.stderr


@pytest.mark.parametrize("tool", ["bootimg.py", "esp.py"])
def test_help_describes_every_option(tool: str) -> None:
    done = run_tool(tool, "--help")
    assert done.returncode == 0 and "usage:" in done.stdout
