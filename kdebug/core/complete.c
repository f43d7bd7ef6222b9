/* SPDX-License-Identifier: MIT */
/*
 * TAB (command.h): command names in the first word of a stage; types behind struct, union, enum and 'type'; fields behind '.' and
 * '->', of the type that stands before if that can be told, else of any; symbols elsewhere.
 */
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/program_types.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/terminal.h"
#include "kdebug/core/types.h"

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

static const char *keyword; /* of the types that are candidates; NULL any that have a name */

static kd_scope_t program; /* the other scope whose types are candidates */

/* Type i of the kernel's and then the program's; 0 past the last. */
static kd_ctype_t type_number(unsigned i, const char **out_keyword, const char **out_name)
{
    unsigned ours = kd_types_count(KD_SCOPE_KERNEL);
    ours = ours == 0 ? 0 : ours - 1;
    if (i < ours) {
        return kd_ctype_number(KD_SCOPE_KERNEL, i, out_keyword, out_name);
    }
    return program == KD_SCOPE_KERNEL ? 0
                                      : kd_ctype_number(program, i - ours, out_keyword, out_name);
}

static const char *type_candidate(unsigned i)
{
    const char *its, *name;
    if (type_number(i, &its, &name) == 0) {
        return NULL;
    }
    return keyword == NULL || strcmp(its, keyword) == 0 ? name : "";
}

/* Where the walk over the members of all types stands: candidates are asked for in order. */
static struct {
    unsigned type, member;
} walk;
static kd_ctype_t owner; /* whose members are candidates, 0: of all types */

static const char *owned_candidate(unsigned i)
{
    struct kd_member member;
    return kd_ctype_member(owner, i, &member) ? member.name : NULL;
}

static const char *member_candidate(unsigned i)
{
    const char *its, *name;
    struct kd_member member;
    kd_ctype_t type;
    if (i == 0) {
        walk.type = walk.member = 0;
    }
    for (; (type = type_number(walk.type, &its, &name)) != 0; walk.type++, walk.member = 0) {
        if ((*its == 's' || *its == 'u') && kd_ctype_member(type, walk.member, &member)) {
            walk.member++;
            return member.name;
        }
    }
    return NULL;
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
        if (*name == '\0' || strncmp(name, word, length) != 0) {
            continue;
        }
        if (matches.count == 0) {
            matches.first = name;
            matches.common = strlen(name);
            matches.count = 1;
            continue;
        }
        size_t same = 0;
        while (same < matches.common && name[same] == matches.first[same]) {
            same++;
        }
        if (same < matches.common || name[same] != matches.first[same]) {
            matches.count++; /* many structures have fields of the same name */
        }
        matches.common = same;
    }
    return matches;
}

static bool is_listed(const char *const *listed, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(listed[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void list_matches(candidate_fn candidate, const char *word, size_t length)
{
    static const char *listed[LISTED_MAX];
    unsigned count = 0;
    const char *name;
    for (unsigned i = 0; (name = candidate(i)) != NULL; i++) {
        if (*name == '\0' || strncmp(name, word, length) != 0 || is_listed(listed, count, name)) {
            continue;
        }
        if (count == LISTED_MAX) {
            kd_terminal_write(" ...", 4);
            return;
        }
        kd_terminal_write(count == 0 ? "\n" : "  ", count == 0 ? 1 : 2);
        kd_terminal_write(name, strlen(name));
        listed[count++] = name;
    }
}

/* Does the text before `start` end with this word? */
static bool follows(const char *text, size_t start, const char *word)
{
    size_t length = strlen(word), end = start;
    while (end > 0 && text[end - 1] == ' ') {
        end--;
    }
    return end < start && end >= length && strncmp(text + end - length, word, length) == 0 &&
           (end == length || !is_word_char(text[end - length - 1]));
}

/* Where the field begins that is being typed, 0: it is none. A dot may also belong to a symbol. */
static size_t field_start(const char *text, size_t start, size_t cursor)
{
    if (start >= 2 && text[start - 2] == '-' && text[start - 1] == '>') {
        return start;
    }
    size_t at = cursor;
    while (at > start && text[at - 1] != '.') {
        at--;
    }
    return at > start ? at : 0;
}

/* The structure that an expression in front of '.' or '->' is or points to; 0: that cannot be told. */
static kd_ctype_t find_owner(const char *text, size_t end)
{
    size_t start = end;
    struct kd_value value;
    struct kd_error error;
    while (start > 0 && text[start - 1] != ' ' && text[start - 1] != '|' &&
           text[start - 1] != '&' && text[start - 1] != ',') {
        start--;
    }
    const char *at = text + start;
    if (start == end || !kd_expression_parse(&at, text + end, &value, &error) || at != text + end) {
        return 0;
    }
    struct kd_ctype type = kd_ctype_get(value.ctype);
    if (type.kind == KD_KIND_POINTER) {
        value.ctype = type.target;
        type = kd_ctype_get(type.target);
    }
    return type.kind == KD_KIND_STRUCT || type.kind == KD_KIND_UNION ? value.ctype : 0;
}

static candidate_fn choose_type(const char *text, size_t start)
{
    static const char *const keywords[] = {"struct", "union", "enum"};
    for (unsigned i = 0; i < ARRAY_COUNT(keywords); i++) {
        if (follows(text, start, keywords[i])) {
            keyword = keywords[i];
            return type_candidate;
        }
    }
    keyword = NULL;
    return follows(text, start, "type") ? type_candidate : NULL;
}

/* What may stand at *start; moved to where the name begins that is completed. */
static candidate_fn choose(const char *text, size_t *start, size_t cursor)
{
    program = kd_program_scope();
    candidate_fn types = choose_type(text, *start);
    size_t field = field_start(text, *start, cursor);
    if (is_first_word(text, *start) && field == 0) {
        return command_candidate;
    }
    if (types != NULL) {
        return types;
    }
    if (field == 0 || find_matches(symbol_candidate, text + *start, cursor - *start).count > 0) {
        return symbol_candidate;
    }
    owner = find_owner(text, text[field - 1] == '>' ? field - 2 : field - 1);
    *start = field;
    return owner != 0 ? owned_candidate : member_candidate;
}

size_t kd_complete(const char *text, size_t cursor, char *to, size_t bytes, bool *out_listed)
{
    size_t start = cursor;
    while (start > 0 && is_word_char(text[start - 1])) {
        start--;
    }
    candidate_fn candidate = choose(text, &start, cursor);
    const char *word = text + start;
    size_t length = cursor - start;
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
    bool goes_on = candidate == owned_candidate || candidate == member_candidate;
    if (matches.count == 1 && !goes_on) {
        to[added++] = ' ';
    }
    return added;
}
