/* remote.c - the command line that starts a guest in a host. To the host are given, under their own
 * absolute paths, the directories that Yadokari itself needs (module, snapshot, registry) and those
 * of the guest; what the guest sees of them is decided by Yadokari's own --dir. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/native/options_walk.h"
#include "cli/native/remote.h"
#include "cli/native/sealing.h"
#include "cli/opened.h"
#include "guest/bases.h"
#include "state/snapshot.h"
#include "survey/survey.h"

struct remote {
    const struct options *options;
    const struct host *host;
    const char *sealed; /* the module that runs instead of Yadokari; or NULL */
    struct registered entry;
    const struct courier *courier;
    struct arguments directories; /* that the host is given */
    struct arguments own;         /* Yadokari's */
    struct error error;
};

/* What becomes of options for the guest's `yado` in the host. */
struct paths {
    char request[REGISTRY_PATH_MAX], answer[REGISTRY_PATH_MAX], status[REGISTRY_PATH_MAX];
    char note[256];
};

bool absolute_path(const char *path, char result[PATH_ROOM], struct error *error)
{
    char parent[PATH_ROOM], resolved[PATH_ROOM];
    if (realpath(path, result))
        return true;
    const int why = errno;
    if (!path_set(parent, error, "%s", path))
        return false;
    char *slash = strrchr(parent, '/');
    const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (slash)
        *(slash == parent ? slash + 1 : slash) = 0;
    errno = why;
    if (errno != ENOENT || !*last || !realpath(slash ? parent : ".", resolved))
        return error_set(error, ERROR_IO, "%s: %s", path, strerror(errno));
    return path_set(result, error, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, last);
}

static bool give(struct remote *remote, const char *directory)
{
    struct arguments *given = &remote->directories;
    for (size_t i = 0; i < given->count; i++)
        if (strcmp(given->list[i], directory) == 0)
            return true;
    arguments_add(given, "%s", directory);
    return !given->failed ||
           error_set(&remote->error, ERROR_MEMORY, "no memory for a command line");
}

/* Gives the host the directory of a file, and makes the file's path absolute. */
static bool give_parent(struct remote *remote, const char *file, char result[PATH_ROOM])
{
    char parent[PATH_ROOM];
    if (!absolute_path(file, result, &remote->error))
        return false;
    memcpy(parent, result, sizeof parent);
    char *slash = strrchr(parent, '/');
    *(slash == parent ? slash + 1 : slash) = 0;
    return give(remote, parent);
}

static bool add_directory(struct remote *remote, const struct setting *setting)
{
    struct stat stat_;
    char path[PATH_ROOM];
    if (stat(setting->value, &stat_) != 0)
        return error_set(&remote->error, ERROR_IO, "%s %s: %s", setting->name, setting->value,
                         strerror(errno));
    if (!S_ISDIR(stat_.st_mode))
        return error_set(&remote->error, ERROR_IO, "%s %s: not a directory", setting->name,
                         setting->value);
    if (!absolute_path(setting->value, path, &remote->error) || !give(remote, path))
        return false;
    arguments_add(&remote->own, "%s=%s::%s", setting->name, path, setting->directory);
    return true;
}

static bool add_option(void *context, const struct setting *setting)
{
    struct remote *remote = context;
    char path[PATH_ROOM];
    if (setting->directory)
        return add_directory(remote, setting);
    if ((setting->traits & OPTION_SHOWN) && !give_parent(remote, setting->value, path))
        return false;
    setting_add(&remote->own, setting, setting->traits & OPTION_SHOWN ? path : setting->value);
    return true;
}

/* What is said to the guest's `yado` in the host, which the user did not say. The module of a
 * restored guest is a copy in the guest's directory; a sealed guest has it in itself. */
static void complete(const struct remote *remote, struct options *inside, struct paths *paths)
{
    char program[PATH_ROOM], version[128];
    const struct registered *entry = &remote->entry;
    inside->snapshots.request = registry_path(entry, "request", paths->request);
    inside->snapshots.answer = registry_path(entry, remote->courier->answer, paths->answer);
    inside->status_file = registry_path(entry, "status", paths->status);
    inside->snapshots.host_note = NULL;
    if (host_find(remote->host, program, NULL) &&
        host_version(remote->host, program, version, NULL)) {
        snprintf(paths->note, sizeof paths->note, "%.120s %s", remote->host->name, version);
        inside->snapshots.host_note = paths->note;
    }
    if (!inside->guest.arg0)
        inside->guest.arg0 = inside->positional[0];
    if (remote->sealed) {
        inside->guest.module = inside->guest.module_note;
        inside->guest.module_note = NULL;
    }
}

