/* remote.c - starts a guest in its host. To the host are given, under their own absolute paths, the
 * directories that Yadokari itself needs (module, snapshot, registry) and those of the guest; what
 * the guest sees of them is decided by Yadokari's own --dir. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/native/courier.h"
#include "cli/native/envelopes.h"
#include "cli/native/hosts.h"
#include "cli/native/listen.h"
#include "cli/native/registry.h"
#include "cli/native/sealing.h"
#include "cli/opened.h"
#include "cli/start.h"
#include "state/snapshot.h"

#define DIRECTORIES_MAX 64

struct remote {
    const struct options *options;
    const struct host *host;
    const char *sealed; /* the module that runs instead of Yadokari; or NULL */
    struct registered entry;
    struct courier courier;
    char *directories[DIRECTORIES_MAX];
    size_t ndirectories;
    struct arguments arguments;
    struct error error;
};

/* The absolute path of a file or directory; its last part need not exist. */
static bool absolute(const char *path, char result[PATH_MAX], struct error *error)
{
    char parent[PATH_MAX], resolved[PATH_MAX];
    if (realpath(path, result))
        return true;
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (slash)
        *(slash == parent ? slash + 1 : slash) = 0;
    if (errno != ENOENT || !*last || !realpath(slash ? parent : ".", resolved))
        return error_set(error, ERROR_IO, "%s: %s", path, strerror(errno));
    snprintf(result, PATH_MAX, "%.3000s/%.1000s", resolved, last);
    return true;
}

static bool give(struct remote *remote, const char *directory)
{
    for (size_t i = 0; i < remote->ndirectories; i++)
        if (strcmp(remote->directories[i], directory) == 0)
            return true;
    if (remote->ndirectories == DIRECTORIES_MAX)
        return error_set(&remote->error, ERROR_USAGE, "more than %d directories", DIRECTORIES_MAX);
    remote->directories[remote->ndirectories++] = strdup(directory);
    return true;
}

/* Gives the host the directory of a file, and makes the file's path absolute. */
static bool give_parent(struct remote *remote, const char *file, char result[PATH_MAX])
{
    char parent[PATH_MAX];
    if (!absolute(file, result, &remote->error))
        return false;
    snprintf(parent, sizeof parent, "%s", result);
    char *slash = strrchr(parent, '/');
    *(slash == parent ? slash + 1 : slash) = 0;
    return give(remote, parent);
}

static bool give_directories(struct remote *remote, struct arguments *own)
{
    const struct options *options = remote->options;
    char path[PATH_MAX];
    for (uint32_t i = 0; i < options->ndirs; i++) {
        struct stat stat_;
        const char *directory = options->dirs[i].host_path;
        if (stat(directory, &stat_) != 0)
            return error_set(&remote->error, ERROR_IO, "--dir %s: %s", directory, strerror(errno));
        if (!S_ISDIR(stat_.st_mode))
            return error_set(&remote->error, ERROR_IO, "--dir %s: not a directory", directory);
        if (!absolute(directory, path, &remote->error) || !give(remote, path))
            return false;
        arguments_add(own, "--dir=%s::%s", path, options->dirs[i].guest_path);
    }
    return true;
}

static bool give_file(struct remote *remote, struct arguments *own, const char *option,
                      const char *file)
{
    char path[PATH_MAX];
    if (!file)
        return true;
    if (!give_parent(remote, file, path))
        return false;
    arguments_add(own, "%s=%s", option, path);
    return true;
}

/* What a snapshot's notes name lies somewhere else than the snapshot: its module, its base, and
 * what that one's notes name. */
static bool give_noted(struct remote *remote, const char *file)
{
    char path[PATH_MAX], at[4096], module[4096], base[4096];
    bool good = true;
    snprintf(at, sizeof at, "%s", file);
    for (bool more = true; good && more; snprintf(at, sizeof at, "%s", base)) {
        struct buffer bytes = {0};
        struct snapshot snapshot;
        good = file_read(at, &bytes, &remote->error) &&
               snapshot_open(&snapshot, bytes.data, bytes.size, &remote->error);
        if (good) {
            struct span note = snapshot_note(&snapshot, "base");
            snprintf(base, sizeof base, "%.*s", (int)note.size, (const char *)note.data);
            note = snapshot.module_path;
            snprintf(module, sizeof module, "%.*s", (int)note.size, (const char *)note.data);
            if (*module && !snapshot.module.data && realpath(module, path))
                good = give_parent(remote, module, path);
        } else {
            error_prefix(&remote->error, "%s", at);
        }
        more = good && *base &&
               realpath(base, path); /* else the host's Yadokari says what is missing */
        if (more)
            good = give_parent(remote, base, path);
        buffer_free(&bytes);
    }
    return good;
}

