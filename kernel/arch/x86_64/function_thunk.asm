; SPDX-License-Identifier: MIT
; Where the slot in front of a traced function leads (arch/function_patch.h).
;
; The function began with a jump back to its slot, which calls this: [rsp] = the function, [rsp + 8] = the return
; address of its caller. The call is made once more from here, with a frame of our own in between:
;
;     [rbp + 8]   return address of the caller
;     [rbp]       rbp of the caller
;     [rbp - 8]   rdi
;     [rbp - 16]  the function; then where it goes on behind the two instructions that the jump replaces
;     [rbp - 24]  return address into here
;     [rbp - 32]  the frame that those make: rbp
;
; H1  No register is changed, neither on the way in nor out: gcc may know of a function which ones it leaves
;     alone, beyond what the ABI says.
; H2  The chain of frame pointers stays whole: whoever walks it meets one frame more.
; H3  Nothing is kept but on this stack. So a function may switch threads, or never return.
; H4  No function that is called from here can be traced.
; H5  No argument of a traced function lies on the stack: it would be somewhere else. tools/lint looks.
;
; The record is written as trace/ring/write_inline.h does it, in assembly because here every register has to be saved.

%include "kernel/arch/x86_64/percpu.inc"
%include "kernel/arch/x86_64/macros.inc"

extern function_trace_slow

section .text

; In: rdi = the function. Clobbers rdi. rbp stands for this call's place on the stack.
%macro RECORD 1 ; event
    push rax
    push rdx
    push rsi
    PATCH_SITE %1, %%write, %%hooked
    jmp %%done
%%hooked:
    mov edx, %1 | FUNCTION_HOOKED
    jmp %%slow
%%no_room:
    mov edx, %1
%%slow: ; void function_trace_slow(uint64_t function, uint64_t stack, unsigned event); keeps all registers
    mov rsi, rbp
    call function_trace_slow
    jmp %%done
%%write:
    mov rsi, [gs:CPU_LANE]
    mov rdx, [rsi + LANE_POSITION]
    cmp rdx, [rsi + LANE_ROOM]
    jae %%no_room
    add rdx, [rsi + LANE_WINDOW]
    mov [rdx + 8], edi
    mov [rdx + 12], ebp
    mov rdi, rdx
    TRACE_STAMP
    or rax, %1 | 1 << TRACE_WORDS_SHIFT
    mov [rdi], rax
    inc qword [rsi + LANE_EVENTS]
    add qword [rsi + LANE_POSITION], 16
%%done:
    pop rsi
    pop rdx
    pop rax
%endmacro

align 16
global function_thunk
function_thunk:
    push rdi
    mov rdi, [rsp + 8]
    mov [rsp + 8], rbp
    lea rbp, [rsp + 8]
    push rdi
    RECORD EVENT_FUNCTION_ENTER
    add qword [rbp - 16], FUNCTION_FRAME_BYTES
    mov rdi, [rbp - 8]
    call .again
    mov [rbp - 8], rdi
    mov rdi, [rbp - 16]
    sub rdi, FUNCTION_FRAME_BYTES
    RECORD EVENT_FUNCTION_EXIT
    mov rdi, [rbp - 8]
    leave
    ret
.again:
    push rbp
    mov rbp, rsp
    jmp [rbp + 16]
global function_thunk_end
function_thunk_end:

section .note.GNU-stack noalloc noexec nowrite progbits
