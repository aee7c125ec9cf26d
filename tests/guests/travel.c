// travel [UNITS]: opens files in every way that a snapshot has to know of, works for a while (a
// checkpoint belongs there), and looks whether they are what they were. Prints "all there", or what
// is not.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures;

static void want(int good, const char *what)
{
    if (good)
        return;
    printf("not there: %s\n", what);
    failures++;
}

static int make(const char *path, int flags, const char *text)
{
    int file = open(path, O_CREAT | flags, 0644);
    want(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text), path);
    return file;
}

static void wants(int file, const char *text, const char *what)
{
    char bytes[64] = {0};
    want(pread(file, bytes, sizeof bytes - 1, 0) >= 0 && strcmp(bytes, text) == 0, what);
}

static volatile unsigned worked;

__attribute__((noinline)) static void work(void)
{
    worked++;
}

int main(int argc, char **argv)
{
    unsigned long units = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    int kept = make("kept", O_RDWR, "first line\n");
    int gone = make("gone", O_RDWR, "had no name\n");
    int gone_too = open("gone", O_RDONLY);
    unlink("gone");
    int replaced = make("replaced", O_RDWR, "the one before\n");
    unlink("replaced");
    close(make("replaced", O_WRONLY, "the one after\n"));
    int renamed = make("old-name", O_RDWR, "moved\n");
    rename("old-name", "new-name");
    int log = make("log", O_WRONLY | O_APPEND, "one\n");
    mkdir("tree", 0755);
    mkdir("tree/branch", 0755);
    close(make("tree/branch/leaf", O_WRONLY, "green\n"));
    symlink("branch/leaf", "tree/link");
    want(lseek(kept, 6, SEEK_SET) == 6, "an offset");

    for (unsigned long i = 0; i < units; i++)
        work();

    char rest[32] = {0};
    want(read(kept, rest, sizeof rest - 1) == 5 && strcmp(rest, "line\n") == 0, "the offset");
    wants(gone, "had no name\n", "a deleted file");
    want(pwrite(gone, "has", 3, 0) == 3, "a deleted file that can be written");
    wants(gone_too, "has no name\n", "the same file by another descriptor");
    wants(replaced, "the one before\n", "a file whose name another one has");
    want(pwrite(renamed, "M", 1, 0) == 1, "a renamed file");
    want(write(log, "two\n", 4) == 4, "a log");
    int file = open("new-name", O_RDONLY);
    wants(file, "Moved\n", "the renamed file by its name");
    close(file);
    file = open("replaced", O_RDONLY);
    wants(file, "the one after\n", "the file that has the name");
    close(file);
    file = open("log", O_RDONLY);
    wants(file, "one\ntwo\n", "the log");
    close(file);
    file = open("tree/link", O_RDONLY);
    wants(file, "green\n", "a tree");
    close(file);
    if (!failures)
        printf("all there\n");
    return failures;
}
