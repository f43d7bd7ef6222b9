/* SPDX-License-Identifier: MIT */
/*
 * The only writer of kernel text: trace sites, and the debugger's breakpoints as a layer over them.
 *
 * A site is a 5-byte NOP (0f 1f 44 00 00) or a 5-byte JMP to one of its two cold blocks. Writes go through the
 * direct map, so text stays read-only and executable. A batch stops the other cores in a rendezvous
 * (core_poll() serves it), checks the old bytes of each site, writes, and lets them go through a
 * serialising instruction.
 */
#pragma once

#include "base/types.h"

struct trace_site {
    uint64_t address;
    uint64_t on;     /* where the jump goes: the block that writes, */
    uint64_t hooked; /* or the one that asks the event's hook first */
    uint64_t event;  /* id; bits 62 and 63: the form it has (text_patch.c) */
};

/* Bit maps of 512 events. A site is off, on, or hooked if its event is in both. */
struct text_patch_wanted {
    uint64_t on[8];
    uint64_t hooked[8];
};

/* A site that is no event's: the entry stubs', of sched/times.h. */
#define SITE_TIMES 511u

extern struct trace_site trace_sites_start[], trace_sites_end[];

struct handoff;

/*
 * text_patch_init() - check that the image lies where the loader says and that every site holds a
 * NOP. Panics otherwise.
 */
void text_patch_init(const struct handoff *handoff);

/*
 * text_patch_sites() - give every site the form that is wanted for its event.
 *
 * Returns OK, or ERR_CORRUPT if a site that is to change does not hold the form it was given last (nothing is written then).
 * Context: thread, interrupts off, spins for all cores; takes rendezvous_lock (rank PATCH), so no
 * lock may be held. Before cpu_start_others() there is nobody to wait for.
 */
status_t text_patch_sites(const struct text_patch_wanted *wanted) MUST_CHECK;

/*
 * text_patch_sites_stopped() - the same for kdebug: NMI class, all other cores parked by it, no
 * lock and no rendezvous. Replaces what a batch it broke into wanted.
 */
status_t text_patch_sites_stopped(const struct text_patch_wanted *wanted) MUST_CHECK;

/*
 * text_patch_finish() - for kdebug, all cores parked: complete a batch that it broke into.
 * Idempotent.
 */
void text_patch_finish(void);

/*
 * text_patch_break() - put an INT3 over the byte at an address of kernel text. What lies below
 * stays known: a trace site can be switched meanwhile.
 *
 * Returns OK, also if it is there already; ERR_RANGE no kernel text; ERR_BUSY inside the jump of a function that is
 * traced (function_patch.h); ERR_NO_MEMORY there are TEXT_BREAKS_MAX. Context: as text_patch_sites_stopped(). The caller must know that no code of its
 * own, and none that NMI-class handlers reach, lies there.
 */
#define TEXT_BREAKS_MAX 128u
status_t text_patch_break(vaddr_t address) MUST_CHECK;

/* text_patch_break_none() - take all INT3 away. Context: as text_patch_break(). */
void text_patch_break_none(void);

/* ---- probes (trace/probe): INT3 that stay while everybody runs ---- */

#define TEXT_PROBES_MAX  32u
#define TEXT_PROBE_SLOTS 64u
#define TEXT_PROBE_BYTES 64u

extern const char probe_slots[], probe_slots_end[]; /* TEXT_PROBE_SLOTS of TEXT_PROBE_BYTES */

/*
 * text_patch_probe() - fill a slot with code, then put an INT3 over the byte at an address.
 *
 * Returns OK; ERR_BUSY a breakpoint or another probe is there, or its function is traced; ERR_NO_MEMORY there are TEXT_PROBES_MAX.
 * Context: as text_patch_sites(). The caller knows what is good for a probe.
 */
status_t text_patch_probe(vaddr_t address, vaddr_t slot, const uint8_t *code,
                          unsigned bytes) MUST_CHECK;

/* text_patch_unprobe() - take it away; the slot stays as it is. Context: as above. */
void text_patch_unprobe(vaddr_t address);

/* text_patch_read() - bytes of text, at most 16, as they are below breakpoints and probes; past the end of text zeros. Context: nobody patches. */
void text_patch_read(vaddr_t address, uint8_t *to, unsigned bytes);

/* text_patch_has_site() - the address lies in an event's site. Cost: a look at each. */
bool text_patch_has_site(vaddr_t address);
