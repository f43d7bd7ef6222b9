/* SPDX-License-Identifier: MIT */
/*
 * The AHCI driver against a controller with 32 ports that knows the specification's registers, lists and the ATA commands: a disk on
 * port 3, something else on port 1.
 */
#include <stdlib.h>
#include <string.h>

#include "disk_support.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/ahci/ahci.h"

#define BAR       0xfebf1000u
#define PORTS     0x3bu /* implemented: 0, 1, 3, 4, 5 */
#define DISK_PORT 3u
#define ODD_PORT  1u

#define CMD_ST  (1u << 0)
#define CMD_SUD (1u << 1)
#define CMD_FRE (1u << 4)
#define CMD_FR  (1u << 14)
#define CMD_CR  (1u << 15)
#define TFES    (1u << 30)
#define IS_DHRS 1u

struct port {
    uint64_t list, received;
    uint32_t is, ie, cmd, tfd, sig, ctl, err, ci;
};
static struct {
    struct port port[32];
    uint32_t ghc, is;
    uint32_t bohc;
    bool has_firmware; /* which gives the controller up when it is asked to */
    bool stays_busy;   /* after an error, until the link is reset */
    bool moves_too_little;
    bool is_old;     /* knows no 48-bit addresses */
    bool has_4096;   /* sectors of 4096 bytes */
    bool is_swapped; /* another drive answers */
    bool swaps_soon; /* while the driver waits for one that hangs */
    bool hides;      /* its identity: IDENTIFY fails */
    unsigned link_resets;
} hba;
static struct ahci ahci;

/* ---- the drive ---- */

static void put_text(uint16_t *words, const char *text, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t letter = i < strlen(text) ? (uint8_t)text[i] : ' ';
        words[i / 2] |= (uint16_t)(letter << (i % 2 == 0 ? 8 : 0));
    }
}

static void identify(uint16_t words[256])
{
    memset(words, 0, 512);
    put_text(words + 10, hba.is_swapped ? "   number 8" : "   number 7", 20);
    put_text(words + 27, "MODEL OF A DISK", 40);
    words[83] = (uint16_t)((hba.is_old ? 0 : 1u << 10) | 1u << 13);
    words[100] = MODEL_SECTORS;
    if (hba.has_4096) {
        words[106] = 0x5000;
        words[117] = 2048;
    }
}

