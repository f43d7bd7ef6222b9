/* SPDX-License-Identifier: MIT */
/* A pager that keeps pages as they are, and is dishonest about some of them. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/pager.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/paging/paging.h"

#define SLOTS         4096u
#define PATIENCE      (20 * NS_PER_S)
#define PATIENCE_LATE (200 * NS_PER_MS)
#define REFUSE_AFTER  300u

struct slot {
    uint64_t area, page;
    bool is_used;
};

static struct slot slots[SLOTS];
static uint64_t *contents; /* of slots */
static uint64_t pager, mailbox;
static enum lie lie;
static atomic_uint taken;
static char incoming[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static uint64_t outgoing[PAGE_WORDS];

static uint64_t *slot_words(unsigned slot)
{
    return contents + (uint64_t)slot * PAGE_WORDS;
}

static unsigned find_slot(uint64_t area, uint64_t page)
{
    unsigned free = SLOTS;

    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].is_used && slots[i].area == area && slots[i].page == page) {
            return i;
        }
        free = !slots[i].is_used && free == SLOTS ? i : free;
    }
    return free;
}

static uint32_t keep(uint64_t area, uint64_t page)
{
    unsigned slot = find_slot(area, page);

    if (slot == SLOTS || (lie == LIE_REFUSE && atomic_load(&taken) >= REFUSE_AFTER)) {
        return PAGER_REFUSED;
    }
    memcpy(slot_words(slot), incoming, PAGE_BYTES);
    slots[slot] = (struct slot){area, page, true};
    atomic_fetch_add(&taken, 1);
    return PAGER_STORED;
}

static void forget(uint64_t area, uint64_t page)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].area == area && slots[i].page >= page) {
            slots[i].is_used = false;
        }
    }
}

static void expect(status_t found, status_t expected, const char *what)
{
    if (found != expected) {
        die("%s: %s", what, status_name(found));
    }
}

/* Has no room for what it is given: such a page stays in memory, though the next call says that all went well. */
static void take_nothing(uint32_t outcome)
{
    uint64_t request, area, page;
    status_t status = sys_pager_next(pager, outcome, (void *)PAGE_BYTES, DEADLINE_FOREVER, &request,
                                     &area, &page);

    if (status == OK) {
        VERIFY(request == PAGER_FORGET);
        forget(area, page);
    } else {
        expect(status, ERR_BAD_ADDRESS, "a page without room for it");
    }
}

static void take_pages(void *argument)
{
    uint32_t outcome = PAGER_STORED;
    uint64_t request, area, page;

    (void)argument;
    for (;;) {
        if (lie == LIE_EXTRA) {
            take_nothing(outcome);
            outcome = PAGER_STORED;
        }
        must(sys_pager_next(pager, outcome, incoming, DEADLINE_FOREVER, &request, &area, &page));
        outcome = PAGER_STORED;
        if (request == PAGER_STORE) {
            outcome = keep(area, page);
        } else {
            forget(area, page);
        }
    }
}

/* What is wrong is refused; or another thread has been told, which ended the process, and nobody asks any more. */
static void expect_corrupt(status_t found, const char *what)
{
    if (found != ERR_NOT_FOUND) {
        expect(found, ERR_CORRUPT, what);
    }
}

static status_t supply(uint64_t area, uint64_t page)
{
    return sys_pager_supply(pager, area, page, outgoing);
}

/* Truly. Another thread may have asked for the same page, and have been given it. */
static void supply_truly(uint64_t area, uint64_t page)
{
    status_t status = supply(area, page);

    if (status != ERR_NOT_FOUND) {
        must(status);
    }
}

/* The page that somebody waits for is given from itself: to have it, this process would have to be asked for it. The kernel
 * knows, and does not wait. Nor for any other use of it. */
