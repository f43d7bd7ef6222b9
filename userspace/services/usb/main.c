/* SPDX-License-Identifier: MIT */
/*
 * usb: keyboards and mice at the first USB controller of the machine (xHCI), for the service `input`.
 *
 *   handles  requests, supervisor (to find bus, input and log), dma
 *
 * One thread drives the controller (drivers/usb/host.h) and feeds `input`; the first one serves requests, and sees what the
 * other has written down under the lock. A controller that is broken ends the process: its successor resets it.
 *
 * The controller writes into memory of ours until it is told not to. If we are killed it is not, so that memory is init's, and
 * our successor, which stops the controller before it looks there, goes on with it (drivers/dma.h).
 */
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/usb_server.h"
#include "userspace/drivers/usb/host.h"
#include "userspace/drivers/xhci/port.h"
#include "userspace/lib/check.h"
#include "userspace/lib/log.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/service.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/lib/usb.h"
#include "userspace/services/usb/feeder.h"

#define ROWS_MAX (USB_LIST_ROWS_MAX / sizeof(struct usb_row))

/* The driving thread's. */
static struct hardware hardware;
static struct xhci xhci;
static struct usb_host host;

/* Under the lock. */
static struct mutex lock;
static struct usb_row rows[ROWS_MAX];
static unsigned row_count;
static uint32_t ports;
static uint64_t strays;

status_t usb_on_list(const struct interface_request *request, void *out_rows,
                     uint64_t *out_rows_bytes, uint32_t *out_ports, uint64_t *out_strays)
{
    (void)request;
    mutex_lock(&lock);
    memcpy(out_rows, rows, row_count * sizeof(rows[0]));
    *out_rows_bytes = row_count * sizeof(rows[0]);
    *out_ports = ports;
    *out_strays = strays;
    mutex_unlock(&lock);
    return OK;
}

static struct usb_row row_of(const struct usb_port *port)
{
    const struct usb_device *device = &port->device;
    bool is_used = port->state == USB_PORT_IN_USE;
    bool is_known = is_used || port->state == USB_PORT_REFUSED;

    return (struct usb_row){.port = (uint8_t)usb_port_root(port),
                            .route = usb_port_route(port),
                            .state = is_used    ? device->is_hub ? USB_ROW_HUB : USB_ROW_IN_USE
                                     : is_known ? USB_ROW_REFUSED
                                                : USB_ROW_COMING,
                            .speed = (uint8_t)(is_used ? device->slot->place.speed : port->speed),
                            .has = (uint8_t)(is_used ? usb_device_has(device) : 0),
                            .vendor = is_known ? device->facts.vendor : 0,
                            .product = is_known ? device->facts.product : 0};
}

static void write_rows(void)
{
    mutex_lock(&lock);
    row_count = 0;
    for (const struct usb_port *port = usb_host_next(&host, NULL); port != NULL;
         port = usb_host_next(&host, port)) {
        if (port->state != USB_PORT_EMPTY && row_count < ROWS_MAX) {
            rows[row_count++] = row_of(port);
        }
    }
    ports = xhci.ports;
    strays = xhci.strays;
    mutex_unlock(&lock);
}

static void set_locks(uint8_t locks)
{
    usb_host_set_locks(&host, locks);
}

static void stop_controller(void)
{
    xhci_stop(&xhci);
    feeder_close();
}

static void drive(void *unused)
{
    status_t status;

    (void)unused;
    feeder_open_trace();
    for (;;) {
        status = usb_host_step(&host);
        if (status != OK) {
            die("the controller does not work any more");
        }
        write_rows();
    }
}

/* Without a controller we serve all the same, and say that there is none. */
static status_t start_controller(void)
{
    status_t status = hardware_open(&hardware, HANDLE_NONE);

    if (status == OK) {
        status = xhci_start(&xhci, &hardware);
    }
    if (status != OK) {
        return status;
    }
    service_at_stop(stop_controller);
    usb_host_init(&host, &xhci);
    must(feeder_open(set_locks));
    return OK;
}

int main(int argc, char **argv)
{
    static const struct interface *const interfaces[] = {&usb_interface, &lifecycle_interface};
    static _Alignas(8) char answer[USB_LIST_ROWS_MAX];
    static struct thread driver;
    const struct interface_server server = {
        program_handle("requests"), 2, interfaces, NULL, 0, answer};

    (void)argc;
    (void)argv;
    must(log_connect(DEADLINE_FOREVER));
    status_t status = start_controller();
    if (status == OK) {
        (void)log_line(LOG_INFO, "usb", "controller with %u ports%s", xhci.ports,
                       hardware.interrupt == HANDLE_NONE ? ", polled" : "");
        must(thread_start(&driver, drive, NULL, THREAD_ANYWHERE, "driver"));
    } else {
        (void)log_line(status == ERR_NOT_FOUND ? LOG_INFO : LOG_WARNING, "usb", "no controller: %s",
                       status_name(status));
    }
    interface_serve(&server);
}
