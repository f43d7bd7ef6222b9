/* SPDX-License-Identifier: MIT */
/* Registers of legacy virtio devices: see virtio.h. */
#include "userspace/drivers/virtio/virtio.h"

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define VENDOR 0x1af4u

#define REG_DEVICE_FEATURES 0x00u
#define REG_DRIVER_FEATURES 0x04u
#define REG_QUEUE_PAGE      0x08u
#define REG_QUEUE_SIZE      0x0cu
#define REG_QUEUE_SELECT    0x0eu
#define REG_QUEUE_NOTIFY    0x10u
#define REG_STATUS          0x12u
#define REG_CONFIG_VECTOR   0x14u /* these two are there while MSI-X is enabled */
#define REG_QUEUE_VECTOR    0x16u
#define CONFIG_WITHOUT      0x14u
#define CONFIG_WITH         0x18u

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_NEEDS_RESET 0x40u
#define STATUS_GONE        0xffu

#define RESET_TURNS 1000u
#define RESET_TURN  NS_PER_MS

static uint32_t read_reg(const struct virtio *virtio, uint32_t reg, uint32_t width)
{
    uint64_t value = UINT32_MAX;

    (void)sys_ports_read(virtio->ports, reg, width, &value);
    return (uint32_t)value;
}

static void write_reg(const struct virtio *virtio, uint32_t reg, uint32_t width, uint32_t value)
{
    (void)sys_ports_write(virtio->ports, reg, width, value);
}

/* It may still be at work when the write is done; it is not any more when it reads as zero. */
static bool reset(const struct virtio *virtio)
{
    write_reg(virtio, REG_STATUS, 1, 0);
    for (unsigned turn = 0; turn < RESET_TURNS; turn++) {
        if (read_reg(virtio, REG_STATUS, 1) == 0) {
            return true;
        }
        clock_sleep(RESET_TURN);
    }
    return read_reg(virtio, REG_STATUS, 1) == 0;
}

/* ---- finding it ---- */

