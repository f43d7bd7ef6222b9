/* SPDX-License-Identifier: MIT */
/* libc_files: what programs may count on of files of the C library: descriptors, streams, directories, from several threads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/lib/check.h"
#include "userspace/lib/test.h"
#include "userspace/lib/thread.h"

#define THREADS             4u
#define LINES               40u
#define FAILS(call, number) (errno = 0, (call) == -1 && errno == (number))

/* ---- descriptors ---- */

static void check_descriptors(void)
{
    char back[16];
    int fd = open("/tmp/file", O_RDWR | O_CREAT | O_EXCL, 0600);

    VERIFY(fd == 3 && FAILS(open("/tmp/file", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST));
    VERIFY(write(fd, "0123456789", 10) == 10 && lseek(fd, 0, SEEK_CUR) == 10);
    VERIFY(lseek(fd, -4, SEEK_END) == 6 && read(fd, back, sizeof(back)) == 4);
    VERIFY(memcmp(back, "6789", 4) == 0 && read(fd, back, sizeof(back)) == 0);
    VERIFY(lseek(fd, 20, SEEK_SET) == 20 && write(fd, "x", 1) == 1);
    VERIFY(FAILS(lseek(fd, -1, SEEK_SET), EINVAL) && FAILS(lseek(fd, 0, 77), EINVAL));
    struct stat status;
    VERIFY(fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 21);
    VERIFY(ftruncate(fd, 5) == 0 && fsync(fd) == 0 && isatty(fd) == 0 && errno == ENOTTY);
    VERIFY(stat("/tmp/file", &status) == 0 && status.st_size == 5);
    VERIFY(close(fd) == 0 && FAILS(close(fd), EBADF) && FAILS(write(fd, "x", 1), EBADF));
    fd = open("/tmp/file", O_WRONLY | O_APPEND);
    VERIFY(fd == 3 && write(fd, "more", 4) == 4 && lseek(fd, 0, SEEK_CUR) == 9);
    VERIFY(FAILS(read(fd, back, 1), EBADF) && close(fd) == 0);
    fd = open("/tmp/file", O_RDONLY);
    VERIFY(FAILS(write(fd, "x", 1), EBADF) && FAILS(ftruncate(fd, 0), EBADF) && close(fd) == 0);
    VERIFY(isatty(STDOUT_FILENO) == 1 && FAILS(lseek(STDOUT_FILENO, 0, SEEK_SET), ESPIPE));
    VERIFY(unlink("/tmp/file") == 0 && FAILS(unlink("/tmp/file"), ENOENT));
}

static void check_too_many(void)
{
    int fds[100], count = 0;

    while ((fds[count] = open("/tmp/one", O_WRONLY | O_CREAT, 0600)) >= 0) {
        count++;
    }
    VERIFY(errno == EMFILE && count > 50 && count < 64);
    while (count > 0) {
        VERIFY(close(fds[--count]) == 0);
    }
    VERIFY(unlink("/tmp/one") == 0);
}

/* ---- names ---- */

static void check_names(void)
{
    char longest[300];
    struct stat status;

    VERIFY(mkdir("/tmp/dir", 0700) == 0 && FAILS(mkdir("/tmp/dir", 0700), EEXIST));
    VERIFY(stat("/tmp/dir/", &status) == 0 && S_ISDIR(status.st_mode));
    VERIFY(FAILS(open("/tmp/dir", O_RDWR), EISDIR) && FAILS(unlink("/tmp/dir"), EISDIR));
    int fd = open("/tmp/dir/a", O_WRONLY | O_CREAT, 0600);
    VERIFY(fd >= 0 && close(fd) == 0 && FAILS(rmdir("/tmp/dir"), ENOTEMPTY));
    VERIFY(FAILS(mkdir("/tmp/dir/a/b", 0700), ENOTDIR) && FAILS(rmdir("/tmp/dir/a"), ENOTDIR));
    VERIFY(access("/tmp/dir/a", R_OK | W_OK) == 0 && FAILS(access("/tmp/dir/a", X_OK), EACCES));
    VERIFY(FAILS(access("/tmp/none", F_OK), ENOENT));
    VERIFY(rename("/tmp/dir/a", "/tmp/dir/b") == 0 && FAILS(access("/tmp/dir/a", F_OK), ENOENT));
    VERIFY(FAILS(rename("/tmp/dir/a", "/tmp/x"), ENOENT));
    VERIFY(FAILS(rename("/tmp/dir", "/nowhere/dir"), ENOENT));
    memset(longest, 'n', sizeof(longest));
    memcpy(longest, "/tmp/", 5);
    longest[sizeof(longest) - 1] = '\0';
    VERIFY(FAILS(mkdir(longest, 0700), ENAMETOOLONG));
    VERIFY(stat("/tmp/../tmp/./dir", &status) == 0 && stat("/", &status) == 0);
    VERIFY(remove("/tmp/dir/b") == 0 && remove("/tmp/dir") == 0 &&
           FAILS(remove("/tmp/dir"), ENOENT));
}

static unsigned count_directory(const char *path, const char *wanted)
{
    unsigned count = 0, found = 0;
    DIR *directory = opendir(path);

    VERIFY(directory != NULL);
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL; count++) {
        found += strcmp(entry->d_name, wanted) == 0;
    }
    VERIFY(errno == 0 && found == 1);
    rewinddir(directory);
    VERIFY(readdir(directory) != NULL && closedir(directory) == 0);
    return count;
}

