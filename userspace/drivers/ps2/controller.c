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
#define DEVICE_OFF       0xf5u
#define DEVICE_IDENTIFY  0xf2u
#define DEVICE_RATE      0xf3u
#define DEVICE_PASSED    0xaau
#define MOUSE_PLAIN      0u
#define MOUSE_WITH_WHEEL 3u

#define PATIENCE       (250 * NS_PER_MS)
#define RESET_PATIENCE (4 * NS_PER_S)
#define POLL           (200 * NS_PER_US)
#define QUIET_POLLS    10u /* 2 ms: a byte takes 1 ms on the wire */
#define STALE_MAX      1000u
#define TRIES          2u

static uint8_t read_port(uint64_t port)
{
    uint64_t value = NOBODY;

    (void)sys_ports_read(port, 0, 1, &value);
    return (uint8_t)value;
}

/* ---- single bytes ---- */

static status_t write_port(const struct ps2 *ps2, uint64_t port, uint8_t byte)
{
    for (uint64_t deadline = clock_now() + PATIENCE;;) {
        uint64_t now =
            clock_now(); /* before the look: who was not run for long still sees what is there */
        if ((read_port(ps2->command) & STATUS_BUSY) == 0) {
            return sys_ports_write(port, 0, 1, byte);
        }
        if (now > deadline) {
            return ERR_TIMED_OUT;
        }
        clock_sleep(POLL);
    }
}

/* What comes from the other device meanwhile is dropped. */
static status_t read_byte(struct ps2 *ps2, bool is_mouse, uint64_t deadline, uint8_t *out)
{
    bool from_mouse;

    for (;;) {
        uint64_t now = clock_now();
        if (!ps2_read(ps2, out, &from_mouse)) {
            clock_sleep(POLL);
        } else if (from_mouse == is_mouse) {
            return OK;
        }
        if (now > deadline) {
            return ERR_TIMED_OUT;
        }
    }
}

/* The same for a byte that has to come; others before it are what the device said for itself. */
static bool wait_for(struct ps2 *ps2, bool is_mouse, uint64_t patience, uint8_t wanted)
{
    uint64_t deadline = clock_now() + patience;
    uint8_t byte = 0;

    while (read_byte(ps2, is_mouse, deadline, &byte) == OK) {
        if (byte == wanted) {
            return true;
        }
    }
    return false;
}

