/* SPDX-License-Identifier: MIT */
/* Who has which function: see claims.h. */
#include "userspace/services/bus/claims.h"

#include <stddef.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/lib/start.h"

#define COMMAND_BITS                                                                               \
    (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER | PCI_COMMAND_NO_INTX)

static struct msi msi_of(const struct claims *claims, const struct claim *claim)
{
    return (struct msi){claims->pci, claims->system, claim->function};
}

/* ---- O4 ---- */

static void write_command(struct claims *claims, const struct claim *claim, uint32_t bits)
{
    uint32_t command = pci_read(claims->pci, claim->function, PCI_COMMAND) & 0xffff;

    pci_write(claims->pci, claim->function, PCI_COMMAND,
              (command & ~COMMAND_BITS) | (bits & COMMAND_BITS));
}

/* Interrupts last: until then the device may raise them. Its table can be written only while it answers to memory. */
static void silence(struct claims *claims, struct claim *claim)
{
    const struct msi msi = msi_of(claims, claim);

    write_command(claims, claim, PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX);
    msi_silence(&msi);
    for (unsigned i = 0; i < CLAIMS_MESSAGES_MAX; i++) {
        if (claim->interrupt[i] != HANDLE_NONE) {
            (void)sys_handle_close(claim->interrupt[i]);
            claim->interrupt[i] = HANDLE_NONE;
        }
    }
}

void claims_begin(struct claims *claims, uint64_t badge)
{
    for (unsigned i = 0; i < CLAIMS_MAX; i++) {
        if (claims->claim[i].badge == badge) {
            silence(claims, &claims->claim[i]);
        }
    }
}

/* ---- O1 ---- */

static struct claim *find_claim(struct claims *claims, pci_function_t function)
{
    for (unsigned i = 0; i < CLAIMS_MAX; i++) {
        if (claims->claim[i].badge != 0 && claims->claim[i].function == function) {
            return &claims->claim[i];
        }
    }
    return NULL;
}

static struct claim *find_own(struct claims *claims, uint64_t badge, pci_function_t function)
{
    struct claim *claim = find_claim(claims, function);

    return claim != NULL && claim->badge == badge ? claim : NULL;
}

static struct claim *find_free(struct claims *claims)
{
    for (unsigned i = 0; i < CLAIMS_MAX; i++) {
        if (claims->claim[i].badge == 0) {
            return &claims->claim[i];
        }
    }
    return NULL;
}

static bool may_have(const struct claims *claims, uint64_t badge, uint32_t class_code)
{
    for (unsigned i = 0; i < claims->client_count; i++) {
        const struct claims_client *client = &claims->client[i];

        if (client->badge == badge && (class_code & client->class_mask) == client->class_code) {
            return true;
        }
    }
    return false;
}

static void note_bars(struct claims *claims, struct claim *claim, const struct pci_facts *facts)
{
    for (unsigned i = 0; i < pci_bar_count(facts); i++) {
        uint32_t low = pci_read(claims->pci, claim->function, PCI_BAR0 + 4 * i);
        struct claims_bar *bar = &claim->bar[i];

        bar->is_ports = (low & PCI_BAR_IO) != 0;
        bar->first = bar->is_ports ? low & ~3u : pci_bar(claims->pci, claim->function, i);
        bar->bytes = bar->first != 0 ? pci_bar_bytes(claims->pci, claim->function, i) : 0;
        i += pci_bar_is_wide(low);
    }
}

