/* SPDX-License-Identifier: MIT */
/* A record in words: see event_print.h. */
#include "kdebug/core/event_print.h"

#include "gen/errors.h"
#include "gen/syscall_numbers.h"
#include "gen/trace_table.h"
#include "kdebug/core/output.h"
#include "trace/ring/layout.h"

void kd_event_print_string(const uint64_t *record, unsigned word, unsigned words)
{
    const char *text = (const char *)(record + word);
    size_t bytes = (words + 1 - word) * 8u;
    for (size_t i = 0; i < bytes && text[i] != '\0'; i++) {
        kd_print("%c", text[i] >= ' ' && text[i] < 127 ? text[i] : '.');
    }
}

static void print_frames(const uint64_t *record, unsigned word, unsigned words)
{
    for (unsigned i = word; i <= words; i++) {
        kd_print(i == word ? "" : " < ");
        kd_print_address(record[i]);
    }
}

static void print_field(const struct trace_field *field, const uint64_t *record, unsigned words)
{
    if (field->kind == TRACE_KIND_STRING) {
        kd_event_print_string(record, field->word, words);
        return;
    }
    if (field->kind == TRACE_KIND_FRAMES) {
        print_frames(record, field->word, words);
        return;
    }
    if (field->word > words) {
        kd_print("?");
        return;
    }
    unsigned long long value = trace_field_value(field, record);
    const char *name = NULL;
    switch (field->kind) {
    case TRACE_KIND_ENUM:
        name = trace_enum_name(field, value);
        break;
    case TRACE_KIND_SYSCALL:
        name = syscall_name((unsigned)value);
        break;
    case TRACE_KIND_STATUS:
        name = status_name((status_t)value);
        break;
    case TRACE_KIND_OPERATION:
        name = trace_operation_name((uint32_t)value);
        if (name == NULL) {
            kd_print("0x%llx", value);
            return;
        }
        break;
    case TRACE_KIND_CODE:
        kd_print_address(value);
        return;
    case TRACE_KIND_HEX:
    case TRACE_KIND_VECTOR:
    case TRACE_KIND_CALL:
        kd_print("0x%llx", value);
        return;
    default:
        break;
    }
    if (name != NULL) {
        kd_print("%s", name);
    } else {
        kd_print("%llu", value);
    }
}

void kd_event_print(const uint64_t *record, unsigned words)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(record[0]));
    kd_print("%s", info == NULL ? "unknown event" : info->name);
    for (unsigned f = 0; info != NULL && f < info->fields; f++) {
        kd_print(" %s=", info->field[f].name);
        print_field(&info->field[f], record, words);
    }
}