static void add_own(void *own, const char *argument)
{
    arguments_add(own, "%s", argument);
}

/* Yadokari's own arguments, inside the host. */
static bool own_arguments(struct remote *remote, enum command command, struct arguments *own)
{
    const struct options *options = &remote->courier.options;
    char path[PATH_MAX], version[128] = "", program[1024];
    if (remote->sealed)
        arguments_add(own, "--yado");
    arguments_add(own, "%s", command == COMMAND_RUN ? "run" : "restore");
    registry_path(&remote->entry, "request", path);
    if (!give_directories(remote, own) || !give(remote, remote->entry.directory) ||
        !give_file(remote, own, "--module", options->module))
        return false;
    arguments_add(own, "--request=%s", path);
    if (!give_file(remote, own, "--trigger", options->trigger) ||
        !give_file(remote, own, "--base", options->base) ||
        !give_file(remote, own, "--snapshot", options->snapshot))
        return false;
    arguments_add(own, "--answer=%s/%s", remote->entry.directory, remote->courier.answer);
    arguments_add(own, "--status-file=%s/status", remote->entry.directory);
    if (host_find(remote->host, program, NULL) &&
        host_version(remote->host, program, version, NULL))
        arguments_add(own, "--host-note=%s %s", remote->host->name, version);
    for (uint32_t i = 0; i < options->env.count; i++)
        arguments_add(own, "--env=%s", options->env.items[i]);
    for (uint32_t i = 0; i < options->embed.count; i++)
        arguments_add(own, "--embed=%s", options->embed.items[i]);
    struct options forwarded = *options;
    forwarded.tier = TIER_INTERPRETER; /* is decided here */
    if (options->base_note)
        arguments_add(own, "--base-note=%s", options->base_note);
    options_forward(&forwarded, command, add_own, own);
    if (!give_parent(remote, remote->courier.file, path) ||
        (command == COMMAND_RESTORE && !give_noted(remote, remote->courier.file)))
        return false;
    for (uint32_t i = 0; i < options->with_base.count; i++)
        if (!give_file(remote, own, "--with-base", options->with_base.items[i]))
            return false;
    if (command == COMMAND_RUN)
        arguments_add(own, "--arg0=%s", options->positional[0]);
    if (options->invoke)
        arguments_add(own, "--invoke=%s", options->invoke);
    if (remote->sealed && command == COMMAND_RUN)
        arguments_add(own, "--module=%s", path);
    arguments_add(own, "%s", remote->sealed && command == COMMAND_RUN ? "--" : path);
    for (int i = 1; i < options->npositional; i++)
        arguments_add(own, "%s", options->positional[i]);
    return true;
}

static bool read_status(const struct remote *remote, int *exit_code)
{
    char path[REGISTRY_PATH_MAX], number[16];
    struct buffer text = {0};
    bool good = file_read(registry_path(&remote->entry, "status", path), &text, NULL);
    buffer_put_u8(&text, 0);
    good = good && file_value((const char *)text.data, "exit", number, sizeof number);
    buffer_free(&text);
    if (good)
        *exit_code = atoi(number);
    return good;
}

static int host_failed(struct remote *remote, int status)
{
    char command[8192], program[1024], version[128] = "";
    if (host_find(remote->host, program, NULL))
        host_version(remote->host, program, version, NULL);
    fprintf(stderr, "yado: host %s (%s) ended with %s %d and without the guest's exit code: %s\n",
            remote->host->name, version, WIFSIGNALED(status) ? "signal" : "exit code",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
            arguments_text(&remote->arguments, command, sizeof command));
    return EXIT_FAILED;
}

