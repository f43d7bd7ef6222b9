/* SPDX-License-Identifier: MIT */
/* What the parts of irqload share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/clock.h"

#define LONG (20 * NS_PER_S)

extern uint64_t machine;    /* handle "system": ports, physical, interrupts */
extern uint32_t core_count; /* interrupts go to each in turn */

/* wait_on() - the interrupt comes, on this core; how often it has come so far. */
uint64_t wait_on(uint64_t interrupt, uint32_t core);
/* expect_silence() - nothing comes. Time must pass to see that. */
void expect_silence(uint64_t interrupt, const char *when);
/* map_registers() - the first page of a memory BAR, with the function switched on. */
volatile uint32_t *map_registers(struct pci *pci, pci_function_t function, unsigned bar);

/* check_edge() - so many edges of the clock chip, none of which is lost while they are steered from core to core. */
void check_edge(uint64_t ticks);
/* check_edu() - level lines and plain messages, by QEMU's teaching device. measure_edu() - and how long they take. False: there
 * is none. */
bool check_edu(struct pci *pci);
bool measure_edu(struct pci *pci);
/* check_network() - many messages of one function, by a network card that raises them when told to. False: there is none. */
bool check_network(struct pci *pci);
