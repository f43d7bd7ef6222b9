/* SPDX-License-Identifier: MIT */
/*
 * AHCI controllers and their ports: from power-on to where a port takes commands, and back.
 *
 * Source: Serial ATA AHCI 1.3.1, "Software Initialization of HBA", "Port Initialization", "Error Recovery".
 */
#include "userspace/drivers/ahci/ahci_impl.h"
#include "userspace/lib/clock.h"

#define HANDOFF_MS  2000u
#define RESET_MS    1000u /* at most, says the specification */
#define STOP_MS     500u
#define LINK_MS     1000u
#define SPIN_UP_MS  10000u
#define PRESENCE_MS 20 /* a drive shows itself within 10 */

uint32_t ahci_port_read(const struct ahci *ahci, uint32_t reg)
{
    return mmio_read(&ahci->registers, PORT_FIRST + PORT_BYTES * ahci->port + reg);
}

void ahci_port_write(const struct ahci *ahci, uint32_t reg, uint32_t value)
{
    mmio_write(&ahci->registers, PORT_FIRST + PORT_BYTES * ahci->port + reg, value);
}

static bool await_register(const struct mmio *registers, uint32_t offset, uint32_t mask,
                           uint32_t value, unsigned ms)
{
    for (unsigned turn = 0; turn < ms; turn++) {
        if ((mmio_read(registers, offset) & mask) == value) {
            return true;
        }
        clock_sleep(NS_PER_MS);
    }
    return (mmio_read(registers, offset) & mask) == value;
}

bool ahci_await(const struct ahci *ahci, uint32_t reg, uint32_t mask, uint32_t value, unsigned ms)
{
    return await_register(&ahci->registers, PORT_FIRST + PORT_BYTES * ahci->port + reg, mask, value,
                          ms);
}

/* ---- the controller ---- */

static void take_from_firmware(const struct mmio *registers)
{
    if (mmio_read(registers, HBA_MORE) & MORE_HANDOFF) {
        mmio_write(registers, HBA_HANDOFF, HANDOFF_SYSTEM);
        (void)await_register(registers, HBA_HANDOFF, HANDOFF_FIRMWARE, 0, HANDOFF_MS);
    }
}

uint32_t ahci_ports(const struct mmio *registers)
{
    uint64_t room = (registers->bytes - PORT_FIRST) / PORT_BYTES;
    uint32_t ports = mmio_read(registers, HBA_PORTS);

    return room < PORTS_MAX ? ports & ((1u << room) - 1) : ports;
}

/* Ports that have been reset may have to be told to spin their drives up; all at once, then one wait is enough. */
static void spin_up(const struct mmio *registers)
{
    uint32_t ports = ahci_ports(registers);

    for (unsigned port = 0; port < PORTS_MAX; port++) {
        if (ports >> port & 1) {
            uint32_t at = PORT_FIRST + PORT_BYTES * port + PORT_COMMAND;

            mmio_write(registers, at, mmio_read(registers, at) | COMMAND_SPIN_UP | COMMAND_POWER);
        }
    }
    clock_sleep(PRESENCE_MS * NS_PER_MS);
}

status_t ahci_reset(const struct mmio *registers)
{
    take_from_firmware(registers);
    mmio_write(registers, HBA_CONTROL, CONTROL_AHCI);
    mmio_write(registers, HBA_CONTROL, CONTROL_AHCI | CONTROL_RESET);
    if (!await_register(registers, HBA_CONTROL, CONTROL_RESET, 0, RESET_MS)) {
        return ERR_IO;
    }
    mmio_write(registers, HBA_CONTROL, CONTROL_AHCI);
    spin_up(registers);
    return OK;
}

/* ---- a port ---- */

static void set_command(struct ahci *ahci, uint32_t set, uint32_t clear)
{
    ahci_port_write(ahci, PORT_COMMAND, (ahci_port_read(ahci, PORT_COMMAND) & ~clear) | set);
}

static void set_memory(struct ahci *ahci)
{
    ahci_port_write(ahci, PORT_LIST, (uint32_t)ahci->list.physical);
    ahci_port_write(ahci, PORT_LIST + 4, (uint32_t)(ahci->list.physical >> 32));
    ahci_port_write(ahci, PORT_RECEIVED, (uint32_t)ahci->received.physical);
    ahci_port_write(ahci, PORT_RECEIVED + 4, (uint32_t)(ahci->received.physical >> 32));
}

static void forget_errors(struct ahci *ahci)
{
    ahci_port_write(ahci, PORT_ERRORS, UINT32_MAX);
    ahci_port_write(ahci, PORT_INTERRUPTS, UINT32_MAX);
    mmio_write(&ahci->registers, HBA_INTERRUPTS, 1u << ahci->port);
}

/* What sort of drive it is, it says in the first thing that it sends. */
bool ahci_has_disk(struct ahci *ahci)
{
    if (STATUS_DETECT(ahci_port_read(ahci, PORT_STATUS)) == DETECT_NOTHING) {
        return false;
    }
    set_memory(ahci);
    set_command(ahci, COMMAND_RECEIVE, 0);
    if (ahci_await(ahci, PORT_STATUS, 0xf, DETECT_READY, LINK_MS)) {
        forget_errors(ahci);
        if (ahci_await(ahci, PORT_TASK, TASK_AT_WORK, 0, SPIN_UP_MS) &&
            ahci_port_read(ahci, PORT_SIGNATURE) == SIGNATURE_ATA) {
            return true;
        }
    }
    ahci_stop_receiving(ahci);
    return false;
}

status_t ahci_start(struct ahci *ahci)
{
    ahci->is_running = ahci_await(ahci, PORT_COMMAND, COMMAND_RUNNING, 0, STOP_MS) &&
                       ahci_await(ahci, PORT_STATUS, 0xf, DETECT_READY, LINK_MS) &&
                       ahci_await(ahci, PORT_TASK, TASK_AT_WORK, 0, SPIN_UP_MS);
    if (!ahci->is_running) {
        return ERR_IO;
    }
    forget_errors(ahci);
    ahci_port_write(ahci, PORT_ENABLE, INTERRUPT_DONE | INTERRUPT_FAILED);
    set_command(ahci, COMMAND_RECEIVE, 0);
    set_command(ahci, COMMAND_START, 0);
    return OK;
}

bool ahci_stop(struct ahci *ahci)
{
    ahci->is_running = false;
    set_command(ahci, 0, COMMAND_START);
    return ahci_await(ahci, PORT_COMMAND, COMMAND_RUNNING, 0, STOP_MS);
}

void ahci_stop_receiving(struct ahci *ahci)
{
    set_command(ahci, 0, COMMAND_RECEIVE);
    (void)ahci_await(ahci, PORT_COMMAND, COMMAND_RECEIVING, 0, STOP_MS);
}

status_t ahci_reset_link(struct ahci *ahci)
{
    uint32_t link = ahci_port_read(ahci, PORT_LINK) & ~0xfu;

    ahci_port_write(ahci, PORT_LINK, link | LINK_RESET);
    clock_sleep(2 * NS_PER_MS); /* at least 1 ms */
    ahci_port_write(ahci, PORT_LINK, link);
    if (!ahci_await(ahci, PORT_STATUS, 0xf, DETECT_READY, LINK_MS)) {
        return ERR_IO;
    }
    forget_errors(ahci); /* the drive's first words are not taken before */
    return OK;
}
