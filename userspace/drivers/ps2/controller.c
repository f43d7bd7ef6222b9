/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/ps2/controller.h"

#include "gen/syscall_user.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define PORT_DATA    0x60u
#define PORT_COMMAND 0x64u /* read: status */

#define STATUS_FULL  0x01u /* a byte can be read */
#define STATUS_BUSY  0x02u /* it has not taken the last byte yet */
#define STATUS_MOUSE 0x20u /* the byte is the mouse's */
#define NOBODY       0xffu /* what an empty port reads */

#define COMMAND_READ_CONFIG  0x20u
#define COMMAND_WRITE_CONFIG 0x60u
#define COMMAND_MOUSE_OFF    0xa7u
#define COMMAND_MOUSE_ON     0xa8u
#define COMMAND_TEST         0xaau
#define COMMAND_KEYBOARD_OFF 0xadu
#define COMMAND_KEYBOARD_ON  0xaeu
#define COMMAND_TO_MOUSE     0xd4u
#define TEST_PASSED          0x55u

#define CONFIG_KEYBOARD_INTERRUPT 0x01u
#define CONFIG_MOUSE_INTERRUPT    0x02u
#define CONFIG_KEYBOARD_CLOCK_OFF 0x10u
#define CONFIG_MOUSE_CLOCK_OFF    0x20u
#define CONFIG_TRANSLATE          0x40u /* to set 1 */

#define DEVICE_RESET     0xffu
#define DEVICE_ON        0xf4u
#define DEVICE_IDENTIFY  0xf2u
#define DEVICE_RATE      0xf3u
#define DEVICE_PASSED    0xaau
#define MOUSE_WITH_WHEEL 3u

#define PATIENCE       (50 * NS_PER_MS)
#define RESET_PATIENCE (1000 * NS_PER_MS)
#define POLL           (200 * NS_PER_US)
#define STALE_MAX      64u

static uint8_t read_port(uint64_t port)
{
    uint64_t value = NOBODY;

    (void)sys_ports_read(port, 0, 1, &value);
    return (uint8_t)value;
}

/* ---- single bytes ---- */

static status_t write_port(const struct ps2 *ps2, uint64_t port, uint8_t byte)
{
    uint64_t deadline = clock_now() + PATIENCE;

    while ((read_port(ps2->command) & STATUS_BUSY) != 0) {
        if (clock_now() > deadline) {
            return ERR_TIMED_OUT;
        }
        clock_sleep(POLL);
    }
    return sys_ports_write(port, 0, 1, byte);
}

static status_t read_answer(struct ps2 *ps2, uint64_t patience, uint8_t *out)
{
    uint64_t deadline = clock_now() + patience;
    bool from_mouse;

    while (!ps2_read(ps2, out, &from_mouse)) {
        if (clock_now() > deadline) {
            return ERR_TIMED_OUT;
        }
        clock_sleep(POLL);
    }
    return OK;
}

bool ps2_read(struct ps2 *ps2, uint8_t *out_byte, bool *out_from_mouse)
{
    uint8_t status = read_port(ps2->command);

    if (!(status & STATUS_FULL)) {
        return false;
    }
    *out_from_mouse = (status & STATUS_MOUSE) != 0;
    *out_byte = read_port(ps2->data);
    return true;
}

status_t ps2_send(struct ps2 *ps2, uint8_t byte)
{
    return write_port(ps2, ps2->data, byte);
}

/* ---- the controller ---- */

static void drop_what_came(struct ps2 *ps2)
{
    uint8_t byte;
    bool from_mouse;

    for (unsigned i = 0; i < STALE_MAX && ps2_read(ps2, &byte, &from_mouse); i++) {
    }
}

static status_t read_config(struct ps2 *ps2, uint8_t *out)
{
    status_t status = write_port(ps2, ps2->command, COMMAND_READ_CONFIG);

    return status == OK ? read_answer(ps2, PATIENCE, out) : status;
}

static status_t write_config(struct ps2 *ps2, uint8_t config)
{
    status_t status = write_port(ps2, ps2->command, COMMAND_WRITE_CONFIG);

    return status == OK ? write_port(ps2, ps2->data, config) : status;
}

