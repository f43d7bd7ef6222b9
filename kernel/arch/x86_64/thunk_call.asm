; SPDX-License-Identifier: MIT
; See arch/thunk_call.h. What function_patch.c and function_probe.c make at run time, written out.

%include "kernel/arch/x86_64/percpu.inc"

extern function_thunk
extern probe_thunk

%define PROBE_VALUES 4

section .text

; void thunk_call_function(uint64_t enter[2], uint64_t exit[2])
align 16
global thunk_call_function
thunk_call_function:
    sub rsp, 8
    lea rax, [rel .function]
    mov [rdi], rax
    mov [rsi], rax
    lea rax, [rsp - 16] ; below the return address: where the thunk's frame pointer will point
    mov [rdi + 8], rax
    mov [rsi + 8], rax
    call .slot
    add rsp, 8
    ret
.slot:
    call function_thunk
.function:
    push rbp
    mov rbp, rsp
.behind:
    pop rbp
    ret
%if .behind - .function != FUNCTION_FRAME_BYTES
  %error "the function begins with what the thunk does for it"
%endif

; void thunk_call_probe(uint64_t number, const uint64_t *values)
align 16
global thunk_call_probe
thunk_call_probe:
%assign i PROBE_VALUES
%rep PROBE_VALUES
  %assign i i - 1
    push qword [rsi + 8 * i]
%endrep
    push rdi
    call probe_thunk
    lea rsp, [rsp + 8 * (PROBE_VALUES + 1)]
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
