/* fake_folder.h - registry and kept state of a test's own, in memory where that can be. */
#ifndef TESTS_FAKE_FOLDER_H
#define TESTS_FAKE_FOLDER_H

#include <dirent.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fake_directory[64];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static int fake_remove(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)found, (void)kind;
    bool registry = at->level == 1 && strstr(path + at->base, "yadokari-") == path + at->base;
    return at->level == 0 || registry ? 0 : remove(path);
}

static void fake_clear(void)
{
    nftw(fake_directory, fake_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void fake_end(void)
{
    char registry[128];
    fake_clear();
    snprintf(registry, sizeof registry, "%s/yadokari-%u", fake_directory, (unsigned)getuid());
    rmdir(registry);
    rmdir(fake_directory);
}

static void fake_begin(void)
{
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(fake_directory, sizeof fake_directory, "%s/yado-link-XXXXXX", root);
    require(mkdtemp(fake_directory) != NULL);
    setenv("XDG_RUNTIME_DIR", fake_directory, 1);
    setenv("XDG_STATE_HOME", fake_directory, 1);
    atexit(fake_end);
}

/* How many guests the registry holds, those half made included. */
static unsigned fake_entries(void)
{
    char path[128];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/yadokari-%u", fake_directory, (unsigned)getuid());
    DIR *directory = opendir(path);
    for (struct dirent *item; directory && (item = readdir(directory));)
        count += strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
    if (directory)
        closedir(directory);
    return count;
}

#endif
