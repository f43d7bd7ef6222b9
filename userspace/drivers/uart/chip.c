/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/uart/chip.h"

#define LINE_8N1        0x03u
#define LINE_DLAB       0x80u
#define FIFO_ON_CLEARED 0x07u

static bool is_present(uint64_t ports)
{
    chip_write(ports, CHIP_SCRATCH, 0x5a);
    if (chip_read(ports, CHIP_SCRATCH) != 0x5a) {
        return false;
    }
    chip_write(ports, CHIP_SCRATCH, 0xa5);
    return chip_read(ports, CHIP_SCRATCH) == 0xa5;
}

status_t chip_open(uint64_t system, unsigned first_port, uint64_t *out_ports)
{
    uint64_t ports;
    status_t status = sys_ports_create(system, first_port, CHIP_PORTS, &ports);

    if (status != OK) {
        return status;
    }
    if (!is_present(ports)) {
        (void)sys_handle_close(ports);
        return ERR_NOT_FOUND;
    }
    chip_write(ports, CHIP_INTERRUPT, 0);
    chip_write(ports, CHIP_LINE_CONTROL, LINE_8N1 | LINE_DLAB);
    chip_write(ports, CHIP_DATA, 1); /* divisor 1: 115200 baud */
    chip_write(ports, CHIP_INTERRUPT, 0);
    chip_write(ports, CHIP_LINE_CONTROL, LINE_8N1);
    chip_write(ports, CHIP_FIFO, FIFO_ON_CLEARED);
    chip_write(ports, CHIP_MODEM_CONTROL, CHIP_MODEM_DTR_RTS);
    *out_ports = ports;
    return OK;
}
