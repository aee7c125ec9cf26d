#include "oci/below.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "cli/native/process.h"

static const char *const kinds[] = {"crun", "runc"};
#define NKINDS (sizeof kinds / sizeof *kinds)

/* crun takes a machine that has controllers in both versions of cgroups for a mistake. */
static bool crun_works(void)
{
    struct buffer controllers = {0};
    bool works = !file_read("/sys/fs/cgroup/unified/cgroup.controllers", &controllers, NULL) ||
                 controllers.size < 2;
    buffer_free(&controllers);
    return works;
}

static bool find_program(const char *name, char path[4097])
{
    static const char *const places[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                         "/usr/bin",        "/sbin",          "/bin"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (path_set(path, NULL, "%s/%s", places[i], name) && access(path, X_OK) == 0)
            return true;
    return false;
}

/* The user's own program is taken for the one whose name its own contains. */
static bool find_named(struct below *below, struct error *error)
{
    const char *named = getenv("YADO_OCI_RUNTIME");
    if (!named || !*named)
        return false;
    below->kind = strstr(named, "crun") ? "crun" : "runc";
    return path_set(below->program, error, "%s", named);
}

static bool find_kind(struct below *below, const char *kind)
{
    below->kind = kind;
    return find_program(kind, below->program);
}

static bool set_root(const struct call *call, struct below *below, struct error *error)
{
    return path_set(below->root, error, "%s/%s", call->root, below->kind);
}

/* Whether that kind has a container of this id. */
static bool has(const struct call *call, const char *kind)
{
    char path[PATH_ROOM];
    return path_set(path, NULL, "%s/%s/%s", call->root, kind, call->id) && access(path, F_OK) == 0;
}

bool below_find(const struct call *call, struct below *below, struct error *error)
{
    for (size_t i = 0; i < NKINDS; i++)
        if (has(call, kinds[i])) {
            bool named = find_named(below, NULL) && strcmp(below->kind, kinds[i]) == 0;
            return (named || find_kind(below, kinds[i]) ||
                    error_set(error, ERROR_IO, "%s, which made container %s, is not there",
                              kinds[i], call->id)) &&
                   set_root(call, below, error);
        }
    return error_set(error, ERROR_USAGE, "container %s does not exist", call->id);
}

/* With its parents, private ones. */
static bool make_folders(const char *path, struct error *error)
{
    char part[PATH_ROOM];
    if (!path_set(part, error, "%s/", path))
        return false;
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return error_set(error, ERROR_IO, "cannot make %s: %s", part, strerror(errno));
        *slash = '/';
    }
    return true;
}

bool below_choose(const struct call *call, struct below *below, struct error *error)
{
    for (size_t i = 0; call->id && i < NKINDS; i++)
        if (has(call, kinds[i]))
            return error_set(error, ERROR_USAGE, "container %s exists already", call->id);
    if (!find_named(below, NULL) && !(crun_works() && find_kind(below, "crun")) &&
        !find_kind(below, "runc") && !find_kind(below, "crun"))
        return error_set(error, ERROR_IO, "neither crun nor runc is on this machine");
    return set_root(call, below, error) && make_folders(below->root, error);
}

/* ---- its command line */

static struct arguments command_of(const struct call *call, const struct below *below,
                                   const char *const *words)
{
    struct arguments made = {0};
    arguments_add(&made, "%s", below->program);
    arguments_add(&made, "--root");
    arguments_add(&made, "%s", below->root);
    if (call->log) {
        arguments_add(&made, "--log");
        arguments_add(&made, "%s", call->log);
        arguments_add(&made, "--log-format");
        arguments_add(&made, "%s", call->format);
    }
    if (call->systemd_cgroup)
        arguments_add(&made, "--systemd-cgroup");
    while (*words)
        arguments_add(&made, "%s", *words++);
    return made;
}

static bool not_run(const struct below *below, struct error *error)
{
    return error_set(error, ERROR_IO, "cannot run %s: %s", below->program, strerror(errno));
}

/* The container's process outlives this one, so that it is not tied to it as process_start does. */
int below_run(const struct call *call, const struct below *below, const char *const *words,
              struct error *error)
{
    int status = 0;
    struct arguments command = command_of(call, below, words);
    pid_t child = command.failed ? -1 : fork();
    if (child == 0) {
        execv(below->program, command.list);
        _exit(127);
    }
    arguments_free(&command);
    if (child < 0)
        return not_run(below, error), -1;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return not_run(below, error), -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 127)
        return WEXITSTATUS(status);
    return error_set(error, ERROR_IO, "%s %s did not end by itself", below->program, *words), -1;
}

bool below_ask(const struct call *call, const struct below *below, const char *const *words,
               struct buffer *output, struct error *error)
{
    int status = 0;
    struct call quiet = *call;
    quiet.log = NULL; /* what it says is in our message */
    struct arguments command = command_of(&quiet, below, words);
    bool good = process_capture(&command, -1, 0, output, &status, error);
    arguments_free(&command);
    if (!good || status == 0)
        return good;
    buffer_put_u8(output, 0);
    return error_set(error, ERROR_IO, "%s",
                     output->failed || output->size < 2 ? "it failed" : (char *)output->data);
}

bool below_become(const struct call *call, const struct below *below, struct error *error)
{
    const char **words = calloc(call->nwords + 2, sizeof *words);
    if (!words)
        return error_set(error, ERROR_MEMORY, "no memory for the command line");
    words[0] = call->verb->name;
    memcpy(words + 1, call->words, call->nwords * sizeof *words);
    struct arguments command = command_of(call, below, words);
    free(words);
    if (!command.failed)
        execv(below->program, command.list);
    arguments_free(&command);
    return not_run(below, error);
}
