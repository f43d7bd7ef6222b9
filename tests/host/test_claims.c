/* SPDX-License-Identifier: MIT */
/* userspace/services/bus: who gets what of PCI functions (O1 to O4), in configuration spaces and a table of messages made up here. */
#include "userspace/services/bus/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "userspace/lib/start.h"

#define SYSTEM 7u
#define DISKS  21u /* badges */
#define RIVAL  22u
#define CARDS  23u

#define CARD      0x18u /* functions: with MSI-X, with MSI */
#define PLAIN     0x20u
#define BRIDGE    0x28u
#define OTHERS    0x100u /* as many as wanted */
#define CARD_BAR  0x80000000u
#define TABLE     0x3000u /* in its 0x8000 bytes */
#define ENTRIES   16u
#define SMALL_BAR 0x80010100u
#define PORTS     0xc000u
#define MSI_AT    0x50u
#define MSIX_AT   0x60u

#define ENABLED    (1u << 31)
#define MSI_ON     (1u << 16)
#define WORK       (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER)
#define INTERRUPTS 100u /* handles from here on */

struct program program = {.self = 3};

static struct function {
    pci_function_t function;
    uint32_t reg[64];
    uint32_t mask[PCI_BARS]; /* bits that can be written */
} functions[2 + CLAIMS_MAX + 1];
static unsigned function_count;
static uint32_t table[1024];
static uint64_t closed[8], area_address, area_bytes;
static unsigned closed_count, interrupt_count;
static struct pci bus;
static struct claims claims;

static struct function *find(pci_function_t function)
{
    for (unsigned i = 0; i < function_count; i++) {
        if (functions[i].function == function) {
            return &functions[i];
        }
    }
    return NULL;
}

static struct function *add(pci_function_t at, uint32_t class_code)
{
    struct function *function = &functions[function_count++];

    *function = (struct function){.function = at};
    function->reg[0] = 0x12348086;
    function->reg[1] = WORK | 0x100 | 1u << 20; /* at work; there are capabilities */
    function->reg[2] = class_code << 8;
    return function;
}

static int setup(void **state)
{
    (void)state;
    function_count = closed_count = interrupt_count = 0;
    memset(table, 0xa5, sizeof(table));
    claims = (struct claims){.pci = &bus, .system = SYSTEM};
    claims.client[0] = (struct claims_client){DISKS, 0xff0000, 0x010000};
    claims.client[1] = (struct claims_client){RIVAL, 0xff0000, 0x010000};
    claims.client[2] = (struct claims_client){CARDS, 0xff0000, 0x020000};
    claims.client_count = 3;
    struct function *card = add(CARD, 0x010802);
    card->reg[4] = CARD_BAR | 4; /* 64 bits wide */
    card->mask[0] = ~0x7fffu;
    card->mask[1] = ~0u;
    card->reg[6] = SMALL_BAR;
    card->mask[2] = ~0xffu;
    card->reg[7] = PORTS | 1;
    card->mask[3] = ~0x3fu;
    card->reg[13] = MSI_AT;
    card->reg[MSI_AT / 4] = MSI_ON | MSIX_AT << 8 | PCI_CAPABILITY_MSI;
    card->reg[MSIX_AT / 4] = ENABLED | (ENTRIES - 1) << 16 | PCI_CAPABILITY_MSIX;
    card->reg[MSIX_AT / 4 + 1] = TABLE | 0;
    struct function *plain = add(PLAIN, 0x020000);
    plain->reg[13] = MSI_AT;
    plain->reg[MSI_AT / 4] = MSI_ON | PCI_CAPABILITY_MSI;
    return 0;
}

/* ---- the machine ---- */

uint32_t pci_read(struct pci *pci, pci_function_t function, unsigned reg)
{
    const struct function *found = find(function);

    assert_ptr_equal(pci, &bus);
    return found != NULL ? found->reg[reg / 4] : UINT32_MAX;
}

void pci_write(struct pci *pci, pci_function_t function, unsigned reg, uint32_t value)
{
    struct function *found = find(function);
    unsigned bar = (reg - PCI_BAR0) / 4;

    assert_ptr_equal(pci, &bus);
    assert_non_null(found);
    if (reg >= PCI_BAR0 && bar < PCI_BARS) {
        assert_int_equal(found->reg[1] & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY), 0);
        uint32_t flags = found->reg[reg / 4] & (bar == 1 ? 0 : found->reg[reg / 4] & 1 ? 3 : 15);
        value = (value & found->mask[bar]) | flags;
    }
    if (reg == PCI_COMMAND) {
        value = (found->reg[1] & 0xffff0000) | (value & 0xffff);
    }
    found->reg[reg / 4] = value;
}

