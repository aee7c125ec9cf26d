// files [ROUNDS [FOLDER]]: works in FOLDER/files-test (default .) with files that stay open all the
// time: writes, seeks, overwrites, appends, reads back, renames, lists the folder, and removes
// everything.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512

static const char *parent = ".";

static const char *path(const char *name)
{
    static char names[2][512];
    static int turn;
    turn = !turn;
    snprintf(names[turn], sizeof names[turn], "%s/files-test%s%s", parent, *name ? "/" : "", name);
    return names[turn];
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "files: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint32_t sum(const unsigned char *p, size_t n, uint32_t state)
{
    for (size_t i = 0; i < n; i++)
        state = (state ^ p[i]) * 16777619u;
    return state;
}

static void fill(unsigned char *block, uint32_t seed)
{
    for (int i = 0; i < BLOCK; i++) {
        seed = seed * 1664525u + 1013904223u;
        block[i] = (unsigned char)(seed >> 24);
    }
}

// The whole file behind the descriptor, from its beginning; its offset stays where it is.
static uint32_t read_back(int fd)
{
    unsigned char block[BLOCK];
    uint32_t state = 2166136261u;
    off_t at = 0;
    ssize_t got;
    while ((got = pread(fd, block, sizeof block, at)) > 0) {
        state = sum(block, (size_t)got, state);
        at += got;
    }
    check(got == 0, "pread");
    return state;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(void)
{
    char *names[64];
    int n = 0;
    DIR *dir = opendir(path(""));
    check(dir != NULL, "opendir");
    for (struct dirent *entry; (entry = readdir(dir)) && n < 64;)
        if (entry->d_name[0] != '.')
            names[n++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) {
        struct stat st;
        check(stat(path(names[i]), &st) == 0, names[i]);
        printf("  %s %lld\n", names[i], (long long)st.st_size);
        free(names[i]);
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 20;
    unsigned char block[BLOCK];
    char line[64];
    if (argc > 2)
        parent = argv[2];
    check(mkdir(path(""), 0755) == 0 || errno == EEXIST, "mkdir");
    int data = open(path("data"), O_RDWR | O_CREAT | O_TRUNC, 0644);
    check(data >= 0, "open data");
    int log = open(path("log"), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    check(log >= 0, "open log");
    FILE *text = fopen(path("text"), "w+");
    check(text != NULL, "open text");

    for (int i = 0; i < rounds; i++) {
        fill(block, (uint32_t)i);
        // The offset moves on by one block each round, with a step back every fourth.
        if (i % 4 == 3)
            check(lseek(data, -BLOCK, SEEK_CUR) >= 0, "lseek");
        check(write(data, block, BLOCK) == BLOCK, "write");
        int n = snprintf(line, sizeof line, "round %d at %lld\n", i,
                         (long long)lseek(data, 0, SEEK_CUR));
        check(write(log, line, (size_t)n) == n, "append");
        fprintf(text, "%s", line);
        printf("round %d: offset %lld, data %08x\n", i, (long long)lseek(data, 0, SEEK_CUR),
               (unsigned)read_back(data));
    }

    rewind(text);
    int lines = 0;
    while (fgets(line, sizeof line, text))
        lines++;
    printf("lines of text: %d\n", lines);
    check(ftruncate(data, BLOCK) == 0, "ftruncate");
    printf("truncated data: %08x\n", (unsigned)read_back(data));
    check(rename(path("log"), path("log.old")) == 0, "rename");
    check(write(log, "renamed\n", 8) == 8, "append after rename");
    fclose(text);
    close(data);
    close(log);
    puts("folder:");
    list();
    check(open(path("missing"), O_RDONLY) < 0 && errno == ENOENT, "a missing file was opened");
    check(unlink(path("data")) == 0 && unlink(path("text")) == 0 && unlink(path("log.old")) == 0,
          "unlink");
    check(rmdir(path("")) == 0, "rmdir");
    puts("done");
    return 0;
}
