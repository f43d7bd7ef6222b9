/* SPDX-License-Identifier: MIT */
/* Processes and their supervisor: faults repaired, passed over, punished, left without an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/abi/exception.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/message.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/life/life.h"

#define VECTOR_UNDEFINED 6u
#define VECTOR_PAGE      14u
#define BADGE            0x50ull
#define PASSED_OVER      10u
#define LAZY_ADDRESS     0x10000000ull
#define CODE_SURVIVED    99u
#define PAGE             4096u

struct program_file life_file;

static uint64_t start_child(const char *role)
{
    char role_text[32];
    const char *const args[] = {role_text};
    const struct spawn_grant grants[] = {
        {"image", program_handle("image"), 0,
         RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_AREA_READ | RIGHT_AREA_EXEC}};
    const struct spawn spawn = {
        .name = role, .args = args, .arg_count = 1, .grants = grants, .grant_count = 1};
    uint64_t process;

    snprintf(role_text, sizeof(role_text), "role=%s", role);
    must(program_spawn(&life_file, &spawn, &process));
    return process;
}

/* A child waits for its supervisor by sleeping: there is nothing else that the two share. */
static uint64_t start_supervised(const char *role, uint64_t mailbox)
{
    uint64_t process = start_child(role);

    must(sys_process_supervise(process, mailbox, BADGE));
    return process;
}

static uint64_t run_undefined(void)
{
    uint64_t result = 1;

    __asm__ volatile("ud2" : "+a"(result));
    return result;
}

static _Noreturn void child_undefined(void)
{
    clock_sleep(20 * NS_PER_MS);
    for (uint64_t i = 0; i < PASSED_OVER; i++) {
        VERIFY(run_undefined() == i + 100);
    }
    exit(CODE_SURVIVED);
}

static _Noreturn void child_lazy(void)
{
    clock_sleep(20 * NS_PER_MS);
    for (unsigned i = 0; i < 4; i++) {
        *(volatile uint64_t *)(LAZY_ADDRESS + i * PAGE) = i;
        VERIFY(*(volatile uint64_t *)(LAZY_ADDRESS + i * PAGE) == i);
    }
    exit(CODE_SURVIVED);
}

bool life_role(const char *role)
{
    if (strcmp(role, "undefined") == 0) {
        child_undefined();
    } else if (strcmp(role, "lazy") == 0) {
        child_lazy();
    } else if (strcmp(role, "sleep") == 0) {
        (void)sys_thread_sleep(DEADLINE_FOREVER);
    }
    return strcmp(role, "start") != 0;
}

static void receive_fault(uint64_t mailbox, struct message *fault, unsigned vector)
{
    must(message_receive(mailbox, fault, clock_now() + 20 * NS_PER_S));
    VERIFY(fault->badge == BADGE && message_label(fault) == vector);
}

/* Each ud2 is stepped over, and the register it has for its result is filled in. */
static void check_pass_over(uint64_t mailbox)
{
    uint64_t process = start_supervised("undefined", mailbox);
    struct message fault = {0};

    for (uint64_t i = 0; i < PASSED_OVER; i++) {
        receive_fault(mailbox, &fault, VECTOR_UNDEFINED);
        fault.word[EXCEPTION_IP] += 2;
        fault.word[EXCEPTION_RESULT] = i + 100;
        fault.label = EXCEPTION_RESUME;
        must(message_reply(mailbox, &fault));
    }
    VERIFY(process_end(process) == CODE_SURVIVED);
}

/* A page is mapped where one was missing, and the instruction tried again. */
static void check_repair(uint64_t mailbox)
{
    uint64_t process = start_supervised("lazy", mailbox), area, address;
    struct message fault = {0};

    must(sys_area_create(4 * PAGE, 0, &area));
    for (uint64_t i = 0; i < 4; i++) {
        receive_fault(mailbox, &fault, VECTOR_PAGE);
        VERIFY(fault.word[EXCEPTION_ADDRESS] == LAZY_ADDRESS + i * PAGE);
        must(sys_area_map(process, area, i * PAGE, PAGE, LAZY_ADDRESS + i * PAGE,
                          PROT_READ | PROT_WRITE, &address));
        fault.label = EXCEPTION_RESUME;
        must(message_reply(mailbox, &fault));
    }
    VERIFY(process_end(process) == CODE_SURVIVED);
    must(sys_handle_close(area));
}

static void check_verdicts(uint64_t mailbox)
{
    struct message fault = {0};
    uint64_t process = start_supervised("undefined", mailbox);

    receive_fault(mailbox, &fault, VECTOR_UNDEFINED);
    fault.label = EXCEPTION_KILL;
    must(message_reply(mailbox, &fault));
    VERIFY(process_end(process) == PROCESS_END_EXCEPTION + VECTOR_UNDEFINED);

    process = start_supervised("undefined", mailbox); /* ended while it waits for the answer */
    receive_fault(mailbox, &fault, VECTOR_UNDEFINED);
    must(sys_process_kill(process, 5));
    VERIFY(process_end(process) == 5);
    fault.label = EXCEPTION_RESUME;
    VERIFY(message_reply(mailbox, &fault) == ERR_BAD_TOKEN);

    process = start_supervised("undefined", mailbox); /* the supervisor goes away */
    receive_fault(mailbox, &fault, VECTOR_UNDEFINED);
    must(sys_handle_close(mailbox));
    VERIFY(process_end(process) == PROCESS_END_EXCEPTION + VECTOR_UNDEFINED);
}

void check_faults(void)
{
    uint64_t mailbox, process;

    must(sys_mailbox_create("supervisor", strlen("supervisor"), &mailbox));
    VERIFY(sys_process_supervise(program.self, program.self, 0) == ERR_WRONG_TYPE);
    check_pass_over(mailbox);
    check_repair(mailbox);
    check_verdicts(mailbox);
    must(sys_mailbox_create("closed", strlen("closed"), &mailbox));
    process = start_supervised("undefined", mailbox);
    must(sys_process_supervise(process, 0, 0));
    VERIFY(process_end(process) == PROCESS_END_EXCEPTION + VECTOR_UNDEFINED);
    must(sys_handle_close(mailbox));
}

/* Whole processes, ended while they start, run or wait. */
void check_processes(uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t process = start_child("sleep");

        if (round % 2 == 0) {
            clock_sleep(round * 50 * NS_PER_US);
        }
        must(sys_process_kill(process, round));
        VERIFY(process_end(process) == round);
    }
}
