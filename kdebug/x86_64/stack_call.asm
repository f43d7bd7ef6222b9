; SPDX-License-Identifier: MIT
; Running on another stack.

section .text

; void kd_stack_call(void *stack_top, void (*function)(void *), void *argument);
; Calls function(argument) with rsp = stack_top (16-byte aligned) and comes back to the old stack.
; The frame pointers stay chained, so a backtrace goes on into the caller. Clobbers what any C
; function may.
align 16
global kd_stack_call
kd_stack_call:
    push rbp
    mov rbp, rsp
    mov rsp, rdi
    mov rax, rsi
    mov rdi, rdx
    call rax
    mov rsp, rbp
    pop rbp
    ret

; void kd_trigger(void);
; A breakpoint of our own: the shortest way to a complete trap frame in NMI class. kdebug_trap()
; knows it by the address after the INT3, KD_TRIGGER_BYTES from the start.
align 16
global kd_trigger
kd_trigger:
    push rbp
    mov rbp, rsp
    int3
%if ($ - kd_trigger) != 5
  %error "KD_TRIGGER_BYTES in stack_call.h"
%endif
    pop rbp
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
