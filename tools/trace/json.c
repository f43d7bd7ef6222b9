/* SPDX-License-Identifier: MIT */
/* JSON as RFC 8259 wants it; text that is not ASCII is escaped byte by byte. */
#include "json.h"

#include <inttypes.h>

static void put_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\') {
            fprintf(file, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            fprintf(file, "\\u%04x", c);
        } else {
            fputc(c, file);
        }
    }
    fputc('"', file);
}

static void break_line(struct json *json)
{
    if (!json->is_line) {
        fprintf(json->file, "\n%*s", (int)(2 * json->depth), "");
    }
}

static void begin_item(struct json *json, const char *name)
{
    if (json->has_items[json->depth]) {
        fputs(json->is_line ? ", " : ",", json->file);
    }
    if (json->depth != 0) {
        break_line(json);
    }
    json->has_items[json->depth] = true;
    if (name != NULL) {
        put_text(json->file, name);
        fputs(": ", json->file);
    }
}

static void open_level(struct json *json, const char *name, char bracket)
{
    begin_item(json, name);
    fputc(bracket, json->file);
    json->depth++;
    json->has_items[json->depth] = false;
}

static void close_level(struct json *json, char bracket)
{
    bool had_items = json->has_items[json->depth];
    json->depth--;
    if (had_items) {
        break_line(json);
    }
    fputc(bracket, json->file);
    if (json->depth == 0) {
        fputc('\n', json->file);
    }
}

void json_object(struct json *json, const char *name)
{
    open_level(json, name, '{');
}

void json_array(struct json *json, const char *name)
{
    open_level(json, name, '[');
}

void json_end_object(struct json *json)
{
    close_level(json, '}');
}

void json_end_array(struct json *json)
{
    close_level(json, ']');
}

void json_number(struct json *json, const char *name, uint64_t value)
{
    begin_item(json, name);
    fprintf(json->file, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *name, int64_t value)
{
    begin_item(json, name);
    fprintf(json->file, "%" PRId64, value);
}

void json_real(struct json *json, const char *name, double value)
{
    begin_item(json, name);
    fprintf(json->file, "%.9f", value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin_item(json, name);
    fputs(value ? "true" : "false", json->file);
}

void json_text(struct json *json, const char *name, const char *text)
{
    begin_item(json, name);
    put_text(json->file, text);
}

void json_hex(struct json *json, const char *name, uint64_t value)
{
    begin_item(json, name);
    fprintf(json->file, "\"%#" PRIx64 "\"", value);
}
