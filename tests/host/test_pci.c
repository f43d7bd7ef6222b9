/* SPDX-License-Identifier: MIT */
/* userspace/drivers/pci: the search, in configuration spaces made up by this file. */
#include "userspace/drivers/pci/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/syscall_user.h"
#include "kernel/abi/facts.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/start.h"

#define FUNCTION(bus, device, function) ((bus) << 8 | (device) << 3 | (function))
#define WANTED                          0x10031af4u
#define OTHER                           0x12345678u
#define MULTI                           (1u << 23)
#define BRIDGE                          (1u << 16)

static struct {
    unsigned function;
    uint32_t id, header, buses, class_register;
} functions[8];
static unsigned function_count;
static uint32_t selected;
#define BUS_BYTES 0x100000u
#define CONFIG_AT 0xb0000000ull
#define FIRST_BUS 1u /* bus 0 is reached by ports only */
#define LAST_BUS  2u
static uint8_t *config; /* of both buses; NULL: not in memory */
static unsigned windows;
struct program program = {.self = 3};
static unsigned reads, busy_turns;

static int setup(void **state)
{
    (void)state;
    function_count = 0;
    reads = busy_turns = 0;
    config = NULL;
    windows = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(config);
    return 0;
}

static void add(unsigned function, uint32_t id, uint32_t header, uint32_t buses)
{
    functions[function_count].function = function;
    functions[function_count].id = id;
    functions[function_count].header = header;
    functions[function_count++].buses = buses;
}

status_t sys_ports_create(uint64_t system, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    assert_int_equal(system, 7);
    assert_int_equal(first, 0xcf8);
    assert_int_equal(count, 8);
    *out_ports = 9;
    return busy_turns != 0 ? ERR_BUSY : OK;
}

status_t sys_handle_close(uint64_t handle)
{
    assert_true(handle == 9 || handle == 11);
    return OK;
}

status_t sys_ports_write(uint64_t ports, uint32_t offset, uint32_t width, uint32_t value)
{
    assert_int_equal(ports, 9);
    assert_int_equal(width, 4);
    assert_int_equal(offset, 0);
    assert_true(value & 0x80000000);
    assert_int_equal(value & 0x7f000003, 0);
    selected = value;
    return OK;
}

status_t sys_ports_read(uint64_t ports, uint32_t offset, uint32_t width, uint64_t *out_value)
{
    assert_int_equal(ports, 9);
    assert_int_equal(offset, 4);
    assert_int_equal(width, 4);
    assert_true(++reads < 100000);
    *out_value = 0xffffffff;
    for (unsigned i = 0; i < function_count; i++) {
        if (functions[i].function == (selected >> 8 & 0xffff)) {
            unsigned reg = selected & 0xfc;
            *out_value = reg == 0      ? functions[i].id
                         : reg == 8    ? functions[i].class_register
                         : reg == 0xc  ? functions[i].header
                         : reg == 0x18 ? functions[i].buses
                                       : 0;
        }
    }
    return OK;
}

status_t sys_clock_get(uint64_t *out_now, uint64_t *out_tsc_khz)
{
    *out_now = *out_tsc_khz = 0;
    return OK;
}

/* Who has the ports gives them back meanwhile. */
status_t sys_thread_sleep(uint64_t deadline)
{
    (void)deadline;
    busy_turns--;
    return OK;
}

/* ---- configuration space in memory ---- */

status_t sys_platform_facts(uint64_t system, void *facts)
{
    assert_int_equal(system, 7);
    if (config == NULL) {
        return ERR_NO_RIGHTS;
    }
    *(struct platform_facts *)facts = (struct platform_facts){
        .pci_config = CONFIG_AT, .pci_first_bus = FIRST_BUS, .pci_last_bus = LAST_BUS};
    return OK;
}

static uint64_t window_at;

status_t sys_area_create_physical(uint64_t system, uint64_t address, uint64_t bytes, uint32_t cache,
                                  uint64_t *out_area)
{
    assert_int_equal(system, 7);
    assert_int_equal(bytes, BUS_BYTES);
    assert_int_equal(cache, AREA_UNCACHED);
    assert_in_range(address, CONFIG_AT + FIRST_BUS * BUS_BYTES, CONFIG_AT + LAST_BUS * BUS_BYTES);
    assert_int_equal(address % BUS_BYTES, 0);
    window_at = address - CONFIG_AT - FIRST_BUS * BUS_BYTES;
    *out_area = 11;
    return OK;
}

