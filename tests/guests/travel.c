// travel [UNITS]: opens files in every way that a snapshot has to know of, works for a while (a
// checkpoint belongs there), and looks whether they are what they were. Prints "all there", or what
// is not.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>
#include <wasi/libc.h>

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

// Reads on in a directory, a few entries at a time, and counts what comes by its first letter.
static void read_names(int directory, __wasi_dircookie_t *cookie, int most, int seen[256])
{
    unsigned char bytes[80];
    size_t used = 1;
    for (int i = 0; i < most && used > 0; i++) {
        __wasi_dirent_t entry;
        want(__wasi_fd_readdir(directory, bytes, sizeof bytes, *cookie, &used) == 0, "readdir");
        if (used < sizeof entry)
            return;
        memcpy(&entry, bytes, sizeof entry);
        seen[bytes[sizeof entry]]++;
        *cookie = entry.d_next;
    }
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
    mkdir("tree/many", 0755);
    for (char name[] = "tree/many/a"; name[10] <= 'z'; name[10]++)
        close(make(name, O_WRONLY, "x"));
    int many = open("tree/many", O_RDONLY | O_DIRECTORY), seen[256] = {0};
    __wasi_dircookie_t cookie = 0;
    read_names(many, &cookie, 12, seen);
    int twice = open("kept", O_RDONLY), target = open("kept", O_WRONLY);
    want(lseek(twice, 2, SEEK_SET) == 2, "another offset");
    want(__wasilibc_fd_renumber(open("kept", O_RDWR), target) == 0, "renumbering");
    want(lseek(target, 3, SEEK_SET) == 3, "a third offset");
    want(fcntl(log, F_SETFL, O_APPEND | O_NONBLOCK) == 0, "flags");

    for (unsigned long i = 0; i < units; i++)
        work();

    char rest[32] = {0};
    want(read(kept, rest, sizeof rest - 1) == 5 && strcmp(rest, "line\n") == 0, "the offset");
    read_names(many, &cookie, 100, seen);
    for (int letter = 'a'; letter <= 'z'; letter++)
        want(seen[letter] == 1, "each name in a directory once");
    want(seen['.'] == 2, "the directory itself and its parent");
    want(read(twice, rest, 3) == 3 && memcmp(rest, "rst", 3) == 0, "an offset of its own");
    want(read(target, rest, 2) == 2 && memcmp(rest, "st", 2) == 0, "a renumbered descriptor");
    want(fcntl(log, F_GETFL) == (O_WRONLY | O_APPEND | O_NONBLOCK), "the flags");
    want(fcntl(twice, F_GETFL) == O_RDONLY && fcntl(target, F_GETFL) == O_RDWR, "what they may");
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
