; SPDX-License-Identifier: MIT
; What another core executes from its start-up IPI on: real mode to long mode in one step, then
; ap_entry.
;
; The blob is copied to a page below 1 MiB (handoff.ap_page) and runs there at any segment; smp.c
; fills in the parameters at its end. The tables in CR3 map that page to itself and hold the
; kernel's upper half.
;
; A core that answers late must not take the stack of the next one: whoever is not the core that
; smp.c waits for stops here.
; Source: Intel SDM vol. 3A, "Multiple-Processor (MP) Initialization", "Initializing IA-32e Mode".

IA32_EFER equ 0xc0000080
EFER_LME_NXE equ (1 << 8) | (1 << 11)
CR0_PE_WP_PG equ (1 << 0) | (1 << 16) | (1 << 31)
CR4_PAE_PGE equ (1 << 5) | (1 << 7)
CODE_64 equ 0x08
DATA_32 equ 0x10

section .rodata progbits alloc noexec nowrite align=16
global trampoline_start
global trampoline_parameters
global trampoline_end

trampoline_start:
bits 16
    cli
    cld
    mov ax, cs
    mov ds, ax
    mov eax, [parameters.page - trampoline_start]
    lea ecx, [eax + long_mode - trampoline_start]
    mov [far_target - trampoline_start], ecx
    lea ecx, [eax + gdt - trampoline_start]
    mov [gdt_pointer.base - trampoline_start], ecx
    o32 lgdt [gdt_pointer - trampoline_start]
    mov eax, CR4_PAE_PGE
    mov cr4, eax
    mov eax, [parameters.root - trampoline_start]
    mov cr3, eax
    mov ecx, IA32_EFER
    rdmsr
    or eax, EFER_LME_NXE
    wrmsr
    mov eax, CR0_PE_WP_PG ; also switches the caches on (CD and NW are set at reset)
    mov cr0, eax
    jmp dword far [far_target - trampoline_start]

bits 64
long_mode:
    mov eax, DATA_32
    mov ss, eax
    mov ds, eax
    mov eax, 1
    cpuid
    shr ebx, 24
    cmp ebx, [rel parameters.apic_id]
    jne .not_mine
    mov rsp, [rel parameters.stack]
    mov rdi, [rel parameters.cpu]
    mov rax, [rel parameters.entry]
    jmp rax
.not_mine:
    hlt
    jmp .not_mine

align 8
gdt:
    dq 0
    dq 0x00209b0000000000 ; 64-bit code, ring 0
    dq 0x00cf93000000ffff ; data
gdt_pointer:
    dw $ - gdt - 1
.base:
    dd 0
far_target:
    dd 0
    dw CODE_64

align 8
; struct trampoline_parameters of smp.c
trampoline_parameters:
parameters:
.page:    dd 0
.root:    dd 0
.apic_id: dd 0
          dd 0
.stack:   dq 0
.cpu:     dq 0
.entry:   dq 0
trampoline_end:

section .note.GNU-stack noalloc noexec nowrite progbits
