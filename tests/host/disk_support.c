/* SPDX-License-Identifier: MIT */
#include "disk_support.h"

#include <stdlib.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "userspace/drivers/pci/window.h"
#include "userspace/lib/check.h"

#define DMA_BYTES 0x40000u
#define DMA_AT    0x200000u /* physical */
#define FUNCTION  0x18u     /* device 3 of bus 0 */

#define MODEL_INTERVAL 1000000000u /* between interrupts */
#define WAITS_MAX      100u

struct model model;
struct dma dma;
static uint64_t now;
static unsigned waits;
static uint32_t config_address;
static struct dma_piece data;

/* ---- the machine ---- */

void reset_model(void)
{
    free(dma.memory);
    dma = (struct dma){aligned_alloc(4096, DMA_BYTES), DMA_AT, DMA_BYTES, 0};
    memset(dma.memory, 0x5a, DMA_BYTES); /* whatever was in it */
    memset(&model, 0, sizeof(model));
    model.bad_sector = NO_SECTOR;
    for (unsigned i = 0; i < MODEL_SECTORS; i++) {
        memset(model.content[i], (int)i, MODEL_SECTOR_BYTES);
    }
}

void *model_memory(uint64_t physical, uint64_t bytes)
{
    assert_true(physical >= DMA_AT && bytes <= DMA_BYTES && physical - DMA_AT <= DMA_BYTES - bytes);
    return dma.memory + (physical - DMA_AT);
}

status_t sys_clock_get(uint64_t *out_now, uint64_t *out_tsc_khz)
{
    *out_now = now;
    *out_tsc_khz = 1000;
    return OK;
}

/* Time that passes is when the device works. */
status_t sys_thread_sleep(uint64_t deadline)
{
    now = deadline > now ? deadline : now;
    model_work();
    return OK;
}

status_t sys_interrupt_wait(uint64_t interrupt, uint64_t deadline, uint64_t *out_count,
                            uint64_t *out_cpu)
{
    (void)interrupt;
    (void)deadline;
    *out_count = 1;
    *out_cpu = 0;
    assert_true(model.interrupts);
    assert_true(++waits < WAITS_MAX);
    now += MODEL_INTERVAL;
    return OK;
}

status_t sys_interrupt_acknowledge(uint64_t interrupt)
{
    (void)interrupt;
    return OK;
}

status_t sys_handle_close(uint64_t handle)
{
    (void)handle;
    return OK;
}

void die(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

/* msi.c's work is tested in machines: here every device is polled. */
status_t msi_enable(const void *msi, uint32_t message, uint32_t cpu, uint64_t *out_interrupt);
status_t msi_enable(const void *msi, uint32_t message, uint32_t cpu, uint64_t *out_interrupt)
{
    (void)msi;
    (void)message;
    (void)cpu;
    (void)out_interrupt;
    return ERR_NOT_SUPPORTED;
}

/* ---- configuration space, by ports ---- */

void pci_window_open(struct pci *pci)
{
    (void)pci;
}

void pci_window_close(struct pci *pci)
{
    (void)pci;
}

volatile uint32_t *pci_window_at(struct pci *pci, pci_function_t function, unsigned reg)
{
    (void)pci;
    (void)function;
    (void)reg;
    return NULL;
}

void model_config_select(uint32_t address)
{
    config_address = address;
}

uint32_t model_config_read(void)
{
    unsigned reg = config_address & 0xfc;

    if ((config_address >> 8 & 0xffff) != FUNCTION || model.is_absent) {
        return UINT32_MAX;
    }
    if (reg >= 0x10 && reg < 0x28) {
        return model.bar[(reg - 0x10) / 4];
    }
    return reg == 0 ? model.id : reg == 4 ? model.command : reg == 8 ? model.class_register : 0;
}

/* One that has not been reset must not reach memory (again). */
void model_config_write(uint32_t value)
{
    if ((config_address & 0xfc) == 4) {
        model.command = value & 0xffff;
        assert_false((value & 4) && model_is_armed());
    }
}

/* ---- the cases ---- */

static struct disk *open_ready(void)
{
    struct disk *disk;

    assert_int_equal(open_disk(&disk), OK);
    data = dma_take(&dma, 0x10000, 4096);
    return disk;
}

static void check_read(struct disk *disk, uint64_t sector, uint32_t count)
{
    memset(data.memory, 0xee, (size_t)count * MODEL_SECTOR_BYTES);
    assert_int_equal(disk_transfer(disk, DISK_READ, sector, count, data.physical), OK);
    assert_memory_equal(data.memory, model.content[sector], (size_t)count * MODEL_SECTOR_BYTES);
}

void contents_go_there_and_back(void **state)
{
    struct disk *disk = open_ready();

    (void)state;
    check_read(disk, 0, 1);
    check_read(disk, MODEL_SECTORS - 128, 128);
    for (unsigned i = 0; i < 5 * MODEL_SECTOR_BYTES; i++) {
        ((uint8_t *)data.memory)[i] = (uint8_t)(i * 7);
    }
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 9, 5, data.physical), OK);
    assert_memory_equal(model.content[9], data.memory, 5 * MODEL_SECTOR_BYTES);
    assert_int_equal(model.content[8][0], 8);
    assert_int_equal(model.content[14][0], 14);
    for (unsigned i = 0; i < 1000; i++) { /* round all rings */
        check_read(disk, i % MODEL_SECTORS, 1);
    }
    assert_int_equal(disk->resets, 0);
}

