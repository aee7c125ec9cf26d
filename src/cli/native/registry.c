#include "cli/native/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/folders.h"
#include "cli/native/kept.h"
#include "cli/native/lines.h"
#include "cli/play.h"

/* Held by one process at a time from its look at a dead guest's entry until that is gone: a guest
 * of the same name, come in between, would lose its own. For unlock_registry; without a lock, on a
 * file system that has none, things go on as they can. */
static int lock_registry(void)
{
    char root[REGISTRY_PATH_MAX];
    int lock = folder_path(FOLDER_RUNTIME, root, NULL)
                   ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                   : -1;
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

static bool has_line(const char *lines, const char *key)
{
    char value[16];
    return file_value(lines, key, value, sizeof value) != NULL;
}

static bool read_entry(const char *directory, const char *name, struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    struct buffer text = {0};
    *entry = (struct registered){0};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    snprintf(entry->directory, sizeof entry->directory, "%s", directory);
    bool good = file_read(registry_path(entry, "info", path), &text, NULL);
    buffer_put_u8(&text, 0);
    if (good && !text.failed) {
        const char *lines = (const char *)text.data;
        entry->pid = (int)line_number(lines, "pid");
        file_value(lines, "host", entry->host, sizeof entry->host);
        file_value(lines, "module", entry->module, sizeof entry->module);
        file_value(lines, "snapshot", entry->snapshot, sizeof entry->snapshot);
        file_value(lines, "base", entry->base, sizeof entry->base);
        entry->wraps = has_line(lines, "wraps");
        entry->leave_running = has_line(lines, "leave-running");
        entry->hosted = has_line(lines, "hosted");
    }
    buffer_free(&text);
    return entry_is_alive(entry);
}

bool registry_look(struct registered *entry)
{
    const struct registered before = *entry;
    return read_entry(before.directory, before.name, entry);
}

/* With the registry's lock. False when something of it is nowhere else and cannot be kept. */
static bool clear(const struct registered *dead, struct error *error)
{
    if (!kept_rescue(dead, error))
        return false;
    registry_remove_incoming(dead);
    remove_files(dead->directory);
    return true;
}

/* The same unless a client has the turn, which is about to fetch a snapshot and then does it. */
static void clear_unless_wanted(const struct registered *dead)
{
    struct turn turn = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    char path[REGISTRY_PATH_MAX];
    bool wanted = file_exists(registry_path(dead, "turn", path)) && !turn_try(&turn, dead);
    if (!wanted && !clear(dead, &error))
        report(&error, 0);
    turn_end(&turn);
}

void registry_remove_dead(const struct registered *entry)
{
    struct registered now;
    int lock = lock_registry();
    if (!read_entry(entry->directory, entry->name, &now) && file_exists(now.directory))
        clear_unless_wanted(&now);
    unlock_registry(lock);
}

/* A guest that ended while it was held did so without the leave of who asked: what it wrote is its
 * last. Otherwise what it wrote was not wanted any more. */
void registry_remove(struct registered *entry)
{
    int lock = lock_registry();
    if (!entry_is_held(entry))
        entry_tidy(entry);
    close(entry->life);
    clear_unless_wanted(entry);
    unlock_registry(lock);
}

bool registry_list(registry_visitor visit, void *context, struct error *error)
{
    char root[REGISTRY_PATH_MAX];
    if (!folder_path(FOLDER_RUNTIME, root, error))
        return false;
    DIR *directory = opendir(root);
    if (!directory)
        return error_set(error, ERROR_IO, "cannot read %s: %s", root, strerror(errno));
    for (struct dirent *item; (item = readdir(directory));) {
        struct registered entry;
        char path[REGISTRY_PATH_MAX];
        if (item->d_name[0] == '.')
            continue;
        (void)path_set(path, NULL, "%s/%s", root, item->d_name);
        bool runs = read_entry(path, item->d_name, &entry);
        if (runs && visit && !entry.hosted)
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
    if (read_entry(entry->directory, entry->name, &old))
        return error_set(error, ERROR_USAGE, "a guest %s runs here already (pid %d)", entry->name,
                         old.pid);
    return clear(&old, error) &&
           (rename(unnamed, entry->directory) == 0 ||
            error_set(error, ERROR_IO, "cannot create %s: %s", entry->directory, strerror(errno)));
}

/* What `entry` is, into the directory of `place`. */
static bool write_info(const struct registered *place, struct registered *entry, const char *host,
                       struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    struct buffer text = {0};
    snprintf(entry->host, sizeof entry->host, "%s", host);
    line_put_number(&text, "pid", (uint64_t)entry->pid);
    line_put(&text, "host", entry->host);
    line_put(&text, "module", entry->module);
    line_put(&text, "snapshot", entry->snapshot);
    line_put(&text, "base", entry->base);
    if (entry->wraps)
        line_put(&text, "wraps", "1");
    if (entry->leave_running)
        line_put(&text, "leave-running", "1");
    if (entry->hosted)
        line_put(&text, "hosted", "1");
    bool good = text.failed ? error_set(error, ERROR_MEMORY, "no memory to register a guest")
                            : file_write_bytes(registry_path(place, "info", path), text.data,
                                               text.size, error);
    buffer_free(&text);
    return good;
}

bool registry_set_host(struct registered *entry, const char *host, struct error *error)
{
    return write_info(entry, entry, host, error);
}

/* What was being made when a yado was killed. With the registry's lock, which all that make some
 * have. */
static void remove_unfinished(const char *root)
{
    DIR *directory = opendir(root);
    for (struct dirent *item; directory && (item = readdir(directory));) {
        char path[REGISTRY_PATH_MAX];
        if (item->d_name[0] == '.' && strspn(item->d_name + 1, "0123456789") > 0 &&
            path_set(path, NULL, "%s/%s", root, item->d_name))
            remove_files(path);
    }
    if (directory)
        closedir(directory);
}

/* The directory is filled, and its locks are held, under a name that no list shows: an entry is
 * never seen half made. */
static bool make(const char *root, struct registered *entry, const char *host, struct error *error)
{
    struct registered unnamed = *entry;
    remove_unfinished(root);
    if (!path_set(unnamed.directory, error, "%s/.%d", root, entry->pid))
        return false;
    if (mkdir(unnamed.directory, 0700) != 0)
        return error_set(error, ERROR_IO, "cannot create %s: %s", unnamed.directory,
                         strerror(errno));
    if (entry_live(&unnamed, error) && write_info(&unnamed, entry, host, error) &&
        publish(unnamed.directory, entry, error)) {
        entry->life = unnamed.life;
        return true;
    }
    if (unnamed.life >= 0)
        close(unnamed.life);
    remove_files(unnamed.directory);
    return false;
}

/* A path that does not fit is another one. */
static bool take_path(char field[PATH_ROOM], const char *path, struct error *error)
{
    if (strchr(path, '\n'))
        return error_set(error, ERROR_USAGE, "%s: a path with a line break in it", path);
    return path_set(field, error, "%s", path);
}

bool registry_add(struct registered *entry, const char *name, const char *host, const char *module,
                  const char *snapshot, struct error *error)
{
    char root[REGISTRY_PATH_MAX];
    entry->pid = (int)getpid();
    if (name)
        snprintf(entry->name, sizeof entry->name, "%s", name);
    else
        default_name(module, entry->name, sizeof entry->name);
    if (!check_name(name ? name : entry->name, error) ||
        !folder_path(FOLDER_RUNTIME, root, error) || !registry_list(NULL, NULL, error) ||
        !path_set(entry->directory, error, "%s/%s", root, entry->name) ||
        !take_path(entry->snapshot, snapshot ? snapshot : "", error))
        return false;
    snprintf(entry->module, sizeof entry->module, "%s", module);
    int lock = lock_registry();
    bool good = make(root, entry, host, error);
    unlock_registry(lock);
    return good;
}
