// paths [LINK]...: every operation on a path with every kind of path, one line for each:
//
//     OPERATION PATH = ERRNO          and a sum over the tree when the operation has changed it
//
// All of it happens in the folder paths-tree, which is made anew after each change. The same lines
// come from the same source compiled for Linux, so that what a host makes of a path can be compared
// with POSIX. There are hosts that do not make links that lead out: these are left out, as are
// those that are named, and a line "without LINK = ERRNO" says so.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#    include <linux/openat2.h>
#    include <sys/syscall.h>
#endif

#define TREE "paths-tree"

static int tree; // the folder that all paths are relative to

static void die(const char *what)
{
    fprintf(stderr, "paths: %s: %s\n", what, strerror(errno));
    exit(1);
}

// Hosts number errors differently. That a path leads out of its directory has no number in POSIX:
// EPERM.
static const char *name_of(int number)
{
    switch (number) {
    case 0: return "ok";
    case EACCES: return "EACCES";
    case EBADF: return "EBADF";
    case EBUSY: return "EBUSY";
    case EEXIST: return "EEXIST";
    case EINVAL: return "EINVAL";
    case EIO: return "EIO";
    case EISDIR: return "EISDIR";
    case ELOOP: return "ELOOP";
    case ENAMETOOLONG: return "ENAMETOOLONG";
    case ENOENT: return "ENOENT";
    case ENOTDIR: return "ENOTDIR";
    case ENOTEMPTY: return "ENOTEMPTY";
    case ENOTSUP: return "ENOTSUP";
    case EPERM: return "EPERM";
#ifdef ENOTCAPABLE
    case ENOTCAPABLE: return "EPERM";
#endif
    default: return strerror(number);
    }
}

// ---- the tree

