/* SPDX-License-Identifier: MIT */
/*
 * MSI-X: an Intel 82574L (QEMU: e1000e) has five messages and a register that raises their causes.
 *
 * Source: Intel 82574 data sheet, "Interrupts" and "Interrupt Register Descriptions".
 */
#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/event.h"
#include "kernel/abi/message.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/lib/check.h"
#include "userspace/programs/irqload/irqload.h"

#define VENDOR 0x8086u
#define DEVICE 0x10d3u

#define REG_CAUSE   (0xc0u / 4) /* what has come; written: taken note of */
#define REG_RAISE   (0xc8u / 4)
#define REG_UNMASK  (0xd0u / 4)
#define REG_MASK    (0xd8u / 4)
#define REG_ROUTE   (0xe4u / 4) /* four bits per cause: its message, and that there is one */
#define ROUTE_VALID 8u

#define MESSAGES   5u
#define CAUSE(i)   (1u << (20 + (i))) /* queues 0 and 1, in and out; anything else */
#define ALL_CAUSES (CAUSE(MESSAGES) - CAUSE(0))

static volatile uint32_t *card;
static uint64_t interrupts[MESSAGES];

/* One comes, on the right core, and none of the others does. */
static void raise_one(uint32_t message, uint32_t core, uint64_t count)
{
    uint64_t other_count, cpu;

    card[REG_RAISE] = CAUSE(message);
    VERIFY(wait_on(interrupts[message], core) == count);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        VERIFY(sys_interrupt_wait(interrupts[i], DEADLINE_POLL, &other_count, &cpu) ==
               ERR_TIMED_OUT);
    }
    card[REG_CAUSE] = CAUSE(message);
    must(sys_interrupt_acknowledge(interrupts[message]));
}

/* All messages through one event: two at once are two signals of one wait. */
static void check_bound(void)
{
    uint64_t event = 0, signals = 0, count, cpu;

    must(sys_event_create("network", strlen("network"), &event));
    VERIFY(sys_interrupt_bind(interrupts[0], event, 0) == ERR_BAD_ARGUMENT);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        must(sys_interrupt_bind(interrupts[i], event, 1ul << i));
    }
    VERIFY(sys_interrupt_wait(interrupts[0], DEADLINE_POLL, &count, &cpu) == ERR_BUSY);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint32_t next = (i + 1) % MESSAGES;
        uint64_t both = 1ul << i | 1ul << next;

        card[REG_RAISE] = CAUSE(i) | CAUSE(next);
        must(sys_event_wait(event, both, clock_now() + LONG, EVENT_ALL | EVENT_CLEAR, &signals));
        VERIFY((signals & both) == both); /* the card may repeat one: it throttles by a clock */
        card[REG_CAUSE] = CAUSE(i) | CAUSE(next);
        must(sys_interrupt_acknowledge(interrupts[i]));
        must(sys_interrupt_acknowledge(interrupts[next]));
    }
    must(sys_handle_close(event));
}

bool check_network(struct pci *pci)
{
    pci_function_t function;
    uint32_t route = 0;
    uint64_t none;

    if (pci_find(pci, VENDOR, DEVICE, &function) != OK) {
        return false;
    }
    struct msi msi = {pci, machine, function};
    card = map_registers(pci, function, 0);
    card[REG_MASK] = UINT32_MAX;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        must(msi_enable(&msi, i, i % core_count, &interrupts[i]));
        route |= (ROUTE_VALID | i) << 4 * i;
    }
    VERIFY(msi_enable(&msi, MESSAGES, 0, &none) == ERR_NOT_SUPPORTED);
    card[REG_ROUTE] = route;
    card[REG_CAUSE] = UINT32_MAX;
    card[REG_UNMASK] = ALL_CAUSES;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        raise_one(i, i % core_count, 1);
        must(msi_steer(&msi, i, interrupts[i], (i + 1) % core_count));
        raise_one(i, (i + 1) % core_count, 2);
    }
    check_bound();
    card[REG_MASK] = UINT32_MAX;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        must(sys_handle_close(interrupts[i]));
    }
    return true;
}
