; SPDX-License-Identifier: MIT
; The switch from the firmware's page tables to the kernel's.
;
; The order matters. NXE first: the new tables use bit 63, which is a reserved bit without it. CR4.CET off before
; the jump: the kernel has no ENDBR and no shadow stack. CR3, then rsp: from then on the old stack is not mapped,
; so nothing between may push.

bits 64

IA32_EFER  equ 0xc0000080       ; Intel SDM vol. 4
EFER_NXE   equ 1 << 11
CR0_WP     equ 1 << 16
CR4_CET    equ 23

section .text

; _Noreturn void jump_to_kernel(uint64_t root, uint64_t handoff, uint64_t entry, uint64_t stack);
; rdi root, rsi handoff, rdx entry, rcx stack. Aligned to its own size at most, so it never crosses a page.
        align   128
global jump_to_kernel
jump_to_kernel:
        cli
        cld
        mov     r8, rdx
        mov     r9, rcx
        mov     ecx, IA32_EFER
        rdmsr
        or      eax, EFER_NXE
        wrmsr
        mov     rax, cr4
        btr     rax, CR4_CET
        mov     cr4, rax
        mov     cr3, rdi
        mov     rax, cr0
        or      rax, CR0_WP
        mov     cr0, rax
        mov     rsp, r9
        mov     rdi, rsi
        xor     eax, eax
        xor     ebp, ebp
        push    rax                     ; the return address a C function expects: alignment, end of backtraces
        jmp     r8
jump_end:

%if jump_end - jump_to_kernel > 128
%error "jump_to_kernel must fit into its alignment"
%endif

section .note.GNU-stack noalloc noexec nowrite progbits
