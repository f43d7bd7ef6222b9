# SPDX-License-Identifier: MIT
"""Spoor in QEMU: start a machine, talk to its serial line, look into it from outside."""
