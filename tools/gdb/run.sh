#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make gdb` runs: QEMU stopped at the reset vector with its gdb stub, gdb with symbols and tools/gdb/spoor.py.
# Arguments go to gdb:  tools/gdb/run.sh -batch -ex 'hbreak kernel_main' -ex continue -ex 'spoor threads'
exec "$(dirname "$0")/../spoor" gdb -- "$@"