status_t sys_area_map(uint64_t process, uint64_t handle, uint64_t offset, uint64_t bytes,
                      uint64_t address, uint64_t protection, uint64_t *out_address)
{
    assert_int_equal(process, 3);
    assert_int_equal(handle, 11);
    assert_int_equal(bytes, BUS_BYTES);
    assert_true(offset == 0 && address == 0 && protection == (PROT_READ | PROT_WRITE));
    assert_int_equal(windows++, 0); /* one address a time */
    *out_address = (uint64_t)(config + window_at);
    return OK;
}

status_t sys_area_unmap(uint64_t process, uint64_t address, uint64_t bytes)
{
    assert_int_equal(process, 3);
    assert_int_equal(bytes, BUS_BYTES);
    assert_int_equal(address, (uint64_t)(config + window_at));
    windows--;
    return OK;
}

static uint32_t *in_memory(pci_function_t function, unsigned reg)
{
    return (uint32_t *)(config + (function - FIRST_BUS * 256u) * 0x1000u + reg);
}

static status_t find(pci_function_t *out)
{
    struct pci pci;

    assert_int_equal(pci_open(&pci, 7), OK);
    status_t status = pci_find(&pci, 0x1af4, 0x1003, out);
    pci_close(&pci);
    return status;
}

static void an_empty_machine_has_nothing(void **state)
{
    pci_function_t found;

    (void)state;
    assert_int_equal(find(&found), ERR_NOT_FOUND);
}

static void a_device_on_the_first_bus_is_found(void **state)
{
    pci_function_t found;

    (void)state;
    add(FUNCTION(0, 0, 0), OTHER, 0, 0);
    add(FUNCTION(0, 31, 0), WANTED, 0, 0);
    assert_int_equal(find(&found), OK);
    assert_int_equal(found, FUNCTION(0, 31, 0));
}

static void other_functions_count_only_where_there_are_some(void **state)
{
    pci_function_t found;

    (void)state;
    add(FUNCTION(0, 2, 0), OTHER, 0, 0);
    add(FUNCTION(0, 2, 5), WANTED, 0, 0);
    assert_int_equal(find(&found), ERR_NOT_FOUND);
    functions[0].header = MULTI;
    assert_int_equal(find(&found), OK);
    assert_int_equal(found, FUNCTION(0, 2, 5));
}

static void the_search_goes_behind_bridges(void **state)
{
    pci_function_t found;

    (void)state;
    add(FUNCTION(0, 1, 0), OTHER, BRIDGE, 0x030100);
    add(FUNCTION(1, 0, 0), OTHER, BRIDGE, 0x030301);
    add(FUNCTION(3, 4, 0), WANTED, 0, 0);
    assert_int_equal(find(&found), OK);
    assert_int_equal(found, FUNCTION(3, 4, 0));
}

static void bridges_in_a_circle_do_not_hold_it(void **state)
{
    pci_function_t found;

    (void)state;
    add(FUNCTION(0, 1, 0), OTHER, BRIDGE, 0x010100);
    add(FUNCTION(1, 0, 0), OTHER, BRIDGE, 0x010001); /* back to bus 0 */
    add(FUNCTION(1, 1, 0), OTHER, BRIDGE, 0x010101); /* to itself */
    assert_int_equal(find(&found), ERR_NOT_FOUND);
}

static void a_walk_meets_every_function_once(void **state)
{
    static const pci_function_t wanted[] = {FUNCTION(0, 1, 0),  FUNCTION(0, 31, 0),
                                            FUNCTION(0, 31, 2), FUNCTION(0, 31, 7),
                                            FUNCTION(2, 0, 0),  FUNCTION(255, 31, 0)};
    struct pci_walk walk = {0};
    struct pci_facts facts;
    struct pci pci;
    pci_function_t at;

    (void)state;
    add(FUNCTION(0, 1, 0), OTHER, BRIDGE, 0x020200);
    add(FUNCTION(0, 31, 0), OTHER, MULTI, 0);
    add(FUNCTION(0, 31, 2), OTHER, 0, 0);
    add(FUNCTION(0, 31, 7), OTHER, 0, 0);
    add(FUNCTION(2, 0, 0), OTHER, BRIDGE, 0xffff02);
    add(FUNCTION(255, 31, 0), WANTED, 0, 0);
    add(FUNCTION(7, 0, 0), OTHER, 0, 0); /* behind nothing */
    functions[5].class_register = 0x01060105;
    assert_int_equal(pci_open(&pci, 7), OK);
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(pci_next(&pci, &walk, &at));
        assert_int_equal(at, wanted[i]);
    }
    pci_describe(&pci, at, &facts);
    assert_true(facts.vendor == 0x1af4 && facts.device == 0x1003);
    assert_int_equal(facts.class_code, 0x010601);
    assert_false(pci_next(&pci, &walk, &at));
    assert_false(pci_next(&pci, &walk, &at));
}

