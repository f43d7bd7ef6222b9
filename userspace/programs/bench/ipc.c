/* SPDX-License-Identifier: MIT */
/* Calls between two processes: on one core, and on two. */
#include "userspace/programs/bench/bench.h"

#include <string.h>

#include "gen/objects.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/programs/bench/fast_call.h"

#define WARM_UP      64u
#define RUNS         1000u
#define RUNS_LARGE   200u
#define BUFFER_BYTES 0x10000u

static uint8_t out[BUFFER_BYTES] __attribute__((aligned(4096)));
static uint8_t in[BUFFER_BYTES] __attribute__((aligned(4096)));

static uint64_t create_server(const char *role, uint64_t core, uint64_t *out_process)
{
    uint64_t mailbox;

    must(sys_mailbox_create("bench", strlen("bench"), &mailbox));
    const struct spawn_grant grants[] = {{"mailbox", mailbox, 0, RIGHT_MAILBOX_RECEIVE}};
    *out_process = bench_partner(role, core, grants, 1);
    return mailbox;
}

static void discard_server(uint64_t process, uint64_t mailbox)
{
    bench_stop_partner(process);
    must(sys_handle_close(mailbox));
}

static struct figure measure_0w(uint64_t mailbox)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < WARM_UP; i++) {
        must(fast_call_0w(mailbox));
    }
    for (unsigned i = 0; i < RUNS; i++) {
        status_t status;
        MEASURE(samples, status = fast_call_0w(mailbox));
        must(status);
    }
    return samples_figure(samples);
}

struct figure bench_call_0w(void)
{
    uint64_t process;
    uint64_t mailbox = create_server("echo", bench.core, &process);
    struct figure figure = measure_0w(mailbox);

    discard_server(process, mailbox);
    return figure;
}

static struct figure measure_4w(uint64_t mailbox)
{
    struct samples *samples = samples_reset();
    uint64_t words[4] = {1, 2, 3, 4};

    for (unsigned i = 0; i < RUNS; i++) {
        status_t status;
        MEASURE(samples, status = fast_call_4w(mailbox, words));
        must(status);
        VERIFY(words[0] == 1 && words[3] == 4);
    }
    return samples_figure(samples);
}

static struct figure measure_8w(uint64_t mailbox)
{
    struct samples *samples = samples_reset();
    uint64_t words[8] = {1, 2, 3, 4, 5, 6, 7, 8};

    for (unsigned i = 0; i < RUNS; i++) {
        status_t status;
        MEASURE(samples, status = fast_call_8w(mailbox, words));
        must(status);
        VERIFY(words[0] == 1 && words[7] == 8);
    }
    return samples_figure(samples);
}

static status_t call_with_buffers(uint64_t mailbox, uint64_t bytes)
{
    struct message message = {.label = 1};

    message_send_buffer(&message, out, bytes);
    message_receive_buffer(&message, in, bytes);
    return message_call(mailbox, &message, DEADLINE_FOREVER);
}

static struct figure measure_buffer(uint64_t mailbox, uint64_t bytes, unsigned runs)
{
    struct samples *samples = samples_reset();

    memset(out, (int)bytes + 1, bytes);
    for (unsigned i = 0; i < runs; i++) {
        status_t status;
        out[bytes - 1] = (uint8_t)i;
        MEASURE(samples, status = call_with_buffers(mailbox, bytes));
        must(status);
        VERIFY(in[0] == out[0] && in[bytes - 1] == (uint8_t)i);
    }
    return samples_figure(samples);
}

/*
 * Sends back what it gets, from the buffer it got it in: two buffers, so that the next call cannot
 * overtake the reply.
 */
static _Noreturn void serve_buffers(uint64_t mailbox)
{
    uint8_t *buffers[2] = {in, out};
    unsigned turn = 0;
    struct message message = {0};

    message_receive_buffer(&message, buffers[turn], BUFFER_BYTES);
    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
    for (;; turn ^= 1) {
        message.label = 1;
        message_send_buffer(&message, buffers[turn], message.word[1]);
        message_receive_buffer(&message, buffers[turn ^ 1], BUFFER_BYTES);
        must(message_reply_receive(mailbox, &message));
    }
}

/* From the caller's system call to the first instruction of the waiting server after its own. */
static struct figure measure_one_way(uint64_t mailbox)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < RUNS; i++) {
        uint64_t words[4] = {0};
        uint64_t start = clock_tsc();
        must(fast_call_4w(mailbox, words));
        if (i >= WARM_UP) {
            samples_add(samples, words[0] - start);
        }
    }
    return samples_figure(samples);
}

void ipc_role(const char *role)
{
    uint64_t mailbox = program_handle("mailbox");

    if (strcmp(role, "echo") == 0) {
        serve_echo(mailbox);
    }
    if (strcmp(role, "stamp") == 0) {
        serve_stamp(mailbox);
    }
    if (strcmp(role, "buffers") == 0) {
        serve_buffers(mailbox);
    }
}

static void bench_words(void)
{
    uint64_t process;
    uint64_t mailbox = create_server("echo", bench.core, &process);

    figure_print("ipc.call_reply.0w", measure_0w(mailbox));
    figure_print("ipc.call_reply.4w", measure_4w(mailbox));
    figure_print("ipc.call_reply.8w", measure_8w(mailbox));
    discard_server(process, mailbox);
}

static void bench_buffers(void)
{
    uint64_t process;
    uint64_t mailbox = create_server("buffers", bench.core, &process);

    figure_print("ipc.call_reply.64w", measure_buffer(mailbox, 512, RUNS));
    figure_print("ipc.call_reply.4096B", measure_buffer(mailbox, 4096, RUNS));
    figure_print("ipc.call_reply.65536B", measure_buffer(mailbox, 65536, RUNS_LARGE));
    discard_server(process, mailbox);
}

static void bench_one_way(void)
{
    uint64_t process;
    uint64_t mailbox = create_server("stamp", bench.core, &process);

    figure_print("ipc.call.one_way", measure_one_way(mailbox));
    discard_server(process, mailbox);
}

static void bench_two_cores(void)
{
    if (bench.cores < 2) {
        return;
    }
    uint64_t process;
    uint64_t mailbox = create_server("echo", (bench.core + 1) % bench.cores, &process);

    figure_print("ipc.call_reply.8w.xcore", measure_8w(mailbox));
    discard_server(process, mailbox);
}

void bench_ipc(void)
{
    bench_words();
    bench_buffers();
    bench_one_way();
    bench_two_cores();
}
