/* SPDX-License-Identifier: MIT */
/* Commands to disks, one at a time: see disk.h. */
#include "userspace/drivers/disk/disk.h"

#include <string.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define PATIENCE   (30 * NS_PER_S) /* with a disk that has to spin up first */
#define PATIENCE_2 (5 * NS_PER_S)  /* with one that has just said that it is ready */
#define POLL       (NS_PER_MS / 2)

#define BOOT_SERIAL "spoor-boot" /* of the disk that tools/qemu boots from */

/* Until something may have happened. Interrupts that come late, or without a reason, cost a look, and no more time. */
static status_t wait_for_interrupt(const struct disk *disk, uint64_t deadline)
{
    uint64_t count, cpu;

    if (disk->interrupt == HANDLE_NONE) {
        clock_sleep(POLL);
        return clock_now() < deadline ? OK : ERR_TIMED_OUT;
    }
    status_t status = sys_interrupt_wait(disk->interrupt, deadline, &count, &cpu);
    if (status == OK) {
        status = sys_interrupt_acknowledge(disk->interrupt);
    }
    return status == OK && clock_now() >= deadline ? ERR_TIMED_OUT : status;
}

/* Also after the last wait it is looked at once more. */
static status_t await_end(struct disk *disk, uint64_t patience)
{
    uint64_t deadline = clock_now() + patience;
    status_t waited = OK, status;

    while ((status = disk->ops->end(disk)) == ERR_BUSY && waited == OK) {
        waited = wait_for_interrupt(disk, deadline);
    }
    return status;
}

static status_t carry_out(struct disk *disk, const struct disk_command *command, uint64_t patience)
{
    status_t status = disk->ops->begin(disk, command);

    return status == OK ? await_end(disk, patience) : status;
}

status_t disk_try(struct disk *disk, const struct disk_command *command)
{
    return carry_out(disk, command, PATIENCE_2) == OK ? OK : ERR_IO;
}

static status_t recover(struct disk *disk)
{
    status_t status = disk->ops->recover(disk);

    disk->is_changed = status == ERR_CHANGED;
    disk->is_stopped = status != OK;
    return status == OK || status == ERR_CHANGED ? status : ERR_IO;
}

/* What could not be set up after a failure is tried once more before the next command. */
static status_t make_ready(struct disk *disk)
{
    if (disk->is_changed) {
        return ERR_CHANGED;
    }
    return disk->is_stopped ? recover(disk) : OK;
}

status_t disk_carry_out(struct disk *disk, const struct disk_command *command)
{
    status_t status = make_ready(disk);

    if (status != OK || carry_out(disk, command, PATIENCE) == OK) {
        return status;
    }
    disk->resets++;
    return recover(disk) == ERR_CHANGED ? ERR_CHANGED : ERR_IO;
}

status_t disk_transfer(struct disk *disk, enum disk_operation operation, uint64_t sector,
                       uint32_t count, uint64_t physical)
{
    const struct disk_command command = {operation, count, sector, physical,
                                         (uint64_t)count * disk->sector_bytes};

    if (count == 0 || sector >= disk->sectors || count > disk->sectors - sector) {
        return ERR_RANGE;
    }
    if (operation == DISK_WRITE && disk->is_read_only) {
        return ERR_READ_ONLY;
    }
    return disk_carry_out(disk, &command);
}

status_t disk_flush(struct disk *disk)
{
    const struct disk_command command = {.operation = DISK_FLUSH};

    return disk->has_flush ? disk_carry_out(disk, &command) : OK;
}

bool disk_is_same(const struct disk *one, const struct disk *other)
{
    return one->sectors == other->sectors && one->sector_bytes == other->sector_bytes &&
           strcmp(one->names.driver, other->names.driver) == 0 &&
           strcmp(one->names.serial, other->names.serial) == 0 &&
           strcmp(one->names.model, other->names.model) == 0;
}

void disk_set_name(char *out, const char *text, unsigned bytes)
{
    unsigned length = 0;

    while (bytes > 0 && *text == ' ') {
        text++;
        bytes--;
    }
    for (unsigned i = 0; i < bytes && text[i] != '\0'; i++) {
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '.';
        length = text[i] == ' ' ? length : i + 1;
    }
    out[length] = '\0';
}

bool disk_is_wanted(const struct disk *disk, const char *which)
{
    bool is_another = disk->names.serial[0] != '\0' && strcmp(disk->names.serial, BOOT_SERIAL) != 0;

    if (strcmp(which, "any") == 0) {
        return is_another;
    }
    return strcmp(disk->names.serial, which) == 0 ||
           (strcmp(disk->names.driver, which) == 0 && strcmp(disk->names.serial, BOOT_SERIAL) != 0);
}