static void another_process_is_waited_for(void **state)
{
    struct pci pci;

    (void)state;
    busy_turns = 40;
    assert_int_equal(pci_open(&pci, 7), OK);
    busy_turns = 1000000;
    assert_int_equal(pci_open(&pci, 7), ERR_BUSY);
}

/* The memory has what ports say nothing of; buses outside of it go by ports. */
static void memory_goes_before_ports(void **state)
{
    struct pci pci;

    (void)state;
    config = calloc(2, BUS_BYTES);
    add(FUNCTION(0, 1, 0), OTHER, 0, 0);
    *in_memory(FUNCTION(1, 3, 2), 0) = WANTED;
    *in_memory(FUNCTION(2, 31, 7), 0xffc) = 0x600df00d;
    assert_int_equal(pci_open(&pci, 7), OK);
    assert_int_equal(pci_read(&pci, FUNCTION(0, 1, 0), 0), OTHER);
    assert_int_equal(pci_read(&pci, FUNCTION(0, 1, 0), 0x100), UINT32_MAX);
    assert_int_equal(pci_read(&pci, FUNCTION(1, 3, 2), 0), WANTED);
    assert_int_equal(pci_read(&pci, FUNCTION(2, 31, 7), 0xffc), 0x600df00d);
    assert_int_equal(pci_read(&pci, FUNCTION(2, 31, 7), 0x1000), UINT32_MAX);
    assert_int_equal(pci_read(&pci, FUNCTION(3, 0, 0), 0),
                     UINT32_MAX); /* by ports: there is none */
    pci_write(&pci, FUNCTION(1, 3, 2), 0x104, 77);
    assert_int_equal(*in_memory(FUNCTION(1, 3, 2), 0x104), 77);
    pci_close(&pci);
    assert_int_equal(windows, 0);
}

static void extended_capabilities_are_found(void **state)
{
    const pci_function_t function = FUNCTION(1, 0, 0);
    struct pci pci;

    (void)state;
    assert_int_equal(pci_open(&pci, 7), OK);
    add(function, WANTED, 0, 0);
    assert_int_equal(pci_find_extended(&pci, function, 1), 0); /* ports do not reach it */
    pci_close(&pci);
    config = calloc(2, BUS_BYTES);
    assert_int_equal(pci_open(&pci, 7), OK);
    assert_int_equal(pci_find_extended(&pci, function, 0), 0); /* an empty list */
    *in_memory(function, 0x100) = 0x14010001;                  /* AER, then */
    *in_memory(function, 0x140) = 0xffc10003;                  /* a serial number, then */
    *in_memory(function, 0xffc) = 0x0801000d;                  /* the end: no place for a list */
    assert_int_equal(pci_find_extended(&pci, function, 1), 0x100);
    assert_int_equal(pci_find_extended(&pci, function, 3), 0x140);
    assert_int_equal(pci_find_extended(&pci, function, 0xd), 0xffc);
    assert_int_equal(pci_find_extended(&pci, function, 0x10), 0);
    *in_memory(function, 0xffc) = 0x1001000d; /* in circles */
    assert_int_equal(pci_find_extended(&pci, function, 0x10), 0);
    pci_close(&pci);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_machine_has_nothing, setup),
        cmocka_unit_test_setup(a_device_on_the_first_bus_is_found, setup),
        cmocka_unit_test_setup(other_functions_count_only_where_there_are_some, setup),
        cmocka_unit_test_setup(the_search_goes_behind_bridges, setup),
        cmocka_unit_test_setup(bridges_in_a_circle_do_not_hold_it, setup),
        cmocka_unit_test_setup(a_walk_meets_every_function_once, setup),
        cmocka_unit_test_setup(another_process_is_waited_for, setup),
        cmocka_unit_test_setup_teardown(memory_goes_before_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(extended_capabilities_are_found, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
