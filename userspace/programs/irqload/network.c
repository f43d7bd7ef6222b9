/* SPDX-License-Identifier: MIT */
/*
 * MSI-X: an Intel 82574L (QEMU: e1000e) has five messages and a register that raises their causes.
 *
 * Source: Intel 82574 data sheet, "Interrupts" and "Interrupt Register Descriptions".
 */
#include "gen/syscall_user.h"
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
    card[REG_MASK] = UINT32_MAX;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        must(sys_handle_close(interrupts[i]));
    }
    return true;
}
