/* SPDX-License-Identifier: MIT */
/*
 * Quotas: how much of what runs out a process may have.
 *
 * A quota is an account with a limit and a use for each kind. A process that is created shares the account of its creator, so
 * making children gives nobody more. It can be given one of its own, whose limits are charged in full to the account of the
 * giver and come back when the new account is closed: what the parent lent cannot be missing later, and a charge looks at
 * one account and never up a chain.
 *
 *      root ── init, services            limits 1000 handles ...
 *        └─ charged 100 handles ──► account of a sandbox      used 7 of 100
 *
 * Q1  used <= limit, always: a charge that would pass the limit changes nothing and is answered with ERR_QUOTA.
 * Q2  Who charges returns exactly that, to the same account, so an account that is closed has used = 0.
 * Q3  Memory is charged when an area is made, not when it is touched: running out is the error of a call, never of a store.
 *
 * Context: any but NMI class, no lock; one locked instruction per charge and return.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/quota.h"

struct quota {
    atomic_uint refs;     /* (a) processes and areas that charge it, and accounts under it */
    struct quota *parent; /* (c) whose use holds our limits; NULL: the root */
    struct {
        uint64_t limit;        /* (c) */
        _Atomic uint64_t used; /* (a) Q1 */
    } item[QUOTA_KINDS];
};

/* The account of init, without limits. */
extern struct quota quota_root;

/* quota_create() - an account with these limits, charged to `parent`. ERR_QUOTA, ERR_NO_MEMORY. One reference. */
status_t quota_create(struct quota *parent, const uint64_t limit[QUOTA_KINDS],
                      struct quota **out) MUST_CHECK;
/* quota_get() / quota_put() - the last put closes the account and returns its limits. */
struct quota *quota_get(struct quota *quota);
void quota_put(struct quota *quota);

/* quota_charge() / quota_return() - OK or ERR_QUOTA. NULL: nobody pays. */
status_t quota_charge(struct quota *quota, enum quota_kind kind, uint64_t amount) MUST_CHECK;
void quota_return(struct quota *quota, enum quota_kind kind, uint64_t amount);
