/* SPDX-License-Identifier: MIT */
/* The prompt loop (session.h). Everything that needs the live machine is in enter.c. */
#include "kdebug/core/session.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/editor.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/target.h"
#include "kdebug/core/terminal.h"

static struct kd_editor editor;
static bool editor_ready;
static unsigned selected_cpu;
static bool over;

void kd_session_begin(unsigned cpu)
{
    kd_guard_reset();
    selected_cpu = cpu;
    over = false;
    if (!editor_ready) {
        kd_editor_init(&editor, KD_PROMPT, kd_terminal_write);
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

kd_space_t kd_session_space(uint64_t address)
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
    char text[KD_EDITOR_BYTES];
    bool listed;
    size_t bytes = kd_complete(editor.text, editor.cursor, text, sizeof(text), &listed);
    if (listed) {
        kd_editor_redraw(&editor);
    }
    kd_editor_insert(&editor, text, bytes);
}

static void read_line(void (*idle)(void))
{
    kd_editor_begin(&editor);
    for (;;) {
        int byte = kd_terminal_get();
        if (byte < 0) {
            idle();
            continue;
        }
        switch (kd_editor_feed(&editor, (unsigned char)byte)) {
        case KD_EDITOR_LINE:
            return;
        case KD_EDITOR_CANCEL:
            kd_editor_begin(&editor);
            break;
        case KD_EDITOR_COMPLETE:
            complete();
            break;
        case KD_EDITOR_MORE:
            break;
        }
    }
}

void kd_session_prompt(void (*idle)(void))
{
    while (!over) {
        struct kd_guard guard;
        if (KD_GUARD(guard)) {
            read_line(idle);
            kd_run_line(editor.text);
            kd_guard_leave(&guard);
        } else {
            kd_report_raised();
        }
    }
}
