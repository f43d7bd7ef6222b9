/* SPDX-License-Identifier: MIT */
/* Handles: what a copy may, whom it stands for, when it ends. */
#include <string.h>

#include "kernel/abi/quota.h"
#include "userspace/lib/message.h"
#include "userspace/programs/tests/tests.h"

static uint64_t make_mailbox(void)
{
    uint64_t mailbox;

    must(sys_mailbox_create("tests", strlen("tests"), &mailbox));
    return mailbox;
}

static uint64_t handles_used(void)
{
    uint64_t used, limit;

    must(sys_process_get_quota(program.self, QUOTA_HANDLES, &used, &limit));
    return used;
}

static void a_copy_has_no_more_rights_than_were_given(void)
{
    uint64_t mailbox = make_mailbox(), sender, out;
    struct message message = {0};

    must(sys_handle_duplicate(mailbox, RIGHT_MAILBOX_SEND, 7, &sender));
    CHECK_GIVES(ERR_NO_RIGHTS, message_receive(sender, &message, DEADLINE_POLL));
    CHECK_GIVES(ERR_NO_RIGHTS, sys_handle_duplicate(sender, RIGHT_MAILBOX_SEND, 8, &out));
    CHECK_GIVES(ERR_NO_RIGHTS, sys_handle_duplicate(mailbox, RIGHTS_MAILBOX | 1u << 31, 0, &out));
    must(sys_handle_close(sender));
    must(sys_handle_close(mailbox));
}

static void a_closed_handle_is_nobodys(void)
{
    uint64_t mailbox = make_mailbox(), other;
    struct message message = {0};

    must(sys_handle_close(mailbox));
    CHECK_GIVES(ERR_BAD_HANDLE, sys_handle_close(mailbox));
    other = make_mailbox(); /* perhaps in the same place of the table */
    CHECK(other != mailbox);
    CHECK_GIVES(ERR_BAD_HANDLE, message_receive(mailbox, &message, DEADLINE_POLL));
    must(sys_handle_close(other));
}

static void a_handle_names_one_type_of_object(void)
{
    uint64_t mailbox = make_mailbox(), area, code, fault;
    struct message message = {0};

    must(sys_area_create(PAGE_BYTES, 0, &area));
    CHECK_GIVES(ERR_WRONG_TYPE, message_receive(area, &message, DEADLINE_POLL));
    CHECK_GIVES(ERR_WRONG_TYPE, sys_process_wait(mailbox, DEADLINE_POLL, &code, &fault));
    CHECK_GIVES(ERR_WRONG_TYPE, sys_thread_suspend(area));
    must(sys_handle_close(area));
    must(sys_handle_close(mailbox));
}

static void a_lease_that_ends_takes_its_handles_along(void)
{
    uint64_t mailbox = make_mailbox(), lent, copy, lease;
    struct message message = {0};

    must(sys_handle_lease(mailbox, RIGHTS_MAILBOX, 5, &lent, &lease));
    must(sys_handle_duplicate(lent, RIGHT_MAILBOX_RECEIVE, 0, &copy));
    CHECK_GIVES(ERR_TIMED_OUT, message_receive(copy, &message, DEADLINE_POLL));
    must(sys_lease_revoke(lease));
    CHECK_GIVES(ERR_REVOKED, message_receive(copy, &message, DEADLINE_POLL));
    CHECK_GIVES(ERR_REVOKED, message_receive(lent, &message, DEADLINE_POLL));
    CHECK_GIVES(ERR_TIMED_OUT, message_receive(mailbox, &message, DEADLINE_POLL));
    must(sys_handle_close(copy));
    must(sys_handle_close(lent));
    must(sys_handle_close(lease));
    must(sys_handle_close(mailbox));
}

static void what_a_process_was_granted_ends_with_it(void)
{
    uint64_t mailbox = make_mailbox(), process, granted, code, fault;

    must(sys_process_create("tests", strlen("tests"), &process));
    must(sys_handle_grant(process, mailbox, RIGHT_MAILBOX_RECEIVE, 0, &granted));
    must(sys_process_kill(process, 3));
    must(sys_process_wait(process, LONG, &code, &fault));
    CHECK(code == 3 && fault == 0);
    CHECK_GIVES(ERR_PEER_CLOSED,
                sys_handle_grant(process, mailbox, RIGHT_MAILBOX_SEND, 0, &granted));
    must(sys_handle_close(process));
    must(sys_handle_close(mailbox));
}

static void every_handle_comes_back_to_the_account(void)
{
    const uint64_t before = handles_used();
    uint64_t mailbox = make_mailbox(), copies[20];

    for (unsigned i = 0; i < 20; i++) {
        must(sys_handle_duplicate(mailbox, RIGHT_MAILBOX_SEND, i, &copies[i]));
    }
    CHECK(handles_used() >= before + 21);
    for (unsigned i = 0; i < 20; i++) {
        must(sys_handle_close(copies[i]));
    }
    must(sys_handle_close(mailbox));
    CHECK(handles_used() == before);
}

int test_handles(void)
{
    static const struct test tests[] = {
        TEST(a_copy_has_no_more_rights_than_were_given),
        TEST(a_closed_handle_is_nobodys),
        TEST(a_handle_names_one_type_of_object),
        TEST(a_lease_that_ends_takes_its_handles_along),
        TEST(what_a_process_was_granted_ends_with_it),
        TEST(every_handle_comes_back_to_the_account),
    };

    return TESTS_RUN("handles", tests);
}
