/* SPDX-License-Identifier: MIT */
/*
 * Stop all cores at a known place, do something, let them go on.
 *
 * rendezvous_run() and rendezvous_serve() are declared in base/hooks.h, because arch/, a lower
 * layer, calls both: text patching starts one, core_poll() takes part in it.
 */
#pragma once

#include "base/hooks.h"
#include "sync/spinlock.h"

/* For kdebug: who holds it is changing text or another thing that needs all cores. */
extern struct spinlock rendezvous_lock;
