/* SPDX-License-Identifier: MIT */
/* Leases: what is under one ends with it, what is not does not; and names, which only the maker gives. */
#include "userspace/programs/syscheck/syscheck.h"

#include <string.h>

#define LEASES       64u /* more than a chain may have */
#define RIGHTS_GIVEN (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_AREA_READ)

static status_t use(uint64_t area)
{
    uint64_t bytes, physical;

    return sys_area_query(area, &bytes, &physical);
}

/* leased -> its duplicate -> one under a second lease; the second ends first, then the first. */
static void check_chain(void)
{
    uint64_t leased = 0, lease = 0, copy = 0, inner = 0, inner_lease = 0, granted;

    EXPECT(sys_handle_lease(specimens.area, RIGHTS_GIVEN, 0, &leased, &lease), OK);
    EXPECT(sys_handle_duplicate(leased, RIGHTS_GIVEN, 0, &copy), OK);
    EXPECT(sys_handle_lease(copy, RIGHTS_GIVEN, 0, &inner, &inner_lease), OK);
    EXPECT(sys_handle_grant(specimens.child, copy, RIGHT_AREA_READ, 0, &granted), OK);
    EXPECT(use(inner), OK);
    EXPECT(sys_lease_revoke(inner_lease), OK);
    EXPECT(use(inner), ERR_REVOKED);
    EXPECT(use(copy), OK);
    EXPECT(sys_lease_revoke(lease), OK);
    EXPECT(use(leased), ERR_REVOKED);
    EXPECT(use(copy), ERR_REVOKED);
    EXPECT(sys_handle_duplicate(copy, RIGHT_AREA_READ, 0, &granted), ERR_REVOKED);
    EXPECT(sys_handle_grant(specimens.child, copy, RIGHT_AREA_READ, 0, &granted), ERR_REVOKED);
    EXPECT(sys_handle_lease(copy, RIGHT_AREA_READ, 0, &granted, &granted), ERR_REVOKED);
    EXPECT(use(specimens.area), OK);
    EXPECT(sys_lease_revoke(lease), OK);
    const uint64_t open[] = {leased, lease, copy, inner, inner_lease};
    for (unsigned i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        EXPECT(sys_handle_close(open[i]), OK);
    }
}

/* The end of the outer lease reaches what is under the inner one. */
static void check_parent(void)
{
    uint64_t leased, lease, inner, inner_lease;

    must(sys_handle_lease(specimens.area, RIGHTS_GIVEN, 0, &leased, &lease));
    must(sys_handle_lease(leased, RIGHTS_GIVEN, 0, &inner, &inner_lease));
    EXPECT(sys_lease_revoke(lease), OK);
    EXPECT(use(inner), ERR_REVOKED);
    must(sys_handle_close(leased));
    must(sys_handle_close(lease));
    must(sys_handle_close(inner_lease));
    EXPECT(use(inner), ERR_REVOKED);
    must(sys_handle_close(inner));
}

static void check_limits(void)
{
    uint64_t out, lease, handles[LEASES] = {0}, leases[LEASES], source = specimens.area;
    unsigned count = 0;
    status_t status = OK;

    EXPECT(sys_handle_lease(specimens.area, 1u << 31, 0, &out, &lease), ERR_NO_RIGHTS);
    while (count < LEASES && status == OK) {
        status = sys_handle_lease(source, RIGHTS_GIVEN, 0, &handles[count], &leases[count]);
        source = handles[count];
        count += status == OK;
    }
    EXPECT(status, ERR_RANGE);
    while (count > 0) {
        count--;
        must(sys_handle_close(handles[count]));
        must(sys_handle_close(leases[count]));
    }
}

/* The message path has a look-up of its own. */
static void check_mailbox(void)
{
    struct message message = {.label = 1};
    uint64_t sender = 0, lease = 0;

    must(sys_handle_lease(specimens.mailbox, RIGHT_MAILBOX_SEND, 0, &sender, &lease));
    EXPECT(message_call(sender, &message, DEADLINE_POLL), ERR_TIMED_OUT);
    EXPECT(sys_lease_revoke(lease), OK);
    EXPECT(message_call(sender, &message, DEADLINE_POLL), ERR_REVOKED);
    must(sys_handle_close(sender));
    must(sys_handle_close(lease));
}

static void check_object_names(void)
{
    char name[NAME_BYTES];

    memset(name, 'n', sizeof(name));
    EXPECT(sys_object_set_name(specimens.mailbox, "renamed", 7), OK);
    EXPECT(sys_object_set_name(specimens.child, "renamed", 7), OK);
    EXPECT(sys_object_set_name(specimens.mailbox, name, NAME_BYTES), ERR_TOO_BIG);
    EXPECT(sys_object_set_name(specimens.mailbox, KERNEL_POINTER, 7), ERR_BAD_ADDRESS);
    EXPECT(sys_object_set_name(specimens.lease, "lease", 5), ERR_NOT_SUPPORTED);
    uint64_t weak = handle_with(specimens.mailbox, RIGHT_MAILBOX_SEND | RIGHT_DUPLICATE);
    EXPECT(sys_object_set_name(weak, "mine", 4), ERR_NO_RIGHTS);
    must(sys_handle_close(weak));
}

void check_leases(void)
{
    check_chain();
    check_parent();
    check_limits();
    check_mailbox();
    check_object_names();
}
