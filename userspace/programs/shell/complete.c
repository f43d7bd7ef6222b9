/* SPDX-License-Identifier: MIT */
#include "userspace/programs/shell/complete.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "userspace/files/client/path.h"
#include "userspace/programs/shell/builtin.h"
#include "userspace/programs/shell/folder.h"

#define WORD_BYTES    256u
#define CHOICES_BYTES 1500u

static struct {
    const char *begin; /* what has been typed of the name */
    size_t length;
    unsigned count;
    char common[WORD_BYTES]; /* what all that fit begin with */
    bool is_folder;          /* the one that fits */
    char listed[CHOICES_BYTES];
    size_t listed_length;
} choices;

static void choose(const char *name, bool is_folder)
{
    if (strncmp(name, choices.begin, choices.length) != 0) {
        return;
    }
    if (choices.count++ == 0) {
        string_copy(choices.common, name, sizeof(choices.common));
        choices.is_folder = is_folder;
    }
    size_t same = 0;
    while (choices.common[same] != '\0' && choices.common[same] == name[same]) {
        same++;
    }
    choices.common[same] = '\0';
    size_t room = sizeof(choices.listed) - choices.listed_length;
    if (strlen(name) + 3 < room) {
        choices.listed_length += (size_t)snprintf(choices.listed + choices.listed_length, room,
                                                  "%s%s  ", name, is_folder ? "/" : "");
    }
}

static bool begins_command(const char *line, const char *word)
{
    while (word > line && word[-1] == ' ') {
        word--;
    }
    return word == line || strchr("|&;", word[-1]) != NULL;
}

static void choose_file(const char *name, bool is_folder, void *unused)
{
    (void)unused;
    choose(name, is_folder);
}

/* Up to the last slash it is a folder, behind it the name begins. */
static void choose_files(const char *word)
{
    char folder[WORD_BYTES];
    const char *slash = NULL;

    for (const char *at = word; *at != '\0'; at++) {
        slash = *at == '/' ? at : slash;
    }
    size_t length = slash != NULL ? (size_t)(slash - word) + 1 : 0;
    memcpy(folder, word, length);
    folder[length] = '\0';
    choices.begin = word + length;
    choices.length = strlen(choices.begin);
    (void)folder_list(length > 0 ? folder : ".", choose_file, NULL);
}

static void list_choices(void)
{
    printf("\n");
    for (const char *at = choices.listed; *at != '\0';) {
        char row[PRINT_BYTES_MAX - 2];
        size_t length = string_copy(row, at, sizeof(row));

        if (length >= 78) { /* cut between two names */
            for (length = 78; length > 0 && row[length - 1] != ' '; length--) {
            }
            length = length > 0 ? length : 78;
        }
        row[length < sizeof(row) ? length : sizeof(row) - 1] = '\0';
        printf("%s\n", row);
        at += strlen(row);
    }
}

static bool is_typeable(const char *text)
{
    while (*text >= ' ' && *text <= '~') {
        text++;
    }
    return *text == '\0';
}

void complete(const char *line, uint32_t cursor, char insert[COMPLETION_BYTES])
{
    char typed[WORD_BYTES];
    uint32_t from = cursor;

    insert[0] = '\0';
    while (from > 0 && strchr(" |&;<>", line[from - 1]) == NULL) {
        from--;
    }
    memcpy(typed, line + from, cursor - from);
    typed[cursor - from] = '\0';
    choices.count = 0;
    choices.listed_length = 0;
    choices.listed[0] = '\0';
    choices.begin = typed;
    choices.length = strlen(typed);
    if (begins_command(line, line + from)) {
        builtin_names(choose);
    } else {
        choose_files(typed);
    }
    if (choices.count == 0) {
        return;
    }
    const char *end = choices.count > 1 ? "" : choices.is_folder ? "/" : " ";
    if (!is_typeable(choices.common)) {
        return; /* a line of ours cannot hold it */
    }
    snprintf(insert, COMPLETION_BYTES, "%s%s", choices.common + choices.length, end);
    if (choices.count > 1 && insert[0] == '\0') {
        list_choices();
    }
}
