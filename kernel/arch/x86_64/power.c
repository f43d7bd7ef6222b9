/* SPDX-License-Identifier: MIT */
/*
 * Switching the machine off and restarting it, from the gentlest way to the rudest.
 *
 * Source: ACPI 6.4, "Sleep Control", "PM1 Control Registers" and "Reset Register".
 */
#include "arch/acpi.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/x86_64/cpu_impl.h"

#define PM1_SCI_ENABLE   0x0001u
#define PM1_SLEEP_SHIFT  10u
#define PM1_SLEEP_MASK   (7u << PM1_SLEEP_SHIFT)
#define PM1_SLEEP_ENABLE (1u << 13)

#define KEYBOARD_STATUS      0x64u
#define KEYBOARD_INPUT_FULL  0x02u
#define KEYBOARD_PULSE_RESET 0xfeu

#define CHIPSET_RESET 0xcf9u /* reset control register of PC chip sets: bit 1 hard, bit 2 go */

#define WAIT_MS 200u /* for a machine to obey */

/*
 * Bounded by hardware time, not by another core: works before the clock does and after the others
 * are stopped.
 */
static void wait_ms(unsigned ms)
{
    tsc_t end = cpu_tsc() + (clock_tsc_khz() ? clock_tsc_khz() : 1000000) * ms;
    while (cpu_tsc() < end) {
        cpu_relax();
    }
}

/* Firmware that has not yet switched to ACPI mode ignores the sleep bits. */
static void enter_acpi_mode(void)
{
    if (acpi_info.smi_command && acpi_info.acpi_enable &&
        !(port_read((uint16_t)acpi_info.pm1a_control, 2) & PM1_SCI_ENABLE)) {
        port_write((uint16_t)acpi_info.smi_command, 1, acpi_info.acpi_enable);
        wait_ms(WAIT_MS);
    }
}

static void write_sleep(uint32_t port, uint16_t type)
{
    if (port) {
        uint32_t old = port_read((uint16_t)port, 2) & ~PM1_SLEEP_MASK;
        port_write((uint16_t)port, 2, old | (uint32_t)type << PM1_SLEEP_SHIFT | PM1_SLEEP_ENABLE);
    }
}

void power_off(void)
{
    if (!acpi_info.has_s5 || !acpi_info.pm1a_control) {
        return;
    }
    enter_acpi_mode();
    write_sleep(acpi_info.pm1a_control, acpi_info.s5_type_a);
    write_sleep(acpi_info.pm1b_control, acpi_info.s5_type_b);
    wait_ms(WAIT_MS);
}

static void reset_by_acpi(void)
{
    if (!acpi_info.has_reset) {
        return;
    }
    if (acpi_info.reset_space == ACPI_SPACE_IO) {
        port_write((uint16_t)acpi_info.reset_address, 1, acpi_info.reset_value);
    } else if (acpi_info.reset_space == ACPI_SPACE_MEMORY) {
        *(volatile uint8_t *)phys_to_virt(acpi_info.reset_address) = acpi_info.reset_value;
    }
    wait_ms(WAIT_MS);
}

static void reset_by_keyboard(void)
{
    for (unsigned i = 0; i < 10000 && (port_read(KEYBOARD_STATUS, 1) & KEYBOARD_INPUT_FULL); i++) {
        cpu_relax();
    }
    port_write(KEYBOARD_STATUS, 1, KEYBOARD_PULSE_RESET);
    wait_ms(WAIT_MS);
}

/*
 * An exception with an empty IDT is a double fault with an empty IDT, which is a shutdown, which
 * PCs turn into a reset.
 */
static void reset_by_triple_fault(void)
{
    struct descriptor_pointer empty = {0, 0};
    __asm__ volatile("lidt %0; int3" ::"m"(empty));
}

void power_reset(void)
{
    reset_by_acpi();
    reset_by_keyboard();
    port_write(CHIPSET_RESET, 1, 0x02);
    port_write(CHIPSET_RESET, 1, 0x06);
    wait_ms(WAIT_MS);
    reset_by_triple_fault();
    cpu_halt_forever();
}
