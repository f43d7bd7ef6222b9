/* SPDX-License-Identifier: MIT */
/*
 * SATA disks behind AHCI: one command at a time, always in slot 0.
 *
 *     list[0] --> table: command (a register FIS) | entry[0] --> the data, in one piece
 *
 * The controller takes a command when its bit in PORT_ISSUE is set and clears that bit when the drive is done. An error stops the port,
 * with the bit set or not, and says so in PORT_INTERRUPTS. Recovery stops and starts the port; a drive that is still at work, or
 * has not answered, is reset before: then it has forgotten the command and its memory (Q2). After each recovery the drive says once more
 * who it is (Q3). One that was swapped between two commands is found by the bit that its arrival leaves in PORT_ERRORS.
 *
 * Interrupts by message come when a bit of PORT_INTERRUPTS rises while HBA_INTERRUPTS has none for this port, so end() clears both before
 * it looks: what happens later raises the next one.
 *
 * Source: Serial ATA AHCI 1.3.1, "Data Transfer Operation", "Error Reporting and Recovery"; ATA/ATAPI Command Set 3 (ACS-3).
 */
#include "userspace/drivers/ahci/ahci.h"

#include <string.h>

#include "gen/syscall_user.h"
#include "userspace/drivers/ahci/ahci_impl.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/start.h"

#define CLASS_AHCI    0x010601u
#define BAR_REGISTERS 5u
#define SLOT          1u /* the bit of slot 0 */

#define FIS_COMMAND    0x27u
#define FIS_IS_COMMAND 0x80u
#define DEVICE_LBA     0x40u

#define ATA_READ     0x25u /* READ DMA EXT */
#define ATA_WRITE    0x35u /* WRITE DMA EXT */
#define ATA_FLUSH    0xeau /* FLUSH CACHE EXT */
#define ATA_IDENTIFY 0xecu

/* Words of what IDENTIFY gives. */
#define WORD_SERIAL        10u
#define WORD_MODEL         27u
#define WORD_FEATURES      83u
#define WORD_SECTORS       100u
#define WORD_SECTOR_SIZE   106u
#define WORD_SECTOR_WORDS  117u
#define FEATURE_48_BITS    (1u << 10)
#define FEATURE_FLUSH      (1u << 13)
#define SIZE_IS_VALID(w)   (((w)&0xc000) == 0x4000)
#define SIZE_IS_LARGE      (1u << 12)
#define SECTOR_BYTES_LEAST 512u

static struct ahci *of_disk(struct disk *disk)
{
    return (struct ahci *)disk;
}

/* ---- commands ---- */

static void write_command(struct ahci_table *table, uint8_t ata, uint64_t sector, uint32_t count)
{
    uint8_t *fis = table->command;

    memset(fis, 0, 4ul * HEADER_WORDS);
    fis[0] = FIS_COMMAND;
    fis[1] = FIS_IS_COMMAND;
    fis[2] = ata;
    fis[7] = DEVICE_LBA;
    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t)(sector >> 8 * i);
        fis[8 + i] = (uint8_t)(sector >> 8 * (i + 3));
    }
    fis[12] = (uint8_t)count;
    fis[13] = (uint8_t)(count >> 8);
}

static status_t begin(struct disk *disk, const struct disk_command *command)
{
    static const uint8_t codes[] = {[DISK_READ] = ATA_READ,
                                    [DISK_WRITE] = ATA_WRITE,
                                    [DISK_FLUSH] = ATA_FLUSH,
                                    [DISK_IDENTIFY] = ATA_IDENTIFY};
    struct ahci *ahci = of_disk(disk);
    struct ahci_header *header = ahci->list.memory;
    struct ahci_table *table = ahci->table.memory;
    bool is_write = command->operation == DISK_WRITE;

    if (!ahci->is_running || (ahci_port_read(ahci, PORT_ERRORS) & ERRORS_EXCHANGED) != 0) {
        return ERR_IO;
    }
    write_command(table, codes[command->operation], command->sector, command->count);
    table->entry[0] = (struct ahci_entry){.physical = command->physical,
                                          .last_byte = (uint32_t)command->bytes - 1};
    header->what = HEADER_WORDS | (is_write ? HEADER_WRITE : 0) |
                   (command->bytes > 0 ? 1u << HEADER_ENTRIES : 0);
    header->moved = 0;
    header->table = ahci->table.physical;
    ahci->wanted_bytes = (uint32_t)command->bytes;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* memory first; the register is not cached */
    ahci_port_write(ahci, PORT_ISSUE, SLOT);
    return OK;
}

