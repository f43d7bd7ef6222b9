/* SPDX-License-Identifier: MIT */
/* One small printer per kind of field. */
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "vector.h"

struct writer {
    char *at;
    char *end; /* room for the NUL is kept */
};

static void put(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);
static void put(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(writer->at, (size_t)(writer->end - writer->at), format, arguments);
    va_end(arguments);
    if (count > 0) {
        writer->at += MIN((size_t)count, (size_t)(writer->end - writer->at) - 1);
    }
}

static void put_named(struct writer *writer, uint64_t number, const char *name)
{
    if (name != NULL && *name != '\0') {
        put(writer, "%" PRIu64 "(%s)", number, name);
    } else {
        put(writer, "%" PRIu64, number);
    }
}

static const char *pick(const char *const *names, uint64_t number)
{
    return number < SCHEMA_NAMES_MAX ? names[number] : NULL;
}

static void put_tid(struct writer *writer, const struct text_context *context, uint64_t tid)
{
    const struct thread *thread = id_map_find(&context->registry->threads, tid);
    put_named(writer, tid,
              tid == 0                             ? "idle"
              : thread != NULL && thread->is_known ? thread->name
                                                   : NULL);
}

static void put_pid(struct writer *writer, const struct text_context *context, uint64_t pid)
{
    const struct process *process = registry_process(context->registry, (uint32_t)pid);
    put_named(writer, pid, process != NULL ? process->name : NULL);
}

static void put_object(struct writer *writer, const struct text_context *context, uint64_t id)
{
    const struct object *object = registry_object(context->registry, (uint32_t)id);
    put_named(writer, id, object != NULL ? object->name : NULL);
}

static void put_vector(struct writer *writer, uint64_t vector)
{
    char buffer[VECTOR_NAME_BYTES];
    put(writer, "%#" PRIx64 "(%s)", vector, vector_name((unsigned)vector, buffer));
}

static void put_status(struct writer *writer, const struct text_context *context, int64_t status)
{
    const char *name = schema_error_name(context->schema, status);
    if (name != NULL) {
        put(writer, "%s", name);
    } else {
        put(writer, "%" PRId64, status);
    }
}

static void put_hex(struct writer *writer, const struct text_context *context, uint64_t value)
{
    const struct symbol *symbol = symbols_find(context->symbols, value);
    put(writer, "%#" PRIx64, value);
    if (symbol != NULL) {
        put(writer, "(%s+%#" PRIx64 ")", symbol->name, value - symbol->address);
    }
}

static void put_string(struct writer *writer, const char *text, size_t bytes)
{
    put(writer, "\"");
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        put(writer, c == '"' || c == '\\' ? "\\%c" : c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
    }
    put(writer, "\"");
}

static void put_frames(struct writer *writer, const struct text_context *context,
                       const struct schema_event *event, const uint64_t *record)
{
    unsigned count;
    const uint64_t *frame = schema_frames(event, record, &count);
    for (unsigned i = 0; i < count; i++) {
        put(writer, i == 0 ? "" : ",");
        put_hex(writer, context, frame[i]);
    }
}

static void put_value(struct writer *writer, const struct text_context *context,
                      const struct schema_field *field, uint64_t value)
{
    switch (field->kind) {
    case SCHEMA_HEX:
    case SCHEMA_CALL:
    case SCHEMA_CODE:
        put_hex(writer, context, value);
        break;
    case SCHEMA_TID:
        put_tid(writer, context, value);
        break;
    case SCHEMA_PID:
        put_pid(writer, context, value);
        break;
    case SCHEMA_OBJECT:
        put_object(writer, context, value);
        break;
    case SCHEMA_VECTOR:
        put_vector(writer, value);
        break;
    case SCHEMA_STATUS:
        put_status(writer, context, (int64_t)value);
        break;
    case SCHEMA_OPERATION:
        if (schema_operation_name(context->schema, value) != NULL) {
            put(writer, "%s", schema_operation_name(context->schema, value));
        } else {
            put_hex(writer, context, value);
        }
        break;
    case SCHEMA_SYSCALL:
        put_named(writer, value, pick(context->schema->syscall, value));
        break;
    case SCHEMA_NS:
        if (value == ~0ull) {
            put(writer, "never");
        } else {
            put(writer, "%" PRIu64 ".%09" PRIu64 "s", value / 1000000000, value % 1000000000);
        }
        break;
    case SCHEMA_ENUM:
        if (pick(field->values->value, value) != NULL) {
            put(writer, "%s", field->values->value[value]);
            break;
        }
        /* fall through */
    default:
        put(writer, "%" PRIu64, value);
        break;
    }
}

void text_clean(const char *text, size_t bytes, char *out)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        out[i] = c >= 0x20 && c < 0x7f ? text[i] : '?';
    }
    out[bytes] = '\0';
}

void text_value(const struct text_context *context, const struct schema_field *field,
                uint64_t value, char *buffer, size_t bytes)
{
    struct writer writer = {.at = buffer, .end = buffer + bytes};
    *buffer = '\0';
    put_value(&writer, context, field, value);
}

void text_special(const struct text_context *context, const struct schema_event *event,
                  const struct schema_field *field, const uint64_t *record, char *buffer,
                  size_t bytes)
{
    struct writer writer = {.at = buffer, .end = buffer + bytes};
    *buffer = '\0';
    if (field->kind == SCHEMA_FRAMES) {
        put_frames(&writer, context, event, record);
        return;
    }
    size_t count;
    const char *text = schema_string(event, record, &count);
    put(&writer, "%.*s", (int)count, text);
}

void text_record(const struct text_context *context, const struct schema_event *event,
                 const uint64_t *record, char *buffer, size_t bytes)
{
    struct writer writer = {.at = buffer, .end = buffer + bytes};
    *buffer = '\0';
    for (unsigned i = 0; i < event->field_count; i++) {
        const struct schema_field *field = &event->field[i];
        put(&writer, " %s=", field->name);
        if (field->kind == SCHEMA_STRING) {
            size_t count;
            const char *text = schema_string(event, record, &count);
            put_string(&writer, text, count);
        } else if (field->kind == SCHEMA_FRAMES) {
            put_frames(&writer, context, event, record);
        } else {
            put_value(&writer, context, field, schema_value(field, record));
        }
    }
}
