/* SPDX-License-Identifier: MIT */
/*
 * Symbol look-up in the embedded table (layout and invariant: symbols.h).
 *
 * Binary search twice: by address over offset[], by name over by_name[]. Every index that comes
 * out of the table is compared with count before use, every name start with the bytes of names;
 * the last byte of names is checked to be NUL once, so a name cannot run out of the table.
 */
#include "kdebug/core/symbols.h"

#include "base/format.h"
#include "base/string.h"
#include "gen/layout.h"

#define HEADER_WORDS 4u

static const uint32_t *offsets, *name_starts, *by_name;
static const char *names;
static uint32_t count, names_bytes;

bool kd_symbols_use(const void *table, size_t bytes)
{
    const uint32_t *words = table;
    count = 0;
    if (bytes < HEADER_WORDS * 4 || (uintptr_t)table % 4 != 0 || words[0] != KD_SYMTAB_MAGIC ||
        words[1] != KD_SYMTAB_VERSION) {
        return false;
    }
    uint64_t symbols = words[2];
    uint64_t text = words[3];
    uint64_t need = HEADER_WORDS * 4 + 3 * 4 * symbols + text;
    if (need > bytes || symbols == 0 || text == 0) {
        return false;
    }
    offsets = words + HEADER_WORDS;
    name_starts = offsets + symbols;
    by_name = name_starts + symbols;
    names = (const char *)(by_name + symbols);
    if (names[text - 1] != '\0') {
        return false;
    }
    names_bytes = (uint32_t)text;
    count = (uint32_t)symbols;
    return true;
}

unsigned kd_symbols_count(void)
{
    return count;
}

/* The name of symbol i without its kind character; "" if the table is damaged there. */
static const char *name_of(uint32_t i)
{
    uint32_t start = i < count ? name_starts[i] : UINT32_MAX;
    return start < names_bytes - 1 ? names + start + 1 : "";
}

static void describe(uint32_t i, struct kd_symbol *out)
{
    const char *name = name_of(i);
    out->name = name;
    out->kind = *name == '\0' ? '?' : name[-1];
    out->address = KERNEL_IMAGE_BASE + offsets[i];
    uint32_t next = i + 1;
    while (next < count && offsets[next] == offsets[i]) {
        next++;
    }
    out->bytes = next < count && offsets[next] > offsets[i] ? offsets[next] - offsets[i] : 0;
}

bool kd_symbol_at(vaddr_t address, struct kd_symbol *out)
{
    if (address < KERNEL_IMAGE_BASE || address - KERNEL_IMAGE_BASE > UINT32_MAX || count == 0) {
        return false;
    }
    uint32_t offset = (uint32_t)(address - KERNEL_IMAGE_BASE);
    uint32_t low = 0;
    uint32_t high = count; /* offsets[low - 1] <= offset < offsets[high] */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (offsets[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return false;
    }
    describe(low - 1, out);
    return out->bytes != 0 || out->address == address;
}

/* Compare a counted name with symbol i like strcmp(). */
static int compare(const char *name, size_t length, uint32_t i)
{
    const char *other = name_of(i);
    int difference = strncmp(name, other, length);
    return difference != 0 ? difference : (other[length] == '\0' ? 0 : -1);
}

bool kd_symbol_named(const char *name, size_t length, unsigned which, struct kd_symbol *out)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(name, length, by_name[middle]) > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint64_t found = (uint64_t)low + which;
    if (length == 0 || found >= count || by_name[found] >= count ||
        compare(name, length, by_name[found]) != 0) {
        return false;
    }
    describe(by_name[found], out);
    return true;
}

bool kd_symbol_number(unsigned i, struct kd_symbol *out)
{
    if (i >= count || by_name[i] >= count) {
        return false;
    }
    describe(by_name[i], out);
    return true;
}

size_t kd_symbol_text(vaddr_t address, char *to, size_t bytes)
{
    struct kd_symbol symbol;
    if (!kd_symbol_at(address, &symbol)) {
        return format_text(to, bytes, "0x%llx", (unsigned long long)address);
    }
    if (address == symbol.address) {
        return format_text(to, bytes, "%s", symbol.name);
    }
    return format_text(to, bytes, "%s+0x%llx", symbol.name,
                       (unsigned long long)(address - symbol.address));
}
