/* SPDX-License-Identifier: MIT */
/*
 * What tests of disk drivers share: memory that a modelled device may touch, what is on its disk, time that passes only in waits,
 * configuration space with one function, and the cases that hold for every driver. A test brings the device's registers.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "userspace/drivers/disk/disk.h"
#include "userspace/drivers/dma.h"

#define MODEL_SECTOR_BYTES 512u
#define MODEL_SECTORS      256u
#define NO_SECTOR          (~0ull)

#define PORTS_PCI    9u /* handles */
#define PORTS_DEVICE 10u

/* What goes wrong, and what has happened. */
struct model {
    uint8_t content[MODEL_SECTORS][MODEL_SECTOR_BYTES];
    uint64_t bad_sector;
    bool hangs;      /* takes commands and never ends one */
    bool interrupts; /* again and again, whatever becomes of commands */
    bool is_gone;
    bool is_read_only;
    bool is_absent;
    unsigned flushes, commands, resets;
    uint32_t id, class_register, command, bar[6]; /* of the PCI function */
};
extern struct model model;
extern struct dma dma;

/* The device's half: what it does when time passes. */
void model_work(void);

/* Whether it would write to memory for whoever told it to, perhaps a driver that is no more. */
bool model_is_armed(void);

/* Configuration space. */
uint32_t model_config_read(void);
void model_config_select(uint32_t address);
void model_config_write(uint32_t value);

/* The driver's half: open the only disk. */
status_t open_disk(struct disk **out);

/* reset_model() - a disk with contents, nothing wrong; no memory is known to the device. For setup. */
void reset_model(void);

/* model_memory() - what lies at a physical address: fails the test if it is not all the driver's. */
void *model_memory(uint64_t physical, uint64_t bytes);

/* The cases. */
void contents_go_there_and_back(void **state);
void what_does_not_exist_is_refused(void **state);
void a_bad_sector_fails_alone(void **state);
void one_that_hangs_is_given_up_and_set_up_again(void **state);
void one_that_interrupts_for_ever_is_given_up(void **state);
void one_that_is_gone_fails_every_time(void **state);
void flushes_reach_the_disk(void **state);
void a_read_only_disk_is_not_written(void **state);
void a_driver_killed_at_work_has_a_successor(void **state);
void names_are_what_the_disk_says(void **state);
