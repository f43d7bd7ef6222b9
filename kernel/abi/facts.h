/* SPDX-License-Identifier: MIT */
/* What the system calls process_facts, memory_facts and platform_facts write. */
#pragma once

#include <stdint.h>

#include "gen/layout.h"

enum process_state { PROCESS_NEW, PROCESS_ALIVE, PROCESS_SUSPENDED, PROCESS_ENDING, PROCESS_ENDED };

struct process_facts {
    uint32_t id;
    uint32_t state; /* enum process_state */
    uint32_t threads;
    uint32_t handles;
    uint64_t resident; /* pages with memory in what it has mapped: what it shares counts in each */
    uint64_t time;     /* ns that its threads have had */
    char name[NAME_BYTES];
};

/* In pages. The kinds add up to all memory that there is, but for what changes meanwhile. */
struct memory_facts {
    uint64_t free;
    uint64_t reserved; /* firmware, ACPI, the loader's, the boot image */
    uint64_t kernel;   /* its image, the frame table, data of the cores */
    uint64_t heap;     /* the kernel's objects */
    uint64_t tables;   /* page tables */
    uint64_t stacks;   /* of the kernel */
    uint64_t user;
    uint64_t trace; /* rings */
    uint64_t pager; /* where pages of others are kept */
};

/* Physical addresses out of the ACPI tables; 0: the machine has none. */
struct platform_facts {
    uint64_t hpet;
    uint64_t pci_config; /* of PCI configuration space in memory: 4 KiB a function, from bus 0 on */
    uint32_t pci_first_bus, pci_last_bus; /* that are there */
};
