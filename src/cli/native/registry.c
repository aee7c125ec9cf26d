#include "cli/native/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"

/* The directory of all entries, made if need be; it must be ours alone. */
static bool registry_directory(char path[REGISTRY_PATH_MAX], struct error *error)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    struct stat stat;
    snprintf(path, REGISTRY_PATH_MAX, "%s/yadokari-%u", base && *base ? base : "/tmp",
             (unsigned)getuid());
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
    if (lstat(path, &stat) != 0 || !S_ISDIR(stat.st_mode) || stat.st_uid != getuid() ||
        (stat.st_mode & 077) != 0)
        return error_set(error, ERROR_IO,
                         "%s is not a directory of this user's that nobody else can enter", path);
    return true;
}

char *registry_path(const struct registered *entry, const char *file, char path[REGISTRY_PATH_MAX])
{
    snprintf(path, REGISTRY_PATH_MAX, "%.380s/%.120s", entry->directory, file);
    return path;
}

/* Held by one process at a time from its look at a dead guest's entry until that is gone: a guest
 * of the same name, come in between, would lose its own. For unlock_registry; without a lock, on a
 * file system that has none, things go on as they can. */
static int lock_registry(void)
{
    char root[REGISTRY_PATH_MAX];
    int lock = registry_directory(root, NULL) ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    while (lock >= 0 && flock(lock, LOCK_EX) != 0 && errno == EINTR)
        ;
    return lock;
}

static void unlock_registry(int lock)
{
    if (lock >= 0)
        close(lock);
}

static void remove_files(const char *path)
{
    DIR *directory = opendir(path);
    const int at = directory ? dirfd(directory) : -1;
    for (struct dirent *item; at >= 0 && (item = readdir(directory));)
        unlinkat(at, item->d_name, 0);
    if (directory)
        closedir(directory);
    rmdir(path);
}

void registry_remove_incoming(const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    remove_files(registry_path(entry, "incoming", path));
}

void registry_remove(const struct registered *entry)
{
    registry_remove_incoming(entry);
    remove_files(entry->directory);
}

bool registry_has_snapshot(const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    return access(registry_path(entry, "snapshot", path), F_OK) == 0;
}

