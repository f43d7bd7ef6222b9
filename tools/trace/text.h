/* SPDX-License-Identifier: MIT */
/* Records as text: fields by kind, with names where there are any. */
#pragma once

#include "registry.h"
#include "symbols.h"

#define TEXT_RECORD_BYTES 1024

struct text_context {
    const struct schema *schema;
    struct registry *registry;
    const struct symbols *symbols;
};

/* text_clean() - copy a text and end it by a NUL; bytes that are not plain ASCII become '?'. */
void text_clean(const char *text, size_t bytes, char *out);

/* text_value() - a field's value as text_record() shows it; not for strings. */
void text_value(const struct text_context *context, const struct schema_field *field,
                uint64_t value, char *buffer, size_t bytes);

/* text_special() - likewise a string, bare of quotes, or a list of frames. */
void text_special(const struct text_context *context, const struct schema_event *event,
                  const struct schema_field *field, const uint64_t *record, char *buffer,
                  size_t bytes);

/*
 * text_record() - " name=value ..." of a record; cut when the buffer is full.
 *
 * @event  of the record, which must fit it (schema_record_fits())
 */
void text_record(const struct text_context *context, const struct schema_event *event,
                 const uint64_t *record, char *buffer, size_t bytes);
