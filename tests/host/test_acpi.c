/* SPDX-License-Identifier: MIT */
/*
 * The ACPI parser against tables built here byte by byte: what a good machine says, each way a
 * table can be broken, and random damage that must never make it read outside what was mapped.
 */
#include "arch/x86_64/acpi_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/ioapic_entry.h"
#include "base/log.h"

#define MEMORY_BASE  0x1000u
#define MEMORY_BYTES 0x8000u
#define RSDP         0x1000u
#define XSDT         0x1100u
#define RSDT         0x1200u
#define MADT         0x1400u
#define FADT         0x2000u
#define HPET         0x2400u
#define MCFG         0x2600u
#define DSDT         0x3000u
#define BOOT_ID      2u
#define MUTATIONS    50000u

static uint8_t *memory;
static unsigned warnings;

void log_write(enum log_level level, const char *format, ...)
{
    (void)format;
    warnings += level <= LOG_WARNING;
}

/*
 * What is outside is not there; what is inside is handed out as a copy of exactly the bytes asked
 * for, so that the sanitizer sees a read of one byte more. Freed when the test is over.
 */
static void *copies[4096];
static unsigned copy_count;

static const void *map(paddr_t pa, uint64_t bytes)
{
    if (pa < MEMORY_BASE || pa >= MEMORY_BASE + MEMORY_BYTES ||
        bytes > MEMORY_BASE + MEMORY_BYTES - pa) {
        return NULL;
    }
    void *copy = malloc(bytes);
    assert_true(copy && copy_count < ARRAY_COUNT(copies));
    memcpy(copy, memory + (pa - MEMORY_BASE), bytes);
    copies[copy_count++] = copy;
    return copy;
}

static void parse(struct acpi_info *info)
{
    warnings = 0;
    memset(info, 0xee, sizeof(*info));
    acpi_parse(info, RSDP, BOOT_ID, map);
    while (copy_count) {
        free(copies[--copy_count]);
    }
}

static void put(paddr_t pa, unsigned width, uint64_t value)
{
    memcpy(memory + (pa - MEMORY_BASE), &value, width);
}

static uint8_t *at(paddr_t pa)
{
    return memory + (pa - MEMORY_BASE);
}

static void seal(paddr_t pa, unsigned checksum_offset, unsigned bytes)
{
    uint8_t sum = 0;
    *at(pa + checksum_offset) = 0;
    for (unsigned i = 0; i < bytes; i++) {
        sum = (uint8_t)(sum + *at(pa + i));
    }
    *at(pa + checksum_offset) = (uint8_t)-sum;
}

static void seal_table(paddr_t pa)
{
    uint32_t length;
    memcpy(&length, at(pa + 4), 4);
    seal(pa, 9, length);
}

static void put_table(paddr_t pa, const char *signature, uint32_t bytes)
{
    memcpy(at(pa), signature, 4);
    put(pa + 4, 4, bytes);
}

static paddr_t put_bytes(paddr_t pa, const void *bytes, size_t count)
{
    memcpy(at(pa), bytes, count);
    return pa + count;
}

