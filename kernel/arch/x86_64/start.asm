; SPDX-License-Identifier: MIT
; First instructions of the kernel on each core, and the loading of segment registers.
;
; Until GS base points to a struct cpu no C function with a stack protector can run (it reads
; gs:40), so that comes first.

%include "kernel/arch/x86_64/percpu.inc"

extern kernel_main
extern ap_main
extern cpus
extern boot_stack_top
extern cpu_halt_forever

section .text

; void kernel_entry(struct handoff *handoff);
; In: rdi = handoff, in the direct map; the state that abi/handoff.h describes. Never returns.
; Chooses the stack canary: boot id and TSC, with a zero byte first so that string functions stop at
; it. All cores use the same one (cpu.c copies it), because a thread may enter a function on one
; core and leave it on another.
global kernel_entry
kernel_entry:
    cli
    cld
    lea rsp, [boot_stack_top]
    xor ebp, ebp
    mov [boot_handoff], rdi
    mov rbx, cpus
    mov [rbx + CPU_SELF], rbx
    mov rax, rbx
    mov rdx, rbx
    shr rdx, 32
    mov ecx, IA32_GS_BASE
    wrmsr
    rdtsc
    shl rdx, 32
    or rax, rdx
    xor rax, [rdi + HANDOFF_BOOT_ID]
    mov rcx, 0x9e3779b97f4a7c15 ; 2^64 / golden ratio: spreads the low bits
    mul rcx
    xor rax, rdx
    xor al, al
    mov [rbx + CPU_CANARY], rax
    call kernel_main
    call cpu_halt_forever

; Where trampoline.asm jumps on another core. In: rdi = struct cpu, rsp = top of its boot stack, CR3
; = start tables.
global ap_entry
ap_entry:
    cld
    xor ebp, ebp
    mov rax, rdi
    mov rdx, rdi
    shr rdx, 32
    mov ecx, IA32_GS_BASE
    wrmsr
    call ap_main
    ud2

; void segments_load(const struct descriptor_pointer *gdt, struct cpu *cpu);
; Clobbers rax, rcx, rdx. Loading a null selector into GS clears its base on Intel, not on AMD: so
; the base is written after.
global segments_load
segments_load:
    lgdt [rdi]
    pop rax
    push KERNEL_CODE
    push rax
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov eax, KERNEL_DATA
    mov ss, eax
    mov eax, TSS
    ltr ax
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
    mov ecx, IA32_GS_BASE
    wrmsr
    retfq

section .bss
alignb 8
global boot_handoff
boot_handoff: resq 1

section .note.GNU-stack noalloc noexec nowrite progbits
