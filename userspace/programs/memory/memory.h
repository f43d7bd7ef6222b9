/* SPDX-License-Identifier: MIT */
/* What the parts of the program "memory" share. Each ends the program if it finds something wrong. */
#pragma once

#include <stdint.h>

/* memory_loop() - make, use, change and destroy areas, `rounds` times. */
void memory_loop(uint64_t rounds);

/* memory_stress() - threads on all cores that write, clone and change protections in one area. */
void memory_stress(uint64_t rounds);

/* memory_exhaust() - take all the memory there is, page by page, give it back; twice. */
void memory_exhaust(void);

/* memory_kill() - start processes that do memory_stress(), patch kernel text meanwhile, kill them. */
void memory_kill(uint64_t kills);

/* Addresses as arrays of words; map() ends the program if it fails. */
#define PAGE_WORDS 512u
volatile uint64_t *memory_map(uint64_t area, uint64_t offset, uint64_t bytes, unsigned protection);
void memory_unmap(volatile uint64_t *at, uint64_t bytes);
