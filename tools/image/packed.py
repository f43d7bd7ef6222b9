#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pack files for programs into a read-only file system (userspace/files/packed/format.h), a file of the boot image.

    packed.py OUTPUT NAME=PATH...

A name may have slashes: its directories are made. The output depends on names and contents only. Compression is by
the C library of Debian's package liblz4-1, which liblz4-dev brings along.
"""

from __future__ import annotations

import argparse
import ctypes
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qemu.checksum import crc32c  # noqa: E402

MAGIC = int.from_bytes(b"SpFiles1", "little")
BLOCK_BYTES = 16384
REGULAR, DIRECTORY = 1, 2
HEADER = struct.Struct("<QQIIII")  # magic, bytes, checksum, nodes, blocks, bytes of names
NODE = struct.Struct("<QIHHII")    # size, name, bytes of name, kind, first, count
BLOCK = struct.Struct("<QII")      # offset, bytes, checksum
NAME_MAX = 255

Tree = dict[bytes, "Tree | bytes"]


class PackError(Exception):
    """The files cannot be packed."""


class Compressor:
    def __init__(self) -> None:
        try:
            library = ctypes.CDLL("liblz4.so.1")
        except OSError as error:
            raise PackError(f"{error}: install liblz4-dev") from error
        self.compress = library.LZ4_compress_default
        self.compress.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
        self.compress.restype = ctypes.c_int

    def pack(self, data: bytes) -> bytes:
        """Smaller than it was, or as it was."""
        out = ctypes.create_string_buffer(len(data))
        count = self.compress(data, out, len(data), len(data) - 1)
        return out.raw[:count] if count > 0 else data


def add(tree: Tree, name: str, data: bytes) -> None:
    *folders, last = [part.encode() for part in name.split("/")]
    for part in (*folders, last):
        if part in (b"", b".", b"..") or len(part) > NAME_MAX or b"\0" in part:
            raise PackError(f"{name!r} is no path")
    for part in folders:
        inner = tree.setdefault(part, {})
        if isinstance(inner, bytes):
            raise PackError(f"{name!r} lies in a file")
        tree = inner
    if last in tree:
        raise PackError(f"{name!r} is there twice")
    tree[last] = data


class Writer:
    """Directory by directory, so that children stand together behind their parent."""

    def __init__(self, tree: Tree) -> None:
        self.compressor = Compressor()
        self.names = b""
        self.blocks: list[bytes] = []
        self.nodes: list[bytes] = [b""]
        waiting: list[tuple[int, bytes, Tree]] = [(0, b"", tree)]
        for number, name, inner in waiting:
            first = len(self.nodes)
            self.nodes += [b""] * len(inner)
            self.nodes[number] = self.node(name, 0, DIRECTORY, first, len(inner))
            for place, (child, content) in enumerate(sorted(inner.items()), first):
                if isinstance(content, bytes):
                    self.nodes[place] = self.file(child, content)
                else:
                    waiting.append((place, child, content))

    def node(self, name: bytes, size: int, kind: int, first: int, count: int) -> bytes:
        self.names += name
        return NODE.pack(size, len(self.names) - len(name), len(name), kind, first, count)

    def file(self, name: bytes, data: bytes) -> bytes:
        first = len(self.blocks)
        self.blocks += [self.compressor.pack(data[at:at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)]
        return self.node(name, len(data), REGULAR, first, len(self.blocks) - first)

    def content(self) -> bytes:
        offset = HEADER.size + NODE.size * len(self.nodes) + BLOCK.size * len(self.blocks) + len(self.names)
        table = b""
        for block in self.blocks:
            table += BLOCK.pack(offset, len(block), crc32c(block))
            offset += len(block)
        tables = b"".join(self.nodes) + table + self.names
        numbers = (len(self.nodes), len(self.blocks), len(self.names))
        checksum = crc32c(HEADER.pack(MAGIC, offset, 0, *numbers) + tables)
        return HEADER.pack(MAGIC, offset, checksum, *numbers) + tables + b"".join(self.blocks)


def pack(files: list[tuple[str, bytes]]) -> bytes:
    """The file system of (path, contents) pairs."""
    tree: Tree = {}
    for name, data in files:
        add(tree, name, data)
    return Writer(tree).content()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="packed.py", description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("files", nargs="*", metavar="NAME=PATH")
    options = parser.parse_args(arguments)
    try:
        pairs = [file.partition("=") for file in options.files]
        options.output.write_bytes(pack([(name, Path(path).read_bytes()) for name, _, path in pairs]))
    except (PackError, OSError) as error:
        print(f"packed.py: {options.output}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
