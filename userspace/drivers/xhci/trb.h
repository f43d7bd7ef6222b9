/* SPDX-License-Identifier: MIT */
/*
 * Transfer request blocks: what driver and controller say to each other through rings.
 *
 * Source: eXtensible Host Controller Interface for USB (xHCI) 1.2, "TRB Data Structures"; here "xHCI".
 */
#pragma once

#include <stdint.h>

struct trb {
    uint64_t parameter;
    uint32_t status;
    uint32_t control; /* cycle bit, flags, type in bits 10 to 15, the rest by type */
};

#define TRB_CYCLE        (1u << 0)
#define TRB_TOGGLE       (1u << 1) /* of a link: the cycle bit turns over behind it */
#define TRB_SHORT        (1u << 2) /* an event for less than was asked for, too */
#define TRB_INTERRUPT    (1u << 5) /* an event when it is done */
#define TRB_IMMEDIATE    (1u << 6) /* the parameter is the data */
#define TRB_IN           (1u << 16)
#define TRB_SETUP_OUT    (2u << 16) /* kind of the data stage that follows a setup stage */
#define TRB_SETUP_IN     (3u << 16)
#define TRB_TYPE(type)   ((uint32_t)(type) << 10)
#define TRB_TYPE_OF(trb) ((trb)->control >> 10 & 0x3f)

#define TRB_SLOT(slot)         ((uint32_t)(slot) << 24)
#define TRB_ENDPOINT(dci)      ((uint32_t)(dci) << 16)
#define TRB_SLOT_OF(trb)       ((trb)->control >> 24)
#define TRB_ENDPOINT_OF(trb)   ((trb)->control >> 16 & 0x1f)
#define TRB_COMPLETION_OF(trb) ((trb)->status >> 24)
#define TRB_LEFT_OF(trb)       ((trb)->status & 0xffffff) /* bytes that were not transferred */
#define TRB_PORT_OF(trb)       ((unsigned)((trb)->parameter >> 24 & 0xff))

enum trb_type {
    TRB_NORMAL = 1,
    TRB_SETUP,
    TRB_DATA,
    TRB_STATUS,
    TRB_LINK = 6,
    TRB_ENABLE_SLOT = 9,
    TRB_DISABLE_SLOT,
    TRB_ADDRESS_DEVICE,
    TRB_CONFIGURE_ENDPOINT,
    TRB_EVALUATE_CONTEXT,
    TRB_RESET_ENDPOINT,
    TRB_STOP_ENDPOINT,
    TRB_SET_DEQUEUE,
    TRB_TRANSFER_EVENT = 32,
    TRB_COMMAND_EVENT,
    TRB_PORT_EVENT,
    TRB_CONTROLLER_EVENT = 37,
};

/* xHCI, "TRB Completion Codes". */
enum completion {
    COMPLETION_NONE,
    COMPLETION_SUCCESS,
    COMPLETION_BUFFER_ERROR,
    COMPLETION_BABBLE,
    COMPLETION_TRANSACTION_ERROR,
    COMPLETION_TRB_ERROR,
    COMPLETION_STALL,
    COMPLETION_NO_SLOT = 9,
    COMPLETION_SHORT = 13,
    COMPLETION_STATE_ERROR = 19,
    COMPLETION_STOPPED = 26,
    COMPLETION_STOPPED_LENGTH,
    COMPLETION_STOPPED_SHORT,
};
