/* SPDX-License-Identifier: MIT */
/* The virtio disk driver against a device that knows the specification's registers, queue and requests. */
#include <string.h>

#include "disk_support.h"
#include "gen/syscall_user.h"
#include "userspace/drivers/virtio_blk/virtio_blk.h"

#define QUEUE_SIZE   128u
#define USED_AT      4096u /* for 128 entries */
#define AVAILABLE_AT 2048u
#define FIRST_PORT   0xc000u

#define NEXT   1u
#define WRITES 2u

static struct {
    uint8_t status;
    uint32_t page, features;
    uint16_t seen;
    bool is_odd; /* offers sectors of a size that makes no sense */
    bool is_pending;
    bool is_deaf;   /* to resets */
    bool has_grown; /* its queue */
} device;
static struct virtio_blk blk;

struct descriptor {
    uint64_t physical;
    uint32_t bytes;
    uint16_t flags, next;
};

/* ---- requests ---- */

static uint8_t carry_out(uint32_t type, uint64_t sector, uint8_t *data, uint32_t bytes)
{
    uint64_t count = bytes / MODEL_SECTOR_BYTES;

    model.commands++;
    if (type == 4) {
        model.flushes++;
        return 0;
    }
    if (type == 8) {
        assert_int_equal(bytes, 20);
        memcpy(data, "number 7\0\0\0\0\0\0\0\0\0\0\0", 20);
        return 0;
    }
    assert_true(bytes % MODEL_SECTOR_BYTES == 0 && sector + count <= MODEL_SECTORS);
    if (model.bad_sector >= sector && model.bad_sector < sector + count) {
        return 1;
    }
    memcpy(type == 1 ? model.content[sector] : data, type == 1 ? data : model.content[sector],
           bytes);
    return 0;
}

static void serve(const struct descriptor *table, uint16_t head, uint8_t *queue)
{
    const struct descriptor *first = &table[head], *last = &table[first->next], *middle = NULL;
    uint64_t sector;
    uint32_t type;
    uint16_t used;

    assert_int_equal(first->flags, NEXT);
    assert_int_equal(first->bytes, 16);
    if (last->flags & NEXT) {
        middle = last;
        last = &table[middle->next];
    }
    assert_true(last->flags == WRITES && last->bytes == 1);
    memcpy(&type, model_memory(first->physical, 16), 4);
    memcpy(&sector, model_memory(first->physical + 8, 8), 8);
    if (middle != NULL) {
        assert_int_equal((middle->flags & WRITES) != 0, type != 1);
    }
    *(uint8_t *)model_memory(last->physical, 1) =
        carry_out(type, sector, middle ? model_memory(middle->physical, middle->bytes) : NULL,
                  middle ? middle->bytes : 0);
    memcpy(&used, queue + USED_AT + 2, 2);
    const uint32_t element[2] = {head, 1};
    memcpy(queue + USED_AT + 4 + used % QUEUE_SIZE * 8, element, 8);
    used++;
    memcpy(queue + USED_AT + 2, &used, 2);
}

void model_work(void)
{
    uint16_t index, head;

    if (!device.is_pending || model.hangs || model.is_gone || !(device.status & 4)) {
        return;
    }
    uint8_t *queue = model_memory((uint64_t)device.page * 4096, 2 * 4096);
    memcpy(&index, queue + AVAILABLE_AT + 2, 2);
    for (; device.seen != index; device.seen++) {
        memcpy(&head, queue + AVAILABLE_AT + 4 + device.seen % QUEUE_SIZE * 2, 2);
        serve((const struct descriptor *)queue, head, queue);
    }
    device.is_pending = false;
}

bool model_is_armed(void)
{
    return (device.status & 4) != 0;
}

/* ---- registers ---- */

static uint32_t config_of(uint32_t offset)
{
    return offset == 0      ? MODEL_SECTORS
           : offset == 0x14 ? (device.is_odd ? 700 : MODEL_SECTOR_BYTES)
                            : 0;
}

static uint32_t read_register(uint32_t offset, uint32_t width)
{
    if (model.is_gone) {
        return UINT32_MAX;
    }
    switch (offset) {
    case 0x00:
        return 1u << 6 | 1u << 9 | 1u << 28 | (model.is_read_only ? 1u << 5 : 0);
    case 0x0c:
        return device.has_grown ? 2 * QUEUE_SIZE : QUEUE_SIZE;
    case 0x12:
        assert_int_equal(width, 1);
        return device.status;
    default:
        assert_true(offset >= 0x14 && width == 4);
        return config_of(offset - 0x14); /* no MSI-X: two registers fewer */
    }
}

static void write_register(uint32_t offset, uint32_t value)
{
    if (device.is_deaf && offset == 0x12) {
        assert_int_equal(value, 0); /* it is not used */
    } else if (offset == 0x12 && value == 0) {
        memset(&device, 0, offsetof(typeof(device), is_odd));
        device.is_pending = false;
        model.resets++;
    } else if (offset == 0x12) {
        device.status = (uint8_t)value;
    } else if (offset == 0x04) {
        assert_int_equal(value & (1u << 28), 0); /* unknown to the driver */
    } else if (offset == 0x08) {
        assert_false(device.status & 4);
        device.page = value;
    } else if (offset == 0x10) {
        assert_int_equal(value, 0);
        device.is_pending = true;
    } else {
        assert_int_equal(offset, 0x0e);
    }
}

