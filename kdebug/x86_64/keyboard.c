/* SPDX-License-Identifier: MIT */
/*
 * The keyboard's controller, polled (keyboard.h): while there is a prompt, or else by one core, in its NMIs.
 *
 * Its mode is asked for when the first key has come, not at each stop: a driver may have been in the middle of a command, and
 * where nobody types it finds the controller as it was.
 */
#include "kdebug/x86_64/keyboard.h"

#include "arch/cpu.h"
#include "arch/nmi_beat.h"
#include "arch/pit.h"
#include "irq/ports.h"

#define PORT_DATA       0x60u
#define PORT_STATUS     0x64u /* read; a command when written */
#define STATUS_FULL     0x01u
#define STATUS_BUSY     0x02u
#define STATUS_MOUSE    0x20u
#define NOBODY          0xffu
#define READ_MODE       0x20u
#define KEYBOARD_OFF    0xadu
#define KEYBOARD_ON     0xaeu
#define MODE_TRANSLATES 0x40u
#define POLLS_MAX       10000u
#define QUEUE_BYTES     32u /* that a controller may hold */
#define SEQUENCE_BYTES  2u

static struct kd_keys keys;
static bool is_open; /* there is a prompt */
static bool listens;
static bool is_there, is_mode_known;
static char pending[SEQUENCE_BYTES]; /* rest of an escape sequence, the last byte first */
static unsigned pending_count;
static uint8_t early[QUEUE_BYTES]; /* codes that stood before the answer about the mode */
static unsigned early_count, early_next;

static uint8_t status(void)
{
    return (uint8_t)port_read(PORT_STATUS, 1);
}

static bool wait_for(uint8_t mask, uint8_t wanted)
{
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        if ((status() & mask) == wanted) {
            return true;
        }
        cpu_relax();
    }
    return false;
}

static bool command(uint8_t byte)
{
    if (!wait_for(STATUS_BUSY, 0)) {
        return false;
    }
    port_write(PORT_STATUS, 1, byte);
    return wait_for(STATUS_BUSY, 0);
}

/* The codes that have come already are kept; the keyboard is off, so none comes after them. */
static void take_early(void)
{
    for (uint8_t now; early_count < QUEUE_BYTES && ((now = status()) & STATUS_FULL);) {
        uint8_t code = (uint8_t)port_read(PORT_DATA, 1);
        if (!(now & STATUS_MOUSE)) {
            early[early_count++] = code;
        }
    }
}

/*
 * Does the controller translate into set 1? It says so in its mode. If not even that can be read, most do. Who types fast has more codes
 * waiting than the first one: without switching the keyboard off the next one would be taken for the mode.
 */
static bool translates(void)
{
    bool answer = true;
    if (!command(KEYBOARD_OFF)) {
        return answer;
    }
    take_early();
    if (command(READ_MODE) && wait_for(STATUS_FULL, STATUS_FULL)) {
        answer = port_read(PORT_DATA, 1) & MODE_TRANSLATES;
    }
    (void)command(KEYBOARD_ON);
    return answer;
}

/* The next scan code, if there is one. */
static bool next_code(uint8_t *out)
{
    if (early_next < early_count) {
        *out = early[early_next++];
        return true;
    }
    uint8_t now = is_there ? status() : 0;
    if (!(now & STATUS_FULL)) {
        return false;
    }
    *out = (uint8_t)port_read(PORT_DATA, 1);
    return !(now & STATUS_MOUSE);
}

static void start(void)
{
    pending_count = 0;
    keys = (struct kd_keys){0};
    is_mode_known = false;
    early_count = early_next = 0;
    is_there = status() != NOBODY;
}

/* What the next code means, as kd_keys_feed() says it; -1 also if there is none. */
static int next_key(bool *out_is_any)
{
    uint8_t code;
    *out_is_any = next_code(&code);
    if (!*out_is_any) {
        return -1;
    }
    if (!is_mode_known) {
        keys.is_set2 = !translates();
        is_mode_known = true;
    }
    return kd_keys_feed(&keys, code);
}

void kd_keyboard_begin(void)
{
    start();
    is_open = true;
    for (unsigned i = 0; is_there && i < QUEUE_BYTES && (status() & STATUS_FULL); i++) {
        (void)port_read(PORT_DATA, 1);
    }
}

void kd_keyboard_end(void)
{
    is_open = false;
    start();
}

int kd_keyboard_get(void)
{
    bool is_any;
    if (!is_open) {
        return -1;
    }
    if (pending_count > 0) {
        return pending[--pending_count];
    }
    int byte = next_key(&is_any);
    if (byte < KD_KEY_SEQUENCE) {
        return byte;
    }
    pending[0] = (char)(byte & 0x7f);
    pending[1] = '[';
    pending_count = SEQUENCE_BYTES;
    return '\033';
}

status_t kd_keyboard_listen(void)
{
    start();
    status_t status = nmi_beat_want(NMI_BEAT_KEYBOARD, PIT_RATE_MIN);
    listens = status == OK;
    return status;
}

bool kd_keyboard_is_called(void)
{
    if (!listens || cpu_id() != NMI_BEAT_CPU) {
        return false;
    }
    if (atomic_load_explicit(&ports_of_keyboard, memory_order_relaxed) != 0) {
        is_mode_known = false; /* a driver has it, and may leave it otherwise */
        return false;
    }
    bool is_any = true, is_called = false;
    for (unsigned i = 0; i < QUEUE_BYTES && is_any && !is_called; i++) {
        is_called = next_key(&is_any) == KD_KEY_BREAK;
    }
    return is_called;
}
