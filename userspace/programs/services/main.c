/* SPDX-License-Identifier: MIT */
/*
 * services: what the supervisor promises (userspace/services/init/supervisor.c), seen from a program that may control services.
 *
 *   kills=N (6)     how often each service is ended under load
 *   clients=N (3)   threads that call the sample all the while
 *   end=NAME        only end this service, and wait until it is back
 *   shutdown        stop all services at the end
 *   role=middle|stubborn|stillborn   the services of the manifest that this program is, too
 *
 * The load finds again what has ended, repeats what was not answered, and checks every answer: what was acknowledged holds.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/sample_client.h"
#include "gen/interface/supervisor_client.h"
#include "kernel/abi/services.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/log.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/typed/typed.h"

#define LONG        (clock_now() + 60 * NS_PER_S) /* who waits that long was forgotten */
#define CLIENTS_MAX 8u
#define EXIT_BAD    3u /* of the stillborn */

static const char *const under_load[] = {"sample", "names", "log", "middle"};

static uint64_t supervisor;
static atomic_bool is_over;
static atomic_ulong calls, repeats;

/* ---- the services that this program is ---- */

static status_t ignore(struct interface_request *request)
{
    (void)request;
    return OK;
}

/* It takes the request to stop, and does not. */
static _Noreturn void be_stubborn(void)
{
    static const struct interface_operation operations[] = {
        {0}, {.serve = ignore, .flags = INTERFACE_ONE_WAY}};
    static const struct interface deaf = {
        LIFECYCLE_STOP >> INTERFACE_SHIFT, 1, 2, 0, 0, operations};
    static const struct interface *const interfaces[] = {&deaf};
    const struct interface_server server = {
        program_handle("requests"), 1, interfaces, NULL, 0, NULL};

    interface_serve(&server);
}

/* When it is stopped, what it needs is still there: V1. */
static void use_sample(void)
{
    uint64_t sample, sum;
    uint32_t low;

    must(service_find("sample", LONG, &sample));
    if (sample_add(sample, 1, 2, LONG, &sum, &low) == OK && sum == 3) {
        printf("middle: the sample still answers\n");
    }
}

static _Noreturn void be_in_the_middle(void)
{
    static const struct interface *const interfaces[] = {&lifecycle_interface};
    const struct interface_server server = {
        program_handle("requests"), 1, interfaces, NULL, 0, NULL};

    service_at_stop(use_sample);
    interface_serve(&server);
}

static int play(const char *role)
{
    if (strcmp(role, "stubborn") == 0) {
        be_stubborn();
    }
    if (strcmp(role, "middle") == 0) {
        be_in_the_middle();
    }
    return EXIT_BAD;
}

/* ---- load ---- */

static void call_on(void *argument)
{
    uint64_t mailbox, sum, number = *(const uint64_t *)argument;
    uint32_t low;

    must(service_find("sample", LONG, &mailbox));
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        status_t status = sample_add(mailbox, number, 7, LONG, &sum, &low);

        if (status == ERR_PEER_CLOSED) {
            must(service_find_again("sample", LONG, &mailbox));
            atomic_fetch_add_explicit(&repeats, 1, memory_order_relaxed);
            continue;
        }
        must(status);
        VERIFY(sum == number + 7);
        number++;
        atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    }
    must(sys_handle_close(mailbox));
}

/* ---- checks ---- */

static uint32_t starts_of(const char *name)
{
    uint32_t state, starts;

    must(supervisor_status(supervisor, name, LONG, &state, &starts));
    return starts;
}

static void await(const char *name, enum service_state state, uint32_t starts)
{
    uint32_t reached, started;

    must(supervisor_await(supervisor, state, starts, name, LONG, &reached, &started));
}

/* Some calls are answered, by whoever serves now. */
static void await_calls(void)
{
    unsigned long seen = atomic_load_explicit(&calls, memory_order_relaxed);
    uint64_t limit = LONG;

    while (atomic_load_explicit(&calls, memory_order_relaxed) < seen + 2 * CLIENTS_MAX) {
        VERIFY(clock_now() < limit);
        clock_sleep(NS_PER_MS);
    }
}

static void end_and_await(const char *name)
{
    uint32_t starts = starts_of(name);

    must(supervisor_kill(supervisor, name, LONG));
    await(name, SERVICE_RUNNING, starts + 1);
}

