/* SPDX-License-Identifier: MIT */
/* ls: lists directories, and says what files are. */
#include <stdio.h>
#include <string.h>

#include "userspace/files/client/file.h"
#include "userspace/files/client/here.h"
#include "userspace/programs/commands/command.h"
#include "userspace/programs/shell/folder.h"

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

static void list_entry(const char *name, bool is_folder, void *argument)
{
    const char *folder = argument;
    char path[2 * PATH_BYTES_MAX], shown[FILE_NAME_MAX + 2];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(shown, sizeof(shown), "%s%s", name, is_folder && !is_long ? "/" : "");
    print(path, shown);
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
    status_t status = folder_list(path, list_entry, path);
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
