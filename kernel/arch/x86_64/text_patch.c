/* SPDX-License-Identifier: MIT */
/*
 * The only writer of kernel text.
 *
 * Model. A site has three forms: a 5-byte NOP, and a 5-byte JMP to one of two cold blocks. A batch
 * is two bit maps of events; a site's form follows from its event. So "what to do" is one pointer,
 * batch, and doing it again changes nothing:
 *
 *     NULL --post--> bit maps --apply to each site--> NULL
 *
 * P1  Nothing is written before every site holds one of its three forms.
 * P2  While text changes every other core is parked in a rendezvous, and executes a serialising
 *     instruction before it goes on (Intel SDM vol. 3A, "Handling Self- and Cross-Modifying Code").
 *     Code that NMI-class handlers reach has no sites.
 * P3  kdebug may stop a batch half-way, finish it, or post another one: the pointer is read afresh
 *     for each site, so the batch that goes on later does nothing, or what was posted last.
 *
 * P4  A breakpoint is the INT3 of one byte over whatever the sites want there: its struct keeps the
 *     byte below, sites are compared with and written to that, and the INT3 stays on top.
 *
 * Writes go to the direct map, which is never executable; kernel text is never writable.
 * Rejected: the INT3 protocol (no stop, but three rounds of IPIs and an emulating #BP handler):
 * sites change by a person's hand, a stop of some microseconds harms nobody.
 */
#include "arch/text_patch.h"

#include "abi/handoff.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/start_impl.h"
#include "arch/x86_64/text_patch_impl.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/log.h"
#include "base/string.h"

#define SITE_BYTES  5u
#define SITE_IS_ON  (1ull << 63)
#define SITE_EVENTS 512u
#define JMP_REL32   0xe9u
#define INT3        0xccu

struct form {
    uint8_t bytes[SITE_BYTES];
};

struct smap_site {
    uint64_t address;
    uint64_t bytes; /* three */
};
extern const struct smap_site smap_sites_start[], smap_sites_end[];
#define SMAP_SITE_BYTES 3u

static const struct form nop_form = {{0x0f, 0x1f, 0x44, 0x00, 0x00}};

static const struct text_patch_wanted *_Atomic batch;

static struct {
    vaddr_t address;
    uint8_t below;
} breaks[TEXT_BREAKS_MAX];
static unsigned break_count;

static uint8_t *writable_alias(vaddr_t text)
{
    VERIFY(text >= (vaddr_t)kernel_text_start && text < (vaddr_t)kernel_text_end);
    return phys_to_virt(boot_handoff->kernel_phys + (text - KERNEL_IMAGE_BASE));
}

/* Here and below the built-in functions: the plain names are calls, which cost more than five bytes do while all cores stand. */
static struct form jmp_form(const struct trace_site *site, uint64_t target)
{
    struct form form = {{JMP_REL32}};
    int32_t distance = (int32_t)(target - (site->address + SITE_BYTES));
    __builtin_memcpy(form.bytes + 1, &distance, sizeof(distance));
    return form;
}

/* The site's bytes without what breakpoints have put over them. */
static bool holds_form(const struct trace_site *site, const struct form *form)
{
    struct form held;
    __builtin_memcpy(held.bytes, (const void *)site->address, SITE_BYTES);
    for (unsigned i = 0; i < break_count; i++) {
        uint64_t offset = breaks[i].address - site->address;
        if (offset < SITE_BYTES) {
            held.bytes[offset] = breaks[i].below;
        }
    }
    return __builtin_memcmp(held.bytes, form->bytes, SITE_BYTES) == 0;
}

static void write_form(const struct trace_site *site, struct form form)
{
    for (unsigned i = 0; i < break_count; i++) {
        uint64_t offset = breaks[i].address - site->address;
        if (offset < SITE_BYTES) {
            breaks[i].below = form.bytes[offset];
            form.bytes[offset] = INT3;
        }
    }
    __builtin_memcpy(writable_alias(site->address), form.bytes, SITE_BYTES);
}

