/* SPDX-License-Identifier: MIT */
/*
 * A passphrase before the prompt.
 *
 * The boot option holds a salt and a key that PBKDF2 makes of the passphrase, so neither image nor command line tell it. What
 * is asked for is right if it makes the same key; how long comparing takes says nothing.
 *
 * W1  Before it is given nothing typed runs: no command, and nothing begins a talk with gdb. What somebody who had given it has
 *     set up does: scripts on the way in, commands of breakpoints, and `kdebug=unattended`, which asks nobody.
 * W2  After the Nth wrong one in a row nothing is tried for 2^(N-1) s, at most WAIT_MAX_S. A machine that can go on does so
 *     meanwhile, and BREAK, escape, NMI and `debug_enter` do nothing; else a stranger could stop it for good. One that cannot (a
 *     panic) keeps its cores as they were captured, and lets the time pass.
 * W3  For the same reason a machine that can go on waits for a line PATIENCE_S, not longer; and nothing, or none in time, shuts the
 *     door as a wrong one does, else BREAK once a minute stopped it for good. A stop that comes by itself meanwhile ends at once.
 *
 * Once given it holds until `lock` or a reset: a breakpoint that asks each time is of no use.
 */
#include "kdebug/core/passphrase.h"

#include "base/string.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/sha256.h"
#include "kdebug/core/terminal.h"

#define TEXT_BYTES     128u
#define SALT_BYTES_MAX 32u
#define ROUNDS_MAX     10000000u
#define US_PER_S       1000000ull
#define WAIT_MAX_LOG2  6u /* 64 s */
#define PATIENCE_S     60u
#define CTRL_C         3
#define BACKSPACE      8
#define CTRL_U         21
#define DELETE         127

static struct {
    uint32_t rounds; /* 0: none is right */
    uint8_t salt[SALT_BYTES_MAX];
    unsigned salt_bytes;
    uint8_t key[SHA256_BYTES];
} wanted;
static bool is_set, is_locked;
static unsigned wrong; /* in a row; or none given */
static _Atomic uint64_t shut_until_us;
static uint64_t (*clock_us)(void);
static bool goes_on;

static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                  : 16;
}

/* Pairs of hex digits at *at. How many bytes; *at stands behind them. */
static unsigned take_bytes(const char **at, uint8_t *to, unsigned most)
{
    unsigned count = 0;
    for (; count < most && digit_of((*at)[0]) < 16 && digit_of((*at)[1]) < 16; *at += 2) {
        to[count++] = (uint8_t)(digit_of((*at)[0]) << 4 | digit_of((*at)[1]));
    }
    return count;
}

static uint32_t take_rounds(const char **at)
{
    uint32_t rounds = 0;
    for (; digit_of(**at) < 10 && rounds <= ROUNDS_MAX; (*at)++) {
        rounds = rounds * 10 + digit_of(**at);
    }
    return rounds <= ROUNDS_MAX ? rounds : 0;
}

bool kd_passphrase_set(const char *option)
{
    const char *at = option;
    is_set = is_locked = true;
    wanted.rounds = 0; /* until all of it is good */
    uint32_t rounds = take_rounds(&at);
    if (rounds == 0 || *at++ != ':') {
        return false;
    }
    wanted.salt_bytes = take_bytes(&at, wanted.salt, SALT_BYTES_MAX);
    if (wanted.salt_bytes == 0 || *at++ != ':' ||
        take_bytes(&at, wanted.key, SHA256_BYTES) != SHA256_BYTES || *at != '\0') {
        return false;
    }
    wanted.rounds = rounds;
    return true;
}

bool kd_passphrase_is_locked(void)
{
    return is_locked;
}

bool kd_passphrase_lock(void)
{
    is_locked = is_set;
    return is_set;
}

uint64_t kd_passphrase_left_us(uint64_t now_us)
{
    uint64_t until = atomic_load_explicit(&shut_until_us, memory_order_relaxed);
    return until > now_us ? until - now_us : 0;
}

