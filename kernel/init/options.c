/* SPDX-License-Identifier: MIT */
/* Reading the command line. Pure code, also built on the host. */
#include "init/options.h"

#include "base/string.h"
#include "trace/ring/choice.h"

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r') {
        text++;
    }
    return text;
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (text[length] > ' ') {
        length++;
    }
    return length;
}

static void copy_part(char *to, size_t bytes, const char *from, size_t length)
{
    length = MIN(length, bytes - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

bool option_value(const char *cmdline, const char *key, char *value, size_t bytes)
{
    size_t key_length = strlen(key);
    bool found = false;
    for (const char *word = skip_blanks(cmdline); *word != '\0';) {
        size_t length = word_length(word);
        if (length >= key_length && strncmp(word, key, key_length) == 0) {
            if (length == key_length) {
                copy_part(value, bytes, "", 0);
                found = true;
            } else if (word[key_length] == '=') {
                copy_part(value, bytes, word + key_length + 1, length - key_length - 1);
                found = true;
            }
        }
        word = skip_blanks(word + length);
    }
    return found;
}

bool option_signed(const char **text, int64_t *out_number)
{
    const char *at = *text + (**text == '-' || **text == '+');
    const char *digits = at;
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9' && at - digits < 19; at++) {
        number = number * 10 + (uint64_t)(*at - '0');
    }
    if (at == digits || (*at != ',' && *at != '\0') || number > INT64_MAX) {
        return false;
    }
    *out_number = **text == '-' ? -(int64_t)number : (int64_t)number;
    *text = at + (*at == ',');
    return true;
}

bool option_number(const char *text, unsigned *out_number)
{
    size_t digits = strlen(text);
    *out_number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        *out_number = *out_number * 10 + (unsigned)(*at - '0');
    }
    return digits > 0 && digits <= 9;
}

void option_trace_events(const char *cmdline, struct trace_event_set *out, char *out_unknown,
                         size_t bytes)
{
    char list[192];
    out_unknown[0] = '\0';
    *out = (struct trace_event_set){{0}};
    if (!option_value(cmdline, "trace", list, sizeof(list))) {
        copy_part(list, sizeof(list), "all", strlen("all"));
    }
    for (const char *word = list; word != NULL;) {
        const char *comma = strchr(word, ',');
        size_t length = comma == NULL ? strlen(word) : (size_t)(comma - word);
        if (!trace_choice_add(out, word, length) && out_unknown[0] == '\0') {
            copy_part(out_unknown, bytes, word, length);
        }
        word = comma == NULL ? NULL : comma + 1;
    }
}
