/* SPDX-License-Identifier: MIT */
/* A writer of JSON that keeps track of commas and indentation. */
#pragma once

#include <stdio.h>

#include "util.h"

#define JSON_DEPTH_MAX 64

struct json {
    FILE *file;
    unsigned depth;
    bool is_line; /* everything on one line: a stream of objects, each ended by a newline */
    bool has_items[JSON_DEPTH_MAX];
};

/* Names are NULL inside arrays and at the top. Numbers above 2^53 are written in full; Python reads them exactly. */
void json_object(struct json *json, const char *name);
void json_array(struct json *json, const char *name);
void json_end_object(struct json *json);
void json_end_array(struct json *json);
void json_number(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_real(struct json *json, const char *name, double value);
void json_bool(struct json *json, const char *name, bool value);
void json_text(struct json *json, const char *name, const char *text);
/* json_hex() - a string "0x..." for identities, which are not numbers to calculate with. */
void json_hex(struct json *json, const char *name, uint64_t value);
