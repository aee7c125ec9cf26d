#include "cli/native/hosts/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

void remove_tree(const char *path)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (const FTSENT *entry; tree && (entry = fts_read(tree));)
        if (entry->fts_info != FTS_D)
            remove(entry->fts_path);
    if (tree)
        fts_close(tree);
}

static uint64_t tree_size(const char *path)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    uint64_t size = 0;
    for (const FTSENT *entry; tree && (entry = fts_read(tree));)
        if (entry->fts_info == FTS_F)
            size += (uint64_t)entry->fts_statp->st_size;
    if (tree)
        fts_close(tree);
    return size;
}

/* Whether the file is still the one at `path`: who made an entry in vain has removed it. */
static bool is_at(int file, const char *path)
{
    struct stat here, there;
    return fstat(file, &here) == 0 && stat(path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

static int lock_file(const char *entry, int how)
{
    char path[PATH_ROOM];
    if (!path_set(path, NULL, "%s.lock", entry))
        return -1;
    for (;;) {
        int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), failed = -1;
        while (lock >= 0 && (failed = flock(lock, how)) != 0 && errno == EINTR)
            ;
        if (lock >= 0 && failed == 0 && is_at(lock, path))
            return lock;
        if (lock >= 0)
            close(lock);
        if (lock < 0 || failed != 0)
            return -1;
    }
}

static void remove_lock(const char *entry)
{
    char path[PATH_ROOM];
    if (path_set(path, NULL, "%s.lock", entry))
        unlink(path);
}

/* ---- what lies in the folder */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), size = strlen(end);
    return length > size && strcmp(name + length - size, end) == 0;
}

static bool is_entry(const char *name)
{
    return ends_with(name, ".compiled") || ends_with(name, ".sealed.wasm");
}

/* How much of a name is its entry's, when it is what is left over of one: NAME.part, or NAME and a
 * process's number, as they were called before. 0: it is not. */
static size_t entry_of(const char *name)
{
    static const char *const ends[] = {".compiled.", ".sealed.wasm."};
    for (size_t i = 0; i < 2; i++) {
        const char *found = strstr(name, ends[i]);
        const char *more = found ? found + strlen(ends[i]) : "";
        if (*more && strcmp(more, "lock") != 0)
            return (size_t)(more - 1 - name);
    }
    return 0;
}

static void visit(const char *path, void (*each)(void *context, const char *file, const char *name),
                  void *context)
{
    char folder[PATH_ROOM], file[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    if (!slash || !path_set(folder, NULL, "%.*s", (int)(slash - path), path))
        return;
    DIR *directory = opendir(folder);
    for (const struct dirent *item; directory && (item = readdir(directory));)
        if (path_set(file, NULL, "%s/%s", folder, item->d_name))
            each(context, file, item->d_name);
    if (directory)
        closedir(directory);
}

/* `context` is the path of the entry whose lock is held. */
static void remove_left_over(void *context, const char *file, const char *name)
{
    const char *own = context;
    char entry[PATH_ROOM];
    size_t length = entry_of(name), before = (size_t)(strrchr(file, '/') + 1 - file);
    if (!length || !path_set(entry, NULL, "%.*s", (int)(before + length), file))
        return;
    int lock = strcmp(entry, own) == 0 ? -1 : lock_file(entry, LOCK_EX | LOCK_NB);
    if (lock >= 0 || strcmp(entry, own) == 0)
        remove_tree(file);
    if (lock >= 0) {
        remove_lock(entry);
        close(lock);
    }
}

/* ---- how much it is */

struct oldest {
    const char *own;
    uint64_t size; /* of all */
    char path[PATH_ROOM];
    struct timespec time;
    uint64_t oldest_size;
};

static void look(void *context, const char *file, const char *name)
{
    struct oldest *oldest = context;
    char lock[PATH_ROOM];
    struct stat stat_;
    if (!is_entry(name) || !path_set(lock, NULL, "%s.lock", file) ||
        (stat(lock, &stat_) != 0 && stat(file, &stat_) != 0))
        return;
    uint64_t size = tree_size(file);
    const struct timespec *time = &stat_.st_mtim;
    bool older = !oldest->path[0] || time->tv_sec < oldest->time.tv_sec ||
                 (time->tv_sec == oldest->time.tv_sec && time->tv_nsec < oldest->time.tv_nsec);
    oldest->size += size;
    if (older && strcmp(file, oldest->own) != 0 && path_set(oldest->path, NULL, "%s", file)) {
        oldest->time = *time;
        oldest->oldest_size = size;
    }
}

static void remove_entry(const char *path)
{
    char beside[PATH_ROOM];
    size_t length = strlen(path);
    int lock = lock_file(path, LOCK_EX | LOCK_NB);
    if (lock < 0)
        return;
    remove_tree(path);
    if (ends_with(path, ".compiled") &&
        path_set(beside, NULL, "%.*s.checksum", (int)(length - strlen(".compiled")), path))
        unlink(beside);
    remove_lock(path);
    close(lock);
}

static void limit_size(const char *path)
{
    for (unsigned removed = 0; removed < 100; removed++) {
        struct oldest oldest = {.own = path};
        visit(path, look, &oldest);
        if (oldest.size <= CACHE_MAX || !oldest.path[0])
            return;
        remove_entry(oldest.path);
    }
}

/* ---- an entry */

int cache_lock(const char *path)
{
    int lock = lock_file(path, LOCK_EX);
    if (lock >= 0)
        visit(path, remove_left_over, (void *)(uintptr_t)path);
    return lock;
}

void cache_unlock(int lock, const char *path, bool made)
{
    if (lock < 0)
        return;
    if (made)
        limit_size(path);
    else
        remove_lock(path);
    close(lock);
}

void cache_used(const char *path)
{
    char lock[PATH_ROOM];
    if (path_set(lock, NULL, "%s.lock", path))
        utimensat(AT_FDCWD, lock, NULL, 0);
}
