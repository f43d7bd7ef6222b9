/* SPDX-License-Identifier: MIT */
#include "userspace/programs/shell/expand.h"

#include <stdio.h>
#include <string.h>

#include "userspace/programs/shell/folder.h"

#define NAMES_BYTES 4096u
#define WORD_BYTES  512u

static char names[NAMES_BYTES]; /* of one pipeline */
static size_t used;

struct match {
    const char *folder, *pattern; /* what stands before the name, up to its slash */
    struct command *into;
    unsigned first; /* word */
    bool has_room;
};

/* In order among those of this pattern. */
static void insert(struct match *match, const char *word)
{
    struct command *into = match->into;
    unsigned at = into->count;

    while (at > match->first && strcmp(into->word[at - 1], word) > 0) {
        into->word[at] = into->word[at - 1];
        at--;
    }
    into->word[at] = word;
    into->count++;
}

static void take_name(const char *name, bool is_folder, void *argument)
{
    struct match *match = argument;
    size_t room = NAMES_BYTES - used;

    (void)is_folder;
    if ((name[0] == '.' && match->pattern[0] != '.') || !pattern_fits(match->pattern, name)) {
        return;
    }
    if (match->into->count == WORDS_MAX || strlen(match->folder) + strlen(name) >= room) {
        match->has_room = false;
        return;
    }
    char *word = names + used;
    used += (size_t)snprintf(word, room, "%s%s", match->folder, name) + 1;
    insert(match, word);
}

static bool expand_word(const char *word, struct command *into)
{
    char folder[WORD_BYTES];
    const char *name = word;

    for (const char *at = word; *at != '\0'; at++) {
        name = *at == '/' ? at + 1 : name;
    }
    size_t length = (size_t)(name - word);
    if (length >= sizeof(folder)) {
        return false;
    }
    memcpy(folder, word, length);
    folder[length] = '\0';
    struct match match = {folder, name, into, into->count, true};
    (void)folder_list(length > 0 ? folder : ".", take_name, &match);
    if (match.has_room && into->count == match.first) { /* nothing fits */
        into->word[into->count++] = word;
    }
    return match.has_room;
}

static bool expand_command(struct command *command)
{
    struct command old = *command;

    command->count = 0;
    for (unsigned i = 0; i < old.count; i++) {
        bool is_pattern = (old.patterns >> i & 1) != 0;

        if (command->count == WORDS_MAX || (is_pattern && !expand_word(old.word[i], command))) {
            complain("%s: more than %u words", old.word[i], WORDS_MAX);
            return false;
        }
        if (!is_pattern) {
            command->word[command->count++] = old.word[i];
        }
    }
    command->word[command->count] = NULL;
    return true;
}

bool expand(struct pipeline *pipeline)
{
    used = 0;
    for (unsigned i = 0; i < pipeline->count; i++) {
        if (pipeline->command[i].patterns != 0 && !expand_command(&pipeline->command[i])) {
            return false;
        }
    }
    return true;
}