static void put_madt(void)
{
    static const uint8_t entries[] = {
        0, 8,  0,    0,  1,  0,    0,    0,                   /* core, APIC id 0 */
        0, 8,  1,    2,  1,  0,    0,    0,                   /* core, APIC id 2: the boot core */
        0, 8,  2,    4,  1,  0,    0,    0,                   /* core, APIC id 4 */
        0, 8,  3,    6,  0,  0,    0,    0,                   /* disabled */
        0, 8,  4,    7,  2,  0,    0,    0,                   /* could be plugged in later */
        1, 12, 0,    0,  0,  0,    0xc0, 0xfe, 0,    0, 0, 0, /* I/O APIC at 0xfec00000 from 0 */
        1, 12, 1,    0,  0,  0x10, 0xc0, 0xfe, 24,   0, 0, 0, /* I/O APIC at 0xfec01000 from 24 */
        2, 10, 0,    0,  2,  0,    0,    0,    0,    0,       /* ISA 0 is line 2 */
        2, 10, 0,    9,  9,  0,    0,    0,    0x0d, 0,       /* ISA 9: level, active high */
        2, 10, 0,    4,  28, 0,    0,    0,    0x0f, 0, /* ISA 4 is line 28: level, active low */
        2, 10, 1,    5,  99, 0,    0,    0,    0,    0, /* another bus */
        2, 10, 0,    16, 99, 0,    0,    0,    0,    0, /* no such ISA line */
        4, 6,  0xff, 0,  0,  1,                         /* NMI: not read */
        9, 16, 0,    0,  4,  0,    0,    0,    1,    0, 0, 0,
        2, 0,  0,    0, /* core 4 again, as x2APIC */
        9, 16, 0,    0,  8,  0,    0,    0,    1,    0, 0, 0,
        5, 0,  0,    0, /* core 8 only as x2APIC */
        9, 16, 0,    0,  0,  1,    0,    0,    1,    0, 0, 0,
        6, 0,  0,    0, /* core 256: not reachable by xAPIC */
    };
    put_table(MADT, "APIC", 44 + sizeof(entries));
    put(MADT + 36, 4, 0xfee01000);
    put_bytes(MADT + 44, entries, sizeof(entries));
    seal_table(MADT);
}

static void put_fadt(uint32_t bytes)
{
    put_table(FADT, "FACP", bytes);
    put(FADT + 40, 4, DSDT);
    put(FADT + 48, 4, 0xb2);
    put(FADT + 52, 1, 0xa0);
    put(FADT + 64, 4, 0x604);
    put(FADT + 76, 4, 0x608);
    put(FADT + 112, 4, 1u << 10);
    put(FADT + 116, 1, 1); /* reset register: port 0xcf9 */
    put(FADT + 120, 8, 0xcf9);
    put(FADT + 128, 1, 0x0f);
    if (bytes >= 244) {
        put(FADT + 140, 8, DSDT);
        put(FADT + 172, 1, 1); /* PM1a control moved to 0x1804 */
        put(FADT + 176, 8, 0x1804);
    }
    seal_table(FADT);
}

static void put_dsdt(const void *aml, size_t bytes)
{
    memset(at(DSDT), 0x10, 0x1000);
    put_table(DSDT, "DSDT", (uint32_t)(36 + 20 + bytes));
    put_bytes(DSDT + 36 + 20, aml, bytes);
    seal_table(DSDT);
}

static const uint8_t s5_aml[] = {0x08, '_',  'S',  '5',  '_',  0x12, 0x06,
                                 0x04, 0x0a, 0x05, 0x0a, 0x07, 0x00, 0x00};

/* Another segment, then the first one. */
static void put_mcfg(unsigned entries)
{
    put_table(MCFG, "MCFG", 44 + 16 * entries);
    put(MCFG + 44, 8, 0xc0000000);
    put(MCFG + 52, 4, 0xff000001);
    put(MCFG + 60, 8, 0xb0000000);
    put(MCFG + 68, 4, 0x7f010000);
    seal_table(MCFG);
}

