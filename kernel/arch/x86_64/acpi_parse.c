/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables without an AML interpreter: root pointer -> XSDT or RSDT -> MADT, FADT, HPET, MCFG, and
 * from the DSDT the one object that powering off needs, \_S5.
 *
 * A1  A table is used only if all of it can be mapped, its length is sane and its bytes add up to
 *     0; otherwise it is named in the log and skipped.
 * A2  Fields are read by offset, each after a check against the table's length: FADTs come in every
 *     length from 116 to 276, and nothing in a table is aligned.
 *
 * Source: ACPI 6.4, chapter "ACPI Software Programming Model"; AML encoding: chapter "ACPI Machine
 * Language (AML) Specification".
 */
#include "arch/x86_64/acpi_parse.h"

#include "base/log.h"
#include "base/string.h"

#define RSDP_BYTES_1  20u /* ACPI 1.0; the first checksum covers these */
#define RSDP_BYTES_2  36u
#define RSDP_REVISION 15u
#define RSDP_RSDT     16u
#define RSDP_XSDT     24u

#define HEADER_BYTES    36u
#define HEADER_LENGTH   4u
#define TABLE_BYTES_MAX (16u << 20)

#define MADT_LOCAL_APIC 36u
#define MADT_ENTRIES    44u
enum madt_type {
    MADT_PROCESSOR = 0,
    MADT_IO_APIC = 1,
    MADT_SOURCE_OVERRIDE = 2,
    MADT_APIC_OVERRIDE = 5,
    MADT_PROCESSOR_X2 = 9,
};
#define MADT_ENABLED 1u

#define FADT_DSDT         40u
#define FADT_SMI_COMMAND  48u
#define FADT_ACPI_ENABLE  52u
#define FADT_PM1A_CONTROL 64u
#define FADT_PM1B_CONTROL 68u
#define FADT_PM_TIMER     76u
#define FADT_FLAGS        112u
#define FADT_FLAG_RESET   (1u << 10)
#define FADT_RESET        116u
#define FADT_RESET_VALUE  128u
#define FADT_X_DSDT       140u
#define FADT_X_PM1A       172u
#define FADT_X_PM1B       184u
#define FADT_X_PM_TIMER   208u

#define HPET_ADDRESS 40u

#define MCFG_ENTRIES     44u
#define MCFG_ENTRY_BYTES 16u
#define MCFG_SEGMENT     8u
#define MCFG_FIRST_BUS   10u
#define MCFG_LAST_BUS    11u
#define MCFG_ALIGN       0xfffffull /* a bus has 1 MiB */

#define GAS_ADDRESS 4u /* in a generic address structure: space, width, offset, access, address */

#define AML_NAME    0x08u
#define AML_PACKAGE 0x12u
#define AML_ZERO    0x00u
#define AML_ONE     0x01u
#define AML_BYTE    0x0au
#define AML_WORD    0x0bu
#define AML_DWORD   0x0cu

struct table {
    const uint8_t *bytes;
    uint32_t length;
};

static bool has_field(const struct table *table, uint32_t offset, uint32_t bytes)
{
    return offset <= table->length && bytes <= table->length - offset;
}

/*
 * Little endian, unaligned; 0 past the end of the table, which is what every field means when it is
 * absent.
 */
static uint64_t read_field(const struct table *table, uint32_t offset, uint32_t bytes)
{
    uint64_t value = 0;
    if (has_field(table, offset, bytes)) {
        for (uint32_t i = 0; i < bytes; i++) {
            value |= (uint64_t)table->bytes[offset + i] << (8 * i);
        }
    }
    return value;
}

static bool adds_up(const uint8_t *bytes, uint32_t count)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

/* A table of any signature, complete and correct (A1). */
static bool open_table(paddr_t pa, acpi_map_fn *map, struct table *out)
{
    const uint8_t *header = map(pa, HEADER_BYTES);
    if (!header) {
        log_warning("acpi: a table at 0x%lx is out of reach", pa);
        return false;
    }
    struct table table = {header, HEADER_BYTES};
    uint32_t length = (uint32_t)read_field(&table, HEADER_LENGTH, 4);
    if (length < HEADER_BYTES || length > TABLE_BYTES_MAX || !map(pa, length)) {
        log_warning("acpi: %.4s at 0x%lx has a length of %u, ignored", (const char *)header, pa,
                    length);
        return false;
    }
    table.bytes = map(pa, length);
    table.length = length;
    if (!adds_up(table.bytes, length)) {
        log_warning("acpi: %.4s at 0x%lx has a wrong checksum, ignored", (const char *)header, pa);
        return false;
    }
    *out = table;
    return true;
}