static status_t find_device(struct pci *pci, uint16_t device, unsigned index, pci_function_t *out)
{
    struct pci_walk walk = {0};
    struct pci_facts facts;

    while (pci_next(pci, &walk, out)) {
        pci_describe(pci, *out, &facts);
        if (facts.vendor == VENDOR && facts.device == device && index-- == 0) {
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

static void use_message(struct virtio *virtio, struct pci *pci)
{
    const struct msi msi = {pci, virtio->system, virtio->function};
    bool has_message = msi_enable(&msi, VIRTIO_VECTOR, 0, &virtio->interrupt) == OK;

    if (!has_message) {
        virtio->interrupt = HANDLE_NONE;
    }
    virtio->config = has_message ? CONFIG_WITH : CONFIG_WITHOUT;
}

/* It may still work for a driver that is no more, so it reaches memory only when it has been reset. */
static status_t stop_and_enable(const struct virtio *virtio, struct pci *pci)
{
    uint32_t command = pci_read(pci, virtio->function, PCI_COMMAND) & 0xffff;

    command |= PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX;
    pci_write(pci, virtio->function, PCI_COMMAND, command & ~PCI_COMMAND_BUS_MASTER);
    if (!reset(virtio)) {
        return ERR_IO;
    }
    pci_write(pci, virtio->function, PCI_COMMAND, command | PCI_COMMAND_BUS_MASTER);
    return OK;
}

/* Its ports first: who has them is the driver, and nobody else changes what follows. */
static status_t switch_on(struct virtio *virtio, struct pci *pci, uint64_t system,
                          pci_function_t function, uint32_t config_ports)
{
    uint32_t bar = pci_read(pci, function, PCI_BAR0);

    if ((bar & PCI_BAR_IO) == 0) {
        return ERR_NOT_SUPPORTED;
    }
    status_t status = pci_claim(pci, function);
    if (status == OK) {
        status = pci_ports(pci, bar & ~3u, CONFIG_WITH + config_ports, &virtio->ports);
    }
    if (status != OK) {
        return status;
    }
    virtio->system = system;
    virtio->function = function;
    status = stop_and_enable(virtio, pci);
    if (status != OK) {
        (void)sys_handle_close(virtio->ports);
        return status;
    }
    use_message(virtio, pci);
    return OK;
}

status_t virtio_open(struct virtio *virtio, uint64_t system, uint16_t device, unsigned index,
                     uint32_t config_ports)
{
    struct pci pci;
    pci_function_t function;
    status_t status = pci_open(&pci, system);

    if (status != OK) {
        return status;
    }
    status = find_device(&pci, device, index, &function);
    if (status == OK) {
        status = switch_on(virtio, &pci, system, function, config_ports);
    }
    pci_close(&pci);
    return status;
}

/* ---- its life ---- */

static void keep_from_memory(const struct virtio *virtio)
{
    struct pci pci;

    if (pci_open(&pci, virtio->system) == OK) {
        uint32_t command = pci_read(&pci, virtio->function, PCI_COMMAND) & 0xffff;

        pci_write(&pci, virtio->function, PCI_COMMAND, command & ~PCI_COMMAND_BUS_MASTER);
        pci_close(&pci);
    }
}

void virtio_close(struct virtio *virtio)
{
    if (!reset(virtio)) {
        keep_from_memory(virtio);
    }
    (void)sys_handle_close(virtio->ports);
    if (virtio->interrupt != HANDLE_NONE) {
        (void)sys_handle_close(virtio->interrupt);
    }
}

status_t virtio_begin(struct virtio *virtio, uint32_t wanted, uint32_t *out_features)
{
    if (!reset(virtio)) {
        return ERR_IO;
    }
    write_reg(virtio, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
    write_reg(virtio, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    uint32_t features = read_reg(virtio, REG_DEVICE_FEATURES, 4) & wanted;
    write_reg(virtio, REG_DRIVER_FEATURES, 4, features);
    if (virtio->interrupt != HANDLE_NONE) {
        write_reg(virtio, REG_CONFIG_VECTOR, 2, VIRTIO_VECTOR_NONE);
    }
    *out_features = features;
    return OK;
}

unsigned virtio_queue_size(const struct virtio *virtio, uint32_t index)
{
    write_reg(virtio, REG_QUEUE_SELECT, 2, index);
    return read_reg(virtio, REG_QUEUE_SIZE, 2);
}

void virtio_place_queue(const struct virtio *virtio, uint32_t index, struct virtqueue *queue,
                        unsigned size, void *memory, uint64_t physical, bool interrupts)
{
    bool by_interrupt = interrupts && virtio->interrupt != HANDLE_NONE;

    virtqueue_init(queue, memory, size);
    write_reg(virtio, REG_QUEUE_SELECT, 2, index);
    write_reg(virtio, REG_QUEUE_PAGE, 4, (uint32_t)(physical / PAGE_BYTES));
    if (virtio->interrupt != HANDLE_NONE) {
        write_reg(virtio, REG_QUEUE_VECTOR, 2, by_interrupt ? VIRTIO_VECTOR : VIRTIO_VECTOR_NONE);
    }
    if (by_interrupt) {
        virtqueue_ask_interrupts(queue);
    }
}

void virtio_start(const struct virtio *virtio)
{
    write_reg(virtio, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
}

void virtio_notify(const struct virtio *virtio, uint32_t index)
{
    write_reg(virtio, REG_QUEUE_NOTIFY, 2, index);
}

bool virtio_is_broken(const struct virtio *virtio)
{
    uint32_t status = read_reg(virtio, REG_STATUS, 1);

    return (status & STATUS_GONE) == STATUS_GONE || (status & STATUS_NEEDS_RESET) != 0;
}

uint32_t virtio_config(const struct virtio *virtio, uint32_t offset)
{
    return read_reg(virtio, virtio->config + offset, 4);
}