/* Every byte is looked at, whatever the ones before it were. */
static bool is_key(const uint8_t *key)
{
    volatile uint8_t differing = 0;
    for (unsigned i = 0; i < SHA256_BYTES; i++) {
        differing |= key[i] ^ wanted.key[i];
    }
    return differing == 0;
}

static void shut(uint64_t now_us)
{
    uint64_t wait = US_PER_S << MIN(wrong, WAIT_MAX_LOG2);
    wrong++;
    atomic_store_explicit(&shut_until_us, now_us + wait, memory_order_relaxed);
}

bool kd_passphrase_try(const char *text, size_t bytes, uint64_t now_us)
{
    uint8_t key[SHA256_BYTES];
    sha256_stretch(text, bytes, wanted.salt, wanted.salt_bytes, wanted.rounds, key);
    bool is_right = is_key(key) && wanted.rounds != 0;
    sha256_forget(key, sizeof(key));
    if (is_right) {
        is_locked = false;
        wrong = 0;
        return true;
    }
    shut(now_us);
    return false;
}

void kd_passphrase_at(uint64_t (*now_us)(void), bool may_go_on)
{
    clock_us = now_us;
    goes_on = may_go_on;
}

static void say_wrong(void)
{
    unsigned long long s = (kd_passphrase_left_us(clock_us()) + US_PER_S - 1) / US_PER_S;
    kd_print(goes_on ? "kdebug: wrong; the machine goes on, nobody comes in for %llu s\n"
                     : "kdebug: wrong; again in %llu s\n",
             s);
}

/* An empty line: go on, where that can be. Nothing is printed before the text is gone, for printing may raise. */
static void take_line(char *text, size_t bytes)
{
    bool is_right = bytes != 0 && kd_passphrase_try(text, bytes, clock_us());
    sha256_forget(text, TEXT_BYTES); /* what was taken back, too */
    if (bytes == 0 && goes_on) {
        shut(clock_us());
    }
    if (goes_on && !is_right) {
        kd_session_end();
    }
    if (is_right) {
        kd_print("kdebug: unlocked\n");
    } else if (bytes != 0) {
        say_wrong();
    }
}

/* A byte into the text. True: that was the end of the line. */
static bool take_byte(char *text, size_t *bytes, int byte)
{
    if (byte == '\r' || byte == '\n') {
        return true;
    }
    if (byte == CTRL_C || byte == CTRL_U) {
        *bytes = 0;
    } else if (byte == BACKSPACE || byte == DELETE) {
        *bytes -= *bytes > 0 ? 1 : 0;
    } else if (byte >= ' ' && *bytes < TEXT_BYTES) {
        text[(*bytes)++] = (char)byte;
    }
    return false;
}

/* What is typed while nothing is to be tried is nothing. */
static void wait_until_open(void (*idle)(void))
{
    while (kd_passphrase_left_us(clock_us()) != 0) {
        while (kd_terminal_get() >= 0) {
        }
        idle();
    }
}

void kd_passphrase_ask(void (*idle)(void))
{
    char text[TEXT_BYTES];
    size_t bytes = 0;
    if (goes_on && kd_passphrase_left_us(clock_us()) != 0) {
        kd_session_end();
        return;
    }
    kd_output_begin(NULL, 0); /* a statement that was broken off has left its filters */
    wait_until_open(idle);
    kd_print(KD_PASSPHRASE_PROMPT);
    uint64_t start = clock_us();
    for (;;) {
        int byte = kd_terminal_get();
        if (byte >= 0 && take_byte(text, &bytes, byte)) {
            break;
        }
        if (byte < 0) {
            idle();
        }
        if (goes_on && clock_us() - start > PATIENCE_S * US_PER_S) { /* W3 */
            bytes = 0;
            break;
        }
    }
    kd_print("\n");
    take_line(text, bytes);
}