static bool has_signature(const struct table *table, const char *signature)
{
    return memcmp(table->bytes, signature, 4) == 0;
}

/* --- MADT: cores, I/O APICs, ISA lines --- */

static void add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t flags, uint32_t boot_apic_id)
{
    if (!(flags & MADT_ENABLED) || apic_id == boot_apic_id) {
        return;
    }
    if (apic_id >= 0xff) {
        log_warning("acpi: core with APIC id %u needs x2APIC, left out", apic_id);
        return;
    }
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        if (info->apic_id[i] == apic_id) { /* listed both as processor and as x2APIC processor */
            return;
        }
    }
    if (info->cpu_count == CPU_MAX) {
        log_warning("acpi: core with APIC id %u is one more than %u, left out", apic_id,
                    (unsigned)CPU_MAX);
        return;
    }
    info->apic_id[info->cpu_count++] = apic_id;
}

static void add_ioapic(struct acpi_info *info, const struct table *entry)
{
    if (info->ioapic_count < ARRAY_COUNT(info->ioapic) && entry->length >= 12) {
        info->ioapic[info->ioapic_count].address = read_field(entry, 4, 4);
        info->ioapic[info->ioapic_count].gsi_base = (uint32_t)read_field(entry, 8, 4);
        info->ioapic_count++;
    }
}

static void override_source(struct acpi_info *info, const struct table *entry)
{
    uint64_t bus = read_field(entry, 2, 1);
    uint64_t line = read_field(entry, 3, 1);
    if (bus == 0 && line < ARRAY_COUNT(info->isa_line) && entry->length >= 10) {
        info->isa_line[line].gsi = (uint32_t)read_field(entry, 4, 4);
        info->isa_line[line].flags = (uint16_t)read_field(entry, 8, 2);
    }
}

static void read_madt_entry(struct acpi_info *info, const struct table *entry,
                            uint32_t boot_apic_id)
{
    switch (entry->bytes[0]) {
    case MADT_PROCESSOR:
        add_cpu(info, (uint32_t)read_field(entry, 3, 1), (uint32_t)read_field(entry, 4, 4),
                boot_apic_id);
        break;
    case MADT_PROCESSOR_X2:
        add_cpu(info, (uint32_t)read_field(entry, 4, 4), (uint32_t)read_field(entry, 8, 4),
                boot_apic_id);
        break;
    case MADT_IO_APIC:
        add_ioapic(info, entry);
        break;
    case MADT_SOURCE_OVERRIDE:
        override_source(info, entry);
        break;
    case MADT_APIC_OVERRIDE:
        info->local_apic = entry->length >= 12 ? read_field(entry, 4, 8) : info->local_apic;
        break;
    default:
        break;
    }
}

static void read_madt(struct acpi_info *info, const struct table *madt, uint32_t boot_apic_id)
{
    if (has_field(madt, MADT_LOCAL_APIC, 4)) {
        info->local_apic = read_field(madt, MADT_LOCAL_APIC, 4);
    }
    uint32_t offset = MADT_ENTRIES;
    while (has_field(madt, offset, 2)) {
        struct table entry = {madt->bytes + offset, madt->bytes[offset + 1]};
        if (entry.length < 2 || !has_field(madt, offset, entry.length)) {
            log_warning("acpi: MADT entry at offset %u has a length of %u, rest ignored", offset,
                        entry.length);
            return;
        }
        read_madt_entry(info, &entry, boot_apic_id);
        offset += entry.length;
    }
}

/* --- FADT: power, reset, timer --- */

