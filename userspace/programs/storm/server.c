/* SPDX-License-Identifier: MIT */
/* A process of a chain: it serves until it is killed. */
#include "userspace/programs/storm/storm.h"

#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"

static uint64_t mailbox, next; /* next: the back's mailbox; the back has none */
static uint64_t received_payload[PAYLOAD_WORDS], sent_payload[PAYLOAD_WORDS];

static struct ledger *map_ledger(void)
{
    uint64_t base;

    must(sys_area_map(program.self, program_handle("ledger"), 0, LEDGER_BYTES, 0,
                      PROT_READ | PROT_WRITE, &base));
    return ledger_of(base, (unsigned)option_u64("chain", 0));
}

/* False: nobody is there any more. */
static bool ask_next(uint64_t number)
{
    struct message message;

    storm_write(&message, number, sent_payload);
    status_t status = message_call(next, &message, DEADLINE_FOREVER);
    VERIFY(status == OK || status == ERR_PEER_CLOSED);
    VERIFY(status != OK ||
           (message.word[4] == storm_answer(number) && storm_is_good(&message, NULL)));
    return status == OK;
}

static void serve(struct ledger *ledger, unsigned stage)
{
    struct message message = {0};

    message_receive_buffer(&message, received_payload, sizeof(received_payload));
    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
    for (;;) {
        uint64_t number = message.word[4], token = message.token;

        VERIFY(message_label(&message) == STORM_WORK && storm_is_good(&message, received_payload));
        VERIFY(number > atomic_load(&ledger->stage[stage].last)); /* never twice, never late */
        atomic_store(&ledger->stage[stage].last, number);
        atomic_fetch_add(&ledger->stage[stage].received, 1);
        bool is_done = next == HANDLE_NONE || ask_next(number);
        storm_write(&message, storm_answer(number), NULL);
        message.label = is_done ? STORM_WORK : STORM_PEER_GONE;
        message.token = token;
        message_receive_buffer(&message, received_payload, sizeof(received_payload));
        status_t status = message_reply_receive(mailbox, &message);
        if (status == ERR_BAD_TOKEN) { /* the caller was killed */
            message_receive_buffer(&message, received_payload, sizeof(received_payload));
            status = message_receive(mailbox, &message, DEADLINE_FOREVER);
        }
        must(status);
    }
}

int server_main(void)
{
    mailbox = program_handle("mailbox");
    next = program_handle("next");
    serve(map_ledger(), next == HANDLE_NONE);
    return 0;
}
