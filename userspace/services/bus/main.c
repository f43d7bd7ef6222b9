/* SPDX-License-Identifier: MIT */
/*
 * bus: functions of PCI devices, for their drivers (userspace/interfaces/bus.toml). Theory and invariants: claims.h.
 *
 *   handles    system (ports, physical, interrupts), requests, supervisor (to find log)
 *   arguments  NAME=BADGE of each client that may claim functions (clients, below)
 *
 * Nothing it knows outlives it. Drivers at work go on without it: they have their registers and interrupts.
 */
#include <stddef.h>

#include "gen/interface/bus_server.h"
#include "gen/interface/lifecycle_server.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/log.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/services/bus/claims.h"

#define CONFIG_BYTES 4096u
#define PATIENCE     (NS_PER_S / 2) /* all drivers wait meanwhile */

/* What drivers drive. Source of the codes: PCI Code and ID Assignment Specification. */
static const struct {
    const char *name;
    uint32_t class_mask, class_code;
} clients[] = {
    {"disk", 0xff0000, 0x010000}, /* mass storage */
    {"usb", 0xffff00, 0x0c0300},  /* USB controllers */
    {"test", 0xff0000, 0x020000}, /* network cards, which nobody drives */
};

static struct pci pci;
static struct claims claims = {.pci = &pci};

/* The ports of configuration space are everybody's who has `system`: they are given back at once. */
static status_t begin_work(void)
{
    return pci_open_within(&pci, claims.system, PATIENCE);
}

static void end_work(void)
{
    pci_close(&pci);
}

status_t bus_on_begin(const struct interface_request *request)
{
    status_t status = begin_work();

    if (status == OK) {
        claims_begin(&claims, request->in.badge);
        end_work();
    }
    return status;
}

status_t bus_on_read(const struct interface_request *request, uint32_t function, uint32_t reg,
                     uint32_t *out_value)
{
    (void)request;
    if (function > UINT16_MAX || reg >= CONFIG_BYTES || reg % sizeof(uint32_t) != 0) {
        return ERR_RANGE;
    }
    status_t status = begin_work();
    if (status == OK) {
        *out_value = pci_read(&pci, (pci_function_t)function, reg);
        end_work();
    }
    return status;
}

status_t bus_on_claim(const struct interface_request *request, uint32_t function)
{
    status_t status = function > UINT16_MAX ? ERR_NOT_FOUND : begin_work();

    if (status == OK) {
        status = claims_take(&claims, request->in.badge, (pci_function_t)function);
        end_work();
    }
    return status;
}

status_t bus_on_command(const struct interface_request *request, uint32_t function, uint32_t value)
{
    status_t status = begin_work();

    if (status == OK) {
        status = claims_command(&claims, request->in.badge, (pci_function_t)function, value);
        end_work();
    }
    return status;
}

status_t bus_on_registers(const struct interface_request *request, uint64_t address, uint64_t bytes,
                          uint64_t *out_mapped, uint64_t *out_area)
{
    status_t status = begin_work();

    if (status == OK) {
        status = claims_registers(&claims, request->in.badge, address, bytes, out_area, out_mapped);
        end_work();
    }
    return status;
}

status_t bus_on_ports(const struct interface_request *request, uint32_t first, uint32_t count,
                      uint64_t *out_range)
{
    return claims_ports(&claims, request->in.badge, first, count, out_range);
}

static void say_how(uint32_t function, uint32_t message)
{
    const char *kind = pci_find_capability(&pci, (pci_function_t)function, PCI_CAPABILITY_MSIX) != 0
                           ? "MSI-X"
                           : "MSI";

    (void)log_line(LOG_INFO, "bus", "%02x:%02x.%x interrupts by %s %u", function >> 8,
                   function >> 3 & 31, function & 7, kind, message);
}

status_t bus_on_interrupt(const struct interface_request *request, uint32_t function,
                          uint32_t message, uint32_t cpu, uint64_t *out_interrupt)
{
    status_t status = begin_work();

    if (status == OK) {
        status = claims_message(&claims, request->in.badge, (pci_function_t)function, message, cpu,
                                out_interrupt);
        if (status == OK) {
            say_how(function, message);
        }
        end_work();
    }
    return status;
}

static void admit_clients(void)
{
    for (unsigned i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        uint64_t badge = option_u64(clients[i].name, 0);

        if (badge != 0) {
            claims.client[claims.client_count++] =
                (struct claims_client){badge, clients[i].class_mask, clients[i].class_code};
        }
    }
}

int main(int argc, char **argv)
{
    static const struct interface *const interfaces[] = {&bus_interface, &lifecycle_interface};
    const struct interface_server server = {
        program_handle("requests"), 2, interfaces, NULL, 0, NULL};

    (void)argc;
    (void)argv;
    claims.system = program_handle("system");
    must(log_connect(DEADLINE_FOREVER));
    admit_clients();
    interface_serve(&server);
}
