/* SPDX-License-Identifier: MIT */
/* Ranges of I/O ports (irq/ports.h): whoever has a port is the only one. */
#include "irq/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/cpu.h"
#include "base/hooks.h"
#include "mm/heap.h"
#include "tests/host/kernel_support.h"

#define PCI_FIRST 0xcf8u
#define PCI_COUNT 8u

static unsigned live;

void *cache_alloc(struct cache *cache)
{
    (void)cache;
    live++;
    return calloc(1, sizeof(struct ports));
}

void cache_free(struct cache *cache, void *object)
{
    (void)cache;
    live--;
    free(object);
}

struct cache *cache_create(const char *name, size_t object_bytes)
{
    (void)name;
    (void)object_bytes;
    return NULL;
}

void hook_object_destroy(struct object *object)
{
    assert_int_equal(object->type, OBJECT_PORTS);
    ports_destroy(object);
}

uint32_t port_read(uint16_t port, unsigned width)
{
    (void)width;
    return port;
}

void port_write(uint16_t port, unsigned width, uint32_t value)
{
    (void)port;
    (void)width;
    (void)value;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    live = 0;
    ports_init();
    return 0;
}

static int end(void **state)
{
    (void)state;
    return live == 0 && atomic_load(&ports_of_keyboard) == 0 ? 0 : -1;
}

static struct ports *create(uint32_t first, uint32_t count)
{
    struct ports *ports = NULL;
    assert_int_equal(ports_create(first, count, &ports), OK);
    return ports;
}

static void drop(struct ports *ports)
{
    object_put(&ports->object);
}

static void a_port_has_one_owner(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, count;
    } shared[] = {{PCI_FIRST, PCI_COUNT},
                  {PCI_FIRST - 1, 2},
                  {PCI_FIRST + PCI_COUNT - 1, 4},
                  {PCI_FIRST + 4, 1},
                  {0xc00, 0x400}};
    struct ports *owner = create(PCI_FIRST, PCI_COUNT), *other;
    for (unsigned i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
        assert_int_equal(ports_create(shared[i].first, shared[i].count, &other), ERR_BUSY);
    }
    assert_int_equal(live, 1);
    drop(owner);
    drop(create(PCI_FIRST, PCI_COUNT));
}

static void neighbours_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct ports *between = create(PCI_FIRST, PCI_COUNT);
    struct ports *below = create(PCI_FIRST - 1, 1);
    struct ports *above = create(PCI_FIRST + PCI_COUNT, 1);
    drop(between);
    drop(create(PCI_FIRST, PCI_COUNT));
    drop(below);
    drop(above);
}

static void the_keyboard_is_counted_with_its_owner(void **state)
{
    (void)state;
    struct ports *data = create(0x60, 1), *other;
    assert_int_equal(ports_create(0x60, 1, &other), ERR_BUSY);
    assert_int_equal(atomic_load(&ports_of_keyboard), 1);
    drop(data);
    assert_int_equal(atomic_load(&ports_of_keyboard), 0);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct ports *ports;
    assert_int_equal(ports_create(0x3ff, 4, &ports), ERR_BUSY);
    assert_int_equal(ports_create(0x20, 1, &ports), ERR_BUSY);
    assert_int_equal(ports_create(0xffff, 2, &ports), ERR_RANGE);
    assert_int_equal(ports_create(PCI_FIRST, 0, &ports), ERR_RANGE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_port_has_one_owner),
        TEST(neighbours_do_not_disturb_each_other),
        TEST(the_keyboard_is_counted_with_its_owner),
        TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