static bool has_event(const uint64_t *map, const struct trace_site *site)
{
    unsigned event = (unsigned)(site->event & (SITE_EVENTS - 1));
    return map[event / 64] >> (event % 64) & 1;
}

static bool all_sites_are_sound(void)
{
    for (const struct trace_site *site = trace_sites_start; site < trace_sites_end; site++) {
        struct form on = jmp_form(site, site->on), hooked = jmp_form(site, site->hooked);
        if (!holds_form(site, &nop_form) && !holds_form(site, &on) && !holds_form(site, &hooked)) {
            return false;
        }
    }
    return true;
}

static void give_form(struct trace_site *site, const struct text_patch_wanted *wanted)
{
    bool on = has_event(wanted->on, site);
    uint64_t target = has_event(wanted->hooked, site) ? site->hooked : site->on;
    struct form form = on ? jmp_form(site, target) : nop_form;
    if (!holds_form(site, &form)) {
        write_form(site, form);
    }
    site->event = on ? site->event | SITE_IS_ON : site->event & ~SITE_IS_ON;
}

static void apply_batch(void)
{
    for (struct trace_site *site = trace_sites_start; site < trace_sites_end; site++) {
        const struct text_patch_wanted *wanted = atomic_load_explicit(&batch, memory_order_acquire);
        if (!wanted) {
            return;
        }
        give_form(site, wanted);
    }
    atomic_store_explicit(&batch, NULL, memory_order_release);
    cpuid_read(0, 0); /* serialise this core */
}

struct request {
    const struct text_patch_wanted *wanted;
    status_t status;
};

/* Runs while all other cores are parked. */
static void run_batch(void *argument)
{
    struct request *request = argument;
    if (!all_sites_are_sound()) {
        request->status = ERR_CORRUPT;
        return;
    }
    atomic_store_explicit(&batch, request->wanted, memory_order_release);
    apply_batch();
}

status_t text_patch_sites(const struct text_patch_wanted *wanted)
{
    struct request request = {wanted, OK};
    rendezvous_run(run_batch, &request);
    return request.status;
}

status_t text_patch_sites_stopped(const struct text_patch_wanted *wanted)
{
    struct request request = {wanted, OK};
    run_batch(&request);
    return request.status;
}

static bool has_break(vaddr_t address)
{
    for (unsigned i = 0; i < break_count; i++) {
        if (breaks[i].address == address) {
            return true;
        }
    }
    return false;
}

status_t text_patch_break(vaddr_t address)
{
    if (address < (vaddr_t)kernel_text_start || address >= (vaddr_t)kernel_text_end) {
        return ERR_RANGE;
    }
    if (has_break(address)) {
        return OK;
    }
    if (break_count == TEXT_BREAKS_MAX) {
        return ERR_NO_MEMORY;
    }
    uint8_t *alias = writable_alias(address);
    breaks[break_count].address = address;
    breaks[break_count++].below = *alias;
    *alias = INT3;
    cpuid_read(0, 0); /* serialise this core; the others do when they leave the stop */
    return OK;
}

void text_patch_break_none(void)
{
    while (break_count > 0) {
        break_count--;
        *writable_alias(breaks[break_count].address) = breaks[break_count].below;
    }
    cpuid_read(0, 0);
}

void text_patch_finish(void)
{
    apply_batch();
}

void text_patch_init(const struct handoff *handoff)
{
    VERIFY(handoff->kernel_phys == boot_handoff->kernel_phys);
    VERIFY(handoff->kernel_bytes >= (uint64_t)(kernel_data_end - kernel_text_start));
    for (const struct trace_site *site = trace_sites_start; site < trace_sites_end; site++) {
        VERIFY(holds_form(site, &nop_form));
        VERIFY(writable_alias(site->address) != NULL);
    }
}

void text_patch_smap(void)
{
    for (const struct smap_site *site = smap_sites_start; site < smap_sites_end; site++) {
        __builtin_memcpy(writable_alias(site->address), &site->bytes, SMAP_SITE_BYTES);
    }
    cpuid_read(0, 0);
}