static status_t end(struct disk *disk)
{
    struct ahci *ahci = of_disk(disk);
    const volatile struct ahci_header *header = ahci->list.memory;
    uint32_t interrupts = ahci_port_read(ahci, PORT_INTERRUPTS);

    ahci_port_write(ahci, PORT_INTERRUPTS, interrupts);
    mmio_write(&ahci->registers, HBA_INTERRUPTS, 1u << ahci->port);
    uint32_t issued = ahci_port_read(ahci, PORT_ISSUE);
    uint32_t task = ahci_port_read(ahci, PORT_TASK);
    bool is_there = STATUS_DETECT(ahci_port_read(ahci, PORT_STATUS)) == DETECT_READY;

    ahci->has_failed =
        (interrupts & INTERRUPT_FAILED) != 0 || (!(issued & SLOT) && (task & TASK_TROUBLE) != 0);
    if (ahci->has_failed || !is_there) {
        return ERR_IO;
    }
    if (issued & SLOT) {
        return ERR_BUSY;
    }
    return header->moved == ahci->wanted_bytes ? OK : ERR_IO;
}

/* ---- finding it ---- */

/* It may still work for a driver that is no more, so it reaches memory only when it has been reset. */
static status_t stop_and_enable(const struct ahci *ahci, struct pci *pci, pci_function_t function)
{
    uint32_t command = pci_read(pci, function, PCI_COMMAND) & 0xffff;

    command |= PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX;
    pci_write(pci, function, PCI_COMMAND, command & ~PCI_COMMAND_BUS_MASTER);
    status_t status = ahci_reset(&ahci->registers);
    if (status == OK) {
        pci_write(pci, function, PCI_COMMAND, command | PCI_COMMAND_BUS_MASTER);
    }
    return status;
}

static status_t open_controller(struct ahci *ahci, uint64_t system, struct pci *pci,
                                pci_function_t function)
{
    const struct msi msi = {pci, system, function};
    uint64_t bar = pci_bar(pci, function, BAR_REGISTERS);

    if (bar == 0) {
        return ERR_NOT_SUPPORTED;
    }
    status_t status = pci_claim(pci, function);
    if (status == OK) {
        status = mmio_open_most(&ahci->registers, system, bar, HBA_BYTES);
    }
    if (status != OK) {
        return status;
    }
    status = stop_and_enable(ahci, pci, function);
    if (status != OK) {
        mmio_close(&ahci->registers);
        return status;
    }
    if (msi_enable(&msi, 0, 0, &ahci->disk.interrupt) != OK) {
        ahci->disk.interrupt = HANDLE_NONE;
    }
    return OK;
}

static void close_controller(struct ahci *ahci)
{
    mmio_close(&ahci->registers);
    if (ahci->disk.interrupt != HANDLE_NONE) {
        (void)sys_handle_close(ahci->disk.interrupt);
        ahci->disk.interrupt = HANDLE_NONE;
    }
}

static void take_memory(struct ahci *ahci, struct dma *dma)
{
    dma_drop(dma);
    ahci->list = dma_take(dma, LIST_BYTES, LIST_BYTES);
    ahci->received = dma_take(dma, RECEIVED_BYTES, RECEIVED_BYTES);
    ahci->table = dma_take(dma, sizeof(struct ahci_table), 128);
    ahci->identity = dma_take(dma, IDENTITY_BYTES, 2);
}

/* The disk of a controller that *index counts down to, receiving. */
static status_t find_port(struct ahci *ahci, unsigned *index)
{
    uint32_t ports = ahci_ports(&ahci->registers);

    for (ahci->port = 0; ahci->port < PORTS_MAX; ahci->port++) {
        if ((ports >> ahci->port & 1) != 0 && ahci_has_disk(ahci)) {
            if ((*index)-- == 0) {
                return OK;
            }
            ahci_stop_receiving(ahci);
        }
    }
    return ERR_NOT_FOUND;
}

static status_t find_disk(struct ahci *ahci, uint64_t system, unsigned index, struct pci *pci,
                          struct dma *dma)
{
    struct pci_walk walk = {0};
    struct pci_facts facts;
    pci_function_t function;

    while (pci_next(pci, &walk, &function)) {
        pci_describe(pci, function, &facts);
        if (facts.class_code != CLASS_AHCI || open_controller(ahci, system, pci, function) != OK) {
            continue;
        }
        take_memory(ahci, dma);
        if (find_port(ahci, &index) == OK) {
            return OK;
        }
        close_controller(ahci);
    }
    return ERR_NOT_FOUND;
}

status_t ahci_stop_all(uint64_t system)
{
    struct pci pci;
    struct pci_walk walk = {0};
    struct pci_facts facts;
    pci_function_t function;
    status_t status = pci_open(&pci, system);

    if (status != OK) {
        return status;
    }
    while (pci_next(&pci, &walk, &function)) {
        struct ahci ahci = {0};

        pci_describe(&pci, function, &facts);
        if (facts.class_code == CLASS_AHCI &&
            open_controller(&ahci, system, &pci, function) == OK) {
            close_controller(&ahci);
        }
    }
    pci_close(&pci);
    return OK;
}

/* ---- who it is ---- */

