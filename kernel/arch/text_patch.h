/* SPDX-License-Identifier: MIT */
/*
 * The only writer of kernel text: trace sites, and the debugger's breakpoints as a layer over them.
 *
 * A site is a 5-byte NOP (0f 1f 44 00 00) or a 5-byte JMP to its cold block. Writes go through the
 * direct map, so text stays read-only and executable. A batch stops the other cores in a rendezvous
 * (core_poll() serves it), checks the old bytes of each site, writes, and lets them go through a
 * serialising instruction.
 */
#pragma once

#include "base/types.h"

struct trace_site {
    uint64_t address;
    uint64_t target;
    uint64_t event; /* id; bit 63: on */
};

extern struct trace_site trace_sites_start[], trace_sites_end[];

struct handoff;

/*
 * text_patch_init() - check that the image lies where the loader says and that every site holds a
 * NOP. Panics otherwise.
 */
void text_patch_init(const struct handoff *handoff);

/*
 * text_patch_sites() - switch every site whose event is set in the mask on, every other one off.
 *
 * @on  bit map of 512 events
 * Returns OK, or ERR_CORRUPT if a site holds neither of its two forms (nothing is written then).
 * Context: thread, interrupts off, spins for all cores; takes rendezvous_lock (rank PATCH), so no
 * lock may be held. Before cpu_start_others() there is nobody to wait for.
 */
status_t text_patch_sites(const uint64_t on[8]) MUST_CHECK;

/*
 * text_patch_sites_stopped() - the same for kdebug: NMI class, all other cores parked by it, no
 * lock and no rendezvous. Replaces what a batch it broke into wanted.
 */
status_t text_patch_sites_stopped(const uint64_t on[8]) MUST_CHECK;

/*
 * text_patch_finish() - for kdebug, all cores parked: complete a batch that it broke into.
 * Idempotent.
 */
void text_patch_finish(void);

/*
 * text_patch_break() - put an INT3 over the byte at an address of kernel text. What lies below
 * stays known: a trace site can be switched meanwhile.
 *
 * Returns OK, also if it is there already; ERR_RANGE no kernel text; ERR_NO_MEMORY there are
 * TEXT_BREAKS_MAX. Context: as text_patch_sites_stopped(). The caller must know that no code of its
 * own, and none that NMI-class handlers reach, lies there.
 */
#define TEXT_BREAKS_MAX 128u
status_t text_patch_break(vaddr_t address) MUST_CHECK;

/* text_patch_break_none() - take all INT3 away. Context: as text_patch_break(). */
void text_patch_break_none(void);
