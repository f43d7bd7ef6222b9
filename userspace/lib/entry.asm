; SPDX-License-Identifier: MIT
; The first instructions of every user program.
bits 64

extern start_process

section .text.start progbits alloc exec nowrite align=16

; NORETURN void _start(const void *info)
; In: rdi = struct start_info (programs) or struct init_info (init), rsp = 16-byte aligned minus 8
; on a zeroed stack.
; A jump keeps that alignment; the zero at [rsp] and in rbp ends every backtrace here.
global _start
_start:
    xor ebp, ebp
    jmp start_process

section .note.GNU-stack noalloc noexec nowrite progbits