/* The number that an AML constant at *offset stands for; moves *offset past it. */
static bool read_aml_number(const struct table *table, uint32_t *offset, uint16_t *out)
{
    static const uint8_t bytes_of[] = {[AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4};
    if (!has_field(table, *offset, 1)) {
        return false;
    }
    uint8_t op = table->bytes[(*offset)++];
    if (op == AML_ZERO || op == AML_ONE) {
        *out = op;
        return true;
    }
    if (op >= sizeof(bytes_of) || bytes_of[op] == 0 || !has_field(table, *offset, bytes_of[op])) {
        return false;
    }
    *out = (uint16_t)read_field(table, *offset, bytes_of[op]);
    *offset += bytes_of[op];
    return true;
}

/*
 * Name (\_S5, Package () {a, b, ...}): 08 [5c] "_S5_" 12 length count a b. The length has 0 to 3
 * more bytes (its top bits).
 */
static bool read_s5_at(struct acpi_info *info, const struct table *table, uint32_t name)
{
    bool is_named =
        (name >= 1 && table->bytes[name - 1] == AML_NAME) ||
        (name >= 2 && table->bytes[name - 1] == '\\' && table->bytes[name - 2] == AML_NAME);
    if (!is_named || !has_field(table, name, 7) || table->bytes[name + 4] != AML_PACKAGE) {
        return false;
    }
    uint32_t offset = name + 5;
    offset += 1u + (table->bytes[offset] >> 6); /* package length */
    if (read_field(table, offset, 1) < 2) {
        return false;
    }
    offset++;
    if (!read_aml_number(table, &offset, &info->s5_type_a) ||
        !read_aml_number(table, &offset, &info->s5_type_b)) {
        return false;
    }
    info->has_s5 = true;
    return true;
}

static void find_s5(struct acpi_info *info, const struct table *dsdt)
{
    for (uint32_t i = HEADER_BYTES; has_field(dsdt, i, 4); i++) {
        if (memcmp(dsdt->bytes + i, "_S5_", 4) == 0 && read_s5_at(info, dsdt, i)) {
            return;
        }
    }
    log_warning("acpi: no \\_S5 in the DSDT, this machine cannot be switched off");
}

/*
 * The 64-bit form of an address wins if it is there and not 0. Only I/O ports: every PC has these
 * there.
 */
static uint32_t read_port_block(const struct table *fadt, uint32_t offset, uint32_t x_offset)
{
    uint64_t address = read_field(fadt, x_offset + GAS_ADDRESS, 8);
    if (address != 0 && read_field(fadt, x_offset, 1) == ACPI_SPACE_IO && address <= 0xffff) {
        return (uint32_t)address;
    }
    return (uint32_t)read_field(fadt, offset, 4) & 0xffff;
}

static void read_reset(struct acpi_info *info, const struct table *fadt)
{
    uint64_t flags = read_field(fadt, FADT_FLAGS, 4);
    uint64_t address = read_field(fadt, FADT_RESET + GAS_ADDRESS, 8);
    uint64_t space = read_field(fadt, FADT_RESET, 1);
    if ((flags & FADT_FLAG_RESET) && address != 0 &&
        (space == ACPI_SPACE_IO || space == ACPI_SPACE_MEMORY) &&
        has_field(fadt, FADT_RESET_VALUE, 1)) {
        info->has_reset = true;
        info->reset_space = (uint8_t)space;
        info->reset_address = address;
        info->reset_value = (uint8_t)read_field(fadt, FADT_RESET_VALUE, 1);
    }
}

static void read_fadt(struct acpi_info *info, const struct table *fadt, acpi_map_fn *map)
{
    info->smi_command = (uint32_t)read_field(fadt, FADT_SMI_COMMAND, 4);
    info->acpi_enable = (uint8_t)read_field(fadt, FADT_ACPI_ENABLE, 1);
    info->pm1a_control = read_port_block(fadt, FADT_PM1A_CONTROL, FADT_X_PM1A);
    info->pm1b_control = read_port_block(fadt, FADT_PM1B_CONTROL, FADT_X_PM1B);
    info->pm_timer_port = read_port_block(fadt, FADT_PM_TIMER, FADT_X_PM_TIMER);
    read_reset(info, fadt);

    uint64_t dsdt_address = read_field(fadt, FADT_X_DSDT, 8);
    if (dsdt_address == 0) {
        dsdt_address = read_field(fadt, FADT_DSDT, 4);
    }
    struct table dsdt;
    if (dsdt_address != 0 && open_table(dsdt_address, map, &dsdt)) {
        find_s5(info, &dsdt);
    }
}

/* --- HPET and the root --- */

static void read_hpet(struct acpi_info *info, const struct table *hpet)
{
    if (read_field(hpet, HPET_ADDRESS, 1) == ACPI_SPACE_MEMORY) {
        info->hpet = read_field(hpet, HPET_ADDRESS + GAS_ADDRESS, 8);
    }
}

/* Only the first segment, which is the one that ports reach, too. Source: PCI Firmware Specification 3.0, "MCFG Table". */
static void read_mcfg(struct acpi_info *info, const struct table *mcfg)
{
    for (uint32_t at = MCFG_ENTRIES; has_field(mcfg, at, MCFG_ENTRY_BYTES);
         at += MCFG_ENTRY_BYTES) {
        uint64_t address = read_field(mcfg, at, 8);
        uint8_t first = (uint8_t)read_field(mcfg, at + MCFG_FIRST_BUS, 1);
        uint8_t last = (uint8_t)read_field(mcfg, at + MCFG_LAST_BUS, 1);
        if (read_field(mcfg, at + MCFG_SEGMENT, 2) == 0 && (address & MCFG_ALIGN) == 0 &&
            first <= last) {
            info->pci_config.address = address;
            info->pci_config.first_bus = first;
            info->pci_config.last_bus = last;
            return;
        }
    }
}

static void read_table(struct acpi_info *info, paddr_t pa, uint32_t boot_apic_id, acpi_map_fn *map)
{
    struct table table;
    if (!open_table(pa, map, &table)) {
        return;
    }
    if (has_signature(&table, "APIC")) {
        read_madt(info, &table, boot_apic_id);
    } else if (has_signature(&table, "FACP")) {
        read_fadt(info, &table, map);
    } else if (has_signature(&table, "HPET")) {
        read_hpet(info, &table);
    } else if (has_signature(&table, "MCFG")) {
        read_mcfg(info, &table);
    }
}

/* Where the list of tables is, and how wide its entries are. */
static paddr_t find_root_table(paddr_t rsdp, acpi_map_fn *map, uint32_t *out_entry_bytes)
{
    struct table root = {map(rsdp, RSDP_BYTES_1), RSDP_BYTES_1};
    if (rsdp == 0 || !root.bytes || memcmp(root.bytes, "RSD PTR ", 8) != 0 ||
        !adds_up(root.bytes, RSDP_BYTES_1)) {
        log_warning("acpi: no root pointer at 0x%lx", rsdp);
        return 0;
    }
    if (root.bytes[RSDP_REVISION] >= 2 && map(rsdp, RSDP_BYTES_2)) {
        root = (struct table){map(rsdp, RSDP_BYTES_2), RSDP_BYTES_2};
        paddr_t xsdt = read_field(&root, RSDP_XSDT, 8);
        if (xsdt != 0 && adds_up(root.bytes, RSDP_BYTES_2)) {
            *out_entry_bytes = 8;
            return xsdt;
        }
    }
    *out_entry_bytes = 4;
    return read_field(&root, RSDP_RSDT, 4);
}

static void set_defaults(struct acpi_info *info, uint32_t boot_apic_id)
{
    memset(info, 0, sizeof(*info));
    info->cpu_count = 1;
    info->apic_id[0] = boot_apic_id;
    info->local_apic = 0xfee00000;
    for (uint32_t line = 0; line < ARRAY_COUNT(info->isa_line); line++) {
        info->isa_line[line].gsi = line;
    }
}

void acpi_parse(struct acpi_info *info, paddr_t rsdp, uint32_t boot_apic_id, acpi_map_fn *map)
{
    set_defaults(info, boot_apic_id);
    uint32_t entry_bytes = 0;
    paddr_t list_address = find_root_table(rsdp, map, &entry_bytes);
    struct table list;
    if (list_address == 0 || !open_table(list_address, map, &list)) {
        return;
    }
    for (uint32_t offset = HEADER_BYTES; has_field(&list, offset, entry_bytes);
         offset += entry_bytes) {
        paddr_t pa = read_field(&list, offset, entry_bytes);
        if (pa != 0) {
            read_table(info, pa, boot_apic_id, map);
        }
    }
}
