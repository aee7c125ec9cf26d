#include "cli/native/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/output.h"
#include "base/path.h"
#include "cli/native/envelopes.h"
#include "cli/native/folders.h"
#include "cli/native/lines.h"
#include "cli/print.h"
#include "guest/bases.h"

#define SUFFIX ".snap"

/* ---- where it is */

bool keep_path(const char *file, char path[PATH_ROOM], struct error *error)
{
    return folder_file(FOLDER_STATE, file, path, error);
}

/* ---- keeping */

/* Process numbers come again; what is kept stays. */
bool kept_begin(const struct registered *entry, char path[PATH_ROOM], struct error *error)
{
    char file[PATH_ROOM];
    for (unsigned i = 1;; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, "-%u", i);
        if (!path_set(file, error, "%s-%d%s" SUFFIX, entry->name, entry->pid, number) ||
            !folder_file(FOLDER_STATE, file, path, error))
            return false;
        int made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (made >= 0)
            return close(made) == 0;
        if (errno != EEXIST)
            return error_set(error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
    }
}

static void info_path(const char *path, char info[PATH_ROOM])
{
    (void)path_set(info, NULL, "%.*s.info", (int)(strlen(path) - strlen(SUFFIX)), path);
}

void kept_end(const struct registered *entry, const char *path, bool good, const char *why)
{
    char info[PATH_ROOM];
    struct buffer text = {0};
    if (!good) {
        unlink(path);
        return;
    }
    line_put(&text, "name", entry->name);
    line_put(&text, "module", entry->module);
    line_put(&text, "host", entry->host);
    line_put(&text, "why", why);
    info_path(path, info);
    if (!text.failed)
        (void)file_write_bytes(info, text.data, text.size, NULL);
    buffer_free(&text);
}

bool kept_add(const struct registered *entry, const char *from, const char *why,
              char path[PATH_ROOM], struct error *error)
{
    const struct output_options safe = {.sync = true};
    if (!kept_begin(entry, path, error))
        return false;
    bool good = output_move(from, path, &safe, error);
    kept_end(entry, path, good, why);
    return good;
}

/* ---- what dead guests have left */

static bool rescue_file(const struct registered *dead, const char *from, struct error *error)
{
    char path[PATH_ROOM];
    if (strcmp(strrchr(from, '/'), "/unsaved") == 0)
        return error_set(error, ERROR_IO, "%s is the only one: move it or remove it", from);
    if (dead->wraps &&
        !envelope_at(from)) { /* what was to be encrypted never lies about in the clear */
        print_line(stderr,
                   "yado: guest %s was killed before its snapshot was signed or encrypted: it is "
                   "removed, and not kept",
                   dead->name);
        return unlink(from) == 0;
    }
    if (!kept_add(dead, from, "its yado ended before the snapshot was fetched", path, error))
        return false;
    print_line(stderr, "yado: the snapshot of guest %s, which nobody fetched, is kept in %s",
               dead->name, path);
    return true;
}

static bool is_snapshot(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strcmp(name, "snapshot") == 0 || strcmp(name, "moved") == 0 ||
           strcmp(name, "unsaved") == 0 || strcmp(name, "taken") == 0 ||
           strcmp(name, "outgoing") == 0 ||
           (strncmp(name, "snapshot.", 9) == 0 && strcmp(dot, ".part") != 0);
}

/* The guest is stopped while `hold` is there, and its last changes are all that is missing. */
static bool rescue_incoming(const struct registered *dead, struct error *error)
{
    char last[REGISTRY_PATH_MAX], hold[REGISTRY_PATH_MAX], path[PATH_ROOM];
    struct snapshot_options options = {.sync = true, .read = envelopes_read};
    struct buffer bytes = {0};
    if (!file_exists(registry_path(dead, "incoming/last", last)) ||
        !file_exists(registry_path(dead, "incoming/hold", hold)))
        return true;
    if (!kept_begin(dead, path, error))
        return false;
    bool good = chain_read(last, &options, &bytes, error) &&
                envelopes_put(&options, &bytes, path, NULL, error);
    buffer_free(&bytes);
    kept_end(dead, path, good, "its yado ended while it was moved: it may run where it was going");
    if (good) {
        unlink(last);
        print_line(stderr, "yado: guest %s, whose yado ended while it was moved, is kept in %s",
                   dead->name, path);
    }
    return good;
}