/* Runs Yadokari, or the sealed module, to its end. */
static int run_once(struct remote *remote, enum command command)
{
    struct arguments own = {0};
    const struct watch watch = {courier_look, &remote->courier};
    int status, exit_code = EXIT_FAILED;
    bool good =
        courier_begin(&remote->courier, command, remote->options, &remote->entry, &remote->error) &&
        own_arguments(remote, command, &own) &&
        host_command(remote->host, remote->sealed, (const char *const *)remote->directories,
                     remote->ndirectories, &remote->arguments, &remote->error);
    for (size_t i = 0; good && i < own.count; i++)
        arguments_add(&remote->arguments, "%s", own.list[i]);
    if (!good || !process_run(&remote->arguments, remote->courier.carries ? &watch : NULL, &status,
                              &remote->error))
        report(&remote->error, EXIT_FAILED);
    else if (WIFSIGNALED(status) || !read_status(remote, &exit_code))
        exit_code = host_failed(remote, status);
    if (good)
        courier_look(&remote->courier);
    if (remote->courier.failed)
        exit_code = EXIT_FAILED;
    arguments_free(&own);
    arguments_free(&remote->arguments);
    for (size_t i = 0; i < remote->ndirectories; i++)
        free(remote->directories[i]);
    remote->ndirectories = 0;
    return exit_code;
}

/* ---- tiers */

/* The guest's module: of the run, or of the snapshot. */
static bool guest_module(struct remote *remote, enum command command, struct buffer *bytes)
{
    const char *path = remote->options->positional[0];
    struct opened opened;
    if (command == COMMAND_RUN)
        return file_read(path, bytes, &remote->error);
    if (!opened_read(&opened, path, remote->options, false, &remote->error))
        return false;
    *bytes = opened.module_bytes;
    opened.module_bytes = (struct buffer){0};
    bool found = opened.has_module;
    opened_free(&opened);
    return found || error_set(&remote->error, ERROR_USAGE,
                              "%s: its module is not to be had: give it by --module", path);
}

/* In a process of its own: makes all that the sealed guest needs, then asks the interpreted one for a
 * checkpoint. */
static void prepare_move(struct remote *remote, struct span module, const char *snapshot)
{
    char path[REGISTRY_PATH_MAX], sealed[1024], text[REGISTRY_PATH_MAX + 16];
    struct arguments unused = {0};
    if (nice(10) == -1 || !sealed_module(remote->options->positional[0], module, sealed, NULL) ||
        !host_command(remote->host, sealed, NULL, 0, &unused, NULL))
        _exit(1);
    snprintf(text, sizeof text, "snapshot=%s\n", snapshot);
    _exit(file_write(registry_path(&remote->entry, "request", path), text, NULL) ? 0 : 1);
}

/* The guest goes on from the snapshot that it was moved by. */
static int run_moved(struct remote *remote, struct span module, char *snapshot)
{
    struct options options = *remote->options;
    char sealed[1024], path[REGISTRY_PATH_MAX];
    const char *positional[] = {snapshot, NULL};
    if (!sealed_module(options.positional[0], module, sealed, &remote->error))
        return report(&remote->error, EXIT_FAILED);
    options.positional = positional;
    options.npositional = 1;
    unlink(registry_path(&remote->entry, "answer", path));
    unlink(registry_path(&remote->entry, "status", path));
    struct remote moved = {.options = &options,
                           .host = remote->host,
                           .sealed = sealed,
                           .entry = remote->entry,
                           .error = remote->error};
    int exit_code = run_once(&moved, COMMAND_RESTORE);
    unlink(snapshot);
    return exit_code;
}

/* Interpreted at once; sealed as soon as that is done. */
static int run_auto(struct remote *remote, enum command command, struct span module)
{
    char snapshot[REGISTRY_PATH_MAX];
    registry_path(&remote->entry, "moved", snapshot);
    fflush(NULL);
    pid_t mover = fork();
    if (mover == 0)
        prepare_move(remote, module, snapshot);
    int exit_code = run_once(remote, command);
    if (mover > 0) {
        kill(mover, SIGTERM);
        waitpid(mover, NULL, 0);
    }
    if (exit_code == EXIT_CHECKPOINTED && access(snapshot, R_OK) == 0)
        return run_moved(remote, module, snapshot);
    return exit_code;
}

