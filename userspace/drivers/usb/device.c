/* SPDX-License-Identifier: MIT */
/*
 * From an enabled port to reports: an address, the descriptors, the configuration, the boot protocol.
 *
 * Sources: Universal Serial Bus Specification 2.0, "Bus Enumeration"; HID 1.11, "Class-Specific Requests".
 */
#include "userspace/drivers/usb/device.h"

#include <stddef.h>

#include "userspace/drivers/usb/sink.h"
#include "userspace/drivers/xhci/port.h"

#define REQUEST_GET_DESCRIPTOR    6u
#define REQUEST_SET_CONFIGURATION 9u
#define HID_SET_REPORT            9u
#define HID_SET_IDLE              10u
#define HID_SET_PROTOCOL          11u
#define HID_OUTPUT_REPORT         0x200u
#define TO_DEVICE                 0x00u
#define FROM_DEVICE               0x80u
#define TO_INTERFACE              0x21u

/* ---- what it is ---- */

static status_t get_descriptor(struct slot *slot, unsigned type, void *out, uint16_t bytes)
{
    const struct usb_request request = {FROM_DEVICE, REQUEST_GET_DESCRIPTOR, (uint16_t)(type << 8),
                                        0, bytes};

    return slot_control(slot, &request, out);
}

static unsigned first_packet(unsigned speed)
{
    return speed == USB_HIGH ? 64 : speed >= USB_SUPER ? 512 : 8;
}

/* The head says how long packets are, so it must fit the shortest there are. */
static status_t read_facts(struct usb_device *device)
{
    struct slot *slot = device->slot;
    uint8_t bytes[USB_DEVICE_BYTES];
    status_t status = get_descriptor(slot, USB_DESCRIPTOR_DEVICE, bytes, USB_DEVICE_HEAD);

    if (status != OK) {
        return status;
    }
    if (!usb_device_parse(bytes, USB_DEVICE_HEAD, &device->facts)) {
        return ERR_CORRUPT;
    }
    unsigned packet = usb_packet_bytes(slot->place.speed, device->facts.packet);
    if (packet == 0) {
        return ERR_CORRUPT;
    }
    if (packet != first_packet(slot->place.speed)) {
        status = slot_set_packet(slot, packet);
    }
    if (status == OK) {
        status = get_descriptor(slot, USB_DESCRIPTOR_DEVICE, bytes, USB_DEVICE_BYTES);
    }
    if (status != OK) {
        return status;
    }
    return usb_device_parse(bytes, USB_DEVICE_BYTES, &device->facts) ? OK : ERR_CORRUPT;
}

/* Of a configuration that is too long for us, its beginning. */
static status_t read_configuration(struct usb_device *device)
{
    uint8_t bytes[CONTROL_BYTES_MAX];
    status_t status =
        get_descriptor(device->slot, USB_DESCRIPTOR_CONFIGURATION, bytes, USB_CONFIGURATION_BYTES);

    if (status != OK) {
        return status;
    }
    if (!usb_configuration_parse(bytes, USB_CONFIGURATION_BYTES, &device->configuration)) {
        return ERR_CORRUPT;
    }
    uint16_t all = device->configuration.bytes;
    all = all < sizeof(bytes) ? all : sizeof(bytes);
    status = get_descriptor(device->slot, USB_DESCRIPTOR_CONFIGURATION, bytes, all);
    if (status != OK) {
        return status;
    }
    return usb_configuration_parse(bytes, all, &device->configuration) ? OK : ERR_CORRUPT;
}

static bool is_ours(const struct usb_interface *interface)
{
    return interface->interface_class == USB_CLASS_HID && interface->subclass == HID_BOOT &&
           (interface->protocol == HID_KEYBOARD || interface->protocol == HID_MOUSE) &&
           interface->address != 0;
}

/* Returns how many there are, up to what a slot takes. */
static unsigned choose_functions(struct usb_device *device, struct slot_endpoint *endpoints)
{
    unsigned count = 0;

    for (unsigned i = 0; i < device->configuration.count && count < SLOT_INTERRUPTS_MAX; i++) {
        const struct usb_interface *interface = &device->configuration.interface[i];

        if (is_ours(interface)) {
            device->function[count] = (struct usb_function){.interface = interface->number,
                                                            .protocol = interface->protocol};
            endpoints[count++] = (struct slot_endpoint){interface->address, interface->max_packet,
                                                        interface->interval};
        }
    }
    return count;
}

/* ---- making it report ---- */

static status_t set_configuration(struct usb_device *device)
{
    const struct usb_request request = {TO_DEVICE, REQUEST_SET_CONFIGURATION,
                                        device->configuration.value, 0, 0};

    return slot_control(device->slot, &request, NULL);
}

/* A mouse without an idle rate may refuse that request, and goes on. */
static status_t set_up_function(struct usb_device *device, const struct usb_function *function)
{
    const struct usb_request boot = {TO_INTERFACE, HID_SET_PROTOCOL, 0, function->interface, 0};
    const struct usb_request idle = {TO_INTERFACE, HID_SET_IDLE, 0, function->interface, 0};
    status_t status = slot_control(device->slot, &boot, NULL);

    if (status == OK) {
        status = slot_control(device->slot, &idle, NULL);
    }
    return status == ERR_NOT_SUPPORTED ? OK : status;
}