bool kept_rescue(const struct registered *dead, struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    bool good = rescue_incoming(dead, error);
    DIR *directory = opendir(dead->directory);
    for (struct dirent *item; good && directory && (item = readdir(directory));)
        if (is_snapshot(item->d_name))
            good = rescue_file(dead, registry_path(dead, item->d_name, path), error);
    if (directory)
        closedir(directory);
    return good || error_prefix(error, "what is left of guest %s in %s cannot be kept", dead->name,
                                dead->directory);
}

/* ---- the list */

static void read_info(struct kept *kept)
{
    char info[PATH_ROOM];
    struct buffer text = {0};
    info_path(kept->path, info);
    bool good = file_read(info, &text, NULL);
    buffer_put_u8(&text, 0);
    if (good && !text.failed) {
        file_value((const char *)text.data, "module", kept->module, sizeof kept->module);
        file_value((const char *)text.data, "why", kept->why, sizeof kept->why);
    }
    buffer_free(&text);
}

/* False for a name that is none of a kept snapshot's. */
static bool describe(const char *file, struct kept *kept)
{
    struct stat stat_;
    size_t length = strlen(file), suffix = strlen(SUFFIX);
    if (length <= suffix || length - suffix >= sizeof kept->id || file[0] == '.' ||
        strchr(file, '/') || strcmp(file + length - suffix, SUFFIX) != 0)
        return false;
    *kept = (struct kept){0};
    snprintf(kept->id, sizeof kept->id, "%.*s", (int)(length - suffix), file);
    if (!folder_file(FOLDER_STATE, file, kept->path, NULL) || stat(kept->path, &stat_) != 0 ||
        stat_.st_size == 0)
        return false;
    kept->size = (uint64_t)stat_.st_size;
    kept->since = stat_.st_mtime;
    read_info(kept);
    return true;
}

static int older_first(const void *a, const void *b)
{
    const struct kept *one = a, *other = b;
    if (one->since != other->since)
        return one->since < other->since ? -1 : 1;
    return strcmp(one->id, other->id);
}

static bool read_all(DIR *directory, struct kept **all, size_t *count, struct error *error)
{
    struct kept one;
    for (struct dirent *item; (item = readdir(directory));) {
        if (!describe(item->d_name, &one))
            continue;
        struct kept *longer = realloc(*all, (*count + 1) * sizeof one);
        if (!longer)
            return error_set(error, ERROR_MEMORY, "no memory for the list");
        *all = longer;
        longer[(*count)++] = one;
    }
    return true;
}

bool kept_list(void (*visit)(void *context, const struct kept *kept), void *context,
               struct error *error)
{
    char path[PATH_ROOM];
    struct kept *all = NULL;
    size_t count = 0;
    if (!folder_path(FOLDER_STATE, path, error))
        return false;
    DIR *directory = opendir(path);
    if (!directory)
        return error_set(error, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    bool good = read_all(directory, &all, &count, error);
    closedir(directory);
    if (count)
        qsort(all, count, sizeof *all, older_first);
    for (size_t i = 0; good && i < count; i++)
        visit(context, &all[i]);
    free(all);
    return good;
}

bool kept_remove(const char *id, struct error *error)
{
    char file[PATH_ROOM], info[PATH_ROOM];
    struct kept kept;
    if (!path_set(file, error, "%s" SUFFIX, id))
        return false;
    if (!describe(file, &kept))
        return error_set(error, ERROR_USAGE,
                         "nothing is kept under the name %.200s (`yado ps "
                         "--kept` lists what is)",
                         id);
    info_path(kept.path, info);
    if (unlink(kept.path) != 0)
        return error_set(error, ERROR_IO, "cannot remove %s: %s", kept.path, strerror(errno));
    unlink(info);
    return true;
}
