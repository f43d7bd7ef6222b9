/* SPDX-License-Identifier: MIT */
/* The prompt loop (session.h). Everything that needs the live machine is in enter.c. */
#include "kdebug/core/session.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "base/line_editor.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/passphrase.h"
#include "kdebug/core/target.h"
#include "kdebug/core/terminal.h"
#include "kdebug/core/remote.h"

#define HELD_MAX 8u

static struct line_editor editor;
static bool editor_ready;
static unsigned selected_cpu;
static vaddr_t chosen_process; /* 0: none */
static kd_space_t chosen_root;
static bool over;

void kd_session_begin(unsigned cpu)
{
    kd_guard_reset();
    selected_cpu = cpu;
    chosen_process = 0; /* it may be gone */
    over = false;
    if (!editor_ready) {
        line_editor_init(&editor, KD_PROMPT, kd_terminal_write);
        editor_ready = true;
    }
}

void kd_session_end(void)
{
    over = true;
}

bool kd_session_is_over(void)
{
    return over;
}

unsigned kd_session_cpu(void)
{
    return selected_cpu;
}

void kd_session_select(unsigned cpu)
{
    selected_cpu = cpu;
}

void kd_session_choose(vaddr_t process, kd_space_t root)
{
    chosen_process = process;
    chosen_root = root;
}

vaddr_t kd_session_context(void)
{
    return chosen_process;
}

kd_space_t kd_session_space(uint64_t address)
{
    return chosen_process != 0 && address < DIRECT_MAP_BASE ? chosen_root
                                                            : kd_session_core_space(address);
}

kd_space_t kd_session_core_space(uint64_t address)
{
    struct kd_registers registers;
    if (address >= DIRECT_MAP_BASE || kd_target->registers(selected_cpu, &registers) != OK) {
        return KD_SPACE_KERNEL;
    }
    return registers.cr3 & PTE_ADDRESS;
}

bool kd_session_run(const char *line)
{
    return kd_run_line(line);
}

static void complete(void)
{
    char text[LINE_EDITOR_BYTES];
    bool listed;
    size_t bytes = kd_complete(editor.text, editor.cursor, text, sizeof(text), &listed);
    if (listed) {
        line_editor_redraw(&editor);
    }
    line_editor_insert(&editor, text, bytes);
}

/* True: that was the end of a line. */
static bool feed_editor(unsigned char byte)
{
    switch (line_editor_feed(&editor, byte)) {
    case LINE_EDITOR_LINE:
        return true;
    case LINE_EDITOR_CANCEL:
        line_editor_begin(&editor);
        return false;
    case LINE_EDITOR_COMPLETE:
        complete();
        return false;
    case LINE_EDITOR_MORE:
    case LINE_EDITOR_END: /* `resume` is how one leaves */
        return false;
    }
    return false;
}

/* What may be the beginning of gdb is held back until it is clear whether a person typed it.
 * False: it was gdb, which has been served. */
static bool read_line(void (*idle)(void))
{
    unsigned char held[HELD_MAX];
    unsigned count = 0;
    line_editor_begin(&editor);
    for (;;) {
        int byte = kd_terminal_get();
        if (byte < 0) {
            idle();
            continue;
        }
        held[count++] = (unsigned char)byte;
        int verdict = editor.length == 0 ? kd_remote_begins((unsigned char)byte) : 0;
        if (verdict > 0) {
            kd_remote_serve(idle);
            return false;
        }
        if (verdict < 0 && count < HELD_MAX) {
            continue;
        }
        for (unsigned i = 0; i < count; i++) {
            if (feed_editor(held[i])) {
                return true;
            }
        }
        count = 0;
    }
}

void kd_session_prompt(void (*idle)(void))
{
    while (!over) {
        struct kd_guard guard;
        if (KD_GUARD(guard)) {
            if (kd_passphrase_is_locked()) {
                kd_passphrase_ask(idle);
            } else if (read_line(idle)) {
                kd_run_line(editor.text);
            }
            kd_guard_leave(&guard);
        } else {
            kd_report_raised();
        }
    }
}