/* O3 */
static void note_table(struct claims *claims, struct claim *claim)
{
    const struct msi msi = msi_of(claims, claim);
    uint64_t table, bytes;

    if (msi_table(&msi, &table, &bytes)) {
        claim->table = table / PAGE_BYTES * PAGE_BYTES;
        claim->table_bytes =
            (table + bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES - claim->table;
    }
}

/* One that somebody has already is told apart before it is touched. */
status_t claims_take(struct claims *claims, uint64_t badge, pci_function_t function)
{
    struct claim *claim = find_claim(claims, function);
    struct pci_facts facts;

    pci_describe(claims->pci, function, &facts);
    if (facts.vendor == UINT16_MAX) {
        return ERR_NOT_FOUND;
    }
    if (!may_have(claims, badge, facts.class_code)) {
        return ERR_NO_RIGHTS;
    }
    if (claim != NULL) {
        return claim->badge == badge ? OK : ERR_BUSY;
    }
    claim = find_free(claims);
    if (claim == NULL) {
        return ERR_TABLE_FULL;
    }
    *claim = (struct claim){.function = function, .badge = badge};
    note_bars(claims, claim, &facts);
    note_table(claims, claim);
    silence(claims, claim);
    return OK;
}

/* ---- O2 ---- */

status_t claims_command(struct claims *claims, uint64_t badge, pci_function_t function,
                        uint32_t value)
{
    const struct claim *claim = find_own(claims, badge, function);

    if (claim == NULL) {
        return ERR_NO_RIGHTS;
    }
    write_command(claims, claim, value);
    return OK;
}

/* Memory is given in whole pages, of which registers may be a part. */
static bool is_in_bar(const struct claims_bar *bar, uint64_t first)
{
    uint64_t begin = bar->is_ports ? bar->first : bar->first / PAGE_BYTES * PAGE_BYTES;

    return bar->bytes != 0 && first >= begin &&
           (first < bar->first || first - bar->first < bar->bytes);
}

/* The beginning of the range lies in registers of the client's, or on their page. */
static const struct claim *find_range(const struct claims *claims, uint64_t badge, uint64_t first,
                                      bool is_ports, const struct claims_bar **out_bar)
{
    for (unsigned i = 0; i < CLAIMS_MAX; i++) {
        const struct claim *claim = &claims->claim[i];

        for (unsigned n = 0; claim->badge == badge && n < PCI_BARS; n++) {
            const struct claims_bar *bar = &claim->bar[n];

            if (bar->is_ports == is_ports && is_in_bar(bar, first)) {
                *out_bar = bar;
                return claim;
            }
        }
    }
    return NULL;
}

/* O3: how many of the bytes from a page's beginning on lie before the table, or all. */
static uint64_t cut_before_table(const struct claim *claim, uint64_t address, uint64_t bytes)
{
    uint64_t table_end = claim->table + claim->table_bytes;

    if (claim->table_bytes == 0 || address >= table_end || address + bytes <= claim->table) {
        return bytes;
    }
    return address >= claim->table ? 0 : claim->table - address;
}

/* Do registers of another function begin on this page? None reach into it: they are aligned to their size. */
static bool has_others(struct claims *claims, pci_function_t own, uint64_t page)
{
    struct pci_walk walk = {0};
    pci_function_t function;

    while (pci_next(claims->pci, &walk, &function)) {
        struct pci_facts facts;

        pci_describe(claims->pci, function, &facts);
        for (unsigned i = 0; function != own && i < pci_bar_count(&facts); i++) {
            uint64_t first = pci_bar(claims->pci, function, i);

            if (first != 0 && first / PAGE_BYTES == page / PAGE_BYTES) {
                return true;
            }
            i += pci_bar_is_wide(pci_read(claims->pci, function, PCI_BAR0 + 4 * i));
        }
    }
    return false;
}

status_t claims_registers(struct claims *claims, uint64_t badge, uint64_t address, uint64_t bytes,
                          uint64_t *out_area, uint64_t *out_bytes)
{
    const struct claims_bar *bar;
    const struct claim *claim = find_range(claims, badge, address, false, &bar);

    if (claim == NULL) {
        return ERR_NO_RIGHTS;
    }
    const bool is_small = bar->bytes % PAGE_BYTES != 0; /* so it lies on one page */
    if (address % PAGE_BYTES != 0 || bytes % PAGE_BYTES != 0 ||
        (is_small && has_others(claims, claim->function, address))) {
        return ERR_NOT_SUPPORTED;
    }
    uint64_t left = is_small ? PAGE_BYTES : bar->bytes - (address - bar->first);
    uint64_t given = cut_before_table(claim, address, bytes < left ? bytes : left);
    if (given == 0) {
        return ERR_NO_RIGHTS;
    }
    *out_bytes = given;
    return sys_area_create_physical(claims->system, address, given, AREA_UNCACHED, out_area);
}

status_t claims_ports(struct claims *claims, uint64_t badge, uint32_t first, uint32_t count,
                      uint64_t *out_ports)
{
    const struct claims_bar *bar;

    if (find_range(claims, badge, first, true, &bar) == NULL ||
        count > bar->bytes - (first - bar->first)) {
        return ERR_NO_RIGHTS;
    }
    return sys_ports_create(claims->system, first, count, out_ports);
}

status_t claims_message(struct claims *claims, uint64_t badge, pci_function_t function,
                        uint32_t message, uint32_t cpu, uint64_t *out_interrupt)
{
    struct claim *claim = find_own(claims, badge, function);

    if (claim == NULL) {
        return ERR_NO_RIGHTS;
    }
    if (message >= CLAIMS_MESSAGES_MAX) {
        return ERR_NOT_SUPPORTED;
    }
    const struct msi msi = msi_of(claims, claim);
    status_t status = msi_enable(&msi, message, cpu, out_interrupt);
    if (status != OK) {
        return status;
    }
    if (claim->interrupt[message] != HANDLE_NONE) {
        (void)sys_handle_close(claim->interrupt[message]);
    }
    claim->interrupt[message] = *out_interrupt;
    return OK;
}