static uint16_t word_of(const struct ahci *ahci, unsigned index)
{
    return ((const uint16_t *)ahci->identity.memory)[index];
}

/* In texts the first letter is the upper half of a word. */
static void take_text(const struct ahci *ahci, unsigned word, unsigned bytes, char *out)
{
    char text[BLOCK_MODEL_MAX];

    for (unsigned i = 0; i < bytes; i++) {
        text[i] = (char)(word_of(ahci, word + i / 2) >> (i % 2 == 0 ? 8 : 0));
    }
    disk_set_name(out, text, bytes);
}

static uint32_t sector_bytes_of(const struct ahci *ahci)
{
    uint16_t size = word_of(ahci, WORD_SECTOR_SIZE);
    uint32_t bytes = 2 * (word_of(ahci, WORD_SECTOR_WORDS) |
                          (uint32_t)word_of(ahci, WORD_SECTOR_WORDS + 1) << 16);
    bool is_given = SIZE_IS_VALID(size) && (size & SIZE_IS_LARGE) != 0;

    return is_given && bytes >= SECTOR_BYTES_LEAST && (bytes & (bytes - 1)) == 0
               ? bytes
               : SECTOR_BYTES_LEAST;
}

static uint64_t sectors_of(const struct ahci *ahci)
{
    uint64_t sectors = 0;

    for (unsigned i = 0; i < 3; i++) {
        sectors |= (uint64_t)word_of(ahci, WORD_SECTORS + i) << 16 * i;
    }
    return sectors;
}

/* What all of identity says. @out  with what it has of the driver */
static void take_identity(const struct ahci *ahci, struct disk *out)
{
    disk_set_name(out->names.driver, "ahci", sizeof("ahci"));
    take_text(ahci, WORD_MODEL, BLOCK_MODEL_MAX, out->names.model);
    take_text(ahci, WORD_SERIAL, BLOCK_SERIAL_MAX, out->names.serial);
    out->sectors = sectors_of(ahci);
    out->sector_bytes = sector_bytes_of(ahci);
    out->has_flush = (word_of(ahci, WORD_FEATURES) & FEATURE_FLUSH) != 0;
}

static struct disk_command identify_command(const struct ahci *ahci)
{
    return (struct disk_command){
        .operation = DISK_IDENTIFY, .physical = ahci->identity.physical, .bytes = IDENTITY_BYTES};
}

static status_t identify(struct ahci *ahci)
{
    const struct disk_command command = identify_command(ahci);
    status_t status = disk_carry_out(&ahci->disk, &command);

    if (status != OK) {
        return status;
    }
    take_identity(ahci, &ahci->disk);
    ahci->is_known = true;
    return word_of(ahci, WORD_FEATURES) & FEATURE_48_BITS ? OK : ERR_NOT_SUPPORTED;
}

/* Q3. One that does not answer may be any. */
static status_t identify_again(struct ahci *ahci)
{
    const struct disk_command command = identify_command(ahci);
    struct disk now = {0};
    status_t status = disk_try(&ahci->disk, &command);

    if (status == OK) {
        take_identity(ahci, &now);
        status = disk_is_same(&now, &ahci->disk) ? OK : ERR_CHANGED;
    }
    if (status != OK) {
        (void)ahci_stop(ahci);
    }
    return status;
}

/* One that is gone stays stopped until it answers again. */
static status_t recover(struct disk *disk)
{
    struct ahci *ahci = of_disk(disk);
    bool has_stopped = ahci_stop(ahci);
    status_t status = OK;

    if (!has_stopped || !ahci->has_failed || (ahci_port_read(ahci, PORT_TASK) & TASK_AT_WORK)) {
        status = ahci_reset_link(ahci);
    }
    ahci->has_failed = false;
    if (status == OK) {
        status = ahci_start(ahci);
    }
    return status == OK && ahci->is_known ? identify_again(ahci) : status;
}

status_t ahci_open(struct ahci *ahci, uint64_t system, unsigned index, struct dma *dma)
{
    static const struct disk_ops ops = {begin, end, recover};
    struct pci pci;

    *ahci = (struct ahci){.disk = {.ops = &ops, .sector_bytes = SECTOR_BYTES_LEAST}};
    status_t status = pci_open(&pci, system);
    if (status != OK) {
        return status;
    }
    status = find_disk(ahci, system, index, &pci, dma);
    pci_close(&pci);
    if (status != OK) {
        return status;
    }
    mmio_write(&ahci->registers, HBA_CONTROL, CONTROL_AHCI | CONTROL_INTERRUPTS);
    status = ahci_start(ahci);
    if (status == OK) {
        status = identify(ahci);
    }
    if (status != OK) {
        ahci_close(ahci);
    }
    return status;
}

void ahci_close(struct ahci *ahci)
{
    (void)ahci_stop(ahci);
    ahci_stop_receiving(ahci);
    close_controller(ahci);
}