/* Its test may set it back, so the configuration is written after that. */
static status_t test_controller(struct ps2 *ps2, uint8_t *out_config)
{
    uint8_t answer = 0;

    if (read_port(ps2->command) == NOBODY ||
        write_port(ps2, ps2->command, COMMAND_KEYBOARD_OFF) != OK ||
        write_port(ps2, ps2->command, COMMAND_MOUSE_OFF) != OK) {
        return ERR_NOT_FOUND;
    }
    drop_what_came(ps2);
    if (read_config(ps2, out_config) != OK || write_port(ps2, ps2->command, COMMAND_TEST) != OK ||
        read_answer(ps2, RESET_PATIENCE, &answer) != OK) {
        return ERR_NOT_FOUND;
    }
    return answer == TEST_PASSED ? OK : ERR_CORRUPT;
}

/* ---- devices ---- */

/* One byte to a device, acknowledged. */
static bool tell(struct ps2 *ps2, bool is_mouse, uint8_t byte)
{
    uint8_t answer = 0;

    return (!is_mouse || write_port(ps2, ps2->command, COMMAND_TO_MOUSE) == OK) &&
           write_port(ps2, ps2->data, byte) == OK && read_answer(ps2, PATIENCE, &answer) == OK &&
           answer == PS2_ACKNOWLEDGED;
}

/* A mouse says its number after it has passed. */
static bool reset_device(struct ps2 *ps2, bool is_mouse)
{
    uint8_t passed = 0, number;

    if (!tell(ps2, is_mouse, DEVICE_RESET) || read_answer(ps2, RESET_PATIENCE, &passed) != OK) {
        return false;
    }
    return passed == DEVICE_PASSED && (!is_mouse || read_answer(ps2, PATIENCE, &number) == OK);
}

/* The rates 200, 100, 80 in a row are the knock at the wheel's door. */
static bool find_wheel(struct ps2 *ps2)
{
    static const uint8_t knock[] = {DEVICE_RATE, 200, DEVICE_RATE, 100, DEVICE_RATE, 80};
    uint8_t number = 0;

    for (unsigned i = 0; i < sizeof(knock); i++) {
        if (!tell(ps2, true, knock[i])) {
            return false;
        }
    }
    return tell(ps2, true, DEVICE_IDENTIFY) && read_answer(ps2, PATIENCE, &number) == OK &&
           number == MOUSE_WITH_WHEEL;
}

static void find_devices(struct ps2 *ps2)
{
    ps2->has_keyboard = reset_device(ps2, false) && tell(ps2, false, DEVICE_ON);
    drop_what_came(ps2);
    ps2->has_mouse = reset_device(ps2, true);
    ps2->has_wheel = ps2->has_mouse && find_wheel(ps2);
    ps2->has_mouse = ps2->has_mouse && tell(ps2, true, DEVICE_ON);
}

static status_t start(struct ps2 *ps2)
{
    uint8_t config = 0;
    status_t status = test_controller(ps2, &config);

    if (status != OK) {
        return status;
    }
    config &= (uint8_t) ~(CONFIG_KEYBOARD_INTERRUPT | CONFIG_MOUSE_INTERRUPT |
                          CONFIG_KEYBOARD_CLOCK_OFF | CONFIG_MOUSE_CLOCK_OFF | CONFIG_TRANSLATE);
    if (write_config(ps2, config) != OK ||
        write_port(ps2, ps2->command, COMMAND_KEYBOARD_ON) != OK ||
        write_port(ps2, ps2->command, COMMAND_MOUSE_ON) != OK) {
        return ERR_NOT_FOUND;
    }
    find_devices(ps2);
    if (!ps2->has_keyboard && !ps2->has_mouse) {
        return ERR_NOT_FOUND;
    }
    config |= CONFIG_TRANSLATE | (ps2->has_keyboard ? CONFIG_KEYBOARD_INTERRUPT : 0) |
              (ps2->has_mouse ? CONFIG_MOUSE_INTERRUPT : 0);
    return write_config(ps2, config);
}

status_t ps2_open(struct ps2 *ps2, uint64_t system)
{
    *ps2 = (struct ps2){0};
    status_t status = sys_ports_create(system, PORT_DATA, 1, &ps2->data);

    if (status == OK) {
        status = sys_ports_create(system, PORT_COMMAND, 1, &ps2->command);
    }
    return status == OK ? start(ps2) : status;
}