static int set_up(void **state)
{
    (void)state;
    memory = calloc(1, MEMORY_BYTES);
    memcpy(at(RSDP), "RSD PTR ", 8);
    put(RSDP + 15, 1, 2);
    put(RSDP + 16, 4, RSDT);
    put(RSDP + 20, 4, 36);
    put(RSDP + 24, 8, XSDT);
    seal(RSDP, 8, 20);
    seal(RSDP, 32, 36);
    put_table(XSDT, "XSDT", 36 + 32);
    put(XSDT + 36, 8, MADT);
    put(XSDT + 44, 8, FADT);
    put(XSDT + 52, 8, HPET);
    put(XSDT + 60, 8, MCFG);
    seal_table(XSDT);
    put_table(RSDT, "RSDT", 36 + 4);
    put(RSDT + 36, 4, MADT);
    seal_table(RSDT);
    put_madt();
    put_fadt(244);
    put_dsdt(s5_aml, sizeof(s5_aml));
    put_table(HPET, "HPET", 56);
    put(HPET + 44, 8, 0xfed00000);
    seal_table(HPET);
    put_mcfg(2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static void the_boot_core_is_first_and_cores_are_listed_once(void **state)
{
    (void)state;
    struct acpi_info info;
    parse(&info);
    assert_int_equal(info.cpu_count, 4);
    assert_int_equal(info.apic_id[0], BOOT_ID);
    assert_int_equal(info.apic_id[1], 0);
    assert_int_equal(info.apic_id[2], 4);
    assert_int_equal(info.apic_id[3], 8);
    assert_int_equal(warnings, 1); /* core 256 */
}

static void isa_lines_follow_the_overrides(void **state)
{
    (void)state;
    struct acpi_info info;
    parse(&info);
    static const struct {
        unsigned line;
        uint32_t gsi;
        uint16_t flags;
    } cases[] = {{0, 2, 0}, {1, 1, 0}, {4, 28, 0x0f}, {5, 5, 0}, {9, 9, 0x0d}, {15, 15, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(info.isa_line[cases[i].line].gsi, cases[i].gsi);
        assert_int_equal(info.isa_line[cases[i].line].flags, cases[i].flags);
    }
}

static void configuration_space_of_the_first_segment(void **state)
{
    (void)state;
    struct acpi_info info;
    parse(&info);
    assert_int_equal(info.pci_config.address, 0xb0000000);
    assert_int_equal(info.pci_config.first_bus, 1);
    assert_int_equal(info.pci_config.last_bus, 0x7f);
    put_mcfg(1);
    parse(&info);
    assert_int_equal(info.pci_config.address, 0);
    put_mcfg(2);
    put(MCFG + 4, 4, 44 + 31); /* the second one is not whole */
    seal_table(MCFG);
    parse(&info);
    assert_int_equal(info.pci_config.address, 0);
    put_mcfg(2);
    put(MCFG + 70, 2, 0x0203); /* ends before it begins */
    seal_table(MCFG);
    parse(&info);
    assert_int_equal(info.pci_config.address, 0);
    put_mcfg(2);
    put(MCFG + 60, 8, 0xb0001000); /* no place for a bus */
    seal_table(MCFG);
    parse(&info);
    assert_int_equal(info.pci_config.address, 0);
}

static void redirection_entries_for_nmi(void **state)
{
    (void)state;
    assert_int_equal(ioapic_entry_nmi(0, 0), 0x400);
    assert_int_equal(ioapic_entry_nmi(0x05, 3), 0x0300000000000400ull); /* active high, edge */
    assert_int_equal(ioapic_entry_nmi(0x0f, 1),
                     0x0100000000002400ull); /* active low; never level */
    assert_int_equal(ioapic_entry_nmi(0x0d, 0xfe), 0xfe00000000000400ull);
}

static void chips_timers_and_power(void **state)
{
    (void)state;
    struct acpi_info info;
    parse(&info);
    assert_int_equal(info.local_apic, 0xfee01000);
    assert_int_equal(info.ioapic_count, 2);
    assert_int_equal(info.ioapic[0].address, 0xfec00000);
    assert_int_equal(info.ioapic[1].address, 0xfec01000);
    assert_int_equal(info.ioapic[1].gsi_base, 24);
    assert_int_equal(info.hpet, 0xfed00000);
    assert_int_equal(info.pm_timer_port, 0x608); /* no 64-bit form: the old one counts */
    assert_int_equal(info.pm1a_control, 0x1804);
    assert_int_equal(info.pm1b_control, 0);
    assert_int_equal(info.smi_command, 0xb2);
    assert_int_equal(info.acpi_enable, 0xa0);
    assert_true(info.has_reset);
    assert_int_equal(info.reset_space, ACPI_SPACE_IO);
    assert_int_equal(info.reset_address, 0xcf9);
    assert_int_equal(info.reset_value, 0x0f);
    assert_true(info.has_s5);
    assert_int_equal(info.s5_type_a, 5);
    assert_int_equal(info.s5_type_b, 7);
}

static void a_short_old_fadt_has_no_reset_and_no_64_bit_fields(void **state)
{
    (void)state;
    put_fadt(244);
    put_fadt(116);
    struct acpi_info info;
    parse(&info);
    assert_false(info.has_reset);
    assert_int_equal(info.pm1a_control, 0x604);
    assert_true(info.has_s5);
}

static void an_acpi_1_machine_uses_the_rsdt(void **state)
{
    (void)state;
    put(RSDP + 15, 1, 0);
    seal(RSDP, 8, 20);
    struct acpi_info info;
    parse(&info);
    assert_int_equal(info.cpu_count, 4);
    assert_int_equal(info.hpet, 0); /* our RSDT lists the MADT only */
}

static void a_damaged_second_checksum_falls_back_to_the_rsdt(void **state)
{
    (void)state;
    *at(RSDP + 33) ^= 1;
    struct acpi_info info;
    parse(&info);
    assert_int_equal(info.cpu_count, 4);
    assert_int_equal(info.hpet, 0);
}

static void more_cores_than_we_can_hold_are_left_out(void **state)
{
    (void)state;
    put_table(MADT, "APIC", 44 + 8 * 60);
    for (unsigned i = 0; i < 60; i++) {
        uint8_t entry[] = {0, 8, (uint8_t)i, (uint8_t)i, 1, 0, 0, 0};
        put_bytes(MADT + 44 + 8 * i, entry, sizeof(entry));
    }
    seal_table(MADT);
    struct acpi_info info;
    parse(&info);
    assert_int_equal(info.cpu_count, CPU_MAX);
    assert_int_equal(warnings, 60 - CPU_MAX);
    assert_int_equal(info.apic_id[0], BOOT_ID);
}

struct s5_case {
    const char *name;
    uint8_t aml[20];
    unsigned bytes;
    bool has;
    uint16_t a, b;
};

static void forms_of_s5(void **state)
{
    (void)state;
    static const struct s5_case cases[] = {
        {"bytes", {8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 7}, 12, true, 5, 7},
        {"zero and one", {8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 1, 0, 0}, 12, true, 0, 1},
        {"words", {8, '_', 'S', '5', '_', 0x12, 8, 2, 0x0b, 6, 0, 0x0b, 3, 0}, 14, true, 6, 3},
        {"root prefix",
         {8, '\\', '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 5},
         13,
         true,
         5,
         5},
        {"two-byte length",
         {8, '_', 'S', '5', '_', 0x12, 0x46, 0, 4, 0x0a, 1, 0x0a, 2},
         13,
         true,
         1,
         2},
        {"not a name", {9, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 7}, 12, false, 0, 0},
        {"not a package", {8, '_', 'S', '5', '_', 0x11, 6, 4, 0x0a, 5, 0x0a, 7}, 12, false, 0, 0},
        {"one element", {8, '_', 'S', '5', '_', 0x12, 6, 1, 0x0a, 5}, 10, false, 0, 0},
        {"cut in the number", {8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a}, 11, false, 0, 0},
        {"cut after the name", {8, '_', 'S', '5', '_'}, 5, false, 0, 0},
        {"a reference", {8, '_', 'S', '5', '_', 0x12, 6, 4, 'A', 'B', 'C', 'D'}, 12, false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        put_dsdt(cases[i].aml, cases[i].bytes);
        struct acpi_info info;
        parse(&info);
        if (info.has_s5 != cases[i].has ||
            (cases[i].has && (info.s5_type_a != cases[i].a || info.s5_type_b != cases[i].b))) {
            fail_msg("%s: has %d, %u %u", cases[i].name, info.has_s5, info.s5_type_a,
                     info.s5_type_b);
        }
    }
}

static void expect_defaults(const struct acpi_info *info)
{
    assert_int_equal(info->cpu_count, 1);
    assert_int_equal(info->apic_id[0], BOOT_ID);
    assert_int_equal(info->local_apic, 0xfee00000);
    assert_int_equal(info->isa_line[4].gsi, 4);
}

static void a_table_that_is_wrong_is_named_and_skipped(void **state)
{
    (void)state;
    struct acpi_info info;
    *at(MADT + 60) ^= 1; /* checksum */
    parse(&info);
    expect_defaults(&info);
    assert_int_equal(info.hpet, 0xfed00000); /* the others count */
    assert_int_equal(warnings, 1);

    put_madt();
    put(MADT + 4, 4, 35); /* shorter than its header */
    parse(&info);
    expect_defaults(&info);
    put(MADT + 4, 4, 0xffffffff);
    parse(&info);
    expect_defaults(&info);

    put_madt();
    put(XSDT + 36, 8, 0xfffffffffffff000ull); /* nowhere */
    seal_table(XSDT);
    parse(&info);
    expect_defaults(&info);
    assert_int_equal(warnings, 1);
}

static void an_entry_of_length_zero_ends_the_madt(void **state)
{
    (void)state;
    *at(MADT + 44 + 8 + 1) = 0; /* the second entry */
    seal_table(MADT);
    struct acpi_info info;
    parse(&info);
    assert_int_equal(info.cpu_count, 2);
    assert_int_equal(info.ioapic_count, 0);
    assert_int_equal(warnings, 1);
}

static void no_root_pointer(void **state)
{
    (void)state;
    struct acpi_info info;
    *at(RSDP) = 'X';
    parse(&info);
    expect_defaults(&info);
    acpi_parse(&info, 0, BOOT_ID, map);
    expect_defaults(&info);
}

/* Damage anywhere, checksums made right again so that the damage gets in. The sanitizers judge. */
static void random_damage_never_reads_outside(void **state)
{
    static const paddr_t tables[] = {XSDT, RSDT, MADT, FADT, HPET, MCFG, DSDT};
    srand(20240101);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        for (int n = rand() % 4; n >= 0; n--) {
            paddr_t table = tables[rand() % (int)ARRAY_COUNT(tables)];
            *at(table + (unsigned)rand() % 300) = (uint8_t)rand();
        }
        for (size_t t = 0; t < ARRAY_COUNT(tables); t++) {
            uint32_t length;
            memcpy(&length, at(tables[t] + 4), 4);
            if (length >= 36 && length < 0x1000) {
                seal(tables[t], 9, length);
            }
        }
        struct acpi_info info;
        parse(&info);
        assert_in_range(info.cpu_count, 1, CPU_MAX);
        assert_in_range(info.ioapic_count, 0, ARRAY_COUNT(info.ioapic));
        if (i % 16 == 15) {
            tear_down(state);
            set_up(state);
        }
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_boot_core_is_first_and_cores_are_listed_once),
        CASE(isa_lines_follow_the_overrides),
        CASE(configuration_space_of_the_first_segment),
        CASE(redirection_entries_for_nmi),
        CASE(chips_timers_and_power),
        CASE(a_short_old_fadt_has_no_reset_and_no_64_bit_fields),
        CASE(an_acpi_1_machine_uses_the_rsdt),
        CASE(a_damaged_second_checksum_falls_back_to_the_rsdt),
        CASE(more_cores_than_we_can_hold_are_left_out),
        CASE(forms_of_s5),
        CASE(a_table_that_is_wrong_is_named_and_skipped),
        CASE(an_entry_of_length_zero_ends_the_madt),
        CASE(no_root_pointer),
        CASE(random_damage_never_reads_outside),
    };
    return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
