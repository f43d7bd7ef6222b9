; SPDX-License-Identifier: MIT
; What the code of a probe on the entry of a function calls (arch/function_probe.h). It has pushed d, c, b, a and the number
; of the probe, which it takes away again:
;
;     [rsp + 16]  a, b, c, d
;     [rsp + 8]   the number
;     [rsp]       return address into the slot
;
; No register is changed, as in function_thunk.asm (H1, H4). One record of probe.hit, in the lane of whoever calls the function.

%include "kernel/arch/x86_64/percpu.inc"
%include "kernel/arch/x86_64/macros.inc"

%define SAVED     32 ; bytes of the four registers
%define NUMBER    SAVED + 8
%define VALUES    SAVED + 16
%define HIT_WORDS 5 ; the thread, then the four values
%define HIT_BYTES 8 * (1 + HIT_WORDS)

extern probe_write

section .text

align 16
global probe_thunk
probe_thunk:
    push rax
    push rdx
    push rsi
    push rdi
    PATCH_SITE EVENT_PROBE_HIT, .write, .hooked
    jmp .done
.hooked:
    mov edx, 1
    jmp .slow
.no_room:
    xor edx, edx
.slow: ; void probe_write(unsigned number, const uint64_t value[4], bool is_hooked); keeps all registers
    mov edi, [rsp + NUMBER]
    lea rsi, [rsp + VALUES]
    call probe_write
    jmp .done
.write:
    mov rsi, [gs:CPU_LANE]
    mov rdi, [rsi + LANE_POSITION]
    lea rdx, [rdi + HIT_BYTES]
    cmp rdx, [rsi + LANE_LIMIT]
    ja .no_room
    add rdi, [rsi + LANE_WINDOW]
    mov eax, [gs:CPU_TID]
    mov [rdi + 8], rax
%assign i 0
%rep 4
    mov rax, [rsp + VALUES + 8 * i]
    mov [rdi + 16 + 8 * i], rax
  %assign i i + 1
%endrep
    TRACE_STAMP
    mov edx, [rsp + NUMBER]
    shl edx, TRACE_SMALL_SHIFT
    or rax, rdx
    or rax, EVENT_PROBE_HIT | HIT_WORDS << TRACE_WORDS_SHIFT
    mov [rdi], rax
    inc qword [rsi + LANE_EVENTS]
    add qword [rsi + LANE_POSITION], HIT_BYTES
.done:
    pop rdi
    pop rsi
    pop rdx
    pop rax
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
