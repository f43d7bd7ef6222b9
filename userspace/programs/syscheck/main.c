/* SPDX-License-Identifier: MIT */
/*
 * syscheck: hostile arguments to every system call. Each must be answered by the documented error;
 * that this program still runs at the end shows the rest.
 */
#include "userspace/programs/syscheck/syscheck.h"

#include <stdio.h>
#include <string.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/thread.h"

#define PORT_POST 0x80u /* shows codes of the firmware; nobody minds what is written to it */

struct specimens specimens;
static unsigned checks, failures;

void expect(status_t got, status_t wanted, status_t second, const char *call, int line)
{
    checks++;
    if (got == wanted || got == second) {
        return;
    }
    failures++;
    printf("syscheck: line %d: %s gives %s, not %s\n", line, call, status_name(got),
           status_name(wanted));
}

int end_of_checks(void)
{
    report("%u checks, %u failed", checks, failures);
    return failures == 0 ? 0 : EXIT_FAILED;
}

uint64_t raw_call(uint64_t number, const uint64_t args[6])
{
    register uint64_t rax __asm__("rax") = number;
    register uint64_t rdi __asm__("rdi") = args[0];
    register uint64_t rsi __asm__("rsi") = args[1];
    register uint64_t rdx __asm__("rdx") = args[2];
    register uint64_t r8 __asm__("r8") = args[3];
    register uint64_t r9 __asm__("r9") = args[4];
    register uint64_t r10 __asm__("r10") = args[5];

    __asm__ volatile("syscall"
                     : "+r"(rax), "+r"(rdi), "+r"(rsi), "+r"(rdx), "+r"(r8), "+r"(r9), "+r"(r10)
                     :
                     : "rcx", "r11", "r12", "r13", "r14", "r15", "rbx", "memory");
    return rax;
}

uint64_t handle_with(uint64_t handle, uint32_t rights)
{
    uint64_t duplicate;

    must(sys_handle_duplicate(handle, rights, 0, &duplicate));
    return duplicate;
}

static void do_nothing(void *argument)
{
    (void)argument;
}

/* A handle with every right to a thread that has run, so that no call can harm anybody. */
static void make_thread(void)
{
    struct thread thread;

    must(thread_start(&thread, do_nothing, NULL, THREAD_ANYWHERE, "specimen"));
    specimens.thread = handle_with(thread.handle, RIGHTS_THREAD);
    thread_join(&thread);
}

static void make_lease(void)
{
    uint64_t leased;

    must(sys_handle_lease(specimens.mailbox, RIGHT_MAILBOX_SEND, 0, &leased, &specimens.lease));
    must(sys_handle_close(leased));
}

/* There is one pager in the system, and one owner of a port: another syscheck beside this one has its turn first. */
static status_t become_pager(void)
{
    status_t status;

    while ((status = sys_pager_create(program_handle("system"), specimens.mailbox, 1, 1,
                                      &specimens.pager)) == ERR_BUSY) {
        clock_sleep(NS_PER_MS);
    }
    return status;
}

static status_t take_ports(void)
{
    status_t status;

    while ((status = sys_ports_create(program_handle("system"), PORT_POST, 1, &specimens.ports)) ==
           ERR_BUSY) {
        clock_sleep(NS_PER_MS);
    }
    return status;
}

static void make_specimens(void)
{
    must(sys_area_create(2 * PAGE_BYTES, 0, &specimens.area));
    must(sys_mailbox_create("specimen", strlen("specimen"), &specimens.mailbox));
    must(sys_event_create("specimen", strlen("specimen"), &specimens.event));
    must(sys_process_create("specimen", strlen("specimen"), &specimens.child));
    must(take_ports());
    make_thread();
    make_lease();
    uint64_t address, data;
    must(sys_interrupt_create_message(program_handle("system"), 0, &specimens.interrupt, &address,
                                      &data));
    must(become_pager());
}

int main(int argc, char **argv)
{
    const char *role = option_text("role", NULL);

    (void)argc;
    (void)argv;
    if (role != NULL) {
        return strcmp(role, "limited") == 0  ? run_limited()
               : strcmp(role, "pinned") == 0 ? run_pinned()
                                             : run_role(role);
    }
    make_specimens();
    check_entry();
    check_handles();
    check_rights();
    check_leases();
    check_quotas();
    check_pins();
    check_memory();
    check_pointers();
    check_messages();
    check_one_way();
    check_transfer();
    check_processes();
    check_pagers();
    return end_of_checks();
}