static const char *const files[] = {"f", "d/x", "d/s/x", "d/s/t/x"};
static const char *const folders[] = {"d", "d/s", "d/s/t", "e"};
static const char *const links[][2] = {
    {"f", "lf"},         {"d", "ld"},        {"e/", "le"},      {"none", "dangling"},
    {"none/", "slash"},  {"f/", "filelike"}, {"loop", "loop"},  {"..", "up"},
    {"d/s/t", "deep"},   {"ld", "twice"},    {"../f", "d/out"}, {"d/../e", "back"},
    {"../../x", "away"}, {"d/.", "dot"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int left_out[COUNT(links)];

static void clear(int at)
{
    DIR *folder = fdopendir(at);
    char names[32][256];
    size_t count = 0;
    if (!folder)
        die("fdopendir");
    for (struct dirent *entry; (entry = readdir(folder)) && count < COUNT(names);)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            snprintf(names[count++], sizeof *names, "%.255s", entry->d_name);
    for (size_t i = 0; i < count; i++) {
        if (unlinkat(dirfd(folder), names[i], 0) == 0)
            continue;
        int below = openat(dirfd(folder), names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (below < 0)
            die(names[i]);
        clear(below);
        if (unlinkat(dirfd(folder), names[i], AT_REMOVEDIR) != 0)
            die(names[i]);
    }
    closedir(folder);
}

static void make_tree(void)
{
    int again = openat(tree, ".", O_RDONLY | O_DIRECTORY);
    if (again < 0)
        die("open .");
    clear(again);
    for (size_t i = 0; i < COUNT(folders); i++)
        if (mkdirat(tree, folders[i], 0755) != 0)
            die(folders[i]);
    for (size_t i = 0; i < COUNT(files); i++) {
        int file = openat(tree, files[i], O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (file < 0 || write(file, "content", i + 1) != (ssize_t)i + 1)
            die(files[i]);
        close(file);
    }
    for (size_t i = 0; i < COUNT(links); i++)
        if (!left_out[i] && symlinkat(links[i][0], tree, links[i][1]) != 0) {
            printf("without %s = %s\n", links[i][1], name_of(errno));
            left_out[i] = 1;
        }
}

static uint32_t sum_text(uint32_t sum, const char *text)
{
    for (; *text; text++)
        sum = (sum ^ (unsigned char)*text) * 16777619u;
    return sum;
}

// Names, types, sizes and targets, in whatever order they come.
static uint32_t sum_tree(int at, const char *parent)
{
    DIR *folder = fdopendir(at);
    uint32_t sum = 0;
    if (!folder)
        die("fdopendir");
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat stat;
        char path[1024], target[1024] = "";
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (fstatat(dirfd(folder), name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
            die(name);
        int type = S_ISREG(stat.st_mode) ? 'f' : S_ISDIR(stat.st_mode) ? 'd' : 'l';
        if (type == 'l' && readlinkat(dirfd(folder), name, target, sizeof target - 1) < 0)
            die(name);
        snprintf(path, sizeof path, "%s/%s %c %d %s", parent, name, type,
                 type == 'f' ? (int)stat.st_size : 0, target);
        sum += sum_text(2166136261u, path);
        if (type != 'd')
            continue;
        int below = openat(dirfd(folder), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (below < 0)
            die(name);
        snprintf(path, sizeof path, "%s/%s", parent, name);
        sum += sum_tree(below, path);
    }
    closedir(folder);
    return sum;
}

// ---- the operations

static int open_with(const char *path, int flags)
{
    int file = openat(tree, path, flags, 0644);
    if (file < 0)
        return -1;
    close(file);
    return 0;
}

static int set_times(const char *path, int flags)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
    return utimensat(tree, path, times, flags);
}

static int look(const char *path, int flags)
{
    struct stat stat;
    return fstatat(tree, path, &stat, flags);
}

static int read_link(const char *path)
{
    char target[64];
    return readlinkat(tree, path, target, sizeof target) < 0 ? -1 : 0;
}

// What of a path is resolved: all of it, a link at its end too; all but such a link; its folder. A
// slash behind a file that may be made is refused before that.
enum resolved { WHOLE, LINK, PARENT, MAKING, MAKING_LINK };

struct operation {
    const char *name;
    enum resolved resolved;
    int changes; // and so the tree is summed and made anew
};

#ifdef __linux__
// Linux has no directory that a path cannot leave but in openat2. So that is asked first.
static int leaves(const char *path, enum resolved resolved)
{
    char parent[8192];
    const char *end = path + strlen(path);
    snprintf(parent, sizeof parent, "%s", path);
    while (end > path && end[-1] == '/')
        end--;
    const char *name = end;
    while (name > path && name[-1] != '/')
        name--;
    int dots =
        (end - name == 1 && *name == '.') || (end - name == 2 && strncmp(name, "..", 2) == 0);
    if (resolved >= MAKING && *end == '/')
        resolved = PARENT;
    if (resolved == PARENT && !dots)
        snprintf(parent, sizeof parent, "%.*s.", (int)(name - path), path);
    struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};
    if (resolved == LINK || resolved == MAKING_LINK)
        how.flags |= O_NOFOLLOW;
    int file = (int)syscall(SYS_openat2, tree, parent, &how, sizeof how);
    if (file >= 0)
        close(file);
    return file < 0 && errno == EXDEV;
}
#else
static int leaves(const char *path, enum resolved resolved)
{
    (void)path, (void)resolved;
    return 0;
}
#endif

#define OPERATIONS(OP)                                                                         \
    OP(stat, WHOLE, 0, look(path, 0))                                                          \
    OP(lstat, LINK, 0, look(path, AT_SYMLINK_NOFOLLOW))                                        \
    OP(readlink, LINK, 0, read_link(path))                                                     \
    OP(utimes, WHOLE, 0, set_times(path, 0))                                                   \
    OP(lutimes, LINK, 0, set_times(path, AT_SYMLINK_NOFOLLOW))                                 \
    OP(open, WHOLE, 0, open_with(path, O_RDONLY))                                              \
    OP(open_nofollow, LINK, 0, open_with(path, O_RDONLY | O_NOFOLLOW))                         \
    OP(open_directory, WHOLE, 0, open_with(path, O_RDONLY | O_DIRECTORY))                      \
    OP(open_directory_nofollow, LINK, 0, open_with(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)) \
    OP(open_write, WHOLE, 0, open_with(path, O_WRONLY))                                        \
    OP(open_directory_write, WHOLE, 0, open_with(path, O_RDWR | O_DIRECTORY))                  \
    OP(open_truncate, WHOLE, 1, open_with(path, O_WRONLY | O_TRUNC))                           \
    OP(open_create, MAKING, 1, open_with(path, O_RDWR | O_CREAT))                              \
    OP(open_create_read, MAKING, 1, open_with(path, O_RDONLY | O_CREAT))                       \
    OP(open_create_nofollow, MAKING_LINK, 1, open_with(path, O_RDWR | O_CREAT | O_NOFOLLOW))   \
    OP(open_exclusive, MAKING_LINK, 1, open_with(path, O_RDWR | O_CREAT | O_EXCL))             \
    OP(open_exclusive_nofollow, MAKING_LINK, 1,                                                \
       open_with(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW))                                \
    OP(mkdir, PARENT, 1, mkdirat(tree, path, 0755))                                            \
    OP(rmdir, PARENT, 1, unlinkat(tree, path, AT_REMOVEDIR))                                   \
    OP(unlink, PARENT, 1, unlinkat(tree, path, 0))                                             \
    OP(symlink, PARENT, 1, symlinkat("f", tree, path))                                         \
    OP(link_to, PARENT, 1, linkat(tree, "f", tree, path, 0))                                   \
    OP(link_link_to, PARENT, 1, linkat(tree, "dangling", tree, path, 0))                       \
    OP(link_from, LINK, 1, linkat(tree, path, tree, "new", 0))                                 \
    OP(link_from_slash, LINK, 1, linkat(tree, path, tree, "new/", 0))                          \
    OP(rename_from, PARENT, 1, renameat(tree, path, tree, "new"))                              \
    OP(rename_from_slash, PARENT, 1, renameat(tree, path, tree, "new/"))                       \
    OP(rename_file_to, PARENT, 1, renameat(tree, "f", tree, path))                             \
    OP(rename_folder_to, PARENT, 1, renameat(tree, "e", tree, path))                           \
    OP(rename_folder_slash_to, PARENT, 1, renameat(tree, "e/", tree, path))                    \
    OP(rename_full_to, PARENT, 1, renameat(tree, "d", tree, path))                             \
    OP(rename_link_to, PARENT, 1, renameat(tree, "ld", tree, path))                            \
    OP(rename_link_slash_to, PARENT, 1, renameat(tree, "ld/", tree, path))                     \
    OP(rename_missing_to, PARENT, 1, renameat(tree, "none", tree, path))

static const struct operation operations[] = {
#define OP(name, resolved, changes, call) {#name, resolved, changes},
    OPERATIONS(OP)
#undef OP
};

static int perform(size_t operation, const char *path)
{
    size_t number = 0;
#define OP(name, resolved, changes, call) \
    if (operation == number++)            \
        return call;
    OPERATIONS(OP)
#undef OP
    return -1;
}

// ---- the paths

static const char *const objects[] = {
    "f",     "d",      "e",      "lf",      "ld",   "le",     "dangling",  "slash", "filelike",
    "loop",  "deep",   "twice",  "back",    "away", "dot",    "none",      "d/x",   "ld/x",
    "d/out", "ld/out", "deep/x", "ld/none", "f/x",  "none/x", "dangling/x"};
static const char *const endings[] = {"",    "/",    "///",   "/.",      "/./",
                                      "/..", "/../", "/../f", "/../none"};
static const char *const others[] = {
    "",
    ".",
    "./",
    "./.",
    "..",
    "../",
    "../" TREE,
    "up",
    "up/",
    "up/.",
    "up/" TREE,
    "./f",
    ".//d//x",
    "d/../../" TREE,
    "d/../..",
    "deep/../../x",
    "deep/../../../f",
    "deep/../../../../f",
    "deep/../..",
    "deep/../../../..",
    "ld/../f",
    "e/../none",
    "none/../f",
    "f/../f",
    "loop/../f",
    "dangling/../f",
    "d/s/../../f",
    "deep/../..//new/",
};

static void try(size_t operation, const char *path)
{
    errno = 0;
    int number = EPERM;
    if (!leaves(path, operations[operation].resolved))
        number = perform(operation, path) == 0 ? 0 : errno;
    printf("%s %.80s = %s", operations[operation].name, path, name_of(number));
    if (operations[operation].changes && number == 0) {
        int again = openat(tree, ".", O_RDONLY | O_DIRECTORY);
        printf(" %08x", (unsigned)sum_tree(again, ""));
        make_tree();
    }
    printf("\n");
}

static void try_all(size_t operation)
{
    char path[8192];
    for (size_t i = 0; i < COUNT(objects); i++)
        for (size_t j = 0; j < COUNT(endings); j++) {
            snprintf(path, sizeof path, "%s%s", objects[i], endings[j]);
            try(operation, path);
        }
    for (size_t i = 0; i < COUNT(others); i++)
        try(operation, others[i]);
    memset(path, 'n', sizeof path);
    static const int lengths[] = {255, 256, 4095, 4096, 5000};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        path[lengths[i]] = 0;
        try(operation, path);
        path[lengths[i]] = 'n';
    }
    for (size_t i = 0; i < 4095; i += 2) // deep, but the same as "./f"
        memcpy(path + i, "./", 2);
    memcpy(path + 4000, "f", 2);
    try(operation, path);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < COUNT(links); i++)
        for (int j = 1; j < argc; j++)
            left_out[i] |= strcmp(links[i][1], argv[j]) == 0;
    if (mkdir(TREE, 0755) != 0 && errno != EEXIST)
        die("mkdir");
    tree = open(TREE, O_RDONLY | O_DIRECTORY);
    if (tree < 0)
        die("open");
    make_tree();
    for (size_t operation = 0; operation < COUNT(operations); operation++)
        try_all(operation);
    int again = openat(tree, ".", O_RDONLY | O_DIRECTORY);
    clear(again);
    close(tree);
    rmdir(TREE);
    return 0;
}
