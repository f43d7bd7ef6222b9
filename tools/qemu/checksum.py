# SPDX-License-Identifier: MIT
"""CRC-32C, as in kernel/base/crc32c.c."""

from __future__ import annotations

CRC32C_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected


def crc32c(data: bytes | bytearray, crc: int = 0) -> int:
    """CRC-32C (Castagnoli) of some bytes, going on from that of the bytes before."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _make_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (CRC32C_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _make_table()
