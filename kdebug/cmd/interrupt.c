/* SPDX-License-Identifier: MIT */
/* interrupts: lines and messages that user-space drivers have. */
#include "arch/interrupt.h"
#include "irq/interrupt.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

static void run_interrupts(struct kd_call *call)
{
    static const char *const states[] = {"armed", "raised", "taken"};
    struct interrupt interrupt;
    kd_arg_done(call);
    kd_print("VECTOR  CPU  LAST        COUNT  STATE   LINE\n");
    for (unsigned i = 0; i < INTERRUPT_VECTORS; i++) {
        vaddr_t address =
            kd_fetch_word(KD_GLOBAL(interrupt_vectors) + i * sizeof(vaddr_t), "vectors");
        if (address == 0) {
            continue;
        }
        kd_fetch(address, &interrupt, sizeof(interrupt), "interrupt");
        interrupt.name[NAME_BYTES - 1] = '\0';
        kd_print("%6x  %3u  %4u  %11llu  %-6s  ", VECTOR_IRQ_BASE + i, interrupt.cpu,
                 interrupt.cpu_last, (unsigned long long)interrupt.count,
                 interrupt.state < ARRAY_COUNT(states) ? states[interrupt.state] : "?");
        if (interrupt.gsi == INTERRUPT_MESSAGE) {
            kd_print("message");
        } else {
            kd_print("%u %s", interrupt.gsi, interrupt.masks ? "level" : "edge");
        }
        if (interrupt.event != NULL) {
            char event[80];
            kd_object_text((vaddr_t)interrupt.event, event, sizeof(event));
            kd_print("  sets %llx of %s", (unsigned long long)interrupt.signals, event);
        }
        kd_print("%s%s\n", interrupt.name[0] == '\0' ? "" : "  ", interrupt.name);
    }
}
KD_COMMAND(interrupts, .usage = "", .help = "interrupts of user-space drivers", .flags = KD_READS,
           .run = run_interrupts);
