; SPDX-License-Identifier: MIT
; Switching between kernel stacks. The contract, and the order of the saved registers, is in
; arch/context.h.

extern trap_return_user

section .text

; void context_switch(struct context *from, struct context *to);
; Saves what the System V ABI lets a function keep; the rest is dead at a call. Clobbers nothing but
; flags.
align 16
global context_switch
context_switch:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    mov rdi, rsi
    ; void context_resume(struct context *to);
    ; The second half: whatever is on this stack is given up.
global context_resume
context_resume:
    mov rsp, [rdi]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

; First return address of a context made by context_init_user(). In: r12 = first, rsp = trap frame.
align 16
global context_start_user
context_start_user:
    call r12
    jmp trap_return_user

; First return address of a context made by context_init_kernel(). In: r12 = entry, r13 = its
; argument.
align 16
global context_start_kernel
context_start_kernel:
    mov rdi, r13
    call r12
    ud2 ; entry returned

section .note.GNU-stack noalloc noexec nowrite progbits
