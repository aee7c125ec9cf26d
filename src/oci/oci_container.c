#include "oci/oci_container.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"
#include "oci/rewrite.h"

static bool directory_of(const struct call *call, char path[PATH_ROOM], struct error *error)
{
    return path_set(path, error, "%s/guests/%s", call->root, call->id);
}

bool container_exists(const struct call *call)
{
    char path[PATH_ROOM];
    return directory_of(call, path, NULL) && file_exists(path);
}

bool container_load(const struct call *call, struct container *container, struct error *error)
{
    char path[PATH_ROOM], number[32] = "";
    struct buffer text = {0};
    bool good = directory_of(call, container->directory, error) &&
                path_set(path, error, "%s/origin", container->directory) &&
                file_read(path, &text, error);
    buffer_put_u8(&text, 0);
    const char *lines = (const char *)text.data;
    good = good && ((file_value(lines, "bundle", container->bundle, sizeof container->bundle) &&
                     file_value(lines, "folder", container->folder, sizeof container->folder) &&
                     file_value(lines, "user", number, sizeof number) &&
                     sscanf(number, "%u:%u", &container->uid, &container->gid) == 2) ||
                    error_set(error, ERROR_IO, "%s: not as it was written", path));
    buffer_free(&text);
    return good;
}

static int remove_one(const char *path, const struct stat *stat_, int kind, struct FTW *at)
{
    (void)stat_, (void)kind, (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool container_remove(const struct call *call, struct error *error)
{
    char path[PATH_ROOM];
    if (!directory_of(call, path, error))
        return false;
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ||
           error_set(error, ERROR_IO, "cannot remove %s: %s", path, strerror(errno));
}

/* ---- making one */

static bool make(const char *path, struct error *error)
{
    return mkdir(path, 0700) == 0 ||
           error_set(error, ERROR_IO, "cannot make the directory %s: %s", path, strerror(errno));
}

static bool make_directory(const struct call *call, struct container *container,
                           struct error *error)
{
    char path[PATH_ROOM];
    if (!path_set(path, error, "%s/guests", call->root) ||
        !directory_of(call, container->directory, error))
        return false;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(error, ERROR_IO, "cannot make the directory %s: %s", path,
                         strerror(errno));
    return make(container->directory, error) &&
           path_set(path, error, "%s/bundle", container->directory) && make(path, error) &&
           path_set(path, error, "%s/control", container->directory) && make(path, error);
}

static bool write_origin(const struct container *container, const struct config *config,
                         struct error *error)
{
    static const char *const uid[] = {"process", "user", "uid", NULL},
                             *const gid[] = {"process", "user", "gid", NULL},
                             *const args[] = {"process", "args", NULL};
    char path[PATH_ROOM];
    struct buffer text = {0};
    const char *init = json_string_value(json_array_get(config_at(config, args), 0));
    text_add(&text, "bundle=%s\nfolder=%.*s\nuser=%u:%u\n", config->bundle,
             (int)(strlen(init) - strlen("/init")), init,
             (unsigned)json_integer_value(config_at(config, uid)),
             (unsigned)json_integer_value(config_at(config, gid)));
    bool good = !text.failed && path_set(path, error, "%s/origin", container->directory) &&
                file_write_bytes(path, text.data, text.size, error);
    buffer_free(&text);
    return good;
}

static bool write_config(const struct container *container, const struct config *config,
                         struct error *error)
{
    char path[PATH_ROOM];
    char *text = json_dumps(config->tree, JSON_COMPACT);
    bool good = text ? path_set(path, error, "%s/bundle/config.json", container->directory) &&
                           file_write(path, text, error)
                     : error_set(error, ERROR_MEMORY, "no memory for config.json");
    free(text);
    return good;
}

static bool find_self(char path[PATH_ROOM], struct error *error)
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_ROOM - 1);
    if (size <= 0)
        return error_set(error, ERROR_IO, "/proc/self/exe: %s", strerror(errno));
    path[size] = 0;
    return true;
}

static bool fill(const struct call *call, struct container *container, struct config *config,
                 snapshot_bringer bring, struct error *error)
{
    static const char *names[SNAPSHOTS_MAX];
    char self[PATH_ROOM], control[PATH_ROOM];
    struct rewriting how = {.self = self, .control = control, .snapshots = names};
    const uid_t uid = config_host_id(config, "uid", "uidMappings");
    const gid_t gid = config_host_id(config, "gid", "gidMappings");
    if (!find_self(self, error) || !path_set(control, error, "%s/control", container->directory))
        return false;
    if (chown(control, uid, gid) != 0)
        return error_set(error, ERROR_IO, "cannot give %s to its user: %s", control,
                         strerror(errno));
    if (bring && !(how.nsnapshots = bring(call, control, uid, gid, names, error)))
        return false;
    return config_rewrite(config, &how, error) && write_origin(container, config, error) &&
           write_config(container, config, error);
}

static int create_below(const struct call *call, const struct below *below, const char *bundle,
                        struct error *error)
{
    const char *words[16] = {"create", "--bundle", bundle};
    size_t n = 3;
    if (call->pid_file) {
        words[n++] = "--pid-file";
        words[n++] = call->pid_file;
    }
    if (call->console_socket) {
        words[n++] = "--console-socket";
        words[n++] = call->console_socket;
    }
    words[n] = call->id;
    return below_run(call, below, words, error);
}

/* Of what fails half-way nothing stays. */
static int create_wasm(struct call *call, const struct below *below, struct config *config,
                       snapshot_bringer bring, struct error *error)
{
    struct container container = {0};
    char bundle[PATH_ROOM];
    int code = -1;
    if (container_exists(call))
        return error_set(error, ERROR_USAGE, "container %s exists already", call->id), -1;
    if (make_directory(call, &container, error) && fill(call, &container, config, bring, error) &&
        path_set(bundle, error, "%s/bundle", container.directory))
        code = create_below(call, below, bundle, error);
    if (code != 0)
        (void)container_remove(call, NULL);
    return code;
}

int container_create(struct call *call, snapshot_bringer bring, struct error *error)
{
    struct below below;
    struct config config;
    bool good;
    int code = -1;
    if (!below_choose(call, &below, error) || !config_read(&config, call->bundle, error))
        return -1;
    if (config_is_wasm(&config, &good, error) && good)
        code = config_suits_wasm(&config, error) ? create_wasm(call, &below, &config, bring, error)
                                                 : -1;
    else if (good)
        below_become(call, &below, error);
    config_free(&config);
    return code;
}

/* ---- what it is doing */

json_t *container_state(const struct call *call, struct error *error)
{
    struct below below;
    struct container container;
    struct buffer text = {0};
    json_error_t why;
    const char *const words[] = {"state", call->id, NULL};
    json_t *state = NULL;
    if (below_find(call, &below, error) && below_ask(call, &below, words, &text, error)) {
        state = json_loadb((const char *)text.data, text.size, 0, &why);
        if (!json_is_object(state))
            error_set(error, ERROR_IO, "%s: its state is not JSON: %s", below.kind, why.text);
    }
    buffer_free(&text);
    if (json_is_object(state) && container_exists(call) && container_load(call, &container, NULL))
        json_object_set_new(state, "bundle", json_string(container.bundle));
    if (json_is_object(state))
        return state;
    json_decref(state);
    return NULL;
}
