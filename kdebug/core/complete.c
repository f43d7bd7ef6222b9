/* SPDX-License-Identifier: MIT */
/* TAB: command names in the first word of a stage, symbols elsewhere (command.h). */
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/terminal.h"

#define LISTED_MAX 60u

/* Candidate number i in some order, NULL past the last. */
typedef const char *(*candidate_fn)(unsigned i);

struct matches {
    const char *first;
    unsigned count;
    size_t common; /* leading characters that all share */
};

static const char *command_candidate(unsigned i)
{
    return kdebug_commands_start + i < kdebug_commands_end ? kdebug_commands_start[i].name : NULL;
}

static const char *symbol_candidate(unsigned i)
{
    struct kd_symbol symbol;
    return kd_symbol_number(i, &symbol) ? symbol.name : NULL;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

/* Only blanks between the start of a stage and here. */
static bool is_first_word(const char *text, size_t start)
{
    while (start > 0 && text[start - 1] == ' ') {
        start--;
    }
    return start == 0 || text[start - 1] == '|' || text[start - 1] == ';';
}

static struct matches find_matches(candidate_fn candidate, const char *word, size_t length)
{
    struct matches matches = {0};
    const char *name;
    for (unsigned i = 0; (name = candidate(i)) != NULL; i++) {
        if (strncmp(name, word, length) != 0) {
            continue;
        }
        if (matches.count++ == 0) {
            matches.first = name;
            matches.common = strlen(name);
            continue;
        }
        size_t same = 0;
        while (same < matches.common && name[same] == matches.first[same]) {
            same++;
        }
        matches.common = same;
    }
    return matches;
}

static void list_matches(candidate_fn candidate, const char *word, size_t length)
{
    unsigned listed = 0;
    const char *name;
    for (unsigned i = 0; (name = candidate(i)) != NULL; i++) {
        if (strncmp(name, word, length) != 0) {
            continue;
        }
        if (listed++ == LISTED_MAX) {
            kd_terminal_write(" ...", 4);
            return;
        }
        kd_terminal_write(listed == 1 ? "\n" : "  ", listed == 1 ? 1 : 2);
        kd_terminal_write(name, strlen(name));
    }
}

size_t kd_complete(const char *text, size_t cursor, char *to, size_t bytes, bool *out_listed)
{
    size_t start = cursor;
    while (start > 0 && is_word_char(text[start - 1])) {
        start--;
    }
    const char *word = text + start;
    size_t length = cursor - start;
    candidate_fn candidate = is_first_word(text, start) ? command_candidate : symbol_candidate;
    struct matches matches = find_matches(candidate, word, length);
    *out_listed = false;
    if (matches.count == 0) {
        return 0;
    }
    if (matches.count > 1 && matches.common == length) {
        list_matches(candidate, word, length);
        *out_listed = true;
        return 0;
    }
    size_t added = MIN(matches.common - length, bytes - 1);
    memcpy(to, matches.first + length, added);
    if (matches.count == 1) {
        to[added++] = ' ';
    }
    return added;
}
