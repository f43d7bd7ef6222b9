/* SPDX-License-Identifier: MIT */
/*
 * Port ranges. Access goes through system calls: a driver with real traffic uses memory-mapped registers.
 *
 * No two ranges overlap while they live, so whoever has selected a register through one port finds it selected at the next.
 */
#include "irq/ports.h"

#include "arch/cpu.h"
#include "mm/heap.h"
#include "sync/spinlock.h"

#define PORT_END 0x10000u

/* What the kernel never shares: first port and count. */
static const struct {
    uint32_t first, count;
} kept[] = {{0x20, 2}, {0xa0, 2}, {0x3f8, 8}};

#define KEYBOARD_FIRST 0x60u
#define KEYBOARD_LAST  0x64u

static struct cache *ports_cache;
static struct list ranges = LIST_INIT(ranges);
/* Like the lines of the I/O APICs: what drivers share out among them. Never held together with theirs. */
static struct spinlock ranges_lock = SPINLOCK_INIT("port ranges", LOCK_RANK_LINES);
atomic_uint ports_of_keyboard;

void ports_init(void)
{
    ports_cache = cache_create("ports", sizeof(struct ports));
}

static bool has_keyboard(const struct ports *ports)
{
    return ports->first <= KEYBOARD_LAST && ports->first + ports->count > KEYBOARD_FIRST;
}

static bool overlap(uint32_t first, uint32_t count, uint32_t other_first, uint32_t other_count)
{
    return first < other_first + other_count && other_first < first + count;
}

static bool is_kept(uint32_t first, uint32_t count)
{
    for (unsigned i = 0; i < ARRAY_COUNT(kept); i++) {
        if (overlap(first, count, kept[i].first, kept[i].count)) {
            return true;
        }
    }
    return false;
}

/* False: another range has one of its ports. */
static bool take(struct ports *ports)
{
    bool is_free = true;
    spinlock_acquire(&ranges_lock);
    list_for_each (node, &ranges) {
        const struct ports *other = LIST_ENTRY(node, struct ports, link);
        if (overlap(ports->first, ports->count, other->first, other->count)) {
            is_free = false;
            break;
        }
    }
    if (is_free) {
        list_push_back(&ranges, &ports->link);
    }
    spinlock_release(&ranges_lock);
    return is_free;
}

status_t ports_create(uint32_t first, uint32_t count, struct ports **out)
{
    if (count == 0 || first >= PORT_END || count > PORT_END - first) {
        return ERR_RANGE;
    }
    if (is_kept(first, count)) {
        return ERR_BUSY;
    }
    struct ports *ports = cache_alloc(ports_cache);
    if (ports == NULL) {
        return ERR_NO_MEMORY;
    }
    ports->first = first;
    ports->count = count;
    if (!take(ports)) {
        cache_free(ports_cache, ports);
        return ERR_BUSY;
    }
    object_init(&ports->object, OBJECT_PORTS);
    if (has_keyboard(ports)) {
        atomic_fetch_add_explicit(&ports_of_keyboard, 1, memory_order_relaxed);
    }
    *out = ports;
    return OK;
}

void ports_destroy(struct object *object)
{
    struct ports *ports = CONTAINER_OF(object, struct ports, object);
    spinlock_acquire(&ranges_lock);
    list_remove(&ports->link);
    spinlock_release(&ranges_lock);
    if (has_keyboard(ports)) {
        atomic_fetch_sub_explicit(&ports_of_keyboard, 1, memory_order_relaxed);
    }
    cache_free(ports_cache, ports);
}

static status_t check_access(const struct ports *ports, uint32_t offset, uint32_t width)
{
    if (width != 1 && width != 2 && width != 4) {
        return ERR_BAD_ARGUMENT;
    }
    if (offset >= ports->count || width > ports->count - offset) {
        return ERR_RANGE;
    }
    return OK;
}

status_t ports_read(const struct ports *ports, uint32_t offset, uint32_t width, uint64_t *out_value)
{
    status_t status = check_access(ports, offset, width);
    if (status == OK) {
        *out_value = port_read((uint16_t)(ports->first + offset), width);
    }
    return status;
}

status_t ports_write(const struct ports *ports, uint32_t offset, uint32_t width, uint32_t value)
{
    status_t status = check_access(ports, offset, width);
    if (status == OK) {
        port_write((uint16_t)(ports->first + offset), width, value);
    }
    return status;
}
