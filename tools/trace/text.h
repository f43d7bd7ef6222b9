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

/*
 * text_record() - " name=value ..." of a record; cut when the buffer is full.
 *
 * @event  of the record, which must fit it (schema_record_fits())
 */
void text_record(const struct text_context *context, const struct schema_event *event,
                 const uint64_t *record, char *buffer, size_t bytes);
