/* SPDX-License-Identifier: MIT */
/*
 * Message calls with nothing around them: only the registers a message uses are loaded, and an echo
 * server's turn is five instructions, because what a receive returns lies where a reply takes it
 * from.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"
#include "gen/syscall_numbers.h"
#include "kernel/abi/message.h"

#define ALL_WORDS_LOST "r8", "r9", "r10", "r12", "r13", "r14", "r15", "rbx"

/* fast_call_0w() - call with a label only. */
static inline status_t fast_call_0w(uint64_t mailbox)
{
    uint64_t status = SYSCALL_MAILBOX_CALL, label = 1, deadline = DEADLINE_FOREVER;

    __asm__ volatile("syscall"
                     : "+a"(status), "+D"(mailbox), "+S"(label), "+d"(deadline)
                     :
                     : "rcx", "r11", ALL_WORDS_LOST, "memory");
    return (status_t)status;
}

/* fast_call_4w() / fast_call_8w() - with words; they come back as the server left them. */
static inline status_t fast_call_4w(uint64_t mailbox, uint64_t words[4])
{
    uint64_t status = SYSCALL_MAILBOX_CALL, label = 1, deadline = DEADLINE_FOREVER;
    register uint64_t r8 __asm__("r8") = words[0];
    register uint64_t r9 __asm__("r9") = words[1];
    register uint64_t r10 __asm__("r10") = words[2];
    register uint64_t r12 __asm__("r12") = words[3];

    __asm__ volatile("syscall"
                     : "+a"(status), "+D"(mailbox), "+S"(label), "+d"(deadline), "+r"(r8), "+r"(r9),
                       "+r"(r10), "+r"(r12)
                     :
                     : "rcx", "r11", "r13", "r14", "r15", "rbx", "memory");
    words[0] = r8;
    words[1] = r9;
    words[2] = r10;
    words[3] = r12;
    return (status_t)status;
}

static inline status_t fast_call_8w(uint64_t mailbox, uint64_t words[8])
{
    uint64_t status = SYSCALL_MAILBOX_CALL, label = 1, deadline = DEADLINE_FOREVER;
    register uint64_t r8 __asm__("r8") = words[0];
    register uint64_t r9 __asm__("r9") = words[1];
    register uint64_t r10 __asm__("r10") = words[2];
    register uint64_t r12 __asm__("r12") = words[3];
    register uint64_t r13 __asm__("r13") = words[4];
    register uint64_t r14 __asm__("r14") = words[5];
    register uint64_t r15 __asm__("r15") = words[6];
    register uint64_t rbx __asm__("rbx") = words[7];

    __asm__ volatile("syscall"
                     : "+a"(status), "+D"(mailbox), "+S"(label), "+d"(deadline), "+r"(r8), "+r"(r9),
                       "+r"(r10), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15), "+r"(rbx)
                     :
                     : "rcx", "r11", "memory");
    words[0] = r8;
    words[1] = r9;
    words[2] = r10;
    words[3] = r12;
    words[4] = r13;
    words[5] = r14;
    words[6] = r15;
    words[7] = rbx;
    return (status_t)status;
}

/*
 * serve_echo() - answer every call with its own words, for ever. rbp keeps the mailbox: no call
 * changes it.
 */
static inline _Noreturn void serve_echo(uint64_t mailbox)
{
    __asm__ volatile("movq %%rdi, %%rbp\n\t"
                     "xorl %%esi, %%esi\n\t"
                     "xorl %%edx, %%edx\n"
                     "1:\tmovq %%rbp, %%rdi\n\t"
                     "movl %0, %%eax\n\t"
                     "syscall\n\t"
                     "testl %%eax, %%eax\n\t"
                     "jz 1b\n\t"
                     "ud2"
                     :
                     : "i"(SYSCALL_MAILBOX_REPLY_RECEIVE), "D"(mailbox)
                     : "rax", "rsi", "rdx", "rcx", "r11", ALL_WORDS_LOST, "memory");
    __builtin_unreachable();
}

/* serve_stamp() - answer every call with the TSC of its arrival in word 0. */
static inline _Noreturn void serve_stamp(uint64_t mailbox)
{
    __asm__ volatile("movq %%rdi, %%rbp\n\t"
                     "xorl %%esi, %%esi\n\t"
                     "xorl %%edx, %%edx\n"
                     "1:\tmovq %%rbp, %%rdi\n\t"
                     "movl %0, %%eax\n\t"
                     "syscall\n\t"
                     "testl %%eax, %%eax\n\t"
                     "jnz 2f\n\t"
                     "movq %%rdx, %%r9\n\t"
                     "lfence\n\t"
                     "rdtsc\n\t"
                     "shlq $32, %%rdx\n\t"
                     "orq %%rdx, %%rax\n\t"
                     "movq %%rax, %%r8\n\t"
                     "movq %%r9, %%rdx\n\t"
                     "jmp 1b\n"
                     "2:\tud2"
                     :
                     : "i"(SYSCALL_MAILBOX_REPLY_RECEIVE), "D"(mailbox)
                     : "rax", "rsi", "rdx", "rcx", "r11", ALL_WORDS_LOST, "memory");
    __builtin_unreachable();
}
