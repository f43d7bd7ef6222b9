; SPDX-License-Identifier: MIT
; Every way into the kernel and out of it: system calls, exceptions, interrupts, and the NMI class.
;
; The entry contract is in kernel/arch/README.md. What this file must get right:
;
; E1  GS holds the per-core address whenever C code runs, whatever instruction was interrupted.
; E2  C code gets a complete struct trap_frame, 16-byte aligned, with DF and AC clear.
; E3  No value derived from GS is kept across a call that may switch threads: the thread may come
;     back on another core.
; E4  An NMI may arrive between any two instructions here, also inside another NMI after any inner
;     IRETQ.
; E5  SYSRETQ only with RCX in the lower canonical half, checked in the fixed sequence just before
;     it (tools/lint looks for it): otherwise an Intel CPU raises #GP in ring 0 on the user's stack.
;     (Intel SDM vol. 2B, "SYSRET"; TCG does not do it.)
; E6  An IRETQ to user mode that faults becomes a fault of the user: trap_failed_return.
;
; The whole file is in section .text.entry. kdebug refuses breakpoints and watchpoints in
; [entry_text_start, entry_text_end).

%include "kernel/arch/x86_64/percpu.inc"
%include "kernel/arch/x86_64/macros.inc"

extern trap_dispatch
extern trap_resumed
extern trap_dispatch_nmi_class
extern syscall_dispatch
extern mailbox_call_direct
extern mailbox_reply_receive_direct
extern mailbox_call_resumed
extern mailbox_receive_resumed
extern event_signal_resumed
extern event_wait_resumed
extern futex_wait_resumed
extern user_return_work
extern time_user_begins
extern time_user_ends

section .text.entry progbits alloc exec nowrite align=16

; --- System calls ---------------------------------------------------------------------------------
; SYSCALL leaves rcx = user rip, r11 = user rflags, and has applied FMASK: IF, TF, DF, NT, RF and AC
; are clear. The stack is still the user's, so until rsp is loaded only NMI-class entries, which
; have stacks of their own, can come in.

align 16
global syscall_entry
syscall_entry:
    swapgs
    mov [gs:CPU_USER_RSP], rsp
    mov rsp, [gs:CPU_STACK_TOP]
    push USER_DATA
    push qword [gs:CPU_USER_RSP]
    push r11
    push USER_CODE
    push rcx
    push rax ; FRAME_ERROR: which call it is, also once rax has its status
    push FRAME_VECTOR_SYSCALL
    PUSH_REGISTERS
    PATCH_SITE SITE_TIMES, count_at_syscall
.counted:
    mov rdi, rsp
    cmp rax, SYSCALL_MAILBOX_CALL
    je syscall_call
    cmp rax, SYSCALL_MAILBOX_REPLY_RECEIVE
    je syscall_reply_receive
syscall_dispatched: ; rdi = rsp = the frame
    call syscall_dispatch
syscall_return:
    cmp dword [gs:CPU_WORK], 0
    jne .work
    LOAD_WORDS rsp
.words_loaded: ; the rest of the frame that rsp points to
    PATCH_SITE SITE_TIMES, count_at_sysret
.counted:
    mov rbp, [rsp + FRAME_RBP]
    mov rdi, [rsp + FRAME_RDI]
    mov rsi, [rsp + FRAME_RSI]
    mov rdx, [rsp + FRAME_RDX]
    mov rax, [rsp + FRAME_RAX]
    mov rcx, [rsp + FRAME_RIP]
    ; E5: from here to SYSRETQ nothing may be inserted.
    mov r11, rcx
    shr r11, 47
    jnz trap_return_user
    mov r11, [rsp + FRAME_RFLAGS]
    mov rsp, [rsp + FRAME_RSP]
    swapgs
    o64 sysret
.work:
    mov rdi, rsp
    call user_return_work
    jmp syscall_return

