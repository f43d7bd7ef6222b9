# SPDX-License-Identifier: MIT
"""What gdb learns of Spoor (tools/gdb/README.md)."""
