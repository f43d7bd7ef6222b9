/* SPDX-License-Identifier: MIT */
/*
 * The file "manifest" of the boot image, made by tools/gen/manifest.py of userspace/services/manifest.toml: a header, services,
 * programs, grants, arguments. Services stand in an order in which each comes behind those that it needs.
 */
#pragma once

#include <stdint.h>

#define MANIFEST_MAGIC        0x7473656669006e61ull
#define MANIFEST_NAME_BYTES   16u
#define MANIFEST_SERVICES_MAX 32u

/* What clients of all services are known by: 1 is the supervisor's and init's own, the n-th service of this file is FIRST + n. */
#define SERVICE_BADGE_FIRST 2u

enum manifest_flag {
    MANIFEST_ALWAYS = 1 << 0,      /* started though nobody asks */
    MANIFEST_RESTART = 1 << 1,     /* started again when it has failed */
    MANIFEST_RESIDENT = 1 << 2,    /* nothing of it goes to the pager */
    MANIFEST_MAILBOX = 1 << 3,     /* it serves a mailbox */
    MANIFEST_NAMED = 1 << 4,       /* which is found by the service's name */
    MANIFEST_CONTROLS = 1 << 5,    /* it may start, stop and kill services */
    MANIFEST_OWN_ACCOUNT = 1 << 6, /* it shares no quota with others */
    MANIFEST_KEEP = 1 << 7,        /* a shutdown leaves it running */
    MANIFEST_STARTS = 1 << 8,      /* it may have programs started */
    MANIFEST_RESERVE = 1 << 9,     /* resident, and may take memory that is kept for the pager */
};

struct manifest_header {
    uint64_t magic;
    uint32_t bytes; /* of the file */
    uint32_t service_count, program_count, grant_count, argument_count;
    uint32_t reserved;
};

struct manifest_service {
    char name[MANIFEST_NAME_BYTES];
    char program[MANIFEST_NAME_BYTES];
    char option[MANIFEST_NAME_BYTES]; /* "": none */
    uint32_t flags;                   /* MANIFEST_* */
    uint32_t needs;                   /* a bit for each service before it */
    uint32_t first_grant, grant_count;
    uint32_t first_argument, argument_count;
    uint32_t restarts; /* in a row */
    uint32_t backoff_ms;
    uint32_t stop_ms;
    uint32_t memory; /* pages of an account of its own; 0: it shares that of init */
    uint32_t dma;    /* bytes that its devices may use */
};

struct manifest_program {
    char name[MANIFEST_NAME_BYTES]; /* "" of the first: all that are not listed */
    uint32_t flags;
    uint32_t needs;
    uint32_t first_grant, grant_count;
    uint32_t priority; /* the highest of its threads; 0: what every process may have */
    uint32_t memory;   /* as that of a service */
};

struct manifest_grant {
    char handle[MANIFEST_NAME_BYTES]; /* as init has it */
    uint32_t rights;
    uint32_t reserved;
};

struct manifest_argument {
    char name[MANIFEST_NAME_BYTES];
    char option[MANIFEST_NAME_BYTES]; /* whose value is passed on; "": none */
    char value[MANIFEST_NAME_BYTES];  /* if there is no option, or it is not set */
};
