/* SPDX-License-Identifier: MIT */
/* Findings: bounded memory however broken the file is. */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const rule_names[FINDING_RULES_AND_NOTES] = {
    [FINDING_BLOCK_DAMAGED] = "block-damaged",
    [FINDING_BLOCK_MISSING] = "block-missing",
    [FINDING_FILE_CUT] = "file-cut",
    [FINDING_START_MISSING] = "start-missing",
    [FINDING_SUBBUF] = "sub-buffer",
    [FINDING_RECORD] = "record",
    [FINDING_TIME] = "time",
    [FINDING_CONSERVATION] = "conservation",
    [FINDING_SWITCH] = "switch",
    [FINDING_SYSCALL] = "syscall",
    [FINDING_IRQ] = "irq",
    [FINDING_FAULT] = "fault",
    [FINDING_IPC] = "ipc",
    [FINDING_KDEBUG] = "kdebug",
    [FINDING_CLOCK] = "clock",
    [NOTE_NO_END] = "no-end",
    [NOTE_LOSS] = "loss",
    [NOTE_SESSIONS] = "sessions",
    [NOTE_NOISE] = "noise",
    [NOTE_ORPHAN] = "orphan",
};

const char *finding_rule_name(enum finding_rule rule)
{
    return rule_names[rule];
}

void finding_add(struct finding_list *list, enum finding_rule rule, const char *format, ...)
{
    uint64_t index = list->count[rule]++;
    if (index >= FINDING_TEXTS_MAX) {
        return;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t bytes = strlen(text) + 1;
    list->text[rule][index] = memcpy(xmalloc(bytes), text, bytes);
}

uint64_t finding_total(const struct finding_list *list)
{
    uint64_t total = 0;
    for (unsigned rule = 0; rule < FINDING_RULES; rule++) {
        total += list->count[rule];
    }
    return total;
}

void finding_free(struct finding_list *list)
{
    for (unsigned rule = 0; rule < FINDING_RULES_AND_NOTES; rule++) {
        for (unsigned i = 0; i < FINDING_TEXTS_MAX; i++) {
            free(list->text[rule][i]);
        }
    }
    memset(list, 0, sizeof(*list));
}