static void use_what_is_away(uint64_t area, uint64_t page)
{
    static bool is_done;
    uint64_t shown, mailbox_of_no_name;

    if (is_done) {
        return; /* each time takes memory, and that is short */
    }
    is_done = true;
    must(sys_area_map(program.self, program_handle(SHARED_AREA), page * PAGE_BYTES, PAGE_BYTES, 0,
                      PROT_READ, &shown));
    expect(sys_pager_supply(pager, area, page, (void *)shown), ERR_BAD_ADDRESS,
           "a page of its own");
    expect(sys_mailbox_create((void *)shown, 1, &mailbox_of_no_name), ERR_BAD_ADDRESS,
           "a name that is away");
    must(sys_area_unmap(program.self, shown, PAGE_BYTES));
}

/* What this kind of liar does when one of the pages is asked for that it lies about. */
static void answer(uint64_t area, uint64_t page, struct message *message)
{
    switch (lie) {
    case LIE_DEATH:
        sys_process_exit(0);
    case LIE_DATA:
        outgoing[PAGE_WORDS - 1] ^= 1ull << 33;
        expect_corrupt(supply(area, page), "a wrong bit");
        break;
    case LIE_OLD:
        memcpy(outgoing, slot_words(find_slot(area, page) == 0 ? 1 : 0), PAGE_BYTES);
        expect_corrupt(supply(area, page), "another page");
        break;
    case LIE_MISSING:
        break;
    case LIE_LATE:
        must(sys_thread_sleep(clock_now() + 4 * PATIENCE_LATE));
        expect(supply(area, page), ERR_NOT_FOUND, "a late page");
        expect(message_reply(mailbox, message), ERR_BAD_TOKEN, "a late reply");
        break;
    case LIE_EXTRA:
        expect(supply(area, page + 0x100000), ERR_NOT_FOUND, "a page that nobody wants");
        expect(supply(area + 1, page), ERR_NOT_FOUND, "a page of another area");
        expect(sys_pager_supply(pager, area, page, (void *)PAGE_BYTES), ERR_BAD_ADDRESS, "nothing");
        must(supply(area, page));
        expect(supply(area, page), ERR_NOT_FOUND, "the page again");
        must(message_reply(mailbox, message));
        expect(message_reply(mailbox, message), ERR_BAD_TOKEN, "the reply again");
        break;
    case LIE_SELF:
        use_what_is_away(area, page);
        supply_truly(area, page);
        break;
    default:
        supply_truly(area, page);
    }
}

static void give(struct message *message)
{
    uint64_t area = message->word[PAGER_AREA], page = message->word[PAGER_PAGE];
    unsigned slot = find_slot(area, page);

    VERIFY(message_label(message) == PAGER_FETCH && slots[slot].is_used);
    memcpy(outgoing, slot_words(slot), PAGE_BYTES);
    *message = (struct message){.token = message->token};
    if (outgoing[0] >> 32 == FILL_MAGIC) {
        answer(area, page, message);
    } else {
        supply_truly(area, page);
    }
    (void)message_reply(mailbox, message); /* refused where answer() has replied */
}

void liar_run(enum lie kind)
{
    static struct thread taker;
    uint64_t area, address;
    uint64_t patience = kind == LIE_LATE ? PATIENCE_LATE : PATIENCE;
    struct message ready = {0};

    lie = kind;
    must(sys_area_create(SLOTS * PAGE_BYTES, AREA_CONTIGUOUS, &area));
    must(sys_area_map(program.self, area, 0, SLOTS * PAGE_BYTES, 0, PROT_READ | PROT_WRITE,
                      &address));
    contents = (uint64_t *)address;
    /* All that a pager works with is there before memory is short. */
    memset(slots, 0, sizeof(slots));
    memset(incoming, 0, sizeof(incoming));
    memset(outgoing, 0, sizeof(outgoing));
    must(sys_mailbox_create("liar", strlen("liar"), &mailbox));
    must(sys_pager_create(program_handle("system"), mailbox, SLOTS, patience, &pager));
    must(thread_start(&taker, take_pages, NULL, THREAD_ANYWHERE, "taker"));
    must(message_call(program_handle("parent"), &ready, DEADLINE_FOREVER));
    for (;;) {
        struct message message = {0};
        must(message_receive(mailbox, &message, DEADLINE_FOREVER));
        give(&message);
    }
}
