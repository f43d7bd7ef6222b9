; SPDX-License-Identifier: MIT
; Raw copies from and to user memory; the contract is in arch/user.h.
;
; A fault that cannot be served goes on at the landing pad that the table "fixups" holds for the
; instruction. After a fault in the 8-byte loop the byte loop takes over, so what is reported as not
; done is exact to the byte. An emulator counts every iteration of a string instruction, so the byte
; loop gets at most 7 bytes otherwise.

%include "kernel/arch/x86_64/macros.inc"

; FIXUP instruction, landing pad
%macro FIXUP 2
    [section fixups progbits alloc noexec nowrite align=8]
    dq %1, %2
    __?SECT?__
%endmacro

section .text

; size_t user_copy_raw(void *to, const void *from, size_t bytes);
; In: rdi, rsi, rdx. Out: rax = bytes not copied. Clobbers rcx, rdx, rsi, rdi.
align 16
global user_copy_raw
user_copy_raw:
    USER_ACCESS_OPEN
    mov rcx, rdx
    shr rcx, 3
    and edx, 7
copy_words:
    rep movsq
    mov ecx, edx
copy_bytes:
    rep movsb
copy_done:
    mov rax, rcx
    USER_ACCESS_CLOSE
    ret
copy_words_failed:
    lea rcx, [rcx * 8 + rdx]
    jmp copy_bytes
    FIXUP copy_words, copy_words_failed
    FIXUP copy_bytes, copy_done

; size_t user_copy_present(void *to, const void *from, size_t bytes);
; The same, at addresses of its own: fault_is_refused(). How much was done does not matter to its callers.
align 16
global user_copy_present
user_copy_present:
    USER_ACCESS_OPEN
    mov rcx, rdx
    shr rcx, 3
    and edx, 7
present_words:
    rep movsq
    mov ecx, edx
present_bytes:
    rep movsb
present_done:
    mov rax, rcx
    USER_ACCESS_CLOSE
    ret
present_failed:
    or rcx, 1
    jmp present_done
global user_copy_present_end
user_copy_present_end:
    FIXUP present_words, present_failed
    FIXUP present_bytes, present_failed

; size_t user_zero_raw(void *to, size_t bytes);
; In: rdi, rsi. Out: rax = bytes not written. Clobbers rcx, rsi, rdi.
align 16
global user_zero_raw
user_zero_raw:
    USER_ACCESS_OPEN
    xor eax, eax
    mov rcx, rsi
    shr rcx, 3
    and esi, 7
zero_words:
    rep stosq
    mov ecx, esi
zero_bytes:
    rep stosb
zero_done:
    mov rax, rcx
    USER_ACCESS_CLOSE
    ret
zero_words_failed:
    lea rcx, [rcx * 8 + rsi]
    jmp zero_bytes
    FIXUP zero_words, zero_words_failed
    FIXUP zero_bytes, zero_done

section .note.GNU-stack noalloc noexec nowrite progbits
