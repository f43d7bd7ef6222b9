/* SPDX-License-Identifier: MIT */
/* ls: lists directories, and says what files are. */
#include <stdio.h>
#include <string.h>

#include "userspace/files/client/file.h"
#include "userspace/files/client/here.h"
#include "userspace/programs/commands/command.h"
#include "userspace/programs/shell/folder.h"

#define NAMES_MAX 1024u

static bool is_long, has_titles;

static void print(const char *path, const char *name)
{
    struct file_info info;
    status_t status = is_long ? file_stat(path, &info) : OK;

    if (status != OK) {
        (void)command_fail(path, status);
    } else if (is_long && info.kind == FILE_REGULAR) {
        printf("%10lu  %s\n", info.size, name);
    } else if (is_long) {
        printf("%10s  %s/\n", "", name);
    } else {
        printf("%s\n", name);
    }
}

/* ---- names in order, as many at once as there is room for ---- */

static char texts[65536];
static char *names[NAMES_MAX];
static unsigned name_count;
static size_t used;

static void print_names(const char *folder)
{
    char path[2 * PATH_BYTES_MAX];
    size_t folder_length = strlen(folder);
    bool has_slash = folder_length > 0 && folder[folder_length - 1] == '/';

    for (unsigned i = 0; i < name_count; i++) {
        size_t length = strlen(names[i]);

        if (is_long && names[i][length - 1] == '/') { /* it says so itself */
            names[i][length - 1] = '\0';
        }
        snprintf(path, sizeof(path), "%s%s%s", folder, has_slash ? "" : "/", names[i]);
        print(path, names[i]);
    }
    name_count = 0;
    used = 0;
}

static void take_name(const char *name, bool is_folder, void *argument)
{
    unsigned at = name_count;

    if (name_count == NAMES_MAX || sizeof(texts) - used < FILE_NAME_MAX + 2) {
        print_names(argument);
        at = 0;
    }
    char *text = texts + used;
    used += (size_t)snprintf(text, FILE_NAME_MAX + 2, "%s%s", name, is_folder ? "/" : "") + 1;
    for (; at > 0 && strcmp(names[at - 1], text) > 0; at--) {
        names[at] = names[at - 1];
    }
    names[at] = text;
    name_count++;
}

static int list(char *path)
{
    struct file_info info;

    if (file_stat(path, &info) == OK && info.kind == FILE_REGULAR) {
        print(path, path);
        return 0;
    }
    if (has_titles) {
        printf("%s:\n", path);
    }
    status_t status = folder_list(path, take_name, path);
    print_names(path);
    return status == OK ? 0 : command_fail(path, status);
}

int main(int argc, char **argv)
{
    int code = 0;

    is_long = command_flag(&argc, &argv, 'l');
    if (argc == 1) {
        static char here[] = ".";
        return list(here);
    }
    has_titles = argc > 2;
    for (int i = 1; i < argc; i++) {
        code |= list(argv[i]);
    }
    return code;
}