static void note_repeats(struct usb_function *function, const struct input_change *changes,
                         unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        repeat_note(&function->repeat, changes[i].code, changes[i].is_down != 0, hardware_now());
    }
}

static void take_report(struct slot *slot, unsigned endpoint, const uint8_t *report, unsigned bytes)
{
    struct usb_device *device = slot->owner;
    struct usb_function *function = &device->function[endpoint];
    struct input_change changes[HID_CHANGES_MAX];
    unsigned count;

    if (function->protocol == HID_KEYBOARD) {
        count = hid_keyboard_report(&function->keyboard, report, bytes, changes);
        note_repeats(function, changes, count);
    } else {
        count = hid_mouse_report(&function->mouse, report, bytes, changes);
    }
    if (count > 0) {
        usb_sink_feed(device->number, changes, count);
    }
}

static status_t set_up_hub(struct usb_device *device)
{
    const struct usb_interface *interface = &device->configuration.interface[0];
    const struct slot_endpoint endpoint = {interface->address, interface->max_packet,
                                           interface->interval};

    if (device->slot->place.speed >= USB_SUPER || interface->interface_class != USB_CLASS_HUB ||
        interface->address == 0) {
        return ERR_NOT_FOUND;
    }
    device->is_hub = true;
    status_t status = slot_configure(device->slot, &endpoint, 1);
    return status == OK ? set_configuration(device) : status;
}

static status_t set_up(struct usb_device *device)
{
    struct slot_endpoint endpoints[SLOT_INTERRUPTS_MAX];
    status_t status = slot_address(device->slot, first_packet(device->slot->place.speed));

    if (status == OK) {
        status = read_facts(device);
    }
    if (status == OK) {
        status = read_configuration(device);
    }
    if (status != OK) {
        return status;
    }
    if (device->facts.device_class == USB_CLASS_HUB) {
        return set_up_hub(device);
    }
    device->count = choose_functions(device, endpoints);
    if (device->count == 0) {
        return ERR_NOT_FOUND;
    }
    status = slot_configure(device->slot, endpoints, device->count);
    if (status == OK) {
        status = set_configuration(device);
    }
    for (unsigned i = 0; status == OK && i < device->count; i++) {
        status = set_up_function(device, &device->function[i]);
    }
    return status;
}

status_t usb_device_open(struct usb_device *device, struct xhci *xhci,
                         const struct slot_place *place)
{
    *device = (struct usb_device){0};
    status_t status = slot_open(xhci, place, &device->slot);

    if (status != OK) {
        device->slot = NULL;
        return status;
    }
    device->number = device->slot->number;
    status = set_up(device);
    if (status != OK) {
        usb_device_close(device);
        return status;
    }
    if (!device->is_hub) {
        usb_sink_attach(device->number, usb_device_has(device));
        slot_listen(device->slot, take_report, device);
    }
    return OK;
}

void usb_device_close(struct usb_device *device)
{
    slot_close(device->slot);
    device->slot = NULL;
}

uint32_t usb_device_has(const struct usb_device *device)
{
    uint32_t has = 0;

    for (unsigned i = 0; i < device->count; i++) {
        bool is_keyboard = device->function[i].protocol == HID_KEYBOARD;
        bool has_wheel = !is_keyboard && device->slot->interrupt[i].max_packet > HID_MOUSE_BYTES;

        has |= (is_keyboard ? INPUT_HAS_KEYBOARD : INPUT_HAS_MOUSE) |
               (has_wheel ? INPUT_HAS_WHEEL : 0);
    }
    return has;
}

/* ---- repetitions and lamps ---- */

void usb_device_repeat(struct usb_device *device, uint64_t now)
{
    for (unsigned i = 0; device->slot != NULL && i < device->count; i++) {
        uint8_t key = repeat_take(&device->function[i].repeat, now);

        if (key != 0) {
            usb_sink_feed(device->number,
                          &(struct input_change){.kind = INPUT_KEY, .code = key, .is_down = true},
                          1);
        }
    }
}

uint64_t usb_device_due(const struct usb_device *device)
{
    uint64_t due = REPEAT_NEVER;

    for (unsigned i = 0; device->slot != NULL && i < device->count; i++) {
        uint64_t next = repeat_due(&device->function[i].repeat);
        due = next < due ? next : due;
    }
    return due;
}

void usb_device_show_locks(struct usb_device *device, uint8_t locks)
{
    for (unsigned i = 0; device->slot != NULL && i < device->count; i++) {
        struct usb_function *function = &device->function[i];
        const struct usb_request request = {TO_INTERFACE, HID_SET_REPORT, HID_OUTPUT_REPORT,
                                            function->interface, sizeof(locks)};

        if (function->protocol == HID_KEYBOARD && function->lamps != locks) {
            function->lamps = locks;
            (void)slot_control(device->slot, &request, &locks);
        }
    }
}