static int run_in_host(struct remote *remote, enum command command)
{
    enum tier tier = (enum tier)remote->options->tier;
    struct buffer bytes = {0};
    if (tier == TIER_AUTO && (envelopes_wrap(remote->options) ||
                              remote->options->require_signature.count > 0))
        tier = TIER_INTERPRETER; /* the snapshot in between would be in the clear */
    char sealed[1024];
    if (tier == TIER_INTERPRETER)
        return run_once(remote, command);
    int exit_code = EXIT_FAILED;
    bool good = guest_module(remote, command, &bytes);
    struct span module = {bytes.data, (uint32_t)bytes.size};
    if (good && tier == TIER_AUTO && !sealed_is_there(module)) {
        exit_code = run_auto(remote, command, module);
    } else if (good && sealed_module(remote->options->positional[0], module, sealed, &remote->error)) {
        remote->sealed = sealed;
        exit_code = run_once(remote, command);
    } else {
        report(&remote->error, EXIT_FAILED);
    }
    buffer_free(&bytes);
    return exit_code;
}

static int run_here(struct remote *remote, int (*session)(const struct options *options))
{
    struct options options = *remote->options;
    char path[PATH_MAX];
    if (absolute(options.positional[0], path, NULL)) {
        options.arg0 = options.positional[0];
        options.positional[0] = path; /* noted in the snapshot: found from anywhere */
    }
    char base[PATH_MAX];
    if (options.base && absolute(options.base, base, NULL))
        options.base = base; /* likewise */
    char request[REGISTRY_PATH_MAX], answer[REGISTRY_PATH_MAX];
    options.request = registry_path(&remote->entry, "request", request);
    options.answer = registry_path(&remote->entry, "answer", answer);
    if (!options.host_note)
        options.host_note = "native";
    options.wrapping = envelopes_wrap(&options) ? &options.envelopes->wrapping : NULL;
    options.unwrapping = &options.envelopes->unwrapping;
    if (!listeners_open(&options.listeners, &options.listen, &remote->error))
        return report(&remote->error, EXIT_FAILED);
    signal(SIGPIPE, SIG_IGN); /* the guest gets the error, as in every host */
    int exit_code = session(&options);
    listeners_free(options.listeners, options.listen.count);
    if (options.arg0)
        options.positional[0] = options.arg0;
    return exit_code;
}

static int start_with_keys(enum command command, const struct options *options,
                           int (*session)(const struct options *options))
{
    struct remote remote = {.options = options, .error = {.offset = ERROR_NO_OFFSET}};
    const char *host = options->host ? options->host : "native";
    if (strcmp(host, "native") != 0 && !(remote.host = host_named(host, &remote.error)))
        return report(&remote.error, EXIT_USAGE);
    if (remote.host && options->listen.count > 0) {
        error_set(&remote.error, ERROR_USAGE,
                  "--listen %s: only the native host can listen (without --host)",
                  options->listen.items[0]);
        return report(&remote.error, EXIT_USAGE);
    }
    if (!remote.host && options->tier == TIER_SEALED) {
        error_set(&remote.error, ERROR_USAGE,
                  "--tier sealed: a sealed guest runs in a host (give one by --host)");
        return report(&remote.error, EXIT_USAGE);
    }
    char snapshot[PATH_MAX] = "";
    if (options->snapshot && !absolute(options->snapshot, snapshot, &remote.error))
        return report(&remote.error, EXIT_FAILED);
    if (!registry_add(&remote.entry, options->name, host, options->positional[0], snapshot,
                      envelopes_wrap(options), &remote.error))
        return report(&remote.error, remote.error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    int exit_code = remote.host ? run_in_host(&remote, command) : run_here(&remote, session);
    if (!registry_has_snapshot(&remote.entry)) /* else `yado checkpoint` is about to fetch it */
        registry_remove(&remote.entry);
    return exit_code;
}

/* Keys are read once, and wrong ones told of before anything runs. */
int start_native(enum command command, const struct options *options,
                 int (*session)(const struct options *options))
{
    struct envelopes envelopes;
    struct error error = {.offset = ERROR_NO_OFFSET};
    struct options own = *options;
    own.envelopes = &envelopes;
    int exit_code = envelopes_load(&envelopes, options, &error)
                        ? start_with_keys(command, &own, session)
                        : report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    envelopes_wipe(&envelopes);
    return exit_code;
}