void what_does_not_exist_is_refused(void **state)
{
    struct disk *disk = open_ready();
    unsigned before = model.commands;

    (void)state;
    assert_int_equal(disk_transfer(disk, DISK_READ, MODEL_SECTORS, 1, data.physical), ERR_RANGE);
    assert_int_equal(disk_transfer(disk, DISK_READ, MODEL_SECTORS - 1, 2, data.physical),
                     ERR_RANGE);
    assert_int_equal(disk_transfer(disk, DISK_WRITE, UINT64_MAX, 2, data.physical), ERR_RANGE);
    assert_int_equal(disk_transfer(disk, DISK_READ, 0, 0, data.physical), ERR_RANGE);
    assert_int_equal(model.commands, before);
}

void a_bad_sector_fails_alone(void **state)
{
    struct disk *disk = open_ready();

    (void)state;
    model.bad_sector = 30;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(disk_transfer(disk, DISK_READ, 30, 1, data.physical), ERR_IO);
        assert_int_equal(disk_transfer(disk, DISK_READ, 29, 4, data.physical), ERR_IO);
        check_read(disk, 31, 8);
        assert_int_equal(disk_transfer(disk, DISK_WRITE, 30, 1, data.physical), ERR_IO);
        check_read(disk, 29, 1);
    }
    assert_int_equal(disk->resets, 9);
}

void one_that_hangs_is_given_up_and_set_up_again(void **state)
{
    struct disk *disk = open_ready();
    unsigned resets = model.resets;

    (void)state;
    model.hangs = true;
    assert_int_equal(disk_transfer(disk, DISK_READ, 3, 1, data.physical), ERR_IO);
    assert_true(model.resets > resets);
    model.hangs = false;
    check_read(disk, 3, 1);
    assert_int_equal(disk->resets, 1);
}

void one_that_interrupts_for_ever_is_given_up(void **state)
{
    struct disk *disk = open_ready();

    (void)state;
    waits = 0;
    model.hangs = true;
    model.interrupts = true;
    disk->interrupt = 1;
    assert_int_equal(disk_transfer(disk, DISK_READ, 3, 1, data.physical), ERR_IO);
    assert_int_equal(disk->resets, 1);
}

void one_that_is_gone_fails_every_time(void **state)
{
    struct disk *disk = open_ready();

    (void)state;
    model.is_gone = true;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(disk_transfer(disk, DISK_READ, 3, 1, data.physical), ERR_IO);
        assert_int_equal(disk_flush(disk), ERR_IO);
    }
}

void flushes_reach_the_disk(void **state)
{
    struct disk *disk = open_ready();

    (void)state;
    assert_int_equal(disk_flush(disk), OK);
    assert_int_equal(disk_flush(disk), OK);
    assert_int_equal(model.flushes, 2);
    disk->has_flush = false;
    assert_int_equal(disk_flush(disk), OK);
    assert_int_equal(model.flushes, 2);
}

void a_read_only_disk_is_not_written(void **state)
{
    model.is_read_only = true;
    struct disk *disk = open_ready();

    (void)state;
    assert_true(disk->is_read_only);
    assert_int_equal(disk_transfer(disk, DISK_WRITE, 3, 1, data.physical), ERR_READ_ONLY);
    check_read(disk, 3, 1);
}

/* The device is told to read, and the driver is no more: its successor stops the device before it uses the memory for anything. */
void a_driver_killed_at_work_has_a_successor(void **state)
{
    struct disk *disk = open_ready();
    const struct disk_command command = {DISK_READ, 8, 40, data.physical, 8 * MODEL_SECTOR_BYTES};

    (void)state;
    assert_int_equal(disk->ops->begin(disk, &command), OK);
    assert_true((model.command & 4) && model_is_armed());
    dma_drop(&dma);
    disk = open_ready();
    memset(data.memory, 0x11, 8 * MODEL_SECTOR_BYTES);
    model_work();
    assert_int_equal(((uint8_t *)data.memory)[0], 0x11); /* it has forgotten */
    check_read(disk, 40, 8);
    assert_int_equal(disk->resets, 0);
}

void names_are_what_the_disk_says(void **state)
{
    struct disk *disk = open_ready();

    (void)state;
    assert_string_equal(disk->names.serial, "number 7");
    assert_int_equal(disk->sectors, MODEL_SECTORS);
    assert_int_equal(disk->sector_bytes, MODEL_SECTOR_BYTES);
    assert_true(disk_is_wanted(disk, "any"));
    assert_true(disk_is_wanted(disk, "number 7"));
    assert_true(disk_is_wanted(disk, disk->names.driver));
    assert_false(disk_is_wanted(disk, "number 8"));
    disk_set_name(disk->names.serial, "  spoor-boot \n", 13);
    assert_false(disk_is_wanted(disk, "any"));
    assert_false(disk_is_wanted(disk, disk->names.driver));
    assert_true(disk_is_wanted(disk, "spoor-boot"));
    disk_set_name(disk->names.serial, "    ", 4); /* it may be the one booted from */
    assert_false(disk_is_wanted(disk, "any"));
}
