// histories SEED STEPS: a history of files that SEED decides. Each step is one of what a program
// does with files and directories, on few names, so that these come to be used for one thing after
// another, in two directories ("." and
// "/q") and through descriptors of others; what came of it is printed. So two runs of one seed
// print the same, unless something between the steps (a checkpoint and a restore) was not as if
// nothing had been.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 12, MAX_PATH = 64, MAX_LISTED = 64 };

static int slots[SLOTS]; // descriptors, or -1
static unsigned long long state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(state >> 33) % n;
}

// ---- choices

static int any_slot(void)
{
    return (int)below(SLOTS);
}

static int free_slot(void)
{
    int slot = any_slot();
    if (slots[slot] >= 0)
        close(slots[slot]);
    slots[slot] = -1;
    return slot;
}

// A directory that a path is relative to: mostly the working directory.
static int any_base(void)
{
    int slot = any_slot();
    return below(3) == 0 && slots[slot] >= 0 ? slots[slot] : AT_FDCWD;
}

static const char *any_path(char path[MAX_PATH])
{
    static const char *const names[] = {"a", "b", "c", "d"};
    unsigned components = 1 + below(3);
    path[0] = 0;
    if (below(7) == 0)
        strcpy(path, "/q/");
    for (unsigned i = 0; i < components; i++) {
        strcat(path, i > 0 && below(6) == 0 ? ".." : below(12) == 0 ? "." : names[below(4)]);
        if (i + 1 < components || below(20) == 0)
            strcat(path, "/");
    }
    return path;
}

// ---- results

static void done(const char *what, long long result)
{
    if (result < 0)
        printf("%s: %s\n", what, strerror(errno));
    else
        printf("%s: %lld\n", what, result);
}

static void show_bytes(const char *bytes, long long size)
{
    for (long long i = 0; i < size; i++)
        putchar(bytes[i] >= ' ' ? bytes[i] : '?');
    putchar('\n');
}

// Of a path, or (NULL) of a descriptor.
static int stat_of(int base, const char *path, int flags, struct stat *stat)
{
    return path ? fstatat(base, path, stat, flags) : fstat(base, stat);
}

// What it is, and which slots have the same file. That is looked at again if a number has changed
// meanwhile: a copy of a directory, or a deleted file that travelled, has others.
static void show_stat(int base, const char *path, int flags)
{
    struct stat stat, again, other;
    int same[SLOTS];
    do {
        if (stat_of(base, path, flags, &stat) != 0) {
            done("stat", -1);
            return;
        }
        for (int i = 0; i < SLOTS; i++)
            same[i] = slots[i] >= 0 && fstat(slots[i], &other) == 0 && other.st_ino == stat.st_ino;
        if (stat_of(base, path, flags, &again) != 0)
            again = stat;
    } while (again.st_ino != stat.st_ino);
    printf("stat: mode %o", (unsigned)(stat.st_mode & S_IFMT));
    if (!S_ISDIR(stat.st_mode))
        printf(" links %llu size %lld", (unsigned long long)stat.st_nlink, (long long)stat.st_size);
    for (int i = 0; i < SLOTS; i++)
        if (same[i])
            printf(" =%d", i);
    putchar('\n');
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list(int base, const char *path)
{
    static char names[MAX_LISTED][MAX_PATH];
    int count = 0, directory = openat(base, path, O_RDONLY | O_DIRECTORY);
    DIR *reading = directory < 0 ? NULL : fdopendir(directory);
    if (!reading) {
        done("list", -1);
        if (directory >= 0)
            close(directory);
        return;
    }
    errno = 0;
    for (struct dirent *entry; count < MAX_LISTED && (entry = readdir(reading)); count++)
        snprintf(names[count], MAX_PATH, "%s", entry->d_name);
    if (errno)
        done("readdir", -1);
    closedir(reading);
    qsort(names, (size_t)count, MAX_PATH, by_name);
    printf("list:");
    for (int i = 0; i < count; i++)
        printf(" %s", names[i]);
    putchar('\n');
}

// ---- steps

static void open_one(void)
{
    static const int flags[] = {O_RDONLY,
                                O_RDONLY,
                                O_RDONLY | O_DIRECTORY,
                                O_RDONLY | O_DIRECTORY,
                                O_RDWR | O_CREAT,
                                O_RDWR | O_CREAT,
                                O_RDWR | O_CREAT | O_EXCL,
                                O_WRONLY | O_CREAT,
                                O_WRONLY | O_CREAT | O_APPEND,
                                O_RDWR | O_CREAT | O_TRUNC,
                                O_RDONLY | O_NOFOLLOW};
    char path[MAX_PATH];
    int base = any_base(), slot = free_slot();
    unsigned which = below(sizeof flags / sizeof *flags);
    if (base != AT_FDCWD && fcntl(base, F_GETFL) < 0)
        base = AT_FDCWD; // free_slot closed it
    slots[slot] = openat(base, any_path(path), flags[which], 0644);
    printf("open %s in %d with %u as %d: %s\n", path, base, which, slot,
           slots[slot] < 0 ? strerror(errno) : "yes");
}

static void write_some(unsigned step)
{
    char text[24];
    int size = snprintf(text, sizeof text, "<%u>", step);
    done("write", write(slots[any_slot()], text, (size_t)size));
}

static void read_some(void)
{
    char bytes[40];
    long long size = read(slots[any_slot()], bytes, 1 + below(sizeof bytes));
    done("read", size);
    show_bytes(bytes, size);
}

static void pread_some(void)
{
    char bytes[40];
    int file = slots[any_slot()];
    long long size = pread(file, bytes, sizeof bytes, below(30));
    done("pread", size);
    show_bytes(bytes, size);
}

static void seek(void)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    int file = slots[any_slot()];
    done("seek", lseek(file, below(20), whences[below(3)]));
}