status_t sys_ports_create(uint64_t system, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    assert_int_equal(system, 7);
    assert_true((first == 0xcf8 && count == 8) || (first == FIRST_PORT && count == 0x30));
    *out_ports = first == 0xcf8 ? PORTS_PCI : PORTS_DEVICE;
    return OK;
}

status_t sys_ports_read(uint64_t ports, uint32_t offset, uint32_t width, uint64_t *out_value)
{
    *out_value = ports == PORTS_PCI ? model_config_read() : read_register(offset, width);
    return OK;
}

status_t sys_ports_write(uint64_t ports, uint32_t offset, uint32_t width, uint32_t value)
{
    (void)width;
    if (ports == PORTS_DEVICE) {
        write_register(offset, value);
    } else if (offset == 0) {
        model_config_select(value);
    } else {
        model_config_write(value);
    }
    return OK;
}

/* ---- tests ---- */

status_t open_disk(struct disk **out)
{
    *out = &blk.disk;
    return virtio_blk_open(&blk, 7, 0, &dma);
}

static int setup(void **state)
{
    (void)state;
    reset_model();
    memset(&device, 0, sizeof(device));
    model.id = 0x10011af4;
    model.bar[0] = FIRST_PORT | 1;
    return 0;
}

static void a_machine_without_one(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(virtio_blk_open(&blk, 7, 1, &dma), ERR_NOT_FOUND);
    model.bar[0] = 0xfe000000;
    assert_int_equal(open_disk(&disk), ERR_NOT_SUPPORTED);
    model.is_absent = true;
    assert_int_equal(open_disk(&disk), ERR_NOT_FOUND);
}

static void sizes_that_make_no_sense_are_not_taken(void **state)
{
    struct disk *disk;

    (void)state;
    device.is_odd = true;
    assert_int_equal(open_disk(&disk), OK);
    assert_int_equal(disk->sector_bytes, 512);
}

static void one_that_is_not_reset_is_not_used(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    struct dma_piece data = dma_take(&dma, 512, 512);
    model.hangs = true;
    device.is_deaf = true;
    assert_int_equal(disk_transfer(disk, DISK_READ, 1, 1, data.physical), ERR_IO);
    model.hangs = false;
    assert_int_equal(disk_transfer(disk, DISK_READ, 1, 1, data.physical), ERR_IO);
    assert_int_equal(open_disk(&disk), ERR_IO);
    assert_int_equal(model.command & 4, 0); /* it is kept from memory */
    assert_int_equal(model.commands,
                     2); /* for the serial number; and what was late, into the memory of its time */
}

static void a_queue_stays_as_long_as_its_memory(void **state)
{
    struct disk *disk;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    /* right behind the queue's memory */
    struct dma_piece data = dma_take(&dma, 512, 512);
    memset(data.memory, 0x11, 512);
    model.bad_sector = 1;
    device.has_grown = true;
    assert_int_equal(disk_transfer(disk, DISK_READ, 1, 1, data.physical), ERR_IO);
    assert_int_equal(disk_transfer(disk, DISK_READ, 2, 1, data.physical), ERR_IO);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(((uint8_t *)data.memory)[i], 0x11);
    }
    device.has_grown = false;
    assert_int_equal(disk_transfer(disk, DISK_READ, 2, 1, data.physical), OK);
}

static void a_device_that_wants_a_reset_gets_it(void **state)
{
    struct disk *disk;
    struct dma_piece data;

    (void)state;
    assert_int_equal(open_disk(&disk), OK);
    data = dma_take(&dma, 512, 512);
    device.status |= 0x40;
    model.hangs = true;
    unsigned resets = model.resets;
    assert_int_equal(disk_transfer(disk, DISK_READ, 1, 1, data.physical), ERR_IO);
    assert_int_equal(model.resets, resets + 1);
    model.hangs = false;
    assert_int_equal(disk_transfer(disk, DISK_READ, 1, 1, data.physical), OK);
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
        cmocka_unit_test_setup(a_read_only_disk_is_not_written, setup),
        cmocka_unit_test_setup(a_driver_killed_at_work_has_a_successor, setup),
        cmocka_unit_test_setup(names_are_what_the_disk_says, setup),
        cmocka_unit_test_setup(a_machine_without_one, setup),
        cmocka_unit_test_setup(sizes_that_make_no_sense_are_not_taken, setup),
        cmocka_unit_test_setup(one_that_is_not_reset_is_not_used, setup),
        cmocka_unit_test_setup(a_queue_stays_as_long_as_its_memory, setup),
        cmocka_unit_test_setup(a_device_that_wants_a_reset_gets_it, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