/* Yadokari's own arguments, inside the host. */
static bool own_arguments(struct remote *remote, enum command command)
{
    struct options inside = remote->courier->options;
    struct paths paths;
    struct arguments *own = &remote->own;
    char path[PATH_ROOM];
    if (remote->sealed)
        arguments_add(own, "--yado");
    arguments_add(own, "%s", command == COMMAND_RUN ? "run" : "restore");
    complete(remote, &inside, &paths);
    if (!options_walk(&inside, (int)command, OPTION_INSIDE, add_option, remote) ||
        !give(remote, remote->entry.directory) || !give_parent(remote, remote->courier->file, path))
        return false;
    if (remote->sealed && command == COMMAND_RUN)
        arguments_add(own, "--module=%s", path);
    arguments_add(own, "%s", remote->sealed && command == COMMAND_RUN ? "--" : path);
    for (int i = 1; i < inside.npositional; i++)
        arguments_add(own, "%s", inside.positional[i]);
    return true;
}

/* Of the one that a standby guest begins with; what comes later when it moves is smaller. */
static uint64_t standby_size(const struct options *options)
{
    char path[PATH_ROOM];
    struct stat found;
    (void)path_set(path, NULL, "%s/0", options->positional[0]);
    return stat(path, &found) == 0 ? (uint64_t)found.st_size : 0;
}

bool guest_module(enum command command, const struct options *options, struct buffer *bytes,
                  uint64_t *snapshot, struct error *error)
{
    const char *path = options->positional[0];
    struct opened opened;
    if (snapshot)
        *snapshot = options->guest.standby ? standby_size(options) : 0;
    if (command == COMMAND_RUN)
        return file_read_module(path, bytes, error);
    if (options->guest.standby)
        return file_read_module(options->guest.module, bytes, error);
    if (!opened_read(&opened, path, options, false, error))
        return false;
    *bytes = opened.module_bytes;
    opened.module_bytes = (struct buffer){0};
    if (snapshot)
        *snapshot =
            opened.snapshot.base.data ? chain_size(path, &options->snapshots) : opened.file.size;
    bool found = opened.has_module;
    opened_free(&opened);
    return found || error_set(error, ERROR_USAGE,
                              "%s: its module is not to be had: give it by --module", path);
}

/* What runs: Yadokari, unless the tier is another one. */
static bool find_sealed(struct remote *remote, enum command command, char sealed[PATH_ROOM])
{
    struct options options = *remote->options;
    const char *positional[] = {remote->courier->file, NULL};
    struct buffer bytes = {0};
    uint64_t snapshot;
    if (options.tier != TIER_SEALED)
        return true;
    options.positional = positional;
    if (options.guest.module_note)
        options.guest.module = options.guest.module_note;
    bool good = guest_module(command, &options, &bytes, &snapshot, &remote->error) &&
                sealed_module(remote->host, options.positional[0],
                              (struct span){bytes.data, (uint32_t)bytes.size}, snapshot, sealed,
                              &remote->error);
    buffer_free(&bytes);
    remote->sealed = sealed;
    return good;
}

/* What the host's Yadokari would refuse too, but say less of. */
static bool can_run(const struct remote *remote, enum command command, struct error *error)
{
    const struct options *options = remote->options;
    const char *path = command == COMMAND_RUN ? options->positional[0] : options->guest.module;
    struct buffer bytes = {0};
    bool good =
        !path || (file_read(path, &bytes, error) &&
                  (survey(bytes.data, bytes.size, error) || error_prefix(error, "%s", path)));
    buffer_free(&bytes);
    return good;
}

bool remote_command(const struct host *host, const struct registered *entry, enum command command,
                    const struct courier *courier, struct arguments *arguments, struct error *error)
{
    struct remote remote = {.options = &courier->options,
                            .host = host,
                            .entry = *entry,
                            .courier = courier,
                            .error = {.offset = ERROR_NO_OFFSET}};
    char sealed[PATH_ROOM];
    bool good = can_run(&remote, command, &remote.error) && find_sealed(&remote, command, sealed) &&
                own_arguments(&remote, command);
    const struct given given = {(const char *const *)remote.directories.list,
                                remote.directories.count, remote.options->guest.listen.items,
                                remote.options->guest.listen.count};
    good = good && host_command(host, remote.sealed, &given, arguments, &remote.error);
    for (size_t i = 0; good && i < remote.own.count; i++)
        arguments_add(arguments, "%s", remote.own.list[i]);
    if (!good)
        *error = remote.error;
    arguments_free(&remote.own);
    arguments_free(&remote.directories);
    return good;
}