bool ps2_read(struct ps2 *ps2, uint8_t *out_byte, bool *out_from_mouse)
{
    uint8_t status = read_port(ps2->command);

    if (!(status & STATUS_FULL) || status == NOBODY) {
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

/* Until nothing has come for a while: a byte may just be on its way. */
static void drop_what_comes(struct ps2 *ps2)
{
    uint8_t byte;
    bool from_mouse;

    for (unsigned i = 0, quiet = 0; i < STALE_MAX && quiet < QUIET_POLLS; i++) {
        if (ps2_read(ps2, &byte, &from_mouse)) {
            quiet = 0;
        } else {
            quiet++;
            clock_sleep(POLL);
        }
    }
}

static status_t command(struct ps2 *ps2, uint8_t byte)
{
    return write_port(ps2, ps2->command, byte);
}

static status_t write_config(struct ps2 *ps2, uint8_t config)
{
    status_t status = command(ps2, COMMAND_WRITE_CONFIG);

    return status == OK ? write_port(ps2, ps2->data, config) : status;
}

/* Both devices kept quiet. Its test may set it back, so the configuration is written after that. */
static status_t test_controller(struct ps2 *ps2, uint8_t *out_config)
{
    if (read_port(ps2->command) == NOBODY || command(ps2, COMMAND_KEYBOARD_OFF) != OK ||
        command(ps2, COMMAND_MOUSE_OFF) != OK) {
        return ERR_NOT_FOUND;
    }
    drop_what_comes(ps2);
    if (command(ps2, COMMAND_READ_CONFIG) != OK ||
        read_byte(ps2, false, clock_now() + PATIENCE, out_config) != OK ||
        command(ps2, COMMAND_TEST) != OK) {
        return ERR_NOT_FOUND;
    }
    return wait_for(ps2, false, RESET_PATIENCE, TEST_PASSED) ? OK : ERR_CORRUPT;
}

/* ---- devices ---- */

/* One byte to a device, acknowledged. */
static bool tell(struct ps2 *ps2, bool is_mouse, uint8_t byte)
{
    return (!is_mouse || command(ps2, COMMAND_TO_MOUSE) == OK) &&
           write_port(ps2, ps2->data, byte) == OK &&
           wait_for(ps2, is_mouse, PATIENCE, PS2_ACKNOWLEDGED);
}

/* Told to be quiet before and after: a keyboard that has passed its test begins to report. A mouse also says its number. */
static bool reset_device(struct ps2 *ps2, bool is_mouse)
{
    (void)tell(ps2, is_mouse, DEVICE_OFF);
    if (!tell(ps2, is_mouse, DEVICE_RESET) ||
        !wait_for(ps2, is_mouse, RESET_PATIENCE, DEVICE_PASSED) ||
        !tell(ps2, is_mouse, DEVICE_OFF)) {
        return false;
    }
    drop_what_comes(ps2);
    return true;
}

/* The rates 200, 100, 80 in a row are the knock at the wheel's door. *out_clear: it was heard, and the number is what it has to be. */
static bool find_wheel(struct ps2 *ps2, bool *out_clear)
{
    static const uint8_t knock[] = {DEVICE_RATE, 200, DEVICE_RATE, 100, DEVICE_RATE, 80};
    uint8_t number = NOBODY;

    *out_clear = true;
    for (unsigned i = 0; i < sizeof(knock); i++) {
        *out_clear &= tell(ps2, true, knock[i]);
    }
    *out_clear &= tell(ps2, true, DEVICE_IDENTIFY) &&
                  read_byte(ps2, true, clock_now() + PATIENCE, &number) == OK &&
                  (number == MOUSE_PLAIN || number == MOUSE_WITH_WHEEL);
    return number == MOUSE_WITH_WHEEL;
}

/* A mouse of which nobody knows how long its packets are is reset once more, and has no wheel. */
static void find_mouse(struct ps2 *ps2)
{
    bool is_clear;

    ps2->has_mouse = reset_device(ps2, true);
    if (!ps2->has_mouse) {
        return;
    }
    ps2->has_wheel = find_wheel(ps2, &is_clear);
    if (!is_clear) {
        ps2->has_wheel = false;
        ps2->has_mouse = reset_device(ps2, true);
    }
}

/* One at a time, the other kept off; both are left off. */
static void find_devices(struct ps2 *ps2)
{
    if (command(ps2, COMMAND_KEYBOARD_ON) == OK) {
        ps2->has_keyboard = reset_device(ps2, false);
    }
    (void)command(ps2, COMMAND_KEYBOARD_OFF);
    if (command(ps2, COMMAND_MOUSE_ON) == OK) {
        find_mouse(ps2);
    }
    (void)command(ps2, COMMAND_MOUSE_OFF);
    drop_what_comes(ps2);
}

/* A device that is not there stays off: a byte from nowhere, of which nobody hears, would keep the other's from coming. */
static status_t let_report(struct ps2 *ps2, uint8_t config)
{
    config |= CONFIG_TRANSLATE | CONFIG_KEYBOARD_CLOCK_OFF | CONFIG_MOUSE_CLOCK_OFF |
              (ps2->has_keyboard ? CONFIG_KEYBOARD_INTERRUPT : 0) |
              (ps2->has_mouse ? CONFIG_MOUSE_INTERRUPT : 0);
    status_t status = write_config(ps2, config);

    if (status == OK && ps2->has_keyboard) {
        status = command(ps2, COMMAND_KEYBOARD_ON);
        ps2->has_keyboard = status == OK && tell(ps2, false, DEVICE_ON);
    }
    if (status == OK && ps2->has_mouse) {
        status = command(ps2, COMMAND_MOUSE_ON);
        ps2->has_mouse = status == OK && tell(ps2, true, DEVICE_ON);
    }
    return status;
}

static status_t start(struct ps2 *ps2)
{
    uint8_t config = 0;
    status_t status = test_controller(ps2, &config);

    if (status != OK) {
        return status;
    }
    config &= (uint8_t) ~(CONFIG_KEYBOARD_INTERRUPT | CONFIG_MOUSE_INTERRUPT | CONFIG_TRANSLATE);
    status = write_config(ps2, config | CONFIG_KEYBOARD_CLOCK_OFF | CONFIG_MOUSE_CLOCK_OFF);
    if (status != OK) {
        return status;
    }
    find_devices(ps2);
    if (!ps2->has_keyboard && !ps2->has_mouse) {
        return ERR_NOT_FOUND;
    }
    return let_report(ps2, config);
}

status_t ps2_open(struct ps2 *ps2, uint64_t system)
{
    *ps2 = (struct ps2){0};
    status_t status = sys_ports_create(system, PORT_DATA, 1, &ps2->data);

    if (status == OK) {
        status = sys_ports_create(system, PORT_COMMAND, 1, &ps2->command);
    }
    if (status != OK) {
        return status;
    }
    for (unsigned i = 0; i < TRIES && (status = start(ps2)) != OK; i++) {
    }
    return status;
}
