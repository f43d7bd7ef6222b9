#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pack the boot image: the files user space starts from, as kernel/abi/boot_image.h describes.

The output depends on the names, their order and the contents only. The loader starts the file "init".
"""

import argparse
import struct
import sys
import zlib
from pathlib import Path

MAGIC = 0x31474D49524F4F50
NAME_BYTES = 48
PAGE_BYTES = 4096
HEADER = struct.Struct("<QIIQQ")  # magic, count, crc32, bytes, reserved
ENTRY = struct.Struct(f"<{NAME_BYTES}sQQ")  # name, offset, bytes


class ImageError(Exception):
    """The image cannot be packed, or is not intact."""


def round_up(value: int, to: int) -> int:
    return (value + to - 1) // to * to


def encode_name(name: str) -> bytes:
    raw = name.encode()
    if not raw or b"\0" in raw:
        raise ImageError(f"{name!r} is no file name")
    if len(raw) >= NAME_BYTES:
        raise ImageError(f"the name {name!r} is longer than {NAME_BYTES - 1} bytes")
    return raw


def pack(files: list[tuple[str, bytes]]) -> bytes:
    """The image of (name, contents) pairs, in this order."""
    seen: set[str] = set()
    table = b""
    body = b""
    body_start = round_up(HEADER.size + ENTRY.size * len(files), PAGE_BYTES)
    for name, data in files:
        if name in seen:
            raise ImageError(f"two files are named {name!r}")
        seen.add(name)
        table += ENTRY.pack(encode_name(name), body_start + len(body), len(data))
        body += data.ljust(round_up(len(data), PAGE_BYTES), b"\0")
    content = table.ljust(body_start - HEADER.size, b"\0") + body
    header = HEADER.pack(MAGIC, len(files), zlib.crc32(content), HEADER.size + len(content), 0)
    return header + content


def unpack(image: bytes) -> list[tuple[str, bytes]]:
    """The files of an image, after the checks the loader makes."""
    if len(image) < HEADER.size:
        raise ImageError("shorter than its header")
    magic, count, crc, size, _ = HEADER.unpack_from(image)
    if magic != MAGIC:
        raise ImageError("no boot image")
    if size != len(image) or HEADER.size + count * ENTRY.size > size:
        raise ImageError("cut off")
    if crc != zlib.crc32(image[HEADER.size:]):
        raise ImageError("damaged: its checksum differs")
    files = []
    for index in range(count):
        name, offset, length = ENTRY.unpack_from(image, HEADER.size + index * ENTRY.size)
        if offset + length > size:
            raise ImageError(f"file {index} lies outside")
        files.append((name.rstrip(b"\0").decode(), image[offset:offset + length]))
    return files


def read_named(argument: str) -> tuple[str, bytes]:
    """NAME=PATH, or PATH alone for a file that keeps its name."""
    name, equals, path = argument.partition("=")
    if not equals:
        name, path = Path(argument).name, argument
    try:
        return name, Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from error


def list_image(path: Path) -> None:
    for name, data in unpack(path.read_bytes()):
        print(f"{len(data):10}  {name}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bootimg.py", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("image", type=Path, help="boot image to write, or to read with --list")
    parser.add_argument("files", nargs="*", metavar="NAME=PATH", help="files to pack; PATH alone keeps its name")
    parser.add_argument("--list", action="store_true", help="check the image and list its files")
    options = parser.parse_args(arguments)
    try:
        if options.list:
            list_image(options.image)
        else:
            options.image.write_bytes(pack([read_named(file) for file in options.files]))
    except (ImageError, OSError) as error:
        print(f"bootimg.py: {options.image}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