static bool is_silent(void)
{
    const struct function *card = find(CARD);

    for (unsigned i = 0; i < ENTRIES; i++) {
        if (table[4 * i] != 0 || table[4 * i + 2] != 0 || table[4 * i + 3] != 1) {
            return false;
        }
    }
    return (card->reg[MSIX_AT / 4] & ENABLED) == 0 && (card->reg[MSI_AT / 4] & MSI_ON) == 0 &&
           (card->reg[1] & PCI_COMMAND_BUS_MASTER) == 0;
}

/* An interrupt is given up when nothing can raise it any more. */
status_t sys_handle_close(uint64_t handle)
{
    if (handle >= INTERRUPTS) {
        assert_true(is_silent() || handle < INTERRUPTS + interrupt_count - 1); /* or replaced */
        closed[closed_count++] = handle;
    }
    return OK;
}

status_t sys_area_create_physical(uint64_t system, uint64_t address, uint64_t bytes, uint32_t cache,
                                  uint64_t *out_area)
{
    (void)cache;
    assert_int_equal(system, SYSTEM);
    area_address = address;
    area_bytes = bytes;
    *out_area = 11;
    return OK;
}

status_t sys_area_map(uint64_t process, uint64_t handle, uint64_t offset, uint64_t bytes,
                      uint64_t address, uint64_t protection, uint64_t *out_address)
{
    (void)protection;
    assert_true(process == 3 && handle == 11 && offset == 0 && address == 0 && bytes == PAGE_BYTES);
    assert_int_equal(area_address, CARD_BAR + TABLE);
    *out_address = (uint64_t)table;
    return OK;
}

status_t sys_area_unmap(uint64_t process, uint64_t address, uint64_t bytes)
{
    (void)process;
    (void)bytes;
    assert_int_equal(address, (uint64_t)table);
    return OK;
}

status_t sys_ports_create(uint64_t system, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    assert_true(system == SYSTEM && first >= PORTS && first + count <= PORTS + 0x40);
    *out_ports = 12;
    return OK;
}

status_t sys_interrupt_create_message(uint64_t system, uint32_t cpu, uint64_t *out_interrupt,
                                      uint64_t *out_address, uint64_t *out_data)
{
    assert_int_equal(system, SYSTEM);
    *out_interrupt = INTERRUPTS + interrupt_count;
    *out_address = 0xfee00000 | cpu << 12;
    *out_data = 0x40 + interrupt_count++;
    return OK;
}

status_t sys_interrupt_steer(uint64_t interrupt, uint32_t cpu, uint64_t *out_address,
                             uint64_t *out_data)
{
    (void)interrupt;
    (void)cpu;
    (void)out_address;
    (void)out_data;
    fail();
    return ERR_NOT_SUPPORTED;
}

/* ---- the cases ---- */

static void one_that_is_claimed_is_silent_and_as_it_was(void **state)
{
    const struct function *card = find(CARD);

    (void)state;
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    assert_true(is_silent());
    assert_int_equal(card->reg[4], CARD_BAR | 4);
    assert_int_equal(card->reg[5], 0);
    assert_int_equal(card->reg[7], PORTS | 1);
    assert_int_equal(card->reg[1] & 0xffff, PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX | 0x100);
    assert_int_equal(claims_take(&claims, CARDS, PLAIN), OK);
    assert_int_equal(find(PLAIN)->reg[MSI_AT / 4] & MSI_ON, 0);
}

static void functions_are_for_whom_they_are(void **state)
{
    (void)state;
    assert_int_equal(claims_take(&claims, CARDS, CARD), ERR_NO_RIGHTS);
    assert_int_equal(claims_take(&claims, 99, CARD), ERR_NO_RIGHTS);
    assert_int_equal(claims_take(&claims, DISKS, 0x1234), ERR_NOT_FOUND);
    assert_false(is_silent()); /* untouched */
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    find(CARD)->reg[1] |= PCI_COMMAND_BUS_MASTER;
    assert_int_equal(claims_take(&claims, RIVAL, CARD), ERR_BUSY);
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    assert_true(find(CARD)->reg[1] & PCI_COMMAND_BUS_MASTER); /* at work, and stays so */
    for (unsigned i = 0; i < CLAIMS_MAX; i++) {
        add((pci_function_t)(OTHERS + i), 0x010000);
        assert_int_equal(claims_take(&claims, DISKS, (pci_function_t)(OTHERS + i)),
                         i < CLAIMS_MAX - 1 ? OK : ERR_TABLE_FULL);
    }
}

