/* SPDX-License-Identifier: MIT */
/*
 * Root switches with PCIDs. mmu_switch_root() is two instructions, MOV CR3 and the store of active_root, wherever it is inlined;
 * where PCIDs are in use they become a push of the register that holds the root and a call of root_switch:
 *
 *      0f 22 d8+r      mov cr3, r              50+r                push r
 *      ...             mov [active_root], r    e8 ...              call root_switch
 *                                              90 ...              nop to the end
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/pcid.h"
#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/text_patch_impl.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/string.h"

#define REX_B      0x41u
#define PUSH_REG   0x50u
#define NOP        0x90u
#define CALL_BYTES 5u

struct root_site {
    uint64_t address;
    uint64_t bytes;
};
extern const struct root_site root_sites_start[], root_sites_end[];

void root_switch(void);
void root_switch_enter(paddr_t root);

void root_switch_enter(paddr_t root)
{
    struct cpu *cpu = this_cpu();
    uint64_t cr3 = pcid_enter(&pcid_cores[cpu->id], root);
    mmu_load_cr3(cpu_features.pcid ? cr3 : root);
    atomic_store_explicit(&cpu->active_root, root, memory_order_relaxed);
}

/* MOV CR3, r with and without REX.B: r in the last three bits. */
static unsigned write_push(uint8_t *to, const uint8_t *load)
{
    bool is_high = load[0] == REX_B;
    load += is_high;
    VERIFY(load[0] == 0x0f && load[1] == 0x22 && (load[2] & 0xf8) == 0xd8);
    to[0] = REX_B;
    to[is_high] = (uint8_t)(PUSH_REG | (load[2] & 7));
    return is_high + 1u;
}

static void patch_site(const struct root_site *site)
{
    uint8_t code[ROOT_SITE_BYTES_MAX];
    memset(code, NOP, sizeof(code));
    unsigned length = write_push(code, (const uint8_t *)site->address);
    VERIFY(length + CALL_BYTES <= site->bytes && site->bytes <= sizeof(code));
    int32_t distance = (int32_t)((vaddr_t)root_switch - (site->address + length + CALL_BYTES));
    code[length] = CALL_REL32;
    memcpy(code + length + 1, &distance, sizeof(distance));
    text_patch_root(site->address, code, (unsigned)site->bytes);
}

void pcid_init(enum pcid_wish wish)
{
    pcid_in_use = wish == PCID_WANTED || (wish == PCID_IF_THERE && cpu_features.pcid);
    for (const struct root_site *site = root_sites_start; pcid_in_use && site < root_sites_end;
         site++) {
        patch_site(site);
    }
    if (pcid_in_use) {
        log_info("tlb: %u PCIDs a core%s", PCID_SLOTS,
                 cpu_features.pcid ? "" : ", as if the CPU had any");
    }
}