static bool alive(int pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

static bool read_entry(const char *directory, const char *name, struct registered *entry)
{
    char path[REGISTRY_PATH_MAX], number[16];
    struct buffer text = {0};
    *entry = (struct registered){0};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    snprintf(entry->directory, sizeof entry->directory, "%s", directory);
    bool good = file_read(registry_path(entry, "info", path), &text, NULL);
    buffer_put_u8(&text, 0);
    if (good && !text.failed) {
        const char *lines = (const char *)text.data;
        if (file_value(lines, "pid", number, sizeof number))
            entry->pid = atoi(number);
        file_value(lines, "host", entry->host, sizeof entry->host);
        file_value(lines, "module", entry->module, sizeof entry->module);
        file_value(lines, "snapshot", entry->snapshot, sizeof entry->snapshot);
        entry->wraps = file_value(lines, "wraps", number, sizeof number);
        entry->hosted = file_value(lines, "hosted", number, sizeof number);
    }
    buffer_free(&text);
    return alive(entry->pid);
}

void registry_remove_dead(const struct registered *entry)
{
    struct registered now;
    int lock = lock_registry();
    if (!read_entry(entry->directory, entry->name, &now) && !registry_has_snapshot(&now))
        registry_remove(&now);
    unlock_registry(lock);
}

bool registry_list(registry_visitor visit, void *context, struct error *error)
{
    char root[REGISTRY_PATH_MAX];
    if (!registry_directory(root, error))
        return false;
    DIR *directory = opendir(root);
    if (!directory)
        return error_set(error, ERROR_IO, "cannot read %s: %s", root, strerror(errno));
    for (struct dirent *item; (item = readdir(directory));) {
        struct registered entry;
        char path[REGISTRY_PATH_MAX];
        if (item->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%.300s/%.127s", root, item->d_name);
        bool runs = read_entry(path, item->d_name, &entry);
        if (runs && !entry.hosted)
            visit(context, &entry);
        else if (!runs)
            registry_remove_dead(&entry);
    }
    closedir(directory);
    return true;
}

struct search {
    const char *name;
    struct registered *found;
    bool is_found;
    char names[300];
};

static void look(void *context, const struct registered *entry)
{
    struct search *search = context;
    size_t used = strlen(search->names);
    snprintf(search->names + used, sizeof search->names - used, " %s", entry->name);
    if (strcmp(entry->name, search->name) == 0) {
        *search->found = *entry;
        search->is_found = true;
    }
}

bool registry_find(const char *name, struct registered *entry, struct error *error)
{
    struct search search = {.name = name, .found = entry};
    if (!registry_list(look, &search, error))
        return false;
    return search.is_found ||
           error_set(error, ERROR_USAGE, "no guest %s runs here;%s%s", name,
                     search.names[0] ? " there are:" : " none does", search.names);
}

/* A name from the module's file name, without what a directory's name must not have. */
static void default_name(const char *module, char *name, size_t size)
{
    const char *base = strrchr(module, '/');
    base = base ? base + 1 : module;
    size_t length = strcspn(base, ".");
    snprintf(name, size, "%.*s-%d", (int)(length < 80 ? length : 80), base, (int)getpid());
    for (; *name; name++)
        if (strchr(" \t\n", *name))
            *name = '_';
}

static bool check_name(const char *name, struct error *error)
{
    size_t length = strlen(name);
    if (length == 0 || length >= 120 || name[0] == '.' || strchr(name, '/') ||
        strcspn(name, " \t\n") != length)
        return error_set(error, ERROR_USAGE,
                         "--name %s: a name has up to 119 characters, no slash or space, and does "
                         "not begin with a dot",
                         name);
    return true;
}

/* Gives the entry's directory its name; takes over that of a guest that is dead. */
static bool publish(const char *unnamed, struct registered *entry, struct error *error)
{
    struct registered old;
    bool good = false;
    int lock = lock_registry();
    if (read_entry(entry->directory, entry->name, &old)) {
        error_set(error, ERROR_USAGE, "a guest %s runs here already (pid %d)", entry->name,
                  old.pid);
    } else {
        registry_remove(entry);
        good =
            rename(unnamed, entry->directory) == 0 ||
            error_set(error, ERROR_IO, "cannot create %s: %s", entry->directory, strerror(errno));
    }
    unlock_registry(lock);
    return good;
}

/* What `entry` is, into the directory of `place`. */
static bool write_info(const struct registered *place, struct registered *entry, const char *host,
                       struct error *error)
{
    char path[REGISTRY_PATH_MAX], text[4096];
    snprintf(entry->host, sizeof entry->host, "%s", host);
    snprintf(text, sizeof text, "pid=%d\nhost=%s\nmodule=%.1000s\nsnapshot=%.1000s\n%s%s",
             entry->pid, entry->host, entry->module, entry->snapshot,
             entry->wraps ? "wraps=1\n" : "", entry->hosted ? "hosted=1\n" : "");
    return file_write(registry_path(place, "info", path), text, error);
}

bool registry_set_host(struct registered *entry, const char *host, struct error *error)
{
    return write_info(entry, entry, host, error);
}

static void ignore(void *context, const struct registered *entry)
{
    (void)context, (void)entry;
}

/* The directory is filled under a name that no list shows: an entry is never seen half made. */
bool registry_add(struct registered *entry, const char *name, const char *host, const char *module,
                  const char *snapshot, struct error *error)
{
    char root[REGISTRY_PATH_MAX];
    entry->pid = (int)getpid();
    if (name)
        snprintf(entry->name, sizeof entry->name, "%s", name);
    else
        default_name(module, entry->name, sizeof entry->name);
    if (!check_name(name ? name : entry->name, error) || !registry_directory(root, error) ||
        !registry_list(ignore, NULL, error))
        return false;
    struct registered unnamed = *entry;
    snprintf(unnamed.directory, sizeof unnamed.directory, "%.300s/.%d", root, entry->pid);
    snprintf(entry->directory, sizeof entry->directory, "%.300s/%.127s", root, entry->name);
    snprintf(entry->module, sizeof entry->module, "%s", module);
    snprintf(entry->snapshot, sizeof entry->snapshot, "%s", snapshot ? snapshot : "");
    if (mkdir(unnamed.directory, 0700) != 0 && errno != EEXIST)
        return error_set(error, ERROR_IO, "cannot create %s: %s", unnamed.directory,
                         strerror(errno));
    if (write_info(&unnamed, entry, host, error) && publish(unnamed.directory, entry, error))
        return true;
    registry_remove(&unnamed);
    return false;
}
