/* SPDX-License-Identifier: MIT */
/* userspace/drivers/pci: the search, in configuration spaces made up by this file. */
#include "userspace/drivers/pci/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gen/syscall_user.h"

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
static uint32_t address;
static unsigned reads, busy_turns;

static int setup(void **state)
{
    (void)state;
    function_count = 0;
    reads = busy_turns = 0;
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
    assert_int_equal(handle, 9);
    return OK;
}

status_t sys_ports_write(uint64_t ports, uint32_t offset, uint32_t width, uint32_t value)
{
    assert_int_equal(ports, 9);
    assert_int_equal(width, 4);
    assert_int_equal(offset, 0);
    assert_true(value & 0x80000000);
    assert_int_equal(value & 0x7f000003, 0);
    address = value;
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
        if (functions[i].function == (address >> 8 & 0xffff)) {
            unsigned reg = address & 0xfc;
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
