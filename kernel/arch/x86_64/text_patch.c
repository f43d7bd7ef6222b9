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
 * Each site keeps the form that it has in its `event`, so a batch costs little where nothing changes.
 *
 * P1  Nothing is written before every site that is to change holds the form that it is said to have. While it is written it has no
 *     form: who goes on with the batch, or posts another, writes it anew.
 * P2  While text changes every other core is parked in a rendezvous, and executes a serialising
 *     instruction before it goes on (Intel SDM vol. 3A, "Handling Self- and Cross-Modifying Code").
 *     Code that NMI-class handlers reach has no sites.
 * P3  kdebug may stop a batch half-way, finish it, or post another one: the pointer is read afresh
 *     for each site, so the batch that goes on later does nothing, or what was posted last.
 *
 * P4  A breakpoint is the INT3 of one byte over whatever the sites want there: its struct keeps the
 *     byte below, sites are compared with and written to that, and the INT3 stays on top. A probe is the same, but
 *     stays while everybody runs; no byte has both.
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
#define SITE_EVENTS 512u

/* In trace_site.event: the form. */
#define FORM_NOP     0ull
#define FORM_HOOKED  (1ull << 62)
#define FORM_ON      (1ull << 63)
#define FORM_UNKNOWN (FORM_ON | FORM_HOOKED) /* it is being written */
#define INT3         0xccu

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

static struct overlay {
    vaddr_t address;
    uint8_t below;
} breaks[TEXT_BREAKS_MAX], probes[TEXT_PROBES_MAX];
static unsigned break_count, probe_count;

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

static ALWAYS_INLINE void take_away(const struct overlay *overlays, unsigned overlay_count,
                                    vaddr_t address, uint8_t *to, unsigned bytes)
{
    for (unsigned i = 0; i < overlay_count; i++) {
        uint64_t offset = overlays[i].address - address;
        if (offset < bytes) {
            to[offset] = overlays[i].below;
        }
    }
}

/* Bytes without what breakpoints and probes have put over them. Inline, so that bytes is a constant. */
static ALWAYS_INLINE void read_below(vaddr_t address, uint8_t *to, unsigned bytes)
{
    __builtin_memcpy(to, (const void *)address, bytes);
    take_away(breaks, break_count, address, to, bytes);
    take_away(probes, probe_count, address, to, bytes);
}

static ALWAYS_INLINE void put_over(struct overlay *overlays, unsigned overlay_count,
                                   vaddr_t address, uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < overlay_count; i++) {
        uint64_t offset = overlays[i].address - address;
        if (offset < count) {
            overlays[i].below = bytes[offset];
            bytes[offset] = INT3;
        }
    }
}

/* Write below breakpoints and probes; bytes[] gets what is in memory then. */
static ALWAYS_INLINE void write_below(vaddr_t address, uint8_t *bytes, unsigned count)
{
    put_over(breaks, break_count, address, bytes, count);
    put_over(probes, probe_count, address, bytes, count);
    __builtin_memcpy(writable_alias(address), bytes, count);
}

static ALWAYS_INLINE struct form held_form(const struct trace_site *site)
{
    struct form held;
    read_below(site->address, held.bytes, SITE_BYTES);
    return held;
}

static ALWAYS_INLINE bool is_same(const struct form *one, const struct form *other)
{
    return __builtin_memcmp(one->bytes, other->bytes, SITE_BYTES) == 0;
}

static void write_form(const struct trace_site *site, struct form form)
{
    write_below(site->address, form.bytes, SITE_BYTES);
}

void text_read_4(vaddr_t address, uint8_t to[4])
{
    read_below(address, to, 4);
}

void text_write_2(vaddr_t address, const uint8_t from[2])
{
    uint8_t bytes[] = {from[0], from[1]};
    write_below(address, bytes, sizeof(bytes));
}

void text_write_5(vaddr_t address, const uint8_t from[5])
{
    uint8_t bytes[5];
    __builtin_memcpy(bytes, from, sizeof(bytes));
    write_below(address, bytes, sizeof(bytes));
}

void text_write_slot(vaddr_t slot, const uint8_t *code, unsigned bytes)
{
    VERIFY(slot >= (vaddr_t)probe_slots && slot + bytes <= (vaddr_t)probe_slots_end);
    memcpy(writable_alias(slot), code, bytes);
}

static bool has_one(const struct overlay *overlays, unsigned overlay_count, vaddr_t address,
                    unsigned bytes)
{
    for (unsigned i = 0; i < overlay_count; i++) {
        if (overlays[i].address - address < bytes) {
            return true;
        }
    }
    return false;
}

bool text_has_break(vaddr_t address, unsigned bytes)
{
    return has_one(breaks, break_count, address, bytes) ||
           has_one(probes, probe_count, address, bytes);
}

bool text_has_probe(vaddr_t address)
{
    return has_one(probes, probe_count, address, 1);
}

static bool has_event(const uint64_t *map, const struct trace_site *site)
{
    unsigned event = (unsigned)(site->event & (SITE_EVENTS - 1));
    return map[event / 64] >> (event % 64) & 1;
}

