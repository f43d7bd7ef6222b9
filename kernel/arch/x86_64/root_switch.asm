; SPDX-License-Identifier: MIT
; What the sites of mmu_switch_root() call where PCIDs are in use (root_patch.c), with the root pushed:
;
;     [rsp + 8]   root, which RET takes away
;     [rsp]       return address
;
; No register is changed: the compiler knows of two moves there.

extern root_switch_enter

section .text

align 16
global root_switch
root_switch:
    push rbp
    mov rbp, rsp
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    mov rdi, [rbp + 16]
    and rsp, -16
    call root_switch_enter
    lea rsp, [rbp - 72]
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    pop rbp
    ret 8