static uint64_t lba_of(const uint8_t *fis)
{
    return fis[4] | (uint64_t)fis[5] << 8 | (uint64_t)fis[6] << 16 | (uint64_t)fis[8] << 24 |
           (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40;
}

/* What becomes of a command: false, an error. */
static bool carry_out(const uint8_t *fis, bool writes, uint8_t *data, uint32_t bytes)
{
    uint64_t lba = lba_of(fis), count = fis[12] | (unsigned)fis[13] << 8;

    model.commands++;
    assert_true(fis[0] == 0x27 && fis[1] == 0x80);
    if (fis[2] == 0xec) {
        assert_int_equal(bytes, 512);
        if (hba.hides) {
            return false;
        }
        identify((uint16_t *)(void *)data);
        return true;
    }
    if (fis[2] == 0xea) {
        assert_int_equal(bytes, 0);
        model.flushes++;
        return true;
    }
    assert_true(fis[2] == 0x25 || fis[2] == 0x35);
    assert_int_equal(fis[7] & 0x40, 0x40);
    assert_int_equal(writes, fis[2] == 0x35);
    assert_true(bytes == count * MODEL_SECTOR_BYTES && lba + count <= MODEL_SECTORS);
    if (model.bad_sector >= lba && model.bad_sector < lba + count) {
        return false;
    }
    memcpy(writes ? model.content[lba] : data, writes ? data : model.content[lba], bytes);
    return true;
}

static void end_command(struct port *port, bool is_good)
{
    port->tfd = is_good ? 0x50 : hba.stays_busy ? 0xd1 : 0x51;
    port->is |= is_good ? IS_DHRS : TFES;
    port->ci &= is_good ? 0 : ~0u; /* the bit of one that failed stays */
    if (!is_good) {
        port->cmd &= ~CMD_CR; /* until it is started again */
    }
    if (port->is & port->ie) {
        hba.is |= 1u << DISK_PORT;
    }
    *(uint8_t *)model_memory(port->received + 0x40, 1) = 0x34; /* its words to us */
}

/* One drive for another: the second says that it is there, and is not heard before that has been taken note of. */
static void swap_drives(void)
{
    struct port *port = &hba.port[DISK_PORT];

    hba.is_swapped = !hba.is_swapped;
    hba.swaps_soon = false;
    model.hangs = false;
    port->tfd = 0x80;
    port->err = 1u << 26;
    port->ci = 0;
}

void model_work(void)
{
    struct port *port = &hba.port[DISK_PORT];

    if (hba.swaps_soon) {
        swap_drives();
    }
    if (model.hangs || model.is_gone || !(port->cmd & CMD_CR) || port->ci == 0) {
        return;
    }
    assert_int_equal(port->ci, 1);
    uint32_t *header = model_memory(port->list, 1024);
    uint64_t table = header[2] | (uint64_t)header[3] << 32;
    unsigned entries = header[0] >> 16;
    assert_int_equal(header[0] & 0x1f, 5);
    assert_int_equal(table % 128, 0);
    const uint8_t *fis = model_memory(table, 128 + 16);
    uint8_t *data = NULL;
    uint32_t bytes = 0;
    if (entries > 0) {
        uint64_t physical;
        memcpy(&physical, fis + 128, 8);
        memcpy(&bytes, fis + 128 + 12, 4);
        assert_int_equal(bytes & ~0x3fffffu, 0);
        assert_int_equal(++bytes % 2, 0);
        data = model_memory(physical, bytes);
    }
    bool is_good = carry_out(fis, (header[0] & 0x40) != 0, data, bytes);
    header[1] = is_good ? bytes - (hba.moves_too_little && bytes > 0 ? 2 : 0) : 0;
    end_command(port, is_good);
}

bool model_is_armed(void)
{
    return ((hba.port[DISK_PORT].cmd | hba.port[ODD_PORT].cmd) & (CMD_FRE | CMD_ST)) != 0;
}

/* ---- registers ---- */

static void reset_port(unsigned number)
{
    struct port *port = &hba.port[number];

    *port = (struct port){.tfd = 0x7f, .sig = ~0u};
    if (number == DISK_PORT || number == ODD_PORT) {
        port->tfd = 0x50;
    }
}

static uint32_t link_status(unsigned number)
{
    bool is_there = (number == DISK_PORT && !model.is_gone) || number == ODD_PORT;

    return is_there ? 0x113 : 0;
}

/* The first words of a drive come when they can be received. */
static void set_command(unsigned number, uint32_t value)
{
    struct port *port = &hba.port[number];

    if ((value & CMD_FRE) && port->sig == ~0u && link_status(number) != 0) {
        port->sig = number == DISK_PORT ? 0x101 : 0xeb140101;
        memset(model_memory(port->received, 256), 0x34, 20);
    }
    if (value & CMD_ST) {
        assert_true(value & CMD_FRE); /* in this order */
        assert_int_equal(port->tfd & 0x88, 0);
    } else {
        port->ci = 0;
    }
    port->cmd = (value & ~(CMD_CR | CMD_FR)) | (value & CMD_ST ? CMD_CR : 0) |
                (value & CMD_FRE ? CMD_FR : 0);
}

static uint32_t read_port(unsigned number, uint32_t reg)
{
    const struct port *port = &hba.port[number];

    switch (reg) {
    case 0x10:
        return port->is;
    case 0x14:
        return port->ie;
    case 0x18:
        return port->cmd;
    case 0x20:
        return port->tfd;
    case 0x24:
        return port->sig;
    case 0x28:
        return link_status(number);
    case 0x2c:
        return port->ctl;
    case 0x30:
        return port->err;
    default:
        assert_int_equal(reg, 0x38);
        return port->ci;
    }
}

static void write_port(unsigned number, uint32_t reg, uint32_t value)
{
    struct port *port = &hba.port[number];

    if (reg == 0x00) {
        assert_int_equal(value % 1024, 0);
        port->list = value;
    } else if (reg == 0x08) {
        assert_int_equal(value % 256, 0);
        port->received = value;
    } else if (reg == 0x10) {
        port->is &= ~value;
    } else if (reg == 0x14) {
        port->ie = value;
    } else if (reg == 0x18) {
        set_command(number, value);
    } else if (reg == 0x2c) {
        if ((port->ctl & 0xf) == 1 && (value & 0xf) == 0) {
            assert_int_equal(port->cmd & CMD_ST, 0);
            hba.link_resets++;
            model.resets++;
            port->tfd = 0x80; /* until its first words are taken */
            port->err = 1u << 26;
            port->ci = 0;
        }
        port->ctl = value;
    } else if (reg == 0x38) {
        assert_true(port->cmd & CMD_ST);
        port->ci |= value;
    } else if (reg == 0x30) {
        port->tfd = port->err != 0 ? 0x50 : port->tfd;
        port->err &= ~value;
    } else {
        assert_true(reg == 0x04 || reg == 0x0c);
    }
}

uint32_t mmio_read(const struct mmio *mmio, uint32_t offset)
{
    (void)mmio;
    if (offset >= 0x100) {
        assert_true(PORTS >> (offset - 0x100) / 0x80 & 1);
        return read_port((offset - 0x100) / 0x80, (offset - 0x100) % 0x80);
    }
    switch (offset) {
    case 0x04:
        return hba.ghc;
    case 0x0c:
        return PORTS;
    case 0x24:
        return hba.has_firmware ? 1 : 0;
    default:
        assert_int_equal(offset, 0x28);
        return hba.bohc;
    }
}

void mmio_write(const struct mmio *mmio, uint32_t offset, uint32_t value)
{
    (void)mmio;
    if (offset >= 0x100) {
        assert_true(PORTS >> (offset - 0x100) / 0x80 & 1);
        write_port((offset - 0x100) / 0x80, (offset - 0x100) % 0x80, value);
    } else if (offset == 0x04) {
        if (value & 1) {
            assert_int_equal(hba.bohc & 1, 0);
            for (unsigned i = 0; i < 32; i++) {
                reset_port(i);
            }
            hba.is = 0;
            model.resets++;
        }
        hba.ghc = value & ~1u;
    } else if (offset == 0x08) {
        hba.is &= ~value;
    } else {
        assert_int_equal(offset, 0x28);
        hba.bohc = value & 2; /* the firmware lets go at once */
    }
}

status_t mmio_open_most(struct mmio *mmio, uint64_t system, uint64_t physical, uint64_t bytes)
{
    assert_true(system == 7 && physical == BAR && bytes == 0x1100);
    *mmio = (struct mmio){physical, 0, bytes};
    return OK;
}

void mmio_close(struct mmio *mmio)
{
    (void)mmio;
}

status_t sys_ports_create(uint64_t system, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    assert_true(system == 7 && first == 0xcf8 && count == 8);
    *out_ports = PORTS_PCI;
    return OK;
}

status_t sys_ports_read(uint64_t ports, uint32_t offset, uint32_t width, uint64_t *out_value)
{
    assert_true(ports == PORTS_PCI && offset == 4 && width == 4);
    *out_value = model_config_read();
    return OK;
}

status_t sys_ports_write(uint64_t ports, uint32_t offset, uint32_t width, uint32_t value)
{
    assert_true(ports == PORTS_PCI && width == 4);
    if (offset == 0) {
        model_config_select(value);
    } else {
        model_config_write(value);
    }
    return OK;
}

/* ---- tests ---- */

status_t open_disk(struct disk **out)
{
    *out = &ahci.disk;
    return ahci_open(&ahci, 7, 0, &dma);
}

static int setup(void **state)
{
    (void)state;
    reset_model();
    memset(&hba, 0, sizeof(hba));
    for (unsigned i = 0; i < 32; i++) {
        reset_port(i);
    }
    model.id = 0x29228086;
    model.class_register = 0x01060102;
    model.bar[5] = BAR;
    return 0;
}

static void what_is_no_disk_is_left_alone(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    assert_int_equal(ahci.port, DISK_PORT);
    assert_int_equal(hba.port[ODD_PORT].cmd & (CMD_FRE | CMD_ST), 0);
    assert_string_equal(disk->names.model, "MODEL OF A DISK");
    assert_int_equal(ahci_open(&ahci, 7, 1, &dma), ERR_NOT_FOUND);
    model.class_register = 0x01018002; /* in its old days */
    assert_int_equal(open_disk(&disk), ERR_NOT_FOUND);
}

static void a_machine_without_one(void **state)
{
    struct disk *disk;

    (void)state;
    model.is_gone = true;
    assert_int_equal(open_disk(&disk), ERR_NOT_FOUND);
    model.is_absent = true;
    assert_int_equal(open_disk(&disk), ERR_NOT_FOUND);
}

static void one_that_does_not_answer_is_given_up(void **state)
{
    struct disk *disk;

    (void)state;
    model.hangs = true;
    assert_int_equal(open_disk(&disk), ERR_IO);
    assert_int_equal(hba.port[DISK_PORT].cmd & (CMD_FRE | CMD_ST), 0);
}

static void the_firmware_gives_it_up_first(void **state)
{
    struct disk *disk;

    (void)state;
    hba.has_firmware = true;
    hba.bohc = 1;
    assert_int_equal(open_disk(&disk), OK);
    assert_int_equal(hba.bohc, 2);
}

static void a_failure_costs_no_reset_of_the_drive(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    model.bad_sector = 5;
    assert_int_equal(disk_transfer(disk, DISK_READ, 5, 1, data.physical), ERR_IO);
    assert_int_equal(hba.link_resets, 0);
    hba.stays_busy = true;
    assert_int_equal(disk_transfer(disk, DISK_READ, 5, 1, data.physical), ERR_IO);
    assert_int_equal(hba.link_resets, 1);
    assert_int_equal(disk_transfer(disk, DISK_READ, 6, 1, data.physical), OK);
    assert_int_equal(hba.is, 0); /* else no message would come any more */
}

static void what_moves_too_little_has_failed(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    hba.moves_too_little = true;
    assert_int_equal(disk_transfer(disk, DISK_READ, 5, 1, data.physical), ERR_IO);
    hba.moves_too_little = false;
    assert_int_equal(disk_transfer(disk, DISK_READ, 5, 1, data.physical), OK);
}

static void a_drive_that_comes_back_is_used_again(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    model.is_gone = true;
    assert_int_equal(disk_transfer(disk, DISK_READ, 5, 1, data.physical), ERR_IO);
    model.is_gone = false;
    assert_int_equal(disk_transfer(disk, DISK_READ, 5, 1, data.physical), OK);
}

/* What is written to the second drive would be lost, and what was on it, too. */
static void check_left_alone(struct disk *disk, struct dma_piece data, uint64_t sector)
{
    unsigned commands = model.commands;

    memset(data.memory, 0xaa, 512);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(disk_transfer(disk, DISK_WRITE, sector, 1, data.physical), ERR_CHANGED);
        assert_int_equal(disk_transfer(disk, DISK_READ, sector, 1, data.physical), ERR_CHANGED);
        assert_int_equal(disk_flush(disk), ERR_CHANGED);
    }
    assert_int_equal(model.content[sector][0], sector);
    assert_int_equal(model.commands, commands);
    assert_int_equal(hba.port[DISK_PORT].cmd & CMD_ST, 0);
}

