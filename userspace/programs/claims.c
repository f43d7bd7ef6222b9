/* SPDX-License-Identifier: MIT */
/*
 * claims: what a driver gets of the service `bus`, and what it does not, with an Intel 82574L (QEMU: e1000e), whose driver it is.
 *
 * A service that leaves its device at work and fails, and finds it silent when it is started again.
 *
 * Source: Intel 82574 data sheet, "Interrupts" and "Interrupt Register Descriptions".
 */
#include "gen/interface/bus_client.h"
#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/mmio.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"

#define VENDOR 0x8086u
#define DEVICE 0x10d3u

#define REG_CAUSE   0xc0u /* what has come; written: taken note of */
#define REG_RAISE   0xc8u
#define REG_UNMASK  0xd0u
#define REG_ROUTE   0xe4u /* four bits per cause: its message, and that there is one */
#define ROUTE_VALID 8u
#define CAUSE(i)    (1u << (20 + (i)))

#define BAR_TABLE 3u
#define RAM       0x100000ull
#define APIC      0xfee00000ull
#define LONG      (clock_now() + 20 * NS_PER_S)
#define FIRST_RUN 3 /* exit code: be started again */

static uint64_t bus;
static struct pci pci;
static pci_function_t card;
static struct mmio registers;

static pci_function_t find_class(uint32_t class_code)
{
    struct pci_walk walk = {0};
    struct pci_facts facts;
    pci_function_t function;

    while (pci_next(&pci, &walk, &function)) {
        pci_describe(&pci, function, &facts);
        if (facts.class_code >> 8 == class_code) {
            return function;
        }
    }
    die("no function of class %x", class_code);
}

static status_t ask_registers(uint64_t address, uint64_t bytes, uint64_t *out_mapped)
{
    uint64_t area;
    status_t status = bus_registers(bus, address, bytes, LONG, out_mapped, &area);

    if (status == OK) {
        must(sys_handle_close(area));
    }
    return status;
}

static void check_claims(void)
{
    uint64_t mapped, handle, first = pci_bar(&pci, card, 0);

    VERIFY(program_handle("system") == HANDLE_NONE);
    VERIFY(ask_registers(first, PAGE_BYTES, &mapped) == ERR_NO_RIGHTS); /* not claimed yet */
    VERIFY(bus_command(bus, card, PCI_COMMAND_BUS_MASTER, LONG) == ERR_NO_RIGHTS);
    VERIFY(bus_interrupt(bus, card, 0, 0, LONG, &handle) == ERR_NO_RIGHTS);
    VERIFY(pci_claim(&pci, find_class(0x0106)) == ERR_NO_RIGHTS); /* a disk controller */
    VERIFY(pci_claim(&pci, find_class(0x0600)) == ERR_NO_RIGHTS); /* the host bridge */
    VERIFY(pci_claim(&pci, 0xfffe) == ERR_NOT_FOUND);
    VERIFY(bus_claim(bus, 0x10000, LONG) == ERR_NOT_FOUND);
    must(pci_claim(&pci, card));
    must(pci_claim(&pci, card));
}

/* O2, O3 of userspace/services/bus/claims.h. */
static void check_limits(void)
{
    uint64_t mapped, handle, first = pci_bar(&pci, card, 0);
    uint64_t table = pci_bar(&pci, card, BAR_TABLE);

    must(ask_registers(first, 1ull << 40, &mapped));
    VERIFY(mapped == 0x20000); /* as much as there is */
    VERIFY(ask_registers(first + 4, PAGE_BYTES, &mapped) == ERR_NOT_SUPPORTED);
    VERIFY(ask_registers(table, PAGE_BYTES, &mapped) == ERR_NO_RIGHTS);
    VERIFY(ask_registers(table, 4 * PAGE_BYTES, &mapped) == ERR_NO_RIGHTS);
    must(ask_registers(table + PAGE_BYTES, PAGE_BYTES, &mapped));
    VERIFY(ask_registers(RAM, PAGE_BYTES, &mapped) == ERR_NO_RIGHTS);
    VERIFY(ask_registers(APIC, PAGE_BYTES, &mapped) == ERR_NO_RIGHTS);
    VERIFY(ask_registers(pci_bar(&pci, find_class(0x0106), 5), PAGE_BYTES, &mapped) ==
           ERR_NO_RIGHTS);
    VERIFY(bus_ports(bus, 0xcf8, 8, LONG, &handle) == ERR_NO_RIGHTS);
    VERIFY(bus_interrupt(bus, card, 5, 0, LONG, &handle) == ERR_NOT_SUPPORTED); /* it has five */
}

static bool has_come(uint64_t interrupt, uint64_t deadline)
{
    uint64_t count, cpu;

    if (sys_interrupt_wait(interrupt, deadline, &count, &cpu) != OK) {
        return false;
    }
    must(sys_interrupt_acknowledge(interrupt));
    return true;
}

static void raise(uint32_t message)
{
    mmio_write(&registers, REG_RAISE, CAUSE(message));
}

/* The second message is masked when it is raised, and comes when it no longer is. */
static void check_messages(void)
{
    const struct msi msi = {&pci, HANDLE_NONE, card};
    uint64_t first, second, address, data;

    must(msi_enable(&msi, 0, 0, &first));
    VERIFY(sys_interrupt_steer(first, 0, &address, &data) == ERR_NO_RIGHTS); /* which says where */
    mmio_write(&registers, REG_ROUTE, ROUTE_VALID | (ROUTE_VALID | 1) << 4);
    mmio_write(&registers, REG_UNMASK, CAUSE(0) | CAUSE(1));
    raise(0);
    VERIFY(has_come(first, LONG));
    mmio_write(&registers, REG_CAUSE, CAUSE(0));
    raise(1);
    VERIFY(!has_come(first, DEADLINE_POLL));
    must(msi_enable(&msi, 1, 0, &second));
    VERIFY(has_come(second, LONG));
    mmio_write(&registers, REG_CAUSE, CAUSE(1));
}

static void open_card(void)
{
    uint32_t command = pci_read(&pci, card, PCI_COMMAND) & 0xffff;

    pci_write(&pci, card, PCI_COMMAND, command | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
    must(mmio_open(&registers, HANDLE_NONE, pci_bar(&pci, card, 0), PAGE_BYTES));
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    must(service_find("bus", LONG, &bus));
    must(pci_open(&pci, HANDLE_NONE));
    must(pci_find(&pci, VENDOR, DEVICE, &card));
    uint32_t command = pci_read(&pci, card, PCI_COMMAND);
    status_t claimed = bus_command(bus, card, PCI_COMMAND_MEMORY, LONG);
    bool is_first = claimed == ERR_NO_RIGHTS;
    if (is_first) {
        check_claims();
        check_limits();
    } else { /* the predecessor's is ours, and silent */
        must(claimed);
        VERIFY((command & PCI_COMMAND_BUS_MASTER) == 0);
    }
    open_card();
    check_messages();
    report("%s", is_first ? "all as it should be, leaving the card at work"
                          : "found the card silent, and it works again");
    return is_first ? FIRST_RUN : 0;
}
