/* SPDX-License-Identifier: MIT */
/* Opening inputs, printing findings, reading option arguments. */
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define SECONDS_MAX 1e9

status_t capture_file_open(struct capture_file *file, const char *path, unsigned session)
{
    status_t status = input_open(&file->input, path);
    if (status != OK) {
        return status;
    }
    status = session_open(&file->session, &file->input, session);
    if (status != OK) {
        input_close(&file->input);
    }
    return status;
}

void capture_file_close(struct capture_file *file)
{
    session_close(&file->session);
    input_close(&file->input);
}

void print_findings(FILE *out, const struct finding_list *list)
{
    for (unsigned rule = 0; rule < FINDING_RULES_AND_NOTES; rule++) {
        const char *mark = rule >= FINDING_RULES ? "note " : "";
        for (unsigned i = 0; i < FINDING_TEXTS_MAX && list->text[rule][i] != NULL; i++) {
            fprintf(out, "%s%s: %s\n", mark, finding_rule_name(rule), list->text[rule][i]);
        }
        if (list->count[rule] > FINDING_TEXTS_MAX) {
            fprintf(out, "%s%s: ... and %" PRIu64 " more\n", mark, finding_rule_name(rule),
                    list->count[rule] - FINDING_TEXTS_MAX);
        }
    }
}

bool option_number(const char *option, const char *text, unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-') {
        complain("%s: \"%s\" is not a number", option, text);
        return false;
    }
    return true;
}

bool option_seconds(const char *option, const char *text, int64_t *out_ns)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > SECONDS_MAX) {
        complain("%s: \"%s\" is not a number of seconds", option, text);
        return false;
    }
    *out_ns = (int64_t)(seconds * 1e9 + 0.5);
    return true;
}