static void one_swapped_while_it_is_recovered_is_another(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    model.hangs = hba.swaps_soon = true;
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 5, 1, data.physical), ERR_CHANGED);
    check_left_alone(disk, data, 6);
    assert_int_equal(open_disk(&disk), OK);
    assert_string_equal(disk->names.serial, "number 8");
    data = dma_take(&dma, 512, 512);
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 5, 1, data.physical), OK);
}

static void one_swapped_between_two_commands_is_another(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    swap_drives();
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 5, 1, data.physical), ERR_CHANGED);
    assert_int_equal(model.content[5][0], 5);
    check_left_alone(disk, data, 6);
}

static void one_that_was_out_and_is_back_is_used_again(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    swap_drives();
    swap_drives();
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 5, 1, data.physical), ERR_IO);
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 5, 1, data.physical), OK);
    assert_int_equal(disk->resets, 1);
}

/* Nobody knows who it is, until it says so again. */
static void one_that_does_not_say_who_it_is_is_not_used(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    swap_drives();
    hba.hides = true;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(disk_transfer(disk, DISK_WRITE, 5, 1, data.physical), ERR_IO);
    }
    assert_int_equal(model.content[5][0], 5);
    hba.hides = false;
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 5, 1, data.physical), ERR_CHANGED);
    check_left_alone(disk, data, 6);
}