; The two calls that a message is made of have a direct path (kernel/ipc/direct.c). It changes threads
; without changing kernel stacks: both threads have nothing on theirs but the frame, so it only says
; whose frame to leave through. The words go from the sender's frame into the registers and are
; never stored again.
;
;     struct departure { struct trap_frame *frame; atomic_uint *on_cpu; }    in rax and rdx
;     mailbox_call_direct(struct trap_frame *frame), mailbox_reply_receive_direct(...)
;
; A thread that is left behind is parked. What lies below its frame is what context_switch() takes
; for a saved context, should somebody wake it who has a stack to come back to (context_park()):
;
;     frame:  r15 .. ss
;       -8    where it goes on
;      -16    its rbp: none
;      -56    the other saved registers, of no meaning
%macro DIRECT_PATH 2 ; function, where the thread goes on if it parks
    push %2
    push 0
    call %1
    test rax, rax
    jz syscall_not_direct
    LOAD_WORDS rsp + 16
%endmacro

; Twice, because a jump there would be one more instruction of every reply.
%macro LEAVE_AS_PARTNER 0
    mov rsp, rax
    mov dword [rdx], 0 ; T2: from here on the sender may run elsewhere
    cmp dword [gs:CPU_WORK], 0
    je syscall_return.words_loaded
    jmp syscall_leave_with_work
%endmacro

align 16
syscall_reply_receive:
    DIRECT_PATH mailbox_reply_receive_direct, mailbox_receive_parked
    LEAVE_AS_PARTNER

align 16
syscall_call:
    DIRECT_PATH mailbox_call_direct, mailbox_call_parked
    LEAVE_AS_PARTNER

syscall_leave_with_work:
    STORE_WORDS rsp
    jmp syscall_return.work

; Not now: the general way, which does or refuses all.
syscall_not_direct:
    add rsp, 16
    mov rdi, rsp
    jmp syscall_dispatched

; NORETURN void context_leave(struct trap_frame *frame, atomic_uint *on_cpu);
; Where the direct path ends when the words are in the partner's frame already.
global context_leave
context_leave:
    mov rsp, rdi
    mov dword [rsi], 0
    jmp syscall_return

; First instructions of a parked thread that was switched to by context_switch(). In: rsp = frame.
%macro PARKED 2 ; name of the system call or trap, how it leaves the kernel
align 16
global %1_parked
%1_parked:
    mov rdi, rsp
    call %1_resumed
    jmp %2
%endmacro
PARKED mailbox_call, syscall_return
PARKED mailbox_receive, syscall_return
PARKED event_signal, syscall_return
PARKED event_wait, syscall_return
PARKED futex_wait, syscall_return
PARKED trap, trap_return_user

; --- Exceptions and interrupts --------------------------------------------------------------------
; Each stub leaves [rsp] = vector, error, rip, cs, rflags, rsp, ss and comes here.

align 16
trap_common:
    test byte [rsp + 24], 3
    jz trap_from_kernel
    swapgs
trap_from_user: ; GS is the kernel's
    PUSH_REGISTERS
    cld
    USER_ACCESS_CLOSE
    PATCH_SITE SITE_TIMES, count_at_trap
.counted:
    mov rdi, rsp
    call trap_dispatch
global trap_return_user
trap_return_user: ; also how a new thread enters user mode (context_switch.asm)
    cmp dword [gs:CPU_WORK], 0
    jne trap_work
    PATCH_SITE SITE_TIMES, count_at_iret
.counted:
    POP_REGISTERS
    swapgs
return_iretq:
    iretq
trap_work:
    mov rdi, rsp
    call user_return_work
    jmp trap_return_user

; Where the sites go while user and kernel time are told apart (sched/times.h). rsp = the frame, which
; holds what the calls may change; but the words of a message may be in registers only.
count_at_syscall:
    call time_user_ends
    mov rax, [rsp + FRAME_RAX]
    jmp syscall_entry.counted
count_at_sysret:
    STORE_WORDS rsp
    call time_user_begins
    LOAD_WORDS rsp
    jmp syscall_return.counted
count_at_trap:
    call time_user_ends
    jmp trap_from_user.counted
count_at_iret:
    call time_user_begins
    jmp trap_return_user.counted

trap_from_kernel:
    cmp qword [rsp + 16], return_iretq
    je trap_failed_return
    ; An NMI between STI and HLT ends the shadow of STI, and the interrupt that was to end the halt
    ; comes before it. Then the halt must not begin: nobody would end it.
    cmp qword [rsp + 16], idle_halt
    jne .no_halt
    inc qword [rsp + 16] ; HLT is one byte
