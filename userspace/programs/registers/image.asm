; SPDX-License-Identifier: MIT
; Registers of FPU, SSE and AVX from and to a struct register_image (image.h). System V ABI: rdi =
; image.

%define IMAGE_X87     512
%define IMAGE_MXCSR   544
%define IMAGE_CONTROL 548

section .text

%macro LOAD_REST 0
    fninit
    fldcw [rdi + IMAGE_CONTROL]
    fild qword [rdi + IMAGE_X87 + 24]
    fild qword [rdi + IMAGE_X87 + 16]
    fild qword [rdi + IMAGE_X87 + 8]
    fild qword [rdi + IMAGE_X87]
    ldmxcsr [rdi + IMAGE_MXCSR]
%endmacro

%macro STORE_REST 0
    fnstcw [rdi + IMAGE_CONTROL]
    fistp qword [rdi + IMAGE_X87]
    fistp qword [rdi + IMAGE_X87 + 8]
    fistp qword [rdi + IMAGE_X87 + 16]
    fistp qword [rdi + IMAGE_X87 + 24]
    stmxcsr [rdi + IMAGE_MXCSR]
%endmacro

; void image_load(const struct register_image *image);
global image_load
image_load:
%assign i 0
%rep 16
    movups xmm %+ i, [rdi + 32 * i]
    %assign i i + 1
%endrep
    LOAD_REST
    ret

; void image_store(struct register_image *image);
global image_store
image_store:
%assign i 0
%rep 16
    movups [rdi + 32 * i], xmm %+ i
    %assign i i + 1
%endrep
    STORE_REST
    ret

; void image_load_avx(const struct register_image *image);
global image_load_avx
image_load_avx:
%assign i 0
%rep 16
    vmovups ymm %+ i, [rdi + 32 * i]
    %assign i i + 1
%endrep
    LOAD_REST
    ret

; void image_store_avx(struct register_image *image);
global image_store_avx
image_store_avx:
%assign i 0
%rep 16
    vmovups [rdi + 32 * i], ymm %+ i
    %assign i i + 1
%endrep
    STORE_REST
    ret

; void image_control(struct register_image *image);
global image_control
image_control:
    fnstcw [rdi + IMAGE_CONTROL]
    stmxcsr [rdi + IMAGE_MXCSR]
    ret

; int has_avx(void);
; Intel SDM vol. 1, "Detection of Intel AVX Instructions".
global has_avx
has_avx:
    push rbx
    mov eax, 1
    xor ecx, ecx
    cpuid
    xor eax, eax
    and ecx, (1 << 27) | (1 << 28) ; OSXSAVE, AVX
    cmp ecx, (1 << 27) | (1 << 28)
    jne .done
    xor ecx, ecx
    xgetbv
    and eax, 6
    cmp eax, 6
    sete al
    movzx eax, al
.done:
    pop rbx
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
