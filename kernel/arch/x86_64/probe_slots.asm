; SPDX-License-Identifier: MIT
; Room for instructions that are executed elsewhere (trace/probe): TEXT_PROBE_SLOTS of TEXT_PROBE_BYTES, filled by text_patch.

section .text

align 32
global probe_slots
probe_slots:
    times 64 * 64 db 0xcc
global probe_slots_end
probe_slots_end:

section .note.GNU-stack noalloc noexec nowrite progbits