static void check_directories(void)
{
    char path[32];

    VERIFY(mkdir("/tmp/many", 0700) == 0);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/tmp/many/%u", i);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        VERIFY(fd >= 0 && close(fd) == 0);
    }
    VERIFY(count_directory("/tmp/many", "299") == 300 && count_directory("/", "tmp") >= 1);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/tmp/many/%u", i);
        VERIFY(unlink(path) == 0);
    }
    VERIFY(rmdir("/tmp/many") == 0 && opendir("/tmp/many") == NULL && errno == ENOENT);
    VERIFY(opendir("/nowhere") == NULL && errno == ENOENT);
}

/* ---- streams ---- */

static void check_streams(void)
{
    char word[16];
    int number, second;
    double value;
    FILE *file = fopen("/tmp/stream", "w+");

    VERIFY(file != NULL && fprintf(file, "%s %d %.2f\n", "word", 42, 2.5) == 13);
    VERIFY(fputs("second line\n", file) >= 0 && ftell(file) == 25);
    rewind(file);
    VERIFY(fscanf(file, "%15s %d %lf", word, &number, &value) == 3);
    VERIFY(strcmp(word, "word") == 0 && number == 42 && value == 2.5);
    VERIFY(fseek(file, -5, SEEK_END) == 0 && fgets(word, sizeof(word), file) != NULL);
    VERIFY(strcmp(word, "line\n") == 0 && fgetc(file) == EOF && feof(file));
    VERIFY(fclose(file) == 0 && fopen("/tmp/none", "r") == NULL && errno == ENOENT);
    file = fopen("/tmp/stream", "a");
    VERIFY(file != NULL && fprintf(file, "17") == 2 && fclose(file) == 0);
    file = fopen("/tmp/stream", "r");
    VERIFY(file != NULL && fseek(file, 25, SEEK_SET) == 0 && fscanf(file, "%d", &second) == 1);
    VERIFY(second == 17 && fputc('x', file) == EOF && fclose(file) == 0);
    VERIFY(remove("/tmp/stream") == 0);
}

static void check_temporary(void)
{
    FILE *first = tmpfile(), *second = tmpfile();
    char text[8];

    VERIFY(first != NULL && second != NULL && fputs("first", first) >= 0);
    VERIFY(fputs("second", second) >= 0 && fseek(first, 0, SEEK_SET) == 0);
    VERIFY(fgets(text, sizeof(text), first) != NULL && strcmp(text, "first") == 0);
    VERIFY(fclose(first) == 0 && fclose(second) == 0);
}

/* ---- the boot image ---- */

static void check_read_only(void)
{
    char line[32];
    FILE *file = fopen("/boot/LICENSE", "r");

    VERIFY(file != NULL && fgets(line, sizeof(line), file) != NULL && fclose(file) == 0);
    VERIFY(strcmp(line, "MIT License\n") == 0 && access("/boot/LICENSE", R_OK) == 0);
    VERIFY(FAILS(open("/boot/LICENSE", O_RDWR), EROFS) && FAILS(unlink("/boot/LICENSE"), EROFS));
    VERIFY(FAILS(access("/boot/LICENSE", W_OK), EROFS));
    VERIFY(FAILS(rename("/boot/LICENSE", "/tmp/x"), EXDEV));
    VERIFY(count_directory("/boot/services", "manifest.toml") == 1);
}

/* ---- threads ---- */

static void write_lines(void *argument)
{
    unsigned own = *(const unsigned *)argument, number, line;
    char path[32];

    snprintf(path, sizeof(path), "/tmp/thread%u", own);
    FILE *mine = fopen(path, "w+"), *all = fopen("/tmp/all", "a");
    VERIFY(mine != NULL && all != NULL);
    for (unsigned i = 0; i < LINES; i++) {
        VERIFY(fprintf(mine, "%u %u\n", own, i) > 0);
        VERIFY(fprintf(all, "%u %u\n", own, i) > 0 && fflush(all) == 0);
    }
    rewind(mine);
    for (unsigned i = 0; i < LINES; i++) {
        VERIFY(fscanf(mine, "%u %u", &number, &line) == 2 && number == own && line == i);
    }
    VERIFY(fclose(mine) == 0 && fclose(all) == 0 && remove(path) == 0);
}

/* Each line is whole, and each thread's are in order. */
static void check_threads(void)
{
    static struct thread threads[THREADS];
    static unsigned numbers[THREADS], next[THREADS];
    unsigned number, line, count = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        must(thread_start(&threads[i], write_lines, &numbers[i], THREAD_ANYWHERE, "libc"));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    FILE *all = fopen("/tmp/all", "r");
    VERIFY(all != NULL);
    while (fscanf(all, "%u %u\n", &number, &line) == 2) {
        VERIFY(number < THREADS && line == next[number]++);
        count++;
    }
    VERIFY(count == THREADS * LINES && fclose(all) == 0 && remove("/tmp/all") == 0);
}

int main(void)
{
    static const struct test tests[] = {{"descriptors", check_descriptors},
                                        {"too_many", check_too_many},
                                        {"names", check_names},
                                        {"directories", check_directories},
                                        {"streams", check_streams},
                                        {"temporary", check_temporary},
                                        {"read_only", check_read_only},
                                        {"threads", check_threads}};

    int code = TESTS_RUN("libc_files", tests);
    VERIFY(count_directory("/", "tmp") >= 1 && opendir("/tmp") != NULL);
    return code;
}