static void what_a_drive_says_is_looked_at(void **state)
{
    struct disk *disk;

    (void)state;
    hba.has_4096 = true;
    assert_int_equal(open_disk(&disk), OK);
    assert_int_equal(disk->sector_bytes, 4096);
    hba.is_old = true;
    assert_int_equal(open_disk(&disk), ERR_NOT_SUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(contents_go_there_and_back, setup),
        cmocka_unit_test_setup(what_does_not_exist_is_refused, setup),
        cmocka_unit_test_setup(a_bad_sector_fails_alone, setup),
        cmocka_unit_test_setup(one_that_hangs_is_given_up_and_set_up_again, setup),
        cmocka_unit_test_setup(one_that_interrupts_for_ever_is_given_up, setup),
        cmocka_unit_test_setup(one_that_is_gone_fails_every_time, setup),
        cmocka_unit_test_setup(flushes_reach_the_disk, setup),
        cmocka_unit_test_setup(a_driver_killed_at_work_has_a_successor, setup),
        cmocka_unit_test_setup(names_are_what_the_disk_says, setup),
        cmocka_unit_test_setup(what_is_no_disk_is_left_alone, setup),
        cmocka_unit_test_setup(a_machine_without_one, setup),
        cmocka_unit_test_setup(one_that_does_not_answer_is_given_up, setup),
        cmocka_unit_test_setup(the_firmware_gives_it_up_first, setup),
        cmocka_unit_test_setup(a_failure_costs_no_reset_of_the_drive, setup),
        cmocka_unit_test_setup(what_moves_too_little_has_failed, setup),
        cmocka_unit_test_setup(a_drive_that_comes_back_is_used_again, setup),
        cmocka_unit_test_setup(one_swapped_while_it_is_recovered_is_another, setup),
        cmocka_unit_test_setup(one_swapped_between_two_commands_is_another, setup),
        cmocka_unit_test_setup(one_that_was_out_and_is_back_is_used_again, setup),
        cmocka_unit_test_setup(one_that_does_not_say_who_it_is_is_not_used, setup),
        cmocka_unit_test_setup(what_a_drive_says_is_looked_at, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
