/* SPDX-License-Identifier: MIT */
/* lsusb: prints what is plugged in at the USB controller. */
#include <stdio.h>

#include "gen/interface/usb_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/input.h"
#include "userspace/lib/usb.h"
#include "userspace/programs/commands/command.h"

#define PATIENCE (20 * NS_PER_S)
#define ROWS_MAX (USB_LIST_ROWS_MAX / sizeof(struct usb_row))

static const char *what(const struct usb_row *row)
{
    static const char *const names[] = {"nothing", "keyboard", "mouse", "keyboard and mouse"};

    return row->state == USB_ROW_COMING ? "coming"
           : row->state == USB_ROW_HUB  ? "hub"
           : row->state == USB_ROW_REFUSED
               ? "left alone"
               : names[row->has & (INPUT_HAS_KEYBOARD | INPUT_HAS_MOUSE)];
}

static void print(const struct usb_row *row)
{
    static const char *const speeds[] = {"?", "full", "low", "high", "super"};
    const unsigned last = sizeof(speeds) / sizeof(speeds[0]) - 1;

    char port[24];
    int length = snprintf(port, sizeof(port), "%u", row->port);

    for (uint32_t route = row->route; route != 0; route >>= 4) {
        length += snprintf(port + length, sizeof(port) - (size_t)length, ".%u", route & 15);
    }
    printf("%4s  %-5s  %04x:%04x  %s\n", port, speeds[row->speed < last ? row->speed : last],
           row->vendor, row->product, what(row));
}

/* The service may end between finding and asking: then another one is there soon. */
static status_t list(struct usb_row *rows, uint64_t *out_bytes, uint32_t *out_ports)
{
    uint64_t service, strays, deadline = clock_now() + PATIENCE;
    status_t status = service_find("usb", deadline, &service);

    while (status == OK && (status = usb_list(service, deadline, rows, USB_LIST_ROWS_MAX, out_bytes,
                                              out_ports, &strays)) == ERR_PEER_CLOSED) {
        status = service_find_again("usb", deadline, &service);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct usb_row rows[ROWS_MAX];
    uint64_t bytes = 0;
    uint32_t ports = 0;

    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    status_t status = list(rows, &bytes, &ports);
    if (status == OK && ports == 0) {
        status = ERR_NOT_FOUND;
    }
    if (status != OK) {
        return command_fail("USB controller", status);
    }
    printf("PORT  SPEED  DEVICE     WHAT (%u ports)\n", ports);
    for (uint64_t i = 0; i < bytes / sizeof(rows[0]); i++) {
        print(&rows[i]);
    }
    return 0;
}