.no_halt:
    PUSH_REGISTERS
    cld
    USER_ACCESS_CLOSE
    mov rdi, rsp
    call trap_dispatch
    POP_REGISTERS
    iretq

; E6: the IRETQ above has faulted: GS and all registers but rsp are the user's, and the five words
; it should have taken are where the saved rsp points. Put vector and error below them and go on as
; if the user had faulted there.
trap_failed_return:
    swapgs
    push rax
    push rcx
    mov rcx, [rsp + 56]
    mov rax, [rsp + 24]
    mov [rcx - 8], rax
    mov rax, [rsp + 16]
    mov [rcx - 16], rax
    lea rcx, [rcx - 16]
    mov [gs:CPU_USER_RSP], rcx
    pop rcx
    pop rax
    mov rsp, [gs:CPU_USER_RSP]
    jmp trap_from_user

; void cpu_idle_wait(void);  See arch/cpu.h. Here because trap_common must know the address of the
; HLT.
global cpu_idle_wait
cpu_idle_wait:
    sti
idle_halt:
    hlt
    cli
    ret

; --- The NMI class: NMI, #DB, #MC, #DF, and #BP of the kernel -------------------------------------
; These may come where GS, the stack and the trace lane are in any state. So: the core's struct
; cpu_arch is found at the top of the IST stack; GS base is saved, set and restored by RDMSR and
; WRMSR; the lane is swapped; DR7 is cleared, so that no watchpoint fires inside, and loaded from
; cpu_arch.dr7 when the last of nested entries leaves.

; In: rsp = frame, rbx = struct cpu_arch. Keeps in callee-saved registers: r12 = old GS base, r13 =
; old lane.
%macro NMI_CLASS_CALL 0
    cld
    USER_ACCESS_CLOSE
    mov ecx, IA32_GS_BASE
    rdmsr
    shl rdx, 32
    lea r12, [rax + rdx]
    mov rax, [rbx + ARCH_CPU]
    mov rdx, rax
    shr rdx, 32
    wrmsr
    mov r13, [gs:CPU_LANE]
    mov rax, [gs:CPU_LANE_NMI]
    mov [gs:CPU_LANE], rax
    inc dword [rbx + ARCH_DEPTH]
    mov rax, dr7
    cmp rax, DR7_OFF
    je %%quiet
    mov eax, DR7_OFF
    mov dr7, rax
%%quiet:
    mov rdi, rsp
    call trap_dispatch_nmi_class
    dec dword [rbx + ARCH_DEPTH]
    jnz %%inner
    mov rax, [rbx + ARCH_DR7]
    mov rcx, dr7
    cmp rax, rcx
    je %%inner
    mov dr7, rax
%%inner:
    mov [gs:CPU_LANE], r13
    mov rax, r12
    mov rdx, r12
    shr rdx, 32
    mov ecx, IA32_GS_BASE
    wrmsr
%endmacro

; NMI. NMIs are blocked until the first IRETQ, whoever executes it: a page fault inside the handler
; reopens them. So the frame leaves the IST stack, which the next NMI overwrites, for the work
; stack. Where on it:
;
;   no NMI is being served                          top
;   one is, and rsp is inside the work stack        below rsp
;   one is, and has moved to another stack          NMI_SLOT_BYTES further down for each level
;
; While the outer NMI executes its last instructions, its depth is given back but its frame still in
; use: then rip lies in [nmi_leave, nmi_leave_end). Only a kernel CS is believed: a user may jump to
; such an address, or hold it in rsp, and a SYSCALL may carry such an rsp into ring 0 (then the
; depth is 0 and rip elsewhere). No room left: the NMI is dropped.
align 16
nmi_entry:
    push rax
    push rbx
    push rcx
    ; [rsp] = rcx rbx rax | rip cs rflags rsp ss | struct cpu_arch *
    mov rbx, [rsp + 64]
    mov rax, [rbx + ARCH_NMI_TOP]
    test byte [rsp + 32], 3
    jnz .move
    cmp dword [rbx + ARCH_NMI_DEPTH], 0
    jne .nested
    cmp qword [rsp + 24], nmi_leave
    jb .move
    cmp qword [rsp + 24], nmi_leave_end
    jae .move