static uint64_t form_wanted(const struct trace_site *site, const struct text_patch_wanted *wanted)
{
    if (!has_event(wanted->on, site)) {
        return FORM_NOP;
    }
    return has_event(wanted->hooked, site) ? FORM_HOOKED : FORM_ON;
}

static uint64_t form_had(const struct trace_site *site)
{
    return site->event & FORM_UNKNOWN;
}

static struct form form_of(const struct trace_site *site, uint64_t kind)
{
    return kind == FORM_NOP ? nop_form
                            : jmp_form(site, kind == FORM_HOOKED ? site->hooked : site->on);
}

static bool is_sound(const struct trace_site *site)
{
    struct form form = form_of(site, form_had(site)), held = held_form(site);
    return form_had(site) == FORM_UNKNOWN || is_same(&held, &form);
}

static bool all_sites_are_sound(const struct text_patch_wanted *wanted)
{
    for (const struct trace_site *site = trace_sites_start; site < trace_sites_end; site++) {
        if (form_had(site) != form_wanted(site, wanted) && !is_sound(site)) {
            return false;
        }
    }
    return true;
}

/* Before and after the bytes are written, also for an NMI in between. */
static void set_form(struct trace_site *site, uint64_t kind)
{
    atomic_signal_fence(memory_order_seq_cst);
    site->event = (site->event & ~FORM_UNKNOWN) | kind;
    atomic_signal_fence(memory_order_seq_cst);
}

static void give_form(struct trace_site *site, const struct text_patch_wanted *wanted)
{
    uint64_t kind = form_wanted(site, wanted);
    if (form_had(site) != kind) {
        set_form(site, FORM_UNKNOWN);
        write_form(site, form_of(site, kind));
        set_form(site, kind);
    }
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
    if (!all_sites_are_sound(request->wanted)) {
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

status_t text_patch_break(vaddr_t address)
{
    if (address < (vaddr_t)kernel_text_start || address >= (vaddr_t)kernel_text_end) {
        return ERR_RANGE;
    }
    if (has_one(breaks, break_count, address, 1)) {
        return OK;
    }
    if (has_one(probes, probe_count, address, 1) || function_is_inside_jump(address)) {
        return ERR_BUSY; /* never reached while the function is traced, and it would lead the jump astray */
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

struct probe_request {
    vaddr_t address, slot;
    const uint8_t *code;
    unsigned bytes;
    status_t status;
};

static void run_probe(void *argument)
{
    struct probe_request *request = argument;
    if (text_has_break(request->address, 1) || function_is_inside_jump(request->address) ||
        function_is_inside_jump(request->address + 1)) {
        request->status = ERR_BUSY;
        return;
    }
    text_write_slot(request->slot, request->code, request->bytes);
    uint8_t *alias = writable_alias(request->address);
    probes[probe_count++] = (struct overlay){request->address, *alias};
    *alias = INT3;
    cpuid_read(0, 0); /* serialise this core */
}

status_t text_patch_probe(vaddr_t address, vaddr_t slot, const uint8_t *code, unsigned bytes)
{
    VERIFY(bytes <= TEXT_PROBE_BYTES);
    if (probe_count == TEXT_PROBES_MAX) {
        return ERR_NO_MEMORY;
    }
    struct probe_request request = {address, slot, code, bytes, OK};
    rendezvous_run(run_probe, &request);
    return request.status;
}

static void run_unprobe(void *argument)
{
    const struct probe_request *request = argument;
    for (unsigned i = 0; i < probe_count; i++) {
        if (probes[i].address == request->address) {
            *writable_alias(probes[i].address) = probes[i].below;
            probes[i] = probes[--probe_count];
        }
    }
    cpuid_read(0, 0);
}

void text_patch_unprobe(vaddr_t address)
{
    struct probe_request request = {.address = address};
    rendezvous_run(run_unprobe, &request);
}

void text_patch_read(vaddr_t address, uint8_t *to, unsigned bytes)
{
    vaddr_t end = (vaddr_t)kernel_text_end;
    unsigned there = address >= end ? 0 : (unsigned)MIN((uint64_t)bytes, end - address);
    memset(to, 0, bytes);
    read_below(address, to, there);
}

bool text_patch_has_site(vaddr_t address)
{
    for (const struct trace_site *site = trace_sites_start; site < trace_sites_end; site++) {
        if (address - site->address < SITE_BYTES) {
            return true;
        }
    }
    return false;
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
        struct form held = held_form(site);
        VERIFY(is_same(&held, &nop_form));
        VERIFY(writable_alias(site->address) != NULL);
    }
}

void text_patch_root(vaddr_t address, const uint8_t *code, unsigned bytes)
{
    __builtin_memcpy(writable_alias(address), code, bytes);
    cpuid_read(0, 0);
}

void text_patch_smap(void)
{
    for (const struct smap_site *site = smap_sites_start; site < smap_sites_end; site++) {
        __builtin_memcpy(writable_alias(site->address), &site->bytes, SMAP_SITE_BYTES);
    }
    cpuid_read(0, 0);
}