static void kill_and_await(const char *name)
{
    uint32_t starts = starts_of(name);

    end_and_await(name);
    await_calls();
    must(log_line(LOG_INFO, "services", "%s has been started %u times", name, starts + 1));
}

static void check_kills(uint64_t kills)
{
    for (uint64_t i = 0; i < kills; i++) {
        for (unsigned which = 0; which < sizeof(under_load) / sizeof(under_load[0]); which++) {
            if (i < 4 ||
                strcmp(under_load[which], "sample") == 0) { /* the others are given up after 5 */
                kill_and_await(under_load[which]);
            }
        }
    }
}

static void check_crash(void)
{
    uint32_t starts = starts_of("sample");
    uint64_t mailbox;

    must(service_find("sample", LONG, &mailbox));
    must(sample_die(mailbox, TYPED_CRASH, LONG));
    await("sample", SERVICE_RUNNING, starts + 1);
    await_calls();
    must(sys_handle_close(mailbox));
}

static void check_giving_up(void)
{
    must(supervisor_start(supervisor, "stillborn", LONG));
    await("stillborn", SERVICE_GIVEN_UP, 5);
    VERIFY(starts_of("stillborn") == 5);
}

static void check_stop(void)
{
    must(supervisor_start(supervisor, "stubborn", LONG));
    must(supervisor_stop(supervisor, "stubborn", LONG));
    await("stubborn", SERVICE_STOPPED, 1);
    must(supervisor_start(supervisor, "stubborn", LONG));
    await("stubborn", SERVICE_RUNNING, 2);
}

static void check_log(void)
{
    must(log_line(LOG_DEBUG, "services", "hidden"));
    must(log_limit("services", LOG_DEBUG));
    must(log_line(LOG_DEBUG, "services", "shown"));
    must(log_line(LOG_DEBUG, "other", "hidden, too"));
    must(log_limit("services", LOG_ERROR));
    must(log_line(LOG_WARNING, "services", "no longer \x1b[2J"));
    must(log_line(LOG_ERROR, "services", "clean \x1b[2J"));
}

static void check_refusals(void)
{
    uint64_t found;
    uint32_t state, starts;

    VERIFY(service_find("stubborn", LONG, &found) == ERR_NO_RIGHTS);
    VERIFY(supervisor_status(supervisor, "nobody", LONG, &state, &starts) == ERR_NOT_FOUND);
    VERIFY(supervisor_kill(supervisor, "stillborn", LONG) == ERR_BUSY);
    VERIFY(supervisor_stop(supervisor, "stillborn", LONG) == ERR_BUSY);
    VERIFY(supervisor_enter(supervisor, 99, ~0u, ~0u, LONG) == ERR_NO_RIGHTS);
    VERIFY(supervisor_mailbox(supervisor, "sample", LONG, &found) == ERR_NO_RIGHTS);
}

static void run_load(uint64_t clients, uint64_t kills)
{
    static struct thread threads[CLIENTS_MAX];
    static uint64_t numbers[CLIENTS_MAX];

    for (unsigned i = 0; i < clients; i++) {
        numbers[i] = (uint64_t)i << 32;
        must(thread_start(&threads[i], call_on, &numbers[i], THREAD_ANYWHERE, "client"));
    }
    await_calls();
    check_kills(kills);
    check_crash();
    atomic_store_explicit(&is_over, true, memory_order_relaxed);
    for (unsigned i = 0; i < clients; i++) {
        thread_join(&threads[i]);
    }
    report("%lu calls, %lu repeated", atomic_load(&calls), atomic_load(&repeats));
}

int main(int argc, char **argv)
{
    uint64_t clients = option_u64("clients", 3);

    (void)argc;
    (void)argv;
    if (option_text("role", NULL) != NULL) {
        return play(option_text("role", NULL));
    }
    VERIFY(clients > 0 && clients <= CLIENTS_MAX);
    supervisor = program_handle("supervisor");
    must(log_connect(LONG));
    if (option_text("end", NULL) != NULL) {
        end_and_await(option_text("end", NULL));
        return 0;
    }
    check_log();
    check_giving_up();
    run_load(clients, option_u64("kills", 6));
    check_stop();
    check_refusals();
    if (option_flag("shutdown")) {
        must(supervisor_shutdown(supervisor, LONG));
        VERIFY(supervisor_start(supervisor, "sample", LONG) == ERR_BUSY);
    }
    return 0;
}