static void stat_one(void)
{
    char path[MAX_PATH];
    int base = any_base(), flags = below(2) ? AT_SYMLINK_NOFOLLOW : 0;
    any_path(path);
    printf("%s ", path);
    show_stat(base, path, flags);
}

static void fstat_one(void)
{
    int slot = any_slot();
    printf("%d ", slot);
    show_stat(slots[slot], NULL, 0);
}

static void list_one(void)
{
    int slot = any_slot();
    printf("%d ", slot);
    list(slots[slot], ".");
}

static void two_paths(unsigned which)
{
    char from[MAX_PATH], to[MAX_PATH];
    int from_base = any_base(), to_base = any_base();
    any_path(from);
    any_path(to);
    printf("%d %s, %d %s ", from_base, from, to_base, to);
    if (which == 0)
        done("link", linkat(from_base, from, to_base, to, 0));
    else if (which == 1)
        done("rename", renameat(from_base, from, to_base, to));
    else
        done("symlink", from[0] == '/' ? 0 : symlinkat(from, to_base, to));
}

// How editors and databases save.
static void replace(unsigned step)
{
    char path[MAX_PATH];
    int base = any_base(), slot = free_slot();
    if (base != AT_FDCWD && fcntl(base, F_GETFL) < 0)
        base = AT_FDCWD;
    any_path(path);
    slots[slot] = openat(base, "tmp", O_RDWR | O_CREAT | O_TRUNC, 0644);
    printf("save %s in %d as %d: ", path, base, slot);
    if (slots[slot] >= 0)
        dprintf(slots[slot], "saved in %u\n", step);
    if (below(2)) {
        done("rename", renameat(base, "tmp", base, path));
    } else {
        int linked = linkat(base, "tmp", base, path, 0);
        done("link", linked);
        done("unlink", unlinkat(base, "tmp", 0));
    }
}

static void one_path(unsigned which)
{
    char path[MAX_PATH];
    int base = any_base();
    any_path(path);
    printf("%d %s ", base, path);
    if (which == 0)
        done("unlink", unlinkat(base, path, 0));
    else if (which == 1)
        done("mkdir", mkdirat(base, path, 0755));
    else
        done("rmdir", unlinkat(base, path, AT_REMOVEDIR));
}

static void take_step(unsigned step)
{
    printf("%u: ", step);
    switch (below(24)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: open_one(); break;
    case 5: done("close", free_slot()); break;
    case 6:
    case 7: write_some(step); break;
    case 8: read_some(); break;
    case 9: pread_some(); break;
    case 10: seek(); break;
    case 11: stat_one(); break;
    case 12: fstat_one(); break;
    case 13: list_one(); break;
    case 14: two_paths(0); break;
    case 15:
    case 16: two_paths(1); break;
    case 17: two_paths(2); break;
    case 18: one_path(0); break;
    case 19:
    case 20: one_path(1); break;
    case 21: one_path(2); break;
    case 22: replace(step); break;
    default: done("truncate", ftruncate(slots[any_slot()], below(30))); break;
    }
}

int main(int argc, char **argv)
{
    unsigned steps = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100;
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    for (int i = 0; i < SLOTS; i++)
        slots[i] = -1;
    for (unsigned step = 0; step < steps; step++) {
        take_step(step);
        fflush(stdout);
    }
    for (int i = 0; i < SLOTS; i++) {
        printf("%d ", i);
        show_stat(slots[i], NULL, 0);
    }
    return 0;
}