.nested:
    mov rcx, [rsp + 48]
    cmp rcx, rax
    ja .other_stack
    cmp rcx, [rbx + ARCH_NMI_BOTTOM]
    jb .other_stack
    mov rax, rcx
    and rax, -16
    jmp .room
.other_stack:
    mov ecx, [rbx + ARCH_NMI_DEPTH]
    shl rcx, NMI_SLOT_LOG2
    sub rax, rcx
.room:
    mov rcx, [rbx + ARCH_NMI_BOTTOM]
    add rcx, 1 << NMI_SLOT_LOG2
    cmp rax, rcx
    jae .move
    pop rcx
    pop rbx
    pop rax
    iretq
.move:
    inc dword [rbx + ARCH_NMI_DEPTH]
%assign word 5
%rep 5
    %assign word word - 1
    mov rcx, [rsp + 24 + 8 * word]
    mov [rax - 40 + 8 * word], rcx
%endrep
    mov qword [rax - 48], 0 ; error
    mov qword [rax - 56], 2 ; vector
    mov rcx, [rsp + 16]
    mov [rax - 64], rcx     ; rax
    mov rcx, [rsp + 8]
    mov [rax - 72], rcx     ; rbx
    mov rcx, [rsp]
    mov [rax - 80], rcx     ; rcx
    lea rsp, [rax - 80]
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    NMI_CLASS_CALL
    dec dword [rbx + ARCH_NMI_DEPTH]
nmi_leave:
    POP_REGISTERS
    iretq
nmi_leave_end:

; The others stay where they are. In: rsp = frame, rbx = struct cpu_arch.
align 16
nmi_class_common:
    NMI_CLASS_CALL
    POP_REGISTERS
    iretq

; #DB. From user mode it is an ordinary exception: the frame moves from the IST stack to the
; thread's kernel stack.
align 16
debug_entry:
    test byte [rsp + 8], 3
    jz .from_kernel
    swapgs
    push rax
    mov rax, rsp
    mov rsp, [gs:CPU_STACK_TOP]
    push qword [rax + 40] ; ss
    push qword [rax + 32] ; rsp
    push qword [rax + 24] ; rflags
    push qword [rax + 16] ; cs
    push qword [rax + 8]  ; rip
    push 0
    push 1
    mov rax, [rax]
    jmp trap_from_user
.from_kernel:
    push 0
    push 1
    PUSH_REGISTERS
    mov rbx, [rsp + FRAME_BYTES]
    jmp nmi_class_common

; #BP. No IST: from the kernel it stays on the interrupted stack, where GS is the kernel's, because
; kdebug sets no breakpoint here.
align 16
breakpoint_entry:
    push 0
    push 3
    test byte [rsp + 24], 3
    jnz trap_common
    PUSH_REGISTERS
    mov rbx, [gs:CPU_ARCH]
    jmp nmi_class_common

; #DF pushes an error code (0). Its saved rip may be anything: the handler does not return unless a
; person insists.
align 16
double_fault_entry:
    push 8
    PUSH_REGISTERS
    mov rbx, [rsp + FRAME_BYTES]
    jmp nmi_class_common

align 16
machine_check_entry:
    push 0
    push 18
    PUSH_REGISTERS
    mov rbx, [rsp + FRAME_BYTES]
    jmp nmi_class_common

; --- Stubs ----------------------------------------------------------------------------------------
; Exceptions with an error code: Intel SDM vol. 3A, "Exception and Interrupt Vectors", and 21 (#CP),
; 29 and 30 (AMD).

%define HAS_ERROR(v) \
    ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)

%assign vector 0
%rep 256
align 8
stub_ %+ vector:
  %if HAS_ERROR(vector) == 0
    push 0
  %endif
    push vector
    jmp trap_common
  %assign vector vector + 1
%endrep

; Where each vector of the IDT goes.
section .rodata progbits alloc noexec nowrite align=8
global idt_stubs
idt_stubs:
%assign vector 0
%rep 256
  %if vector == 1
    dq debug_entry
  %elif vector == 2
    dq nmi_entry
  %elif vector == 3
    dq breakpoint_entry
  %elif vector == 8
    dq double_fault_entry
  %elif vector == 18
    dq machine_check_entry
  %else
    dq stub_ %+ vector
  %endif
  %assign vector vector + 1
%endrep

section .note.GNU-stack noalloc noexec nowrite progbits
