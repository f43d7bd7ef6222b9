/* SPDX-License-Identifier: MIT */
/*
 * The keyboard's controller, polled (keyboard.h). Only while the machine stands still.
 *
 * Its mode is asked for when the first key has come, not at each stop: a driver may have been in the middle of a command, and
 * where nobody types it finds the controller as it was.
 */
#include "kdebug/x86_64/keyboard.h"

#include "arch/cpu.h"

#define PORT_DATA       0x60u
#define PORT_STATUS     0x64u /* read; a command when written */
#define STATUS_FULL     0x01u
#define STATUS_BUSY     0x02u
#define STATUS_MOUSE    0x20u
#define NOBODY          0xffu
#define READ_MODE       0x20u
#define MODE_TRANSLATES 0x40u
#define POLLS_MAX       10000u
#define QUEUE_BYTES     32u /* that a controller may hold */
#define SEQUENCE_BYTES  2u

static struct kd_keys keys;
static bool is_there, is_mode_known;
static char pending[SEQUENCE_BYTES]; /* rest of an escape sequence, the last byte first */
static unsigned pending_count;

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

/* Does the controller translate into set 1? It says so in its mode. If not even that can be read, most do. */
static bool translates(void)
{
    if (!wait_for(STATUS_BUSY, 0)) {
        return true;
    }
    port_write(PORT_STATUS, 1, READ_MODE);
    if (!wait_for(STATUS_FULL, STATUS_FULL)) {
        return true;
    }
    return port_read(PORT_DATA, 1) & MODE_TRANSLATES;
}

void kd_keyboard_begin(void)
{
    pending_count = 0;
    is_there = status() != NOBODY;
    for (unsigned i = 0; is_there && i < QUEUE_BYTES && (status() & STATUS_FULL); i++) {
        (void)port_read(PORT_DATA, 1);
    }
    keys = (struct kd_keys){0};
    is_mode_known = false;
}

int kd_keyboard_get(void)
{
    if (pending_count > 0) {
        return pending[--pending_count];
    }
    uint8_t now = is_there ? status() : 0;
    if (!(now & STATUS_FULL)) {
        return -1;
    }
    uint8_t code = (uint8_t)port_read(PORT_DATA, 1);
    if (!is_mode_known) {
        keys.is_set2 = !translates();
        is_mode_known = true;
    }
    int byte = now & STATUS_MOUSE ? -1 : kd_keys_feed(&keys, code);
    if (byte < KD_KEY_SEQUENCE) {
        return byte;
    }
    pending[0] = (char)(byte & 0x7f);
    pending[1] = '[';
    pending_count = SEQUENCE_BYTES;
    return '\033';
}