static void registers_end_before_the_table(void **state)
{
    static const struct {
        uint64_t address, bytes, given;
        status_t status;
    } cases[] = {
        {CARD_BAR, PAGE_BYTES, PAGE_BYTES, OK},
        {CARD_BAR, TABLE, TABLE, OK},
        {CARD_BAR, 0x100000, TABLE, OK},
        {CARD_BAR + TABLE - PAGE_BYTES, 2 * PAGE_BYTES, PAGE_BYTES, OK},
        {CARD_BAR + TABLE, PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {CARD_BAR + TABLE, 4 * PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {CARD_BAR + TABLE + PAGE_BYTES, 1ull << 40, 0x4000, OK},
        {CARD_BAR + TABLE + PAGE_BYTES, ~0ull << 12, 0x4000, OK},
        {CARD_BAR + 4, PAGE_BYTES, 0, ERR_NOT_SUPPORTED},
        {CARD_BAR, 16, 0, ERR_NOT_SUPPORTED},
        {CARD_BAR, 0, 0, ERR_NO_RIGHTS},
        {CARD_BAR - PAGE_BYTES, 2 * PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {CARD_BAR + 0x8000, PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {SMALL_BAR, PAGE_BYTES, 0, ERR_NOT_SUPPORTED},
        {SMALL_BAR & ~0xfffu, PAGE_BYTES, PAGE_BYTES, OK}, /* all that is there */
        {SMALL_BAR & ~0xfffu, 2 * PAGE_BYTES, PAGE_BYTES, OK},
        {(SMALL_BAR & ~0xfffu) + PAGE_BYTES, PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {(SMALL_BAR & ~0xfffu) - PAGE_BYTES, PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {0xfee00000, PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {0, PAGE_BYTES, 0, ERR_NO_RIGHTS},
        {PORTS, PAGE_BYTES, 0, ERR_NO_RIGHTS},
    };
    uint64_t area, bytes;

    (void)state;
    assert_int_equal(claims_registers(&claims, DISKS, CARD_BAR, PAGE_BYTES, &area, &bytes),
                     ERR_NO_RIGHTS);
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        status_t status =
            claims_registers(&claims, DISKS, cases[i].address, cases[i].bytes, &area, &bytes);
        assert_int_equal(status, cases[i].status);
        if (status == OK) {
            assert_int_equal(bytes, cases[i].given);
            assert_true(area_address == cases[i].address && area_bytes == cases[i].given);
        }
        assert_int_equal(
            claims_registers(&claims, RIVAL, cases[i].address, cases[i].bytes, &area, &bytes),
            ERR_NO_RIGHTS);
    }
}

static void a_page_that_others_are_on_is_nobodys(void **state)
{
    const uint64_t page = SMALL_BAR & ~0xfffu;
    struct function *other = add(OTHERS, 0x020000), *bridge = add(BRIDGE, 0x060400);
    uint64_t area, bytes;

    (void)state;
    bridge->reg[3] = 1u << 16;
    bridge->reg[6] = 1u << 8 | 1u << 16; /* the other one is behind it */
    other->reg[9] = SMALL_BAR + PAGE_BYTES;
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    assert_int_equal(claims_registers(&claims, DISKS, page, PAGE_BYTES, &area, &bytes), OK);
    other->reg[9] = (uint32_t)page + 0x800;
    assert_int_equal(claims_registers(&claims, DISKS, page, PAGE_BYTES, &area, &bytes),
                     ERR_NOT_SUPPORTED);
    assert_int_equal(claims_registers(&claims, DISKS, CARD_BAR, PAGE_BYTES, &area, &bytes), OK);
    assert_int_equal(other->reg[1] & WORK, WORK); /* left at work */
}

static void ports_are_those_of_the_function(void **state)
{
    uint64_t ports;

    (void)state;
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    assert_int_equal(claims_ports(&claims, DISKS, PORTS, 0x40, &ports), OK);
    assert_int_equal(claims_ports(&claims, DISKS, PORTS + 0x3f, 1, &ports), OK);
    assert_int_equal(claims_ports(&claims, DISKS, PORTS + 0x20, 0x21, &ports), ERR_NO_RIGHTS);
    assert_int_equal(claims_ports(&claims, DISKS, PORTS + 1, UINT32_MAX, &ports), ERR_NO_RIGHTS);
    assert_int_equal(claims_ports(&claims, DISKS, PORTS - 1, 2, &ports), ERR_NO_RIGHTS);
    assert_int_equal(claims_ports(&claims, DISKS, 0xcf8, 8, &ports), ERR_NO_RIGHTS);
    assert_int_equal(claims_ports(&claims, RIVAL, PORTS, 1, &ports), ERR_NO_RIGHTS);
}

static void of_the_command_register_four_bits_are_written(void **state)
{
    (void)state;
    assert_int_equal(claims_command(&claims, DISKS, CARD, 0), ERR_NO_RIGHTS);
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    assert_int_equal(claims_command(&claims, DISKS, CARD, 0xffff), OK);
    assert_int_equal(find(CARD)->reg[1] & 0xffff, WORK | PCI_COMMAND_NO_INTX | 0x100);
    assert_int_equal(claims_command(&claims, DISKS, CARD, 0), OK);
    assert_int_equal(find(CARD)->reg[1] & 0xffff, 0x100);
    assert_int_equal(claims_command(&claims, RIVAL, CARD, 0xffff), ERR_NO_RIGHTS);
}

static void a_message_is_written_here_and_no_other_is_heard(void **state)
{
    uint64_t interrupt;

    (void)state;
    assert_int_equal(claims_message(&claims, DISKS, CARD, 0, 0, &interrupt), ERR_NO_RIGHTS);
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    assert_int_equal(claims_message(&claims, RIVAL, CARD, 0, 0, &interrupt), ERR_NO_RIGHTS);
    assert_int_equal(claims_message(&claims, DISKS, CARD, CLAIMS_MESSAGES_MAX, 0, &interrupt),
                     ERR_NOT_SUPPORTED);
    assert_int_equal(claims_message(&claims, DISKS, CARD, 2, 1, &interrupt), OK);
    assert_int_equal(interrupt, INTERRUPTS);
    assert_true(table[8] == 0xfee01000 && table[9] == 0 && table[10] == 0x40 && table[11] == 0);
    assert_true(table[3] == 1 && table[7] == 1 && table[15] == 1); /* the others stay masked */
    assert_true(find(CARD)->reg[MSIX_AT / 4] & ENABLED);
    assert_int_equal(closed_count, 0);
    assert_int_equal(claims_message(&claims, DISKS, CARD, 2, 1, &interrupt), OK);
    assert_true(closed_count == 1 && closed[0] == INTERRUPTS); /* the one before */
    assert_int_equal(table[10], 0x41);
}

/* The kernel may give the vector to another device only then. */
static void a_successor_finds_it_silent(void **state)
{
    uint64_t interrupt;

    (void)state;
    assert_int_equal(claims_take(&claims, DISKS, CARD), OK);
    assert_int_equal(claims_message(&claims, DISKS, CARD, 0, 0, &interrupt), OK);
    assert_int_equal(claims_message(&claims, DISKS, CARD, 1, 0, &interrupt), OK);
    assert_int_equal(claims_command(&claims, DISKS, CARD, WORK), OK);
    claims_begin(&claims, RIVAL);
    assert_false(is_silent());
    assert_int_equal(closed_count, 0);
    claims_begin(&claims, DISKS);
    assert_true(is_silent());
    assert_int_equal(closed_count, 2);
    claims_begin(&claims, DISKS);
    assert_int_equal(closed_count, 2);
    assert_int_equal(claims_take(&claims, RIVAL, CARD), ERR_BUSY); /* it stays DISKS' */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_is_claimed_is_silent_and_as_it_was, setup),
        cmocka_unit_test_setup(functions_are_for_whom_they_are, setup),
        cmocka_unit_test_setup(registers_end_before_the_table, setup),
        cmocka_unit_test_setup(a_page_that_others_are_on_is_nobodys, setup),
        cmocka_unit_test_setup(ports_are_those_of_the_function, setup),
        cmocka_unit_test_setup(of_the_command_register_four_bits_are_written, setup),
        cmocka_unit_test_setup(a_message_is_written_here_and_no_other_is_heard, setup),
        cmocka_unit_test_setup(a_successor_finds_it_silent, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
