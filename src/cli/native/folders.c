#include "cli/native/folders.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *given(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

/* ---- looking */

bool folder_is_ours(const char *path, unsigned others, struct error *error)
{
    struct stat status;
    const char *wrong = NULL;
    if (lstat(path, &status) != 0)
        return error_set(error, ERROR_IO, "cannot use %s: %s", path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        wrong = "it is not a directory";
    else if (status.st_uid != getuid())
        wrong = "it is another user's";
    else if (status.st_mode & others)
        wrong = others & 055 ? "others can enter it" : "others can write into it";
    return !wrong || error_set(error, ERROR_IO, "cannot use %s: %s", path, wrong);
}

bool folder_private(const char *path, struct error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
    return folder_is_ours(path, 077, error);
}

/* ---- where they are */

static const struct place {
    const char *variable, *usual; /* in the home directory; NULL: /tmp */
    unsigned others;
} places[] = {
    [FOLDER_RUNTIME] = {"XDG_RUNTIME_DIR", NULL, 077},
    [FOLDER_CACHE] = {"XDG_CACHE_HOME", ".cache", 022},
    [FOLDER_STATE] = {"XDG_STATE_HOME", ".local/state", 077},
    [FOLDER_CONFIG] = {"XDG_CONFIG_HOME", ".config", 022},
};

static bool home(const struct place *place, const char **path, struct error *error)
{
    const struct passwd *entry = NULL;
    *path = given("HOME");
    if (!*path && (entry = getpwuid(getuid())) && entry->pw_dir && *entry->pw_dir == '/')
        *path = entry->pw_dir;
    return *path || error_set(error, ERROR_IO,
                              "neither $%s nor $HOME is set, and the password database has no home "
                              "directory for user %u",
                              place->variable, (unsigned)getuid());
}

/* Whose folder it is, is asked of the real user: what is run and believed is its own. */
static bool find(const struct place *place, char path[PATH_ROOM], struct error *error)
{
    const char *base = given(place->variable);
    if (!place->usual)
        return path_set(path, error, "%s/yadokari-%u", base ? base : "/tmp", (unsigned)getuid());
    if (base)
        return path_set(path, error, "%s/yadokari", base);
    return home(place, &base, error) && path_set(path, error, "%s/%s/yadokari", base, place->usual);
}

bool folder_find(enum folder folder, char path[PATH_ROOM], struct error *error)
{
    const struct place *place = &places[folder];
    return find(place, path, error) &&
           (access(path, F_OK) != 0 || folder_is_ours(path, place->others, error));
}

/* A directory on the way: those below `ours` are Yadokari's own. */
static bool make_directory(const char *path, bool ours, unsigned others, struct error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST && !(errno == EROFS && access(path, F_OK) == 0))
        return error_set(error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
    return !ours || folder_is_ours(path, others, error);
}

/* The directories of `path`, of which the first `size` bytes are the folder's own. */
static bool make_directories(char *path, size_t size, unsigned others, struct error *error)
{
    bool good = true;
    for (char *at = path; good && (at = strchr(at + 1, '/'));) {
        *at = 0;
        good = make_directory(path, (size_t)(at - path) >= size, others, error);
        *at = '/';
    }
    return good;
}

bool folder_path(enum folder folder, char path[PATH_ROOM], struct error *error)
{
    const struct place *place = &places[folder];
    return find(place, path, error) && make_directories(path, strlen(path), place->others, error) &&
           make_directory(path, true, place->others, error);
}

bool folder_file(enum folder folder, const char *file, char path[PATH_ROOM], struct error *error)
{
    char base[PATH_ROOM];
    const struct place *place = &places[folder];
    return find(place, base, error) && path_set(path, error, "%s/%s", base, file) &&
           make_directories(path, strlen(base), place->others, error);
}
